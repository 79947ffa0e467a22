//! Random catalogues: the reference datasets under agreements that nobody would sign.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use motlan_catalog::Catalog;
use tempfile::TempDir;

/// SplitMix64.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// Once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Some of `all`, at least one, in order.
    fn some<'a, T>(&mut self, all: &'a [T]) -> Vec<&'a T> {
        let sure = self.below(all.len());
        let taken = all.iter().enumerate();
        taken
            .filter(|(at, _)| *at == sure || self.once_in(3))
            .map(|(_, one)| one)
            .collect()
    }
}

pub(super) const CONSUMERS: [&str; 4] = ["G01", "H17", "H26", "H29"];
const SYSTEMS: [&str; 3] = ["archive", "desk", "portal"];
pub(super) const PROCEDURES: [&str; 5] =
    ["1.004222", "1.014177", "2.000309", "2.000431", "2.002093"];
/// Forbidden by [`OWNER_RULES`] on two datasets; no agreement's test asks for it.
pub(super) const FORBIDDEN: &str = "2.001624";
/// A dataset's owner and id, a view, the methods that answer with its message, and its first paths.
type Shape = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);
const SHAPES: [Shape; 8] = [
    ("G01", "vault", "sealed", &["GetEntry"]),
    (
        "G01",
        "population",
        "identity",
        &["GetPerson", "ListHousehold"],
    ),
    (
        "G01",
        "population",
        "residence",
        &["GetPerson", "ListHousehold"],
    ),
    (
        "G10",
        "land",
        "certificate",
        &["GetParcel", "ListParcelsOfHolder"],
    ),
    ("G10", "land", "area_and_purpose", &["GetParcel"]),
    (
        "G12",
        "business_registration",
        "registration",
        &["GetEnterprise"],
    ),
    ("G15", "civil_status", "death_extract", &["GetDeath"]),
    (
        "G15",
        "civil_status",
        "marital_status",
        &["GetMaritalStatus"],
    ),
];
/// Agencies that share and never ask, each with a system that reviews.
pub(super) const OWNERS: [&str; 3] = ["G10", "G12", "G15"];
/// Who asks, and who is named for emergencies.
pub(super) const OFFICIALS: [&str; 3] = ["an", "binh", "chi"];
/// A dataset with a field of the class `SECRET`.
const VAULT: &str = r#"
syntax = "proto3";
package vn.vault.v1;
import "motlan/contract/v1/contract.proto";
service Vault {
  option (motlan.contract.v1.dataset) = {
    id: "vault" owner: "G01" title_vi: "x" title_en: "x" legal_basis: "x"
    class: CLASS_SECRET freshness_s: 60 readiness: READINESS_PUBLISHED published_at: "2026-01-01"
    views: { name: "sealed" title_vi: "x" message: "Entry" paths: "name" paths: "code" }
  };
  rpc GetEntry(GetEntryRequest) returns (Entry) {
    option (motlan.contract.v1.method) = { kind: KIND_LOOKUP subject: "id" };
  }
}
message GetEntryRequest { string id = 1; }
message Entry {
  string name = 1 [(motlan.contract.v1.field) = { class: CLASS_PUBLIC }];
  string code = 2 [(motlan.contract.v1.field) = { class: CLASS_SECRET }];
}
"#;
const HOURS: [&[&str]; 5] = [
    &["00:00-24:00"],
    &["07:30-17:30"],
    &["07:30-11:30", "13:00-17:00"],
    &["00:00-00:01", "12:00-12:01", "23:59-24:00"],
    &["06:00-06:30", "06:30-07:00"],
];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// All days between 2026-02-02, a Monday, and 2026-02-08 lie in each of these.
const VALIDITIES: [(&str, &str); 4] = [
    ("2026-01-01", "2027-02-28"),
    ("2026-02-02", "2026-02-08"),
    ("2025-06-15", "2026-02-28"),
    ("2026-02-01", "2026-12-31"),
];

/// What the owners of two datasets forbid; the twin knows it as well.
const OWNER_RULES: [(&str, &str); 2] = [
    (
        "population",
        "@reason(\"OWNER_NOT_FOR_THIS\") forbid (principal, action, resource)\n\
         when { context.procedure == \"2.001624\" };\n",
    ),
    (
        "land",
        "@reason(\"OWNER_NO_LISTS\") forbid (principal, action == Action::\"list\", resource)\n\
         when { context.procedure == \"2.001624\" && context.local_minute >= 720 };\n",
    ),
];

/// A catalogue of random agreements, made from `seed`.
pub(super) fn random(seed: u64) -> Catalog {
    let folder = TempDir::with_prefix("motlan-twin-").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut rng = Rng::new(seed);
    let contracts = root.join("proto").canonicalize().unwrap();
    let main = format!("trust_domain = \"motlan.example\"\ncontracts = [{contracts:?}, \"own\"]\n");
    write(&folder, "own/vn/vault/v1/vault.proto", VAULT);
    write(&folder, "catalog.toml", &main);
    for part in ["agencies.csv", "procedures", "datasets"] {
        copy(
            &root.join("deploy/catalog").join(part),
            &folder.path().join(part),
        );
    }
    let mut systems = String::new();
    for consumer in CONSUMERS {
        for name in SYSTEMS {
            let suspended = rng.once_in(8);
            // What a grant may demand must be possible.
            let roles = match name {
                "archive" => "\nroles = [\"approval\", \"consent\", \"data_protection\"]",
                _ => "",
            };
            writeln!(
                systems,
                "[[system]]\nid = \"{consumer}/{name}\"\ntitle_vi = \"x\"\n\
                 suspended = {suspended}{roles}"
            )
            .unwrap();
        }
    }
    for owner in OWNERS {
        writeln!(
            systems,
            "[[system]]\nid = \"{owner}/review\"\ntitle_vi = \"x\"\n\
             roles = [\"data_protection\"]"
        )
        .unwrap();
    }
    write(&folder, "systems/all.toml", &systems);
    let vault = "id = \"vault\"\ncontract = \"vn/vault/v1/vault.proto\"\n\
                 service = \"vn.vault.v1.Vault\"\n";
    write(&folder, "datasets/vault.toml", vault);
    for (dataset, rules) in OWNER_RULES {
        write(&folder, &format!("rules/{dataset}.cedar"), rules);
    }
    for number in 0..=rng.below(24) {
        let name = format!("agreements/a{number}.toml");
        write(&folder, &name, &agreement(&mut rng, number));
    }
    Catalog::load(folder.path()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn agreement(rng: &mut Rng, number: usize) -> String {
    let (provider, ..) = *rng.of(&SHAPES);
    let shapes: Vec<Shape> = SHAPES
        .into_iter()
        .filter(|shape| shape.0 == provider)
        .collect();
    let consumer = loop {
        let consumer = *rng.of(&CONSUMERS);
        if consumer != provider {
            break consumer;
        }
    };
    let (from, until) = rng.of(&VALIDITIES);
    let mut text = format!(
        "id = \"a{number}\"\nversion = 1\ntitle = \"x\"\nprovider = \"{provider}\"\n\
         consumer = \"{consumer}\"\nlegal_basis = [\"x\"]\nvalid_from = {from}\n\
         valid_until = {until}\n"
    );
    let mut tests = String::new();
    for grant in 0..=rng.below(3) {
        let shape = *rng.of(&shapes);
        let case = write_grant(rng, &mut text, grant, shape, consumer);
        write!(tests, "{}", case.tests(number, grant, shape)).unwrap();
    }
    text + &tests
}

/// A question that a grant allows.
struct Fit {
    system: String,
    method: String,
    procedure: String,
    day: usize,
    time: String,
    emergency: Option<&'static str>,
}

fn write_grant(
    rng: &mut Rng,
    text: &mut String,
    grant: usize,
    (_, dataset, view, methods): Shape,
    consumer: &str,
) -> Fit {
    let methods = rng.some(methods);
    let mut procedures = rng.some(&PROCEDURES);
    let procedure = procedures[0].to_string();
    if rng.once_in(2) {
        procedures.push(&FORBIDDEN);
    }
    writeln!(
        text,
        "[[grant]]\nid = \"g{grant}\"\ndataset = \"{dataset}\"\nview = \"{view}\"\n\
         methods = {methods:?}\nprocedures = {procedures:?}"
    )
    .unwrap();
    let mut fit = Fit {
        system: format!("{consumer}/desk"),
        method: format!("{dataset}/{}", methods[0]),
        procedure,
        day: 2,
        time: "12:00".to_owned(),
        emergency: None,
    };
    if rng.once_in(2) {
        let systems = rng.some(&SYSTEMS);
        let systems: Vec<String> = systems.iter().map(|s| format!("{consumer}/{s}")).collect();
        fit.system.clone_from(&systems[0]);
        writeln!(text, "systems = {systems:?}").unwrap();
    }
    if rng.once_in(2) {
        let days = rng.some(&DAYS);
        let first = DAYS.iter().position(|day| day == days[0]).unwrap();
        fit.day = first + 2;
        writeln!(text, "days = {days:?}").unwrap();
    }
    if rng.once_in(2) {
        let hours = rng.of(&HOURS);
        fit.time = hours[0][..5].to_owned();
        writeln!(text, "hours = {hours:?}").unwrap();
    }
    fit.emergency = terms(rng, text, view == "sealed");
    fit
}

/// Writes what a grant demands beside; who may declare an emergency, if it is for one.
fn terms(rng: &mut Rng, text: &mut String, secret: bool) -> Option<&'static str> {
    let mut relaxed = vec!["OUTSIDE_HOURS"];
    if rng.once_in(2) {
        writeln!(text, "dossier = \"required\"").unwrap();
        relaxed.push("DOSSIER_REQUIRED");
    }
    if rng.once_in(4) {
        writeln!(text, "consent = \"required\"").unwrap();
        relaxed.push("CONSENT_REQUIRED");
    }
    let least = if secret { 2 } else { 0 };
    if secret || rng.once_in(4) {
        writeln!(text, "approvals = {}", least.max(1 + rng.below(3))).unwrap();
        relaxed.push("APPROVALS_REQUIRED");
    }
    if !rng.once_in(if secret { 2 } else { 4 }) {
        return None;
    }
    let officials = rng.some(&OFFICIALS);
    let relaxes = rng.some(&relaxed);
    writeln!(
        text,
        "break_glass = {{ officials = {officials:?}, relaxes = {relaxes:?}, minutes = 60, \
         review_hours = 24 }}"
    )
    .unwrap();
    Some(officials[0])
}

impl Fit {
    /// An allowed test and a refused one.
    fn tests(&self, number: usize, grant: usize, shape: Shape) -> String {
        let Self {
            system,
            method,
            procedure,
            day,
            time,
            emergency,
        } = self;
        let declared = emergency.map(|official| format!("emergency = \"{official}\"\n"));
        let declared = declared.unwrap_or_default();
        let asked = match shape.1 {
            "population" => "personal_id",
            "vault" => "code",
            "land" => "certificate_no",
            "business_registration" => "name",
            _ if shape.2 == "death_extract" => "died_on",
            _ => "state",
        };
        let fields = match asked {
            "died_on" => "died_on.*",
            one => one,
        };
        let question = format!(
            "[[test]]\nname = \"x\"\nsystem = \"{system}\"\nmethod = \"{method}\"\n\
             procedure = \"{procedure}\"\ndossier = true\nconsent = true\napprovals = 3\n\
             {declared}grant = \"a{number}/g{grant}\"\n\
             asked = [\"{asked}\"]\n"
        );
        format!(
            "{question}at = 2026-02-{day:02}T{time}:00\nexpect = \"allowed\"\n\
             fields = [\"{fields}\"]\n\
             {question}at = 2024-02-{day:02}T{time}:00\nexpect = \"AGREEMENT_NOT_IN_FORCE\"\n"
        )
    }
}

fn write(folder: &TempDir, name: &str, text: &str) {
    let file = folder.path().join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn copy(from: &Path, to: &PathBuf) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
