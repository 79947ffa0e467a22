//! What the civil status registers hold about a family.

use super::family::Family;
use super::{Maker, SAMPLE_YEAR, SECRET_NOTE, Sample};
use crate::contracts::civil_status::v1::{
    Birth, Death, MaritalState, MaritalStatus, Marriage, MarriageState, Party, RegistryEntry,
};
use crate::contracts::common::v1::{Address, Date};
use crate::contracts::population::v1::Person;

const CAUSES: [&str; 3] = ["Tuổi già", "Bệnh tim mạch", "Đột quỵ"];

/// Enters births, the marriages of both couples, the grandfather's death, and everybody's marital
/// status.
pub(super) fn register(maker: &mut Maker, family: &Family, sample: &mut Sample) {
    let Family {
        head,
        wife,
        children,
        grandmother,
        grandfather,
        ..
    } = family;
    sample
        .births
        .push(birth(maker, head, grandfather, grandmother));
    for child in children {
        sample.births.push(birth(maker, child, head, wife));
    }
    let young = married_on(maker, children.first().or(Some(head)));
    let old = married_on(maker, Some(head));
    let in_force = couple(maker, family, (head, wife), young);
    let mut ended = couple(maker, family, (grandfather, grandmother), old);
    ended.state = MarriageState::EndedByDeath.into();
    ended.ended_on = Some(family.died_on);
    sample.marriages.extend([in_force, ended]);
    sample.deaths.push(death(maker, family));
    let states = [
        (head, MaritalState::Married, Some(young), Some(wife)),
        (wife, MaritalState::Married, Some(young), Some(head)),
        (
            grandmother,
            MaritalState::Widowed,
            Some(family.died_on),
            None,
        ),
    ];
    let single = children
        .iter()
        .map(|child| (child, MaritalState::NeverMarried, None, None));
    sample
        .marital_statuses
        .extend(
            states
                .into_iter()
                .chain(single)
                .map(|(person, state, since, spouse)| MaritalStatus {
                    person: Some(party(person)),
                    state: state.into(),
                    since,
                    spouse: spouse.map(party),
                }),
        );
}

fn birth(maker: &mut Maker, child: &Person, father: &Person, mother: &Person) -> Birth {
    let born = child.date_of_birth.unwrap_or_default();
    let place = child.birth_registration_place.clone().unwrap_or_default();
    let registered = Date {
        day: (born.day + maker.random.between(0, 20)).min(28),
        ..born
    };
    Birth {
        entry: Some(entry(maker, registered, &place)),
        child: Some(party(child)),
        place_of_birth: Some(place),
        father: Some(party(father)),
        mother: Some(party(mother)),
        requester: Some(party(father)),
        registrar_note: SECRET_NOTE.to_owned(),
    }
}

/// A day in the year before the first child was born.
fn married_on(maker: &mut Maker, child: Option<&Person>) -> Date {
    let born = child
        .and_then(|child| child.date_of_birth)
        .unwrap_or_default();
    let random = &mut maker.random;
    Date {
        year: born.year - 1,
        month: random.between(1, 12),
        day: random.between(1, 28),
    }
}

fn couple(maker: &mut Maker, family: &Family, pair: (&Person, &Person), on: Date) -> Marriage {
    Marriage {
        entry: Some(entry(maker, on, &family.home)),
        husband: Some(party(pair.0)),
        wife: Some(party(pair.1)),
        state: MarriageState::InForce.into(),
        ended_on: None,
        court_decision: String::new(),
        registrar_note: SECRET_NOTE.to_owned(),
    }
}

fn death(maker: &mut Maker, family: &Family) -> Death {
    let registered = Date {
        day: (family.died_on.day + 3).min(28),
        ..family.died_on
    };
    let entry = entry(maker, registered, &family.home);
    let random = &mut maker.random;
    Death {
        entry: Some(entry),
        deceased: Some(party(&family.grandfather)),
        died_on: Some(family.died_on),
        died_at: format!("{:02}:{:02}", random.between(0, 23), random.between(0, 59)),
        place_of_death: Some(family.home.clone()),
        cause: random.pick(&CAUSES).to_owned(),
        requester: Some(party(&family.head)),
        registrar_note: SECRET_NOTE.to_owned(),
    }
}

fn entry(maker: &mut Maker, on: Date, place: &Address) -> RegistryEntry {
    let random = &mut maker.random;
    let year = on.year.min(SAMPLE_YEAR);
    RegistryEntry {
        number: format!("{}/{year}", random.between(1, 420)),
        book: format!("{:02}/{year}", random.between(1, 4)),
        page: random.between(1, 200),
        registered_on: Some(on),
        office: format!("UBND {}", place.commune_name),
        commune_code: place.commune_code.clone(),
    }
}

fn party(person: &Person) -> Party {
    Party {
        personal_id: person.personal_id.clone(),
        full_name: person.full_name.clone(),
        date_of_birth: person.date_of_birth,
        sex: person.sex,
        ethnicity: person.ethnicity.clone(),
        nationality: person.nationality.clone(),
        residence: person.current_address.clone(),
    }
}
