//! The corpus of broken catalogues: what is told of each, where, and what to do.

use crate::small::{self, Small, ed25519, p256};

const CORPUS: &str = include_str!("broken.txt");

/// One change to the small catalogue, and what is told of it.
#[derive(Default)]
struct Case {
    name: String,
    file: String,
    from: Option<String>,
    to: String,
    told: Vec<String>,
}

fn case(block: &str) -> Option<Case> {
    let mut case = Case::default();
    let mut to = Vec::new();
    let mut from = Vec::new();
    for line in block.lines().filter(|line| !line.starts_with('#')) {
        match line.split_at_checked(2) {
            Some(("- ", text)) => from.push(text),
            Some(("+ ", text)) => to.push(text),
            Some(("> ", text)) => case.told.push(text.to_owned()),
            Some(("in", file)) if file.starts_with(' ') => case.file = file.trim().to_owned(),
            _ => case.name = line.to_owned(),
        }
    }
    case.from = (!from.is_empty()).then(|| from.join("\n"));
    case.to = to.join("\n");
    (!case.name.is_empty()).then_some(case)
}

/// What is told of the changed catalogue, with paths from its folder on.
fn told(case: &Case, small: &Small) -> Vec<String> {
    match &case.from {
        Some(from) => small.change(&case.file, from, &case.to),
        None => small.write(&case.file, &case.to),
    }
    let folder = format!("{}/", small.folder().display());
    let faults = small.load().err().into_iter().flatten();
    faults
        .map(|fault| fault.to_string().replace(&folder, ""))
        .collect()
}

/// Breaks a catalogue as each case of the corpus says, and compares what is told.
pub(crate) fn is_told(corpus: &str, at_least: usize, catalogue: fn() -> Small) {
    let cases: Vec<Case> = corpus.split("\n\n").filter_map(case).collect();
    assert!(
        cases.len() >= at_least,
        "only {} cases were read",
        cases.len()
    );
    let mut wrong = String::new();
    for case in &cases {
        let told = told(case, &catalogue());
        if told != case.told || told.is_empty() {
            let told: String = told.iter().map(|line| format!("> {line}\n")).collect();
            wrong.push_str(&format!("{}\n{told}\n", case.name));
        }
    }
    assert!(wrong.is_empty(), "told otherwise:\n\n{wrong}");
}

#[test]
fn every_broken_catalogue_is_told_with_file_line_and_remedy() {
    is_told(CORPUS, 70, Small::new);
}

#[test]
fn the_small_catalogue_has_no_fault_with_and_without_what_may_be_left_out() {
    let small = Small::new();
    small.write("keys/H26/one-stop/k1.pem", p256());
    small.write("keys/H26/one-stop/k2.pem", ed25519());
    small.catalog();
    std::fs::remove_file(small.path("endpoints.toml")).unwrap();
    std::fs::remove_dir_all(small.path("keys")).unwrap();
    small.catalog();
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let small = Small::new();
    let faults = motlan_catalog::Catalog::load(&small.path("nowhere")).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert!(
        faults
            .to_string()
            .contains("nowhere/catalog.toml: cannot be read"),
        "{faults}"
    );
}

#[test]
fn five_faults_in_four_files_are_all_told_at_once() {
    let small = Small::new();
    small.change("agencies.csv", "abolished_2025", "gone");
    small.change("systems/all.toml", "suspended", "suspnded");
    small.change(
        "contracts/vn/people/v1/people.proto",
        "paths: \"full_name\"",
        "paths: \"note\"",
    );
    small.change("agreements/g01-h26.toml", "\"1.014177\"", "\"1.014178\"");
    small.change(
        "agreements/g01-h26.toml",
        "consumer = \"H26\"",
        "consumer = \"H26\"\nhuors = 8",
    );
    let folder = format!("{}/", small.folder().display());
    let told = small.faults().to_string().replace(&folder, "");
    let places: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        places,
        [
            "agencies.csv:3:",
            "agreements/g01-h26.toml:6:",
            "agreements/g01-h26.toml:16:",
            "contracts/vn/people/v1/people.proto:72:",
            "systems/all.toml:8:",
        ],
        "{told}"
    );
}

#[test]
fn a_contract_that_does_not_compile_hides_no_fault_of_another() {
    let small = Small::new();
    let other = small::CONTRACT
        .replace("vn.people.v1", "vn.other.v1")
        .replace("People", "Others");
    small.write(
        "contracts/vn/other/v1/other.proto",
        other.replace("\"people\"", "\"other\""),
    );
    small.write(
        "datasets/other.toml",
        "id = \"other\"\ncontract = \"vn/other/v1/other.proto\"\n\
         service = \"vn.other.v1.Others\"\n",
    );
    small.catalog();
    small.change(
        "contracts/vn/people/v1/people.proto",
        "message Who {",
        "mesage Who {",
    );
    small.change(
        "contracts/vn/other/v1/other.proto",
        "paths: \"full_name\"",
        "paths: \"note\"",
    );
    let told = small.faults().to_string();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(
        told.contains("people.proto:50: the contract does not compile"),
        "{told}"
    );
    assert!(
        told.contains("other.proto:72: the view `names` of `other` reaches"),
        "{told}"
    );
}

#[test]
fn a_key_is_of_one_system_and_of_a_kind_that_tokens_can_use() {
    let small = Small::new();
    let key = p256();
    small.write("keys/H26/one-stop/k1.pem", &key);
    small.write("keys/H29/one-stop/k1.pem", &key);
    let rsa = [[0x30, 0x2a].as_slice(), &[0; 42]].concat();
    small.write("keys/H26/one-stop/k2.pem", small::pem("PUBLIC KEY", &rsa));
    // A point that is not on the curve: the prefix is right, the key is none.
    let mut der = vec![
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    ];
    der.extend([
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ]);
    der.extend([1; 64]);
    small.write("keys/H26/one-stop/k3.pem", small::pem("PUBLIC KEY", &der));
    let told = small.faults().to_string();
    assert_eq!(told.lines().count(), 3, "{told}");
    assert!(
        told.contains("H26/one-stop/k2.pem: is a key of another kind"),
        "{told}"
    );
    assert!(
        told.contains("H26/one-stop/k3.pem: is a key of another kind"),
        "{told}"
    );
    assert!(
        told.contains("H29/one-stop/k1.pem: is the same key as"),
        "{told}"
    );
}
