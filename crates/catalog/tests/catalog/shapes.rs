//! Descriptor sets that no compiler of contracts would write.

use prost::Message as _;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MessageOptions,
};

use crate::contracts::{RawSet, with_set};

fn field(name: &str, number: i32, kind: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        ..FieldDescriptorProto::default()
    }
}

fn of_type(name: &str, number: i32, label: Label, type_name: &str) -> FieldDescriptorProto {
    FieldDescriptorProto {
        label: Some(label.into()),
        type_name: Some(type_name.to_owned()),
        ..field(name, number, Type::Message)
    }
}

/// `Odd { map<…> table = 1 }`, its entry with these fields.
fn with_entry(fields: Vec<FieldDescriptorProto>, label: Label) -> DescriptorProto {
    let options = MessageOptions {
        map_entry: Some(true),
        ..MessageOptions::default()
    };
    DescriptorProto {
        name: Some("Odd".to_owned()),
        field: vec![of_type("table", 1, label, ".odd.Odd.TableEntry")],
        nested_type: vec![DescriptorProto {
            name: Some("TableEntry".to_owned()),
            field: fields,
            options: Some(options),
            ..DescriptorProto::default()
        }],
        ..DescriptorProto::default()
    }
}

/// What is wrong with a catalogue whose descriptor set holds `message`, too.
fn faults(message: DescriptorProto) -> String {
    let small = with_set();
    let file = FileDescriptorProto {
        name: Some("odd.proto".to_owned()),
        package: Some("odd".to_owned()),
        message_type: vec![message],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    };
    let path = small.path("contracts/people.binpb");
    let mut set = RawSet::decode(std::fs::read(path).unwrap().as_slice()).unwrap();
    set.file.push(file.encode_to_vec());
    small.write("contracts/people.binpb", set.encode_to_vec());
    small
        .load()
        .err()
        .map(|faults| faults.to_string())
        .unwrap_or_default()
}

fn key() -> FieldDescriptorProto {
    field("key", 1, Type::String)
}

fn value() -> FieldDescriptorProto {
    field("value", 2, Type::String)
}

#[test]
fn a_map_as_a_compiler_writes_it_loads() {
    assert_eq!(
        faults(with_entry(vec![key(), value()], Label::Repeated)),
        ""
    );
}

#[test]
fn an_entry_of_a_map_holds_a_key_and_a_value_and_nothing_else() {
    let hidden = field("hidden", 3, Type::String);
    let many = FieldDescriptorProto {
        label: Some(Label::Repeated.into()),
        ..value()
    };
    let odd = [
        vec![key(), value(), hidden],
        vec![key()],
        vec![],
        vec![key(), many],
        vec![field("key", 1, Type::Bytes), value()],
        vec![of_type("key", 1, Label::Optional, ".odd.Odd"), value()],
    ];
    for entry in odd {
        let said = faults(with_entry(entry, Label::Repeated));
        let due = "`odd.Odd.TableEntry` is marked as a map's entry and is none";
        assert!(said.contains(due), "{said}");
    }
}

#[test]
fn an_entry_of_a_map_is_no_message_of_its_own() {
    let said = faults(with_entry(vec![key(), value()], Label::Optional));
    assert!(said.contains("takes a map's entry and is no map"), "{said}");
}

#[test]
fn a_name_is_a_name() {
    for name in ["a.b", "a\u{1b}[31m\n", "", "1a", "tên"] {
        let message = DescriptorProto {
            name: Some("Odd".to_owned()),
            field: vec![field(name, 1, Type::String)],
            ..DescriptorProto::default()
        };
        let said = faults(message);
        assert!(!said.is_empty(), "{name:?}");
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }
}
