//! What the tests stand on: the reference catalogue with agreements added, and a way to ask.

use std::fs;
use std::path::{Path, PathBuf};

use motlan_catalog::Catalog;
use motlan_policy::{Backing, Moment, Permit, Query, Refusal, Rules, RulesError};
use tempfile::TempDir;

pub(super) const GET_PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
pub(super) const LIST_HOUSEHOLD: &str = "/vn.population.v1.PopulationRegistry/ListHousehold";
pub(super) const GET_DEATH: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetDeath";
pub(super) const GET_ENTERPRISE: &str = "/vn.business.v1.BusinessRegistry/GetEnterprise";
pub(super) const RESIDENCE: &str = "1.004222";
pub(super) const FUNERAL: &str = "1.014177";
/// 2026-11-22, within every agreement of the reference catalogue.
pub(super) const IN_FORCE_MS: i64 = 1_795_305_600_000;

pub(super) struct Ground {
    pub(super) catalog: Catalog,
    pub(super) rules: Rules,
    _folder: TempDir,
}

/// The reference catalogue with these agreements added.
pub(super) fn ground(agreements: &[&str]) -> Ground {
    let files: Vec<(String, &str)> = (0..)
        .zip(agreements)
        .map(|(number, text)| (format!("agreements/added-{number}.toml"), *text))
        .collect();
    ground_with(&files).unwrap_or_else(|error| panic!("{error}"))
}

/// The reference catalogue with these files added or replaced.
pub(super) fn ground_with(files: &[(String, &str)]) -> Result<Ground, RulesError> {
    let folder = TempDir::new().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    copy(&root.join("deploy/catalog"), &folder.path().join("catalog"));
    copy(&root.join("proto"), &folder.path().join("contracts"));
    let catalog = folder.path().join("catalog");
    let main = catalog.join("catalog.toml");
    let text = fs::read_to_string(&main)
        .unwrap()
        .replace("../../proto", "../contracts");
    fs::write(main, text).unwrap();
    for (name, text) in files {
        let file = catalog.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let catalog = Catalog::load(&catalog).unwrap_or_else(|faults| panic!("{faults}"));
    let rules = Rules::new(&catalog)?;
    Ok(Ground {
        catalog,
        rules,
        _folder: folder,
    })
}

/// One more agreement by which G01 gives H26 people's identity for a procedure, in force for one
/// year. `terms` are further keys of its grant.
pub(super) fn agreement(id: &str, year: u16, procedure: &str, terms: &str) -> String {
    let case = format!(
        "[[test]]\nname = \"tried\"\nsystem = \"H26/one-stop\"\n\
         method = \"population/GetPerson\"\n\
         procedure = \"{procedure}\"\ndossier = true"
    );
    format!(
        "id = \"{id}\"\nversion = 1\ntitle = \"Thử nghiệm\"\nprovider = \"G01\"\n\
         consumer = \"H26\"\n\
         legal_basis = [\"Nghị định 278/2025/NĐ-CP\"]\nvalid_from = {year}-01-01\n\
         valid_until = {year}-12-31\n\
         [[grant]]\nid = \"one\"\ndataset = \"population\"\nmethods = [\"GetPerson\"]\n\
         view = \"identity\"\nprocedures = [\"{procedure}\"]\n{terms}\n\
         {case}\nat = {year}-03-02T09:00:00\nexpect = \"allowed\"\n\
         fields = [\"date_of_birth.*\", \"full_name\", \"personal_id\", \"sex\"]\n\
         {case}\nat = 2024-12-31T23:59:59\nexpect = \"AGREEMENT_NOT_IN_FORCE\"\n"
    )
}

fn copy(from: &PathBuf, to: &PathBuf) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A question, in words.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) system: &'a str,
    pub(super) method: &'a str,
    pub(super) procedure: &'a str,
    pub(super) dossier: bool,
    pub(super) cited: Option<&'a str>,
    pub(super) fields: &'a [&'a str],
    pub(super) at_ms: i64,
}

/// The desk in Hà Nội asks for a person, to register residence.
pub(super) const PLAIN: Asked<'_> = Asked {
    system: "H26/one-stop",
    method: GET_PERSON,
    procedure: RESIDENCE,
    dossier: false,
    cited: None,
    fields: &[],
    at_ms: IN_FORCE_MS,
};

impl Ground {
    pub(super) fn ask(&self, asked: Asked<'_>) -> Result<Permit, Refusal> {
        let fields: Vec<String> = asked.fields.iter().map(ToString::to_string).collect();
        let query = Query {
            system: self.catalog.system(&asked.system.parse().unwrap()).unwrap(),
            method: self.catalog.method(asked.method).unwrap(),
            procedure: &asked.procedure.parse().unwrap(),
            dossier: asked.dossier,
            backing: Backing::default(),
            cited: asked.cited,
            fields: &fields,
        };
        self.rules.decide(&query, Moment::from_unix_ms(asked.at_ms))
    }

    pub(super) fn reason(&self, asked: Asked<'_>) -> String {
        match self.ask(asked) {
            Ok(_) => "GRANTED".to_owned(),
            Err(refusal) => refusal.reason().to_owned(),
        }
    }
}
