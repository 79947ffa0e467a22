//! Sets that differ in what they let out.

use std::fmt;

/// What the desk in Hà Nội may read about a person: three that no answer can be mistaken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Identity,
    Residence,
    Household,
}

pub(super) const FLAVOURS: [Flavour; 3] =
    [Flavour::Residence, Flavour::Identity, Flavour::Household];

/// The file that holds the agreement.
pub(super) const AGREEMENT: &str = "catalog/agreements/g01-h26-population.toml";

const IDENTITY: &str = "\"date_of_birth.*\", \"full_name\", \"personal_id\", \"sex\"";
const RESIDENCE: &str = ", \"current_address.*\", \"permanent_residence.*\"";
const HOUSEHOLD: &str = ", \"household_code\", \"relation_to_head\", \"relatives.full_name\", \
                         \"relatives.personal_id\", \"relatives.relation\"";

impl Flavour {
    /// Whether it is granted for the funeral as well.
    pub(super) fn covers_funeral(self) -> bool {
        self == Self::Identity
    }

    pub(super) fn view(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Residence => "residence",
            Self::Household => "household",
        }
    }

    /// The agreement, with what it is tested by.
    pub(super) fn agreement(self) -> String {
        let (fields, funeral) = match self {
            Self::Identity => (IDENTITY.to_owned(), ", \"1.014177\""),
            Self::Residence => (format!("{IDENTITY}{RESIDENCE}"), ""),
            Self::Household => (format!("{IDENTITY}{RESIDENCE}{HOUSEHOLD}"), ""),
        };
        format!(
            r#"id = "g01-h26-population-2026"
version = 1
title = "Chia sẻ thông tin dân cư"
provider = "G01"
consumer = "H26"
legal_basis = ["Nghị quyết 66.7/2025/NQ-CP, Điều 4 khoản 1"]
valid_from = 2026-01-01
valid_until = 2027-02-28

[[grant]]
id = "person"
dataset = "population"
view = "{self}"
methods = ["GetPerson"]
procedures = ["1.004222"{funeral}]

[[test]]
name = "allowed"
system = "H26/one-stop"
method = "population/GetPerson"
procedure = "1.004222"
at = 2026-03-02T09:00:00
expect = "allowed"
fields = [{fields}]

[[test]]
name = "refused"
system = "H26/one-stop"
method = "population/GetPerson"
procedure = "1.004222"
at = 2025-12-31T23:59:59
expect = "AGREEMENT_NOT_IN_FORCE"
"#
        )
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.view())
    }
}
