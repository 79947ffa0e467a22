//! A file in an edition as protoc writes it.

use motlan_mask::MaskError;
use prost::Message as _;
use prost_reflect::{Cardinality, DescriptorPool, ExtensionDescriptor};

use super::files::{leaves, pool, through};
use crate::wire::{bytes, group, int};

/// `google.protobuf.FileDescriptorSet` with its files left encoded.
#[derive(Clone, PartialEq, prost::Message)]
struct Set {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// What protoc makes of `edition.proto`.
fn by_protoc() -> DescriptorPool {
    let set = include_bytes!("../edition.binpb").as_slice();
    pool(&Set::decode(set).unwrap().file)
}

#[test]
fn a_file_as_protoc_writes_it_is_masked_by_the_names_of_its_fields() {
    let pool = by_protoc();
    let commune = bytes(2, "Hoàn Kiếm");
    let place = |more: &[u8]| [bytes(1, "Hàng Bông"), more.to_vec()].concat();
    let child = |more: &[u8]| [bytes(1, "2"), more.to_vec()].concat();
    let entry = |place: Vec<u8>| bytes(6, [bytes(1, "old"), bytes(2, place)].concat());
    let input = [
        bytes(1, "1"),
        group(3, place(&[&*commune, &*group(3, place(&commune))].concat())),
        bytes(4, place(&commune)),
        group(5, child(&group(3, place(&commune)))),
        entry(place(&commune)),
        int(8, 3),
        bytes(9, [1, 2]),
        group(100, place(&[])),
        bytes(11, "x"),
    ];
    let paths = [
        "residence.street",
        "residence.within.street",
        "birthplace.street",
        "children.residence.street",
        "homes.street",
        "years",
        "standings",
    ];
    let expected = [
        group(3, place(&group(3, place(&[])))),
        bytes(4, place(&[])),
        group(5, group(3, place(&[]))),
        entry(place(&[])),
        int(8, 3),
        bytes(9, [1, 2]),
    ];
    leaves(&pool, "edition.Person", &paths, &input, &expected);
}

#[test]
fn a_file_as_protoc_writes_it_says_which_strings_are_utf_8() {
    let pool = by_protoc();
    let raw = b"\xff".as_slice();
    let all = [
        "personal_id",
        "nickname",
        "residence",
        "homes",
        "notes",
        "document",
    ];
    let note = bytes(7, [bytes(1, raw), bytes(2, raw)].concat());
    let input = [bytes(2, raw), note];
    leaves(&pool, "edition.Person", &all, &input, &input);
    for broken in [
        bytes(1, raw),
        group(3, bytes(1, raw)),
        bytes(6, bytes(1, raw)),
        bytes(6, bytes(2, bytes(2, raw))),
        bytes(13, raw),
    ] {
        let refused = through(&pool, "edition.Person", &all, &[broken]);
        assert!(
            matches!(refused, Err(MaskError::Utf8 { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_file_as_protoc_writes_it_keeps_its_extensions_and_their_options() {
    let pool = by_protoc();
    let person = pool.get_message_by_name("edition.Person").unwrap();
    let mark = pool.get_extension_by_name("edition.mark").unwrap();
    let marks = ["personal_id", "standings", "code"].map(|field| {
        let options = person.get_field_by_name(field).unwrap().options();
        options.get_extension(&mark).as_str().unwrap().to_owned()
    });
    assert_eq!(marks, ["personal", "public", ""]);
    let extensions: Vec<ExtensionDescriptor> = person.extensions().collect();
    assert_eq!(extensions.len(), 1);
    assert_eq!(
        (extensions[0].name(), extensions[0].is_group()),
        ("grave", true)
    );
    assert_eq!(
        person.get_field_by_name("code").unwrap().cardinality(),
        Cardinality::Required
    );
}
