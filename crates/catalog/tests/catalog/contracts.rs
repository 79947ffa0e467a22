//! Contracts from descriptor sets, and what decides when a file is found in two places.

use motlan_catalog::{Class, NESTING_MAX, PATHS_MAX};
use prost::Message as _;

use crate::small::{CONTRACT, Small};

/// The small catalogue with its contract as a descriptor set, and no source.
pub(crate) fn with_set() -> Small {
    let small = Small::new();
    let own = format!("{}/../../proto", env!("CARGO_MANIFEST_DIR"));
    let mut compiler = protox::Compiler::new([small.path("contracts"), own.into()]).unwrap();
    compiler
        .include_imports(true)
        .open_file("vn/people/v1/people.proto")
        .unwrap();
    let set = compiler.encode_file_descriptor_set();
    std::fs::remove_dir_all(small.path("contracts")).unwrap();
    small.write("contracts/people.binpb", set);
    small.change(
        "datasets/people.toml",
        "vn/people/v1/people.proto",
        "people.binpb",
    );
    small
}

#[test]
fn a_descriptor_set_is_as_good_as_its_source() {
    let catalog = with_set().catalog();
    let dataset = catalog.datasets().next().unwrap();
    assert_eq!(
        (dataset.id.as_str(), dataset.class),
        ("people", Class::Personal)
    );
    assert_eq!(dataset.methods.len(), 3);
    assert_eq!(dataset.views.len(), 2);
    assert_eq!(dataset.addresses, ["people.example:443"]);
}

#[test]
fn a_fault_in_a_descriptor_set_is_told_with_the_set() {
    let small = Small::new();
    small.change(
        "contracts/vn/people/v1/people.proto",
        "paths: \"full_name\"",
        "paths: \"note\"",
    );
    let mut compiler = protox::Compiler::new([
        small.path("contracts"),
        format!("{}/../../proto", env!("CARGO_MANIFEST_DIR")).into(),
    ])
    .unwrap();
    compiler
        .include_imports(true)
        .open_file("vn/people/v1/people.proto")
        .unwrap();
    small.write(
        "contracts/people.binpb",
        compiler.encode_file_descriptor_set(),
    );
    std::fs::remove_dir_all(small.path("contracts/vn")).unwrap();
    small.change(
        "datasets/people.toml",
        "vn/people/v1/people.proto",
        "people.binpb",
    );
    let told = small.faults().to_string();
    assert!(
        told.contains("contracts/people.binpb: the view `names` of `people` reaches"),
        "{told}"
    );
}

#[test]
fn a_set_that_is_none_is_told_where_it_is_named() {
    let small = with_set();
    small.write("contracts/people.binpb", [0xff; 9]);
    let told = small.faults().to_string();
    assert!(
        told.contains("people.toml:2: `people.binpb` is not a descriptor set"),
        "{told}"
    );
    std::fs::remove_file(small.path("contracts/people.binpb")).unwrap();
    let told = small.faults().to_string();
    assert!(
        told.contains("people.toml:2: `people.binpb` is not found"),
        "{told}"
    );
}

#[test]
fn an_owners_own_edition_of_the_options_changes_nothing() {
    let small = Small::new();
    // Under these options the number of a secret field would be that of a public one.
    small.write(
        "contracts/motlan/contract/v1/contract.proto",
        "syntax = \"proto3\"; package motlan.contract.v1; message Other {}",
    );
    small.write(
        "contracts/google/protobuf/timestamp.proto",
        "syntax = \"proto3\"; package google.protobuf; message Other {}",
    );
    assert!(CONTRACT.contains("google/protobuf/timestamp.proto"));
    small.catalog();
}

#[test]
fn a_contract_outside_its_import_paths_is_not_read() {
    let small = Small::new();
    small.write("elsewhere/people.proto", CONTRACT);
    small.change(
        "catalog.toml",
        "[\"contracts\"]",
        "[\"contracts\", \"elsewhere\"]",
    );
    for name in ["../elsewhere/people.proto", "./../elsewhere/people.proto"] {
        small.write(
            "datasets/people.toml",
            format!("id = \"people\"\ncontract = \"{name}\"\nservice = \"vn.people.v1.People\"\n"),
        );
        let told = small.faults().to_string();
        assert!(
            told.contains("is not found under any import path"),
            "{told}"
        );
    }
}

#[test]
fn motlans_own_services_are_in_the_pool_for_reflection() {
    let catalog = Small::new().catalog();
    for service in ["motlan.audit.v1.Audit", "vn.people.v1.People"] {
        assert!(
            catalog.pool().get_service_by_name(service).is_some(),
            "{service}"
        );
    }
}

#[test]
fn the_revision_changes_with_every_file_that_is_read_and_with_no_other() {
    let small = Small::new();
    let before = small.catalog().revision().clone();
    small.write("agreements/README.md", "A note.");
    assert_eq!(*small.catalog().revision(), before);
    let mut seen = vec![before];
    for (file, from, to) in [
        ("agreements/g01-h26.toml", "Nghị quyết", "Nghị định"),
        (
            "contracts/vn/shared/v1/date.proto",
            "uint32 year",
            "uint64 year",
        ),
        ("agencies.csv", "UBND TP Hà Nội", "Hà Nội"),
        ("endpoints.toml", "people.example:443", "people.example:444"),
        ("procedures/annex.csv", "tạm trú", "lưu trú"),
        ("systems/all.toml", "Một cửa Hà Nội", "Một cửa"),
    ] {
        small.change(file, from, to);
        let revision = small.catalog().revision().clone();
        assert!(!seen.contains(&revision), "{file}");
        seen.push(revision);
    }
}

#[test]
fn a_view_that_reaches_too_deep_or_has_too_many_paths_is_told() {
    let small = Small::new();
    let contract = "contracts/vn/people/v1/people.proto";
    let mark = "[(motlan.contract.v1.field) = { class: CLASS_PERSONAL }]";
    let level = |n: usize| format!("message L{n} {{\n  L{} next = 1 {mark};\n}}\n", n + 1);
    let levels: String = (0..NESTING_MAX + 1).map(level).collect();
    let last = NESTING_MAX + 1;
    let levels = format!("{levels}message L{last} {{\n  string end = 1 {mark};\n}}\n");
    small.change(
        contract,
        "message Home {",
        &format!("{levels}message Home {{"),
    );
    small.change(contract, "google.protobuf.Any extra", "L2 extra");
    small.change(contract, "paths: \"full_name\"", "paths: \"extra\"");
    small.catalog();
    small.change(contract, "L2 extra", "L1 extra");
    let told = small.faults().to_string();
    let says =
        format!("`extra` reaches deeper than {NESTING_MAX} messages, at `vn.people.v1.L{last}`");
    assert!(told.lines().count() == 1 && told.contains(&says), "{told}");

    let small = Small::new();
    let many = "paths: \"full_name\"\n".repeat(PATHS_MAX);
    small.change(contract, "paths: \"full_name\"", &many);
    let told = small.faults().to_string();
    assert!(
        told.contains("it has 260 paths; give it from 1 to 256"),
        "{told}"
    );
}

#[test]
fn a_message_within_itself_is_walked_once() {
    let small = Small::new();
    let contract = "contracts/vn/people/v1/people.proto";
    small.change(contract, "paths: \"full_name\"", "paths: \"kin\"");
    let told = small.faults().to_string();
    // `kin` is a person: everything of a person is reached, the unmarked, the sensitive, the
    // opaque.
    for field in [
        "Person.note",
        "Person.religion",
        "Person.extra",
        "Home.owner",
    ] {
        assert!(
            told.contains(&format!("reaches `vn.people.v1.{field}`")),
            "{told}"
        );
    }
    assert_eq!(told.lines().count(), 4, "{told}");
}

/// `google.protobuf.FileDescriptorSet` with its files left encoded.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RawSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(crate) file: Vec<Vec<u8>>,
}

#[test]
fn options_that_another_contract_defines_otherwise_are_told() {
    let small = Small::new();
    let rank = |kind: &str| {
        let source = "syntax = \"proto3\"; package vn.rank.v1; \
                      import \"google/protobuf/descriptor.proto\"; \
                      extend google.protobuf.FieldOptions { KIND rank = 50001; }";
        source.replace("KIND", kind)
    };
    let contract = "contracts/vn/people/v1/people.proto";
    let import = "import \"google/protobuf/any.proto\";";
    small.change(
        contract,
        import,
        &format!("{import} import \"rank.proto\";"),
    );
    small.change(
        contract,
        "string full_name = 2 [",
        "string full_name = 2 [(vn.rank.v1.rank) = 1, ",
    );
    small.write("contracts/rank.proto", rank("int32"));
    small.catalog();
    // A set that left the definition out is read before the other's.
    let set = |file: &str| {
        let own = format!("{}/../../proto", env!("CARGO_MANIFEST_DIR"));
        let mut compiler = protox::Compiler::new([small.path("contracts"), own.into()]).unwrap();
        compiler.include_imports(true).open_file(file).unwrap();
        RawSet::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap()
    };
    let mut people = set("vn/people/v1/people.proto");
    small.write("contracts/rank.proto", rank("string"));
    let rank = set("rank.proto").file.pop().unwrap();
    let import = b"\x1a\x0arank.proto";
    let last = people.file.last_mut().unwrap();
    let at = last
        .windows(import.len())
        .position(|part| part == import)
        .unwrap();
    last.drain(at..at + import.len());
    people
        .file
        .retain(|file| !file.starts_with(b"\x0a\x0arank.proto"));
    people.file.push(rank);
    std::fs::remove_dir_all(small.path("contracts")).unwrap();
    small.write("contracts/people.binpb", people.encode_to_vec());
    small.change(
        "datasets/people.toml",
        "vn/people/v1/people.proto",
        "people.binpb",
    );
    let told = small.faults().to_string();
    let says = "contracts/people.binpb: an option in `vn/people/v1/people.proto`";
    assert!(told.lines().count() == 1 && told.contains(says), "{told}");
}
