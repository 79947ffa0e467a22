//! One family of three generations under one roof, the grandfather dead.

use super::{Maker, SAMPLE_YEAR, SECRET_NOTE, SampleError, names};
use crate::contracts::common::v1::{Address, Date, Sex};
use crate::contracts::population::v1::{LifeStatus, MaritalStatus, Person, Relation, Relative};

/// The first household lives in Hà Nội: the demo's desk is there.
const HANOI: &str = "01";
const ETHNICITIES: [&str; 8] = [
    "Kinh", "Kinh", "Kinh", "Kinh", "Tày", "Thái", "Mường", "Khmer",
];
const RELIGIONS: [&str; 5] = ["Không", "Không", "Không", "Phật giáo", "Công giáo"];

/// A family. Everybody's record is complete.
pub(super) struct Family {
    pub(super) head: Person,
    pub(super) wife: Person,
    pub(super) children: Vec<Person>,
    pub(super) grandmother: Person,
    /// The head's father, who has died.
    pub(super) grandfather: Person,
    /// When he died.
    pub(super) died_on: Date,
    /// Where they all live.
    pub(super) home: Address,
}

impl Family {
    /// Those who live in the household, the head first.
    pub(super) fn living(&self) -> impl Iterator<Item = &Person> {
        [&self.head, &self.wife]
            .into_iter()
            .chain(&self.children)
            .chain([&self.grandmother])
    }

    /// Everybody, the dead included.
    pub(super) fn everybody(self) -> impl Iterator<Item = Person> {
        [self.head, self.wife]
            .into_iter()
            .chain(self.children)
            .chain([self.grandmother, self.grandfather])
    }
}

/// Makes the family of household `number`.
pub(super) fn make(maker: &mut Maker, number: usize) -> Result<Family, SampleError> {
    let province = if number == 0 {
        HANOI.to_owned()
    } else {
        maker.places.province(&mut maker.random)?
    };
    let home = maker.places.address(&mut maker.random, &province)?;
    let code = format!("{province}{:09}", maker.random.between(1, 999_999_999));
    let (father, mother, line) = {
        let random = &mut maker.random;
        (
            names::family(random),
            names::family(random),
            names::family(random),
        )
    };
    let born = maker.random.between(1970, 1988);
    let married = born + maker.random.between(23, 26);
    let mut draft = Draft {
        maker,
        home: &home,
        household: &code,
    };
    let head = draft.person(true, born, father, Relation::Head)?;
    let spouse_born = draft.maker.random.between(born - 3, born + 4);
    let wife = draft.person(false, spouse_born, mother, Relation::Spouse)?;
    let count = if number == 0 {
        2
    } else {
        draft.maker.random.between(1, 3)
    };
    let mut children = Vec::new();
    for order in 0..count {
        let year = (married + 1 + order * 3).min(SAMPLE_YEAR - 1);
        let male = draft.maker.random.chance(51);
        children.push(draft.person(male, year, father, Relation::Child)?);
    }
    let grandmother_born = born - draft.maker.random.between(21, 27);
    let grandmother = draft.person(false, grandmother_born, line, Relation::Mother)?;
    let mut grandfather = draft.person(true, grandmother_born - 2, father, Relation::Father)?;
    let died_in = draft.maker.random.between(SAMPLE_YEAR - 3, SAMPLE_YEAR);
    let died_on = draft.date(died_in);
    grandfather.life_status = LifeStatus::Deceased.into();
    // Of many born then only the year was ever written down.
    if let Some(date) = grandfather.date_of_birth.as_mut() {
        (date.month, date.day) = (0, 0);
    }
    let mut family = Family {
        head,
        wife,
        children,
        grandmother,
        grandfather,
        died_on,
        home,
    };
    family.marry();
    family.relate();
    Ok(family)
}

/// What all members of one household have in common.
struct Draft<'a> {
    maker: &'a mut Maker,
    home: &'a Address,
    household: &'a str,
}

impl Draft<'_> {
    fn date(&mut self, year: u32) -> Date {
        let random = &mut self.maker.random;
        Date {
            year,
            month: random.between(1, 12),
            day: random.between(1, 28),
        }
    }

    fn person(
        &mut self,
        male: bool,
        year: u32,
        family: &str,
        relation: Relation,
    ) -> Result<Person, SampleError> {
        let date_of_birth = self.date(year);
        let maker = &mut *self.maker;
        let province = self.home.province_code.as_str();
        let birth_code = maker.places.birth_code(&mut maker.random, province);
        let personal_id = maker.personal_id(&birth_code, male, year);
        let random = &mut maker.random;
        let mut birth_place = maker.places.address(random, province)?;
        birth_place.street.clear();
        let current_address = if random.chance(80) {
            self.home.clone()
        } else {
            maker.places.address(random, province)?
        };
        let old_id = if year < 1995 {
            random.between(10_000_000, 399_999_999)
        } else {
            0
        };
        Ok(Person {
            personal_id,
            full_name: names::full(random, family, male),
            date_of_birth: Some(date_of_birth),
            sex: if male { Sex::Male } else { Sex::Female }.into(),
            ethnicity: random.pick(&ETHNICITIES).to_owned(),
            religion: random.pick(&RELIGIONS).to_owned(),
            nationality: "VN".to_owned(),
            marital_status: MaritalStatus::NeverMarried.into(),
            life_status: LifeStatus::Alive.into(),
            permanent_residence: Some(self.home.clone()),
            current_address: Some(current_address),
            birth_registration_place: Some(birth_place),
            old_id: if old_id == 0 {
                String::new()
            } else {
                format!("{old_id:09}")
            },
            household_code: self.household.to_owned(),
            relation_to_head: relation.into(),
            relatives: Vec::new(),
            working_note: SECRET_NOTE.to_owned(),
        })
    }
}

impl Family {
    fn marry(&mut self) {
        self.head.marital_status = MaritalStatus::Married.into();
        self.wife.marital_status = MaritalStatus::Married.into();
        self.grandmother.marital_status = MaritalStatus::Widowed.into();
        self.grandfather.marital_status = MaritalStatus::Married.into();
    }

    fn relate(&mut self) {
        let head = &self.head;
        let children: Vec<Relative> = self
            .children
            .iter()
            .map(|child| relative(Relation::Child, child))
            .collect();
        let mut of_head = vec![
            relative(Relation::Spouse, &self.wife),
            relative(Relation::Father, &self.grandfather),
            relative(Relation::Mother, &self.grandmother),
        ];
        let mut of_wife = vec![relative(Relation::Spouse, head)];
        let of_child = vec![
            relative(Relation::Father, head),
            relative(Relation::Mother, &self.wife),
        ];
        let of_grandmother = vec![relative(Relation::Child, head)];
        of_head.extend(children.iter().cloned());
        of_wife.extend(children);
        for child in &mut self.children {
            child.relatives.clone_from(&of_child);
        }
        self.grandfather.relatives.clone_from(&of_grandmother);
        self.grandmother.relatives = of_grandmother;
        self.head.relatives = of_head;
        self.wife.relatives = of_wife;
    }
}

fn relative(relation: Relation, person: &Person) -> Relative {
    Relative {
        relation: relation.into(),
        personal_id: person.personal_id.clone(),
        full_name: person.full_name.clone(),
        date_of_birth: person.date_of_birth,
    }
}
