//! A state with as many agreements as one likes: the reference datasets, and agencies enough.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use motlan_catalog::signed::{PrivateKey, Signer, SignerRole, accept, seal_unchecked, signatures};
use motlan_catalog::{SignedCatalog, SignedFolder};
use tempfile::TempDir;

use crate::SYSTEMS;

/// An owner, its dataset, a view with the method that answers with it, and what the view gives.
struct Share(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

/// One agreement of a consumer each.
const SHARES: [Share; 4] = [
    Share(
        "G01",
        "population",
        "identity",
        "GetPerson",
        &["date_of_birth.*", "full_name", "personal_id", "sex"],
    ),
    Share(
        "G10",
        "land",
        "area_and_purpose",
        "GetParcel",
        &[
            "address.*",
            "area_dm2",
            "certificate_no",
            "commune_code",
            "legal_area_dm2",
            "parcel_no",
            "purposes.*",
            "sheet_no",
        ],
    ),
    Share(
        "G12",
        "business_registration",
        "representatives",
        "GetEnterprise",
        &[
            "enterprise_code",
            "name",
            "representatives.full_name",
            "representatives.personal_id",
            "representatives.position",
            "status",
        ],
    ),
    Share(
        "G15",
        "civil_status",
        "death_extract",
        "GetDeath",
        &[
            "deceased.*",
            "died_at",
            "died_on.*",
            "entry.*",
            "place_of_death.*",
        ],
    ),
];

/// What every agreement here is for, among others.
pub(crate) const PROCEDURES: [&str; 2] = ["1.004222", "1.014177"];
pub(crate) const METHOD: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
/// 2026-03-02T09:00+07:00, a Monday within the hours of every agreement here.
pub(crate) const OPEN_MS: i64 = 1_772_416_800_000;

/// The consumer of that number. Four agreements each.
pub(crate) fn consumer(number: usize) -> String {
    format!("H26.{:02}.{:02}", 1 + number / 99, 1 + number % 99)
}

/// The folder of a catalogue with so many agreements, each signed by three.
pub(crate) fn folder(agreements: usize) -> TempDir {
    let folder = TempDir::with_prefix("motlan-policy-").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let main = "trust_domain = \"motlan.example\"\ncontracts = [\"contracts\"]\n";
    write(&folder, "catalog/catalog.toml", main);
    copy(
        &root.join("proto"),
        &folder.path().join("catalog/contracts"),
    );
    for part in ["procedures", "datasets"] {
        copy(
            &root.join("deploy/catalog").join(part),
            &folder.path().join("catalog").join(part),
        );
    }
    let mut agencies = fs::read_to_string(root.join("deploy/catalog/agencies.csv")).unwrap();
    let mut systems = String::new();
    let consumers = agreements.div_ceil(SHARES.len());
    for number in 0..consumers {
        let code = consumer(number);
        writeln!(agencies, "{code},Cơ quan {number},current,no,").unwrap();
        for desk in 0..SYSTEMS.div_ceil(consumers) {
            let id = format!("{code}/desk{desk}");
            writeln!(systems, "[[system]]\nid = \"{id}\"\ntitle_vi = \"Một cửa\"").unwrap();
        }
    }
    write(&folder, "catalog/agencies.csv", &agencies);
    write(&folder, "catalog/systems/all.toml", &systems);
    let consumers: Vec<_> = (0..consumers)
        .map(|number| register(&folder, &consumer(number), SignerRole::Consumer))
        .collect();
    let owners = SHARES.map(|share| register(&folder, share.0, SignerRole::Owner));
    let officers = SHARES.map(|share| register(&folder, share.0, SignerRole::DataProtection));
    let now = SystemTime::now();
    for number in 0..agreements {
        let share = &SHARES[number % SHARES.len()];
        let text = agreement(number, &consumer(number / SHARES.len()), share);
        let by = number % SHARES.len();
        let by = [
            &owners[by],
            &officers[by],
            &consumers[number / SHARES.len()],
        ];
        let by = by.map(|(signer, key)| (signer, key));
        let signed = signatures(text.as_bytes(), by, now).unwrap();
        let file = format!("catalog/agreements/{number:05}.toml");
        write(&folder, &file, &text);
        write(&folder, &format!("{file}.jws.json"), &signed);
    }
    let (key, public) = key();
    write(&folder, "manifest.pem", &public);
    seal_unchecked(&folder.path().join("catalog"), 1, &key, now).unwrap();
    accept(&place(&folder)).unwrap_or_else(|faults| panic!("{faults}"));
    folder
}

fn place(folder: &TempDir) -> SignedFolder {
    SignedFolder {
        folder: folder.path().join("catalog"),
        manifest_key: folder.path().join("manifest.pem"),
        known_revision: folder.path().join("known.json"),
    }
}

/// A new key, with its public half in PEM.
fn key() -> (PrivateKey, String) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let pem = |label: &str, der: &[u8]| {
        let body = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    };
    let public = pair.public_key().as_der().unwrap();
    let private = pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref());
    let private = PrivateKey::from_pem(&private).unwrap();
    (private, pem("PUBLIC KEY", public.as_ref()))
}

fn register(folder: &TempDir, agency: &str, role: SignerRole) -> (Signer, PrivateKey) {
    let signer = Signer {
        agency: agency.parse().unwrap(),
        role,
        kid: "one".to_owned(),
    };
    let (private, public) = key();
    write(folder, &format!("catalog/{}", signer.file()), &public);
    (signer, private)
}

fn agreement(number: usize, consumer: &str, share: &Share) -> String {
    let [first, second] = PROCEDURES;
    let Share(owner, dataset, view, method, fields) = share;
    let test = format!(
        "[[test]]\nname = \"thử\"\nsystem = \"{consumer}/desk0\"\nmethod = \"{dataset}/{method}\"\n\
         procedure = \"{first}\"\ndossier = true"
    );
    format!(
        "id = \"a{number}\"\nversion = 1\ntitle = \"Chia sẻ dữ liệu phục vụ thủ tục hành chính\"\n\
         provider = \"{owner}\"\nconsumer = \"{consumer}\"\n\
         legal_basis = [\"Nghị quyết 66.7/2025/NQ-CP, Điều 4\", \"Nghị định 278/2025/NĐ-CP\"]\n\
         valid_from = 2026-01-01\nvalid_until = 2027-02-28\n\
         [[grant]]\nid = \"one\"\ndataset = \"{dataset}\"\nview = \"{view}\"\n\
         methods = [\"{method}\"]\nprocedures = [\"{first}\", \"{second}\", \"2.002093\"]\n\
         days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]\n\
         hours = [\"07:30-11:30\", \"13:00-17:00\"]\ndossier = \"required\"\n\
         {test}\nat = 2026-03-02T09:00:00\nexpect = \"allowed\"\nfields = {fields:?}\n\
         {test}\nat = 2026-03-01T09:00:00\nexpect = \"OUTSIDE_HOURS\"\n"
    )
}

/// The catalogue in a folder, with everything verified.
pub(crate) fn load(folder: &TempDir) -> SignedCatalog {
    SignedCatalog::load(&place(folder)).unwrap_or_else(|faults| panic!("{faults}"))
}

fn write(folder: &TempDir, name: &str, text: &str) {
    let file = folder.path().join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn copy(from: &PathBuf, to: &PathBuf) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
            continue;
        }
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
