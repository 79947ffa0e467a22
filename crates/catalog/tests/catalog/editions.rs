//! Contracts in an edition of protobuf: read from descriptor sets, and told how where they are not.

use bytes::Bytes;
use motlan_catalog::Class;
use prost::Message as _;
use prost::encoding::string;

use crate::small::Small;

const PEOPLE: &str = "vn/people/v1/people.proto";
const DATE: &str = "vn/shared/v1/date.proto";
const SOURCE: &str = "contracts/vn/people/v1/people.proto";

/// `features { message_encoding: DELIMITED }` as the options of a file.
const DELIMITED: [u8; 5] = [0x92, 0x03, 0x02, 0x28, 0x02];

/// `google.protobuf.FileDescriptorSet` and its files, as far as they are changed here.
#[derive(Clone, PartialEq, prost::Message)]
struct Set {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct File {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", optional, tag = "8")]
    options: Option<Vec<u8>>,
    #[prost(string, tag = "12")]
    syntax: String,
    #[prost(int32, tag = "14")]
    edition: i32,
}

/// The small catalogue with its contract as a set, `files` of which are in `edition`, delimited.
fn small_in(edition: i32, files: &[&str]) -> Small {
    let small = Small::new();
    small.change("datasets/people.toml", PEOPLE, "people.binpb");
    small.write("contracts/people.binpb", set(&small, edition, files, &[]));
    std::fs::remove_dir_all(small.path("contracts/vn")).unwrap();
    small
}

/// The set, with `more` fields at the end of each file in the edition.
fn set(small: &Small, edition: i32, files: &[&str], more: &[u8]) -> Vec<u8> {
    let own = format!("{}/../../proto", env!("CARGO_MANIFEST_DIR"));
    let mut compiler = protox::Compiler::new([small.path("contracts"), own.into()]).unwrap();
    compiler.include_imports(true).open_file(PEOPLE).unwrap();
    let mut set = Set::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap();
    for file in &mut set.file {
        let name = File::decode(file.as_slice()).unwrap().name;
        if files.contains(&name.as_str()) {
            // Fields that come last hold.
            let changed = File {
                name,
                options: Some(DELIMITED.to_vec()),
                syntax: "editions".to_owned(),
                edition,
            };
            file.extend(changed.encode_to_vec());
            file.extend(more);
        }
    }
    set.encode_to_vec()
}

fn group(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 3], content, &[number << 3 | 4]].concat()
}

fn text(number: u32, value: &str) -> Vec<u8> {
    let mut field = Vec::new();
    string::encode(number, &value.to_owned(), &mut field);
    field
}

/// What of `answer` leaves through the view `names`.
fn released(small: &Small, answer: &[u8]) -> Vec<u8> {
    let catalog = small.catalog();
    let method = catalog.method("/vn.people.v1.People/GetPerson").unwrap();
    let (_, view) = method.views.first_key_value().unwrap();
    let masked = view.mask.apply(&Bytes::copy_from_slice(answer)).unwrap();
    masked.bytes.to_vec()
}

#[test]
fn a_set_in_an_edition_is_as_good_as_any_and_its_groups_are_masked() {
    for edition in [1000, 1001] {
        for files in [&[PEOPLE][..], &[PEOPLE, DATE], &[DATE]] {
            let small = small_in(edition, files);
            let catalog = small.catalog();
            let dataset = catalog.datasets().next().unwrap();
            assert_eq!(dataset.class, Class::Personal);
            assert_eq!((dataset.methods.len(), dataset.views.len()), (3, 2));
            if !files.contains(&PEOPLE) {
                continue;
            }
            let method = catalog.method("/vn.people.v1.People/GetPerson").unwrap();
            let who = group(1, &text(1, "001099000001"));
            assert_eq!(method.subject(&who).unwrap().expose(), "001099000001");
            let home = [text(1, "Huế"), text(2, "an owner")].concat();
            let answer = [text(2, "Lan"), group(5, &home), text(8, "a note")].concat();
            let expected = [text(2, "Lan"), group(5, &text(1, "Huế"))].concat();
            assert_eq!(released(&small, &answer), expected);
        }
    }
}

#[test]
fn an_edition_that_is_not_known_is_told_with_the_set() {
    let told = small_in(9999, &[PEOPLE]).faults().to_string();
    let says = "contracts/people.binpb: the contract does not compile: \
                `vn/people/v1/people.proto` is in `EDITION_UNSTABLE`; \
                the editions known are 2023 and 2024; correct the contract";
    assert!(told.lines().count() == 1 && told.ends_with(says), "{told}");
}

#[test]
fn an_unmarked_field_is_no_less_secret_in_an_edition() {
    let small = Small::new();
    small.change(SOURCE, "paths: \"full_name\"", "paths: \"note\"");
    small.write("contracts/people.binpb", set(&small, 1000, &[PEOPLE], &[]));
    std::fs::remove_dir_all(small.path("contracts/vn")).unwrap();
    small.change("datasets/people.toml", PEOPLE, "people.binpb");
    let told = small.faults().to_string();
    assert!(
        told.contains("`vn.people.v1.Person.note`, which is secret or not marked"),
        "{told}"
    );
}

#[test]
fn a_source_in_an_edition_does_not_hide_the_set_made_from_it() {
    let small = small_in(1000, &[PEOPLE, DATE]);
    for (file, start) in [
        (PEOPLE, "// A contract.\n/* In an\n edition. */ "),
        (DATE, ""),
    ] {
        let source = format!("{start}edition = \"2023\";\npackage any;\n");
        small.write(&format!("contracts/{file}"), source);
    }
    small.catalog();
    // One that can be read still comes before any set.
    small.write(
        &format!("contracts/{DATE}"),
        "syntax = \"proto3\";\npackage vn.shared.v1;\n",
    );
    let told = small.faults().to_string();
    assert!(
        told.contains("'.vn.shared.v1.Date' is not defined"),
        "{told}"
    );
}

#[test]
fn the_features_of_a_language_are_imported_for_nothing() {
    let small = Small::new();
    small.change("datasets/people.toml", PEOPLE, "people.binpb");
    let import = |name: &str| text(3, name);
    let with = |name: &str| set(&small, 1000, &[PEOPLE], &import(name));
    let go = with("google/protobuf/go_features.proto");
    let other = with("google/protobuf/other.proto");
    std::fs::remove_dir_all(small.path("contracts/vn")).unwrap();
    small.write("contracts/people.binpb", go);
    small.catalog();
    // What is in that folder needs no marks, so no owner adds to it.
    small.write("contracts/people.binpb", other);
    let source = "syntax = \"proto3\"; package google.protobuf; message Other {}";
    small.write("contracts/google/protobuf/other.proto", source);
    let told = small.faults().to_string();
    assert!(
        told.contains("'google/protobuf/other.proto' not found"),
        "{told}"
    );
}
