//! What answers are worth, over the sample of the testkit.

use bytes::Bytes;
use jiff::civil::{Date, date};
use motlan_catalog::{DocumentKind, Held as Source, NESTING_MAX};
use motlan_once::{Finding, Held, Piece, Wanted, intake, plan};
use motlan_testkit::Sample;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};
use serde_json::json;

use crate::{REFERENCE, once};

const TODAY: Date = date(2026, 3, 2);
/// So many answers of each kind are looked at.
const ANSWERS: usize = 4;

fn held(document: &str, subject: &str, declared: Option<serde_json::Value>) -> Held {
    let wanted = Wanted {
        document: document.to_owned(),
        subject: subject.to_owned(),
        declared,
    };
    // The annex does not list it: Article 4 replaces most of what datasets hold.
    let plan = plan(&REFERENCE, &"3.999999".parse().unwrap(), None).unwrap();
    let pieces = intake(&REFERENCE, &plan, &[wanted], TODAY);
    match pieces.unwrap_or_else(|faults| panic!("{faults:?}")).pop() {
        Some(Piece::Held(held)) => *held,
        other => panic!("{other:?}"),
    }
}

/// Answers to every document that Article 4 replaces and a dataset holds, as they leave.
fn answers() -> Vec<(&'static DocumentKind, String, DynamicMessage)> {
    let sample = Sample::from_seed(7).unwrap().held();
    let replaced = REFERENCE.replaced_documents().iter();
    let meanings = replaced.flat_map(|it| &it.meaning.as_ref().unwrap().documents);
    let mut answers = Vec::new();
    for kind in meanings {
        let kind = &once().documents[&kind.code];
        let Some(source) = kind.source.published(TODAY) else {
            continue;
        };
        let of_kind = sample.iter().filter(|it| it.path == source.method.path);
        for one in of_kind.take(ANSWERS) {
            let message = masked(source, &one.messages[0]);
            answers.push((kind.as_ref(), one.subject.clone(), message));
        }
    }
    assert!(answers.len() >= 30, "{}", answers.len());
    answers
}

fn masked(source: &Source, message: &Bytes) -> DynamicMessage {
    let masked = source.view.mask.apply(message).unwrap();
    DynamicMessage::decode(source.method.response.clone(), masked.bytes).unwrap()
}

fn json_of(message: &DynamicMessage) -> serde_json::Value {
    serde_json::to_value(message).unwrap()
}

/// Calls `each` with every field that is set, by its path, with its value, and with what puts
/// another one there, or none: in a copy of the whole message.
fn each_field(whole: &DynamicMessage, each: &mut Each<'_>) {
    descend(whole, "", 0, &|message| message, each);
}

type Rebuild<'a> = &'a dyn Fn(DynamicMessage) -> DynamicMessage;
type Put<'a> = &'a dyn Fn(Option<Value>) -> DynamicMessage;
type Each<'a> = dyn FnMut(&str, &FieldDescriptor, &Value, Put<'_>) + 'a;

fn descend(
    message: &DynamicMessage,
    prefix: &str,
    depth: usize,
    rebuild: Rebuild<'_>,
    each: &mut Each<'_>,
) {
    assert!(depth < NESTING_MAX);
    for (field, value) in message.fields() {
        let path = format!("{prefix}{}", field.name());
        let put = |value: Option<Value>| {
            let mut copy = message.clone();
            match value {
                Some(value) => copy.set_field(&field, value),
                None => copy.clear_field(&field),
            }
            rebuild(copy)
        };
        each(&path, &field, value, &put);
        let prefix = format!("{path}.");
        match value {
            Value::Message(inner) => {
                let rebuild = |inner| put(Some(Value::Message(inner)));
                descend(inner, &prefix, depth + 1, &rebuild, each);
            }
            Value::List(values) => {
                for (index, inner) in values.iter().enumerate() {
                    let Value::Message(inner) = inner else {
                        continue;
                    };
                    let rebuild = |inner| {
                        let mut values = values.clone();
                        values[index] = Value::Message(inner);
                        put(Some(Value::List(values)))
                    };
                    descend(inner, &prefix, depth + 1, &rebuild, each);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn an_answer_that_says_what_was_declared_is_whole() {
    for (kind, subject, message) in answers() {
        let bytes = message.encode_to_vec();
        let document = kind.code.as_str();
        let nothing = held(document, &subject, None);
        assert_eq!(nothing.judge(&bytes, &[]), Finding::Whole, "{document}");
        let all = held(document, &subject, Some(json_of(&message)));
        assert_eq!(all.judge(&bytes, &[]), Finding::Whole, "{document}");
    }
}

// R100.
#[test]
fn an_answer_without_a_required_field_is_incomplete_and_names_it() {
    let mut removed = 0;
    for (kind, subject, message) in answers() {
        // Incomplete goes before a difference, which each of these is as well.
        let held = held(kind.code.as_str(), &subject, Some(json_of(&message)));
        each_field(&message, &mut |path, field, _, put| {
            let found = held.judge(&put(None).encode_to_vec(), &[]);
            if REFERENCE.is_required(field) {
                removed += 1;
                assert_eq!(found, Finding::Incomplete(vec![path.to_owned()]));
            } else {
                assert!(matches!(found, Finding::Mismatch(_)), "{path}: {found:?}");
            }
            if matches!(field.kind(), Kind::String) && !field.is_list() {
                let blank = put(Some(Value::String(" \t".to_owned()))).encode_to_vec();
                assert_eq!(held.judge(&blank, &[]), found, "{path}, blank");
            }
        });
    }
    assert!(removed > 300, "{removed}");
}

// R100.
#[test]
fn an_answer_that_differs_in_one_value_is_a_mismatch_in_its_field_alone() {
    let mut changed = 0;
    for (kind, subject, message) in answers() {
        let bytes = message.encode_to_vec();
        each_field(&message, &mut |path, field, value, put| {
            let Some(other) = other(field, value) else {
                return;
            };
            changed += 1;
            let declared = json_of(&put(Some(other)));
            let held = held(kind.code.as_str(), &subject, Some(declared));
            let differs = Finding::Mismatch(vec![path.to_owned()]);
            assert_eq!(held.judge(&bytes, &[]), differs);
            // Of what the agreement covers a part nothing can be told.
            let covered = [path.to_owned()];
            assert_eq!(
                held.judge(&bytes, &covered),
                Finding::Whole,
                "{path}, covered"
            );
        });
    }
    assert!(changed > 400, "{changed}");
}

/// Another value of the same type that says something; `None` for messages and lists.
fn other(field: &FieldDescriptor, value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(Value::String(format!("{text}a"))),
        Value::U32(number) => Some(Value::U32(number + 1)),
        Value::U64(number) => Some(Value::U64(number + 1)),
        Value::EnumNumber(number) => match field.kind() {
            Kind::Enum(list) => {
                let mut numbers = list.values().map(|it| it.number());
                let other = numbers.find(|other| other != number && *other != 0);
                other.map(Value::EnumNumber)
            }
            _ => None,
        },
        _ => None,
    }
}

fn person() -> (String, Vec<u8>) {
    let sample = Sample::of(7, 1).unwrap();
    let kind = &once().documents["identity_paper"];
    let source = kind.source.published(TODAY).unwrap();
    let held = sample.held();
    let of_method = held.iter().find(|it| it.path == source.method.path);
    let message = masked(source, &of_method.unwrap().messages[0]);
    (of_method.unwrap().subject.clone(), message.encode_to_vec())
}

/// What becomes of a person of a known name, born on 5 June 1990, with this declared.
fn of_person(declared: serde_json::Value, covered: &[&str]) -> Finding {
    let (subject, bytes) = person();
    let held = held("identity_paper", &subject, Some(declared));
    let mut message = DynamicMessage::decode(held.method.response.clone(), &*bytes).unwrap();
    let name = Value::String("Nguyễn Thị Hòa".to_owned());
    message.set_field_by_name("full_name", name);
    let born = message.get_field_by_name_mut("date_of_birth").unwrap();
    let born = born.as_message_mut().unwrap();
    for (part, number) in [("year", 1990), ("month", 6), ("day", 5)] {
        born.set_field_by_name(part, Value::U32(number));
    }
    let covered: Vec<String> = covered.iter().map(|it| (*it).to_owned()).collect();
    held.judge(&message.encode_to_vec(), &covered)
}

#[test]
fn text_is_alike_but_for_how_it_is_written_and_numbers_are_the_same() {
    let differs = |path: &str| Finding::Mismatch(vec![path.to_owned()]);
    for alike in [
        json!({}),
        json!({ "full_name": "NGUYỄN THỊ HÒA" }),
        json!({ "fullName": " nguyễn\u{a0}thị  hòa\n" }),
        // The marks apart.
        json!({ "full_name": "NGUYE\u{302}\u{303}N THI\u{323} HO\u{300}A" }),
        // The tone over the other letter.
        json!({ "full_name": "Nguyễn Thị Hoà" }),
        json!({ "full_name": null, "date_of_birth": null }),
        json!({ "date_of_birth": {} }),
        // What a form sends of what was left blank.
        json!({ "full_name": "", "sex": "SEX_UNSPECIFIED", "date_of_birth": { "year": 0 } }),
        json!({ "full_name": " \u{a0}\n", "sex": 0, "date_of_birth": { "day": 0 } }),
        // A form that asks for the year alone.
        json!({ "date_of_birth": { "year": 1990 } }),
        json!({ "date_of_birth": { "year": 1990.0, "month": "6", "day": 5 } }),
    ] {
        assert_eq!(of_person(alike.clone(), &[]), Finding::Whole, "{alike}");
    }
    for (declared, path) in [
        (json!({ "full_name": "Nguyen Thi Hoa" }), "full_name"),
        (json!({ "full_name": "Nguyễn Thị Hoá" }), "full_name"),
        (
            json!({ "date_of_birth": { "year": 1990, "day": 6 } }),
            "date_of_birth.day",
        ),
    ] {
        assert_eq!(
            of_person(declared.clone(), &[]),
            differs(path),
            "{declared}"
        );
        assert_eq!(
            of_person(declared, &[path]),
            Finding::Whole,
            "{path}, covered"
        );
    }
    let both = json!({ "full_name": "x", "date_of_birth": { "month": 7, "day": 6 } });
    let paths = ["date_of_birth.day", "date_of_birth.month", "full_name"];
    assert_eq!(
        of_person(both, &[]),
        Finding::Mismatch(paths.map(str::to_owned).to_vec())
    );
}

#[test]
fn a_list_is_compared_as_a_whole_and_in_its_order() {
    let lines = |codes: &[&str]| {
        let lines: Vec<_> = codes.iter().map(|code| json!({ "code": code })).collect();
        json!({ "business_lines": lines })
    };
    let sample = Sample::of(7, 1).unwrap();
    let firm = &sample.enterprises[0];
    let codes: Vec<&str> = firm
        .business_lines
        .iter()
        .map(|it| it.code.as_str())
        .collect();
    let kind = &once().documents["enterprise_registration"];
    let source = kind.source.published(TODAY).unwrap();
    let answers = sample.held();
    let answer = answers.iter().find(|it| it.subject == firm.enterprise_code);
    let message = masked(source, &answer.unwrap().messages[0]).encode_to_vec();
    let found = |declared| {
        let held = held(
            "enterprise_registration",
            &firm.enterprise_code,
            Some(declared),
        );
        held.judge(&message, &[])
    };
    let differs = |path: &str| Finding::Mismatch(vec![path.to_owned()]);
    assert!(codes.len() > 1);
    assert_eq!(found(lines(&codes)), Finding::Whole);
    let turned: Vec<&str> = codes.iter().rev().copied().collect();
    assert_eq!(found(lines(&turned)), differs("business_lines.code"));
    assert_eq!(found(lines(&codes[1..])), differs("business_lines"));
    // Of these nothing is declared.
    let blank = json!({ "code": "", "main": false });
    for nothing in [json!([]), json!([{}]), json!([blank])] {
        let declared = json!({ "business_lines": nothing });
        assert_eq!(found(declared), Finding::Whole);
    }
    assert_eq!(
        found(json!({ "business_lines": [{ "main": true }] })),
        differs("business_lines")
    );
    // Past what a JSON number can say exactly, digits are written as text.
    let capital = firm.charter_capital_vnd;
    assert_eq!(
        found(json!({ "charter_capital_vnd": capital.to_string() })),
        Finding::Whole
    );
    assert_eq!(
        found(json!({ "charterCapitalVnd": capital + 1 })),
        differs("charter_capital_vnd")
    );
}

#[test]
fn what_is_no_message_of_the_contract_cannot_be_read_and_an_empty_one_is_incomplete() {
    let (subject, _) = person();
    let held = held("identity_paper", &subject, None);
    for bytes in [b"\x0a\x05abc".as_slice(), b"\x0a\x02\xff\xfe", b"\xff"] {
        assert_eq!(held.judge(bytes, &[]), Finding::Unreadable);
    }
    let all = ["date_of_birth", "full_name", "personal_id", "sex"];
    let missing = Finding::Incomplete(all.map(str::to_owned).to_vec());
    assert_eq!(held.judge(b"", &[]), missing);
}

// R100: names of fields, and no value.
#[test]
fn neither_what_was_declared_nor_the_subject_prints() {
    let (subject, bytes) = person();
    let declared = json!({ "full_name": "Nguyễn Không Tên" });
    let wanted = Wanted {
        document: "identity_paper".to_owned(),
        subject: subject.clone(),
        declared: Some(declared.clone()),
    };
    let held = held("identity_paper", &subject, Some(declared));
    let found = held.judge(&bytes, &[]);
    for printed in [
        format!("{wanted:?}"),
        format!("{held:?}"),
        format!("{found:?}"),
    ] {
        assert!(
            !printed.contains(&subject) && !printed.contains("Nguyễn"),
            "{printed}"
        );
    }
}
