//! One more dataset: a register with a contract of its own.

use motlan_catalog::{AgencyCode, Dataset};

/// What the agreements on registers are good for, and what they are not.
pub(super) const PROCEDURES: [&str; 2] = ["1.004222", "1.014177"];

const CONTRACT: &str = include_str!("register.proto");
const PREFIX: &str = "register_";

/// A register, told by its number.
pub(super) struct Register<'a> {
    pub(super) number: usize,
    pub(super) owner: &'a AgencyCode,
}

impl Register<'_> {
    fn id(&self) -> String {
        format!("{PREFIX}{:03}", self.number)
    }

    /// Where its contract lies in the catalogue.
    pub(super) fn contract_file(&self) -> String {
        format!("contracts/{}", self.contract_path())
    }

    fn contract_path(&self) -> String {
        format!("vn/{}/v1/register.proto", self.id())
    }

    pub(super) fn contract(&self) -> String {
        let text = CONTRACT.replace("register_000", &self.id());
        let text = text.replace("số 000", &format!("số {:03}", self.number));
        text.replace("G00", self.owner.as_str())
    }

    /// Where it is declared.
    pub(super) fn dataset_file(&self) -> String {
        format!("datasets/{}.toml", self.id())
    }

    pub(super) fn dataset(&self) -> String {
        let (id, path) = (self.id(), self.contract_path());
        format!("id = \"{id}\"\ncontract = \"{path}\"\nservice = \"vn.{id}.v1.Register\"\n")
    }

    /// Where it is asked.
    pub(super) fn endpoint(&self, address: &str) -> String {
        format!("\n[{}]\naddresses = [\"{address}\"]\n", self.id())
    }
}

/// Whether a dataset was made here.
pub(super) fn is_one(dataset: &Dataset) -> bool {
    dataset.id.as_str().starts_with(PREFIX)
}
