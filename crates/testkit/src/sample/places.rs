//! The real communes and provinces, and the codes with which personal ids begin.

use csv::ReaderBuilder;

use super::{Random, SampleError, names};
use crate::contracts::common::v1::Address;

const COMMUNES: &str = include_str!("../../data/communes.csv");
const PROVINCES: &str = include_str!("../../data/provinces.csv");
const BIRTH_CODES: &str = include_str!("../../data/cccd_province_codes.csv");
/// The kind of unit that has streets and houses with numbers.
const TOWN: &str = "Phường";

/// All communes, province by province.
pub(super) struct Places {
    provinces: Vec<Province>,
    birth_codes: Vec<(String, String)>,
}

struct Province {
    code: String,
    name: String,
    full_name: String,
    communes: Vec<Commune>,
}

struct Commune {
    code: String,
    full_name: String,
    town: bool,
}

impl Places {
    /// Reads the tables.
    pub(super) fn read() -> Result<Self, SampleError> {
        let mut provinces = Vec::new();
        for row in rows("provinces.csv", PROVINCES)? {
            let [code, name, full_name, ..] = row.as_slice() else {
                continue;
            };
            provinces.push(Province {
                code: code.clone(),
                name: name.clone(),
                full_name: full_name.clone(),
                communes: Vec::new(),
            });
        }
        for row in rows("communes.csv", COMMUNES)? {
            let [code, _, full_name, _, _, kind, province] = row.as_slice() else {
                continue;
            };
            let commune = Commune {
                code: code.clone(),
                full_name: full_name.clone(),
                town: kind == TOWN,
            };
            if let Some(home) = provinces.iter_mut().find(|one| one.code == *province) {
                home.communes.push(commune);
            }
        }
        let birth_codes = birth_codes().collect();
        Ok(Self {
            provinces,
            birth_codes,
        })
    }

    /// The code of some province, two digits.
    pub(super) fn province(&self, random: &mut Random) -> Result<String, SampleError> {
        let province = random
            .choose(&self.provinces)
            .ok_or(SampleError::NoRow("provinces.csv"))?;
        Ok(province.code.clone())
    }

    /// The three digits of a birth registered in a province of today: its own code where the name
    /// did not change, any other where it did.
    pub(super) fn birth_code(&self, random: &mut Random, province: &str) -> String {
        let name = self
            .provinces
            .iter()
            .find(|one| one.code == province)
            .map(|one| &one.name);
        let own = self
            .birth_codes
            .iter()
            .find(|(_, before)| Some(before) == name);
        let any = random.choose(&self.birth_codes);
        own.or(any)
            .map(|(code, _)| code.clone())
            .unwrap_or_default()
    }

    /// An address in a province.
    pub(super) fn address(
        &self,
        random: &mut Random,
        province: &str,
    ) -> Result<Address, SampleError> {
        let province = self
            .provinces
            .iter()
            .find(|one| one.code == province)
            .ok_or(SampleError::NoRow("provinces.csv"))?;
        let commune = random
            .choose(&province.communes)
            .ok_or(SampleError::NoRow("communes.csv"))?;
        Ok(Address {
            street: names::street(random, commune.town),
            commune_code: commune.code.clone(),
            commune_name: commune.full_name.clone(),
            province_code: province.code.clone(),
            province_name: province.full_name.clone(),
        })
    }
}

/// The codes of birth registration with the provinces' names at that time.
pub(super) fn birth_codes() -> impl Iterator<Item = (String, String)> {
    let lines = BIRTH_CODES.lines().skip(1);
    lines
        .filter_map(|line| line.split_once(','))
        .map(|(code, name)| (code.into(), name.into()))
}

fn rows(table: &'static str, text: &str) -> Result<Vec<Vec<String>>, SampleError> {
    let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
    reader
        .records()
        .map(|row| row.map(|row| row.iter().map(str::to_owned).collect()))
        .collect::<Result<_, _>>()
        .map_err(|source| SampleError::Table { table, source })
}
