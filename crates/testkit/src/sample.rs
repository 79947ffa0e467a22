//! Sample records from a seed: families, their registers, enterprises and land. The same seed gives
//! the same bytes on every machine.
//!
//! Nobody in it lives: names are composed from lists, numbers are drawn, only the communes are
//! real. A composed name or number may by chance be somebody's.

mod civil;
mod enterprise;
mod family;
mod holdings;
pub mod ids;
mod names;
mod parcel;
mod places;
mod random;

use crate::contracts::business::v1::Enterprise;
use crate::contracts::civil_status::v1::{Birth, Death, MaritalStatus, Marriage};
use crate::contracts::land::v1::Parcel;
use crate::contracts::population::v1::Person;
use family::Family;
pub use holdings::Held;
use places::Places;
pub use random::Random;

/// The year in which the samples stand: nobody is younger, nothing is registered later.
pub const SAMPLE_YEAR: u32 = 2025;
/// How many households a sample has unless told otherwise.
pub const HOUSEHOLDS: usize = 24;
/// What stands in every field that is left unmarked, so that a test can look for it anywhere.
pub const SECRET_NOTE: &str = "ghi chú nội bộ: đã đối soát với sổ gốc";

/// Why a sample could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A table in `data/` cannot be read.
    #[error("the table `{table}` cannot be read")]
    Table {
        /// Its file name.
        table: &'static str,
        /// What is wrong with it.
        source: csv::Error,
    },
    /// A table has no row that fits.
    #[error("the table `{0}` has no row that fits")]
    NoRow(&'static str),
}

/// Sample records of all four registries, and which of them to ask for.
pub struct Sample {
    /// Everybody that the population database knows, the dead included.
    pub people: Vec<Person>,
    /// The living, household by household, heads first; each with personal ids.
    pub households: Vec<Vec<String>>,
    /// Registered births.
    pub births: Vec<Birth>,
    /// Registered deaths.
    pub deaths: Vec<Death>,
    /// Registered marriages.
    pub marriages: Vec<Marriage>,
    /// The marital status of the living.
    pub marital_statuses: Vec<MaritalStatus>,
    /// Registered enterprises.
    pub enterprises: Vec<Enterprise>,
    /// Parcels with a certificate.
    pub parcels: Vec<Parcel>,
    /// Whom and what to ask for.
    pub roles: Roles,
}

/// Keys into the sample that tests and the demo ask for. Those called unknown are well-formed and
/// nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// The head of the first household, in Hà Nội: married, with children, an enterprise and two
    /// parcels.
    pub person: String,
    /// His wife.
    pub spouse: String,
    /// Their first child, whose birth is registered.
    pub child: String,
    /// His father, whose death is registered.
    pub deceased: String,
    /// A personal id that nobody bears.
    pub unknown_person: String,
    /// His enterprise.
    pub enterprise: String,
    /// An enterprise code that was never issued to anyone, though its check digit is right.
    pub unknown_enterprise: String,
    /// The certificate of his first parcel.
    pub certificate: String,
    /// A certificate number that was never issued.
    pub unknown_certificate: String,
}

impl Sample {
    /// A sample of [`HOUSEHOLDS`] households.
    ///
    /// # Errors
    /// Where a table in `data/` is broken.
    pub fn from_seed(seed: u64) -> Result<Self, SampleError> {
        Self::of(seed, HOUSEHOLDS)
    }

    /// A sample of so many households, at least one.
    ///
    /// # Errors
    /// Where a table in `data/` is broken.
    pub fn of(seed: u64, households: usize) -> Result<Self, SampleError> {
        let places = Places::read()?;
        let mut maker = Maker {
            random: Random::new(seed),
            issued: ids::Issued::default(),
            places,
        };
        let mut sample = Self {
            people: Vec::new(),
            households: Vec::new(),
            births: Vec::new(),
            deaths: Vec::new(),
            marriages: Vec::new(),
            marital_statuses: Vec::new(),
            enterprises: Vec::new(),
            parcels: Vec::new(),
            roles: Roles::default(),
        };
        for number in 0..households.max(1) {
            let family = family::make(&mut maker, number)?;
            sample.settle(&mut maker, number, family)?;
        }
        let unknown_province = maker.places.birth_code(&mut maker.random, "01");
        let roles = &mut sample.roles;
        roles.unknown_person = maker.personal_id(&unknown_province, true, 1990);
        roles.unknown_enterprise = maker.enterprise_code();
        roles.unknown_certificate = maker.certificate_no();
        Ok(sample)
    }

    /// Adds a family with everything that is registered about it.
    fn settle(
        &mut self,
        maker: &mut Maker,
        number: usize,
        family: Family,
    ) -> Result<(), SampleError> {
        civil::register(maker, &family, self);
        let first = number == 0;
        let (enterprises, parcels) = if first { (2, 2) } else { (number % 2, 1) };
        let holding = self.enterprises.len();
        for _ in 0..enterprises {
            self.enterprises
                .push(enterprise::make(maker, &family.head)?);
        }
        let owning = self.parcels.len();
        for _ in 0..parcels {
            self.parcels.push(parcel::make(maker, &family)?);
        }
        if first {
            let ids = |person: Option<&Person>| {
                person
                    .map(|person| person.personal_id.clone())
                    .unwrap_or_default()
            };
            self.roles.person = ids(Some(&family.head));
            self.roles.spouse = ids(Some(&family.wife));
            self.roles.child = ids(family.children.first());
            self.roles.deceased = ids(Some(&family.grandfather));
            let enterprise = self.enterprises.get(holding);
            self.roles.enterprise = enterprise
                .map(|one| one.enterprise_code.clone())
                .unwrap_or_default();
            let parcel = self.parcels.get(owning);
            self.roles.certificate = parcel
                .map(|one| one.certificate_no.clone())
                .unwrap_or_default();
        }
        let living = family
            .living()
            .map(|person| person.personal_id.clone())
            .collect();
        self.households.push(living);
        self.people.extend(family.everybody());
        Ok(())
    }
}

/// What every part of the sample draws from.
struct Maker {
    random: Random,
    places: Places,
    issued: ids::Issued,
}
