//! What the mask says it kept back.

use motlan_mask::{Mask, Withheld};
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::contracts::mask;
use crate::wire::{bytes, group, int};

const PERSON: &str = "sample.Person";

fn dropped<'m>(mask: &'m Mask, withheld: &Withheld) -> Vec<&'m str> {
    mask.dropped(withheld).collect()
}

fn absent<'m>(mask: &'m Mask, withheld: &Withheld) -> Vec<&'m str> {
    mask.absent(withheld).collect()
}

#[test]
fn dropped_paths_are_named_once_and_only_where_present() {
    let mask = mask(PERSON, &["full_name", "former.street"]);
    let former = bytes(11, [bytes(1, "s"), bytes(2, "c"), bytes(4, "")].concat());
    let input = [
        bytes(3, "x"),
        bytes(3, "y"),
        former.clone(),
        former,
        bytes(10, bytes(1, "s")),
    ];
    let masked = mask.apply(&input.concat().into()).unwrap();
    let expected = ["religion", "residence", "former.commune", "former.point"];
    assert_eq!(dropped(&mask, &masked.withheld), expected);
    assert_eq!(absent(&mask, &masked.withheld), ["full_name"]);
}

#[test]
fn a_granted_path_is_absent_only_if_no_element_has_it() {
    let mask = mask(
        PERSON,
        &[
            "former.street",
            "former.commune",
            "homes.house",
            "residence",
        ],
    );
    let home = bytes(12, [bytes(1, "k"), bytes(2, int(3, 1))].concat());
    let input = [bytes(11, ""), bytes(11, bytes(1, "")), home];
    let masked = mask.apply(&input.concat().into()).unwrap();
    assert_eq!(
        absent(&mask, &masked.withheld),
        ["residence", "former.commune"]
    );
    assert!(dropped(&mask, &masked.withheld).is_empty());
}

#[test]
fn what_has_no_path_is_reported_once_and_last_as_a_question_mark() {
    let any = bytes(40, bytes(2, "v"));
    for unnamed in [
        int(99, 1),
        group(98, int(1, 1)),
        bytes(30, int(99, 1)),
        bytes(30, any),
    ] {
        let mask = mask(PERSON, &["mother", "full_name"]);
        let input = [unnamed.clone(), bytes(3, "x"), unnamed].concat();
        let masked = mask.apply(&input.into()).unwrap();
        assert_eq!(dropped(&mask, &masked.withheld), ["religion", "?"]);
    }
}

#[test]
fn an_any_that_has_a_path_is_reported_by_it() {
    let mask = mask(PERSON, &["full_name"]);
    let masked = mask.apply(&bytes(40, bytes(2, "v")).into()).unwrap();
    assert_eq!(dropped(&mask, &masked.withheld), ["detail"]);
}

#[test]
fn over_a_stream_drops_add_up_and_absences_fade() {
    let mask = mask(PERSON, &["full_name", "personal_id", "sex"]);
    let mut stream = Withheld::default();
    assert_eq!(absent(&mask, &stream), ["personal_id", "full_name", "sex"]);
    let messages = [
        [bytes(2, "Lan"), bytes(3, "x")],
        [bytes(1, "id"), bytes(20, "p")],
    ];
    for message in messages {
        stream.merge(&mask.apply(&message.concat().into()).unwrap().withheld);
    }
    assert_eq!(dropped(&mask, &stream), ["religion", "phone"]);
    assert_eq!(absent(&mask, &stream), ["sex"]);
}

#[test]
fn a_path_that_a_wider_one_covers_is_not_reported() {
    let mask = mask(PERSON, &["residence", "residence.street"]);
    assert_eq!(absent(&mask, &Withheld::default()), ["residence"]);
}

#[test]
fn more_names_than_lie_inline_are_told_apart() {
    const FIELDS: i32 = 600;
    let wide = wide(FIELDS);
    let even: Vec<String> = (1..=FIELDS)
        .filter(|n| n % 2 == 0)
        .map(|n| format!("f{n}"))
        .collect();
    let mask = Mask::compile(&wide, even.iter().map(String::as_str)).unwrap();
    let input = [int(1, 1), int(2, 1), int(597, 1), int(598, 1), int(601, 1)].concat();
    let masked = mask.apply(&input.into()).unwrap();
    assert_eq!(masked.bytes, [int(2, 1), int(598, 1)].concat());
    assert_eq!(dropped(&mask, &masked.withheld), ["f1", "f597", "?"]);
    let absent = absent(&mask, &masked.withheld);
    assert_eq!(absent.len(), even.len() - 2);
    assert!(!absent.contains(&"f2") && !absent.contains(&"f598") && absent.contains(&"f600"));
}

/// A message with fields `f1` to `f<count>`, each an `int32`.
fn wide(count: i32) -> MessageDescriptor {
    let field = |number: i32| FieldDescriptorProto {
        name: Some(format!("f{number}")),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(Type::Int32.into()),
        ..Default::default()
    };
    let message = DescriptorProto {
        name: Some("Wide".to_owned()),
        field: (1..=count).map(field).collect(),
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("wide.proto".to_owned()),
        syntax: Some("proto3".to_owned()),
        message_type: vec![message],
        ..Default::default()
    };
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(file).unwrap();
    pool.get_message_by_name("Wide").unwrap()
}

#[test]
fn neither_names_nor_values_are_in_what_is_printed() {
    let mask = mask(PERSON, &["full_name"]);
    let masked = mask
        .apply(&[bytes(2, "Lan"), bytes(3, "x")].concat().into())
        .unwrap();
    let printed = format!("{masked:?}");
    assert!(printed.contains("bytes_len: 5"), "{printed}");
    assert!(!printed.contains("Lan"), "{printed}");
}
