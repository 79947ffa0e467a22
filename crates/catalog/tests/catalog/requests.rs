//! Looking things up in a catalogue: subjects of requests, parts of views, times.

use bytes::Bytes;
use motlan_catalog::{
    Kind, Method, NarrowError, REQUEST_BYTES_MAX, RequestFault, SUBJECT_BYTES_MAX,
};

use crate::small::Small;

const GET: &str = "/vn.people.v1.People/GetPerson";
const CHECK: &str = "/vn.people.v1.People/CheckPerson";

/// A field of type text, encoded.
fn text(number: u8, value: &str) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    prost::encoding::encode_varint(value.len() as u64, &mut field);
    field.extend(value.as_bytes());
    field
}

fn nested(number: u8, value: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    prost::encoding::encode_varint(value.len() as u64, &mut field);
    field.extend(value);
    field
}

#[test]
fn methods_on_offer_are_found_by_path_and_others_are_not() {
    let catalog = Small::new().catalog();
    let method = catalog.method(GET).unwrap();
    assert_eq!((method.kind, method.streaming), (Kind::Lookup, false));
    assert_eq!(
        (method.dataset.as_str(), method.owner.as_str()),
        ("people", "G01")
    );
    let views: Vec<&str> = method.views.keys().map(|name| name.as_str()).collect();
    assert_eq!(views, ["names"]);
    let list = catalog.method("/vn.people.v1.People/ListPeople").unwrap();
    assert_eq!((list.kind, list.streaming), (Kind::List, true));
    assert_eq!(catalog.method(CHECK).unwrap().kind, Kind::Verify);
    for unknown in [
        "/vn.people.v1.People/Import",
        "vn.people.v1.People/GetPerson",
        "/",
        "",
    ] {
        assert!(catalog.method(unknown).is_none(), "{unknown}");
    }
}

#[test]
fn systems_are_found_by_the_uri_of_their_certificate() {
    let catalog = Small::new().catalog();
    let uri = "spiffe://state.example/agency/H29/system/one-stop";
    let system = catalog.system_by_uri(uri).unwrap();
    assert_eq!(
        (system.id.as_str(), system.suspended),
        ("H29/one-stop", true)
    );
    assert!(
        catalog
            .system_by_uri("spiffe://other.example/agency/H29/system/one-stop")
            .is_none()
    );
}

#[test]
fn the_subject_is_found_in_a_nested_field_and_does_not_print() {
    let catalog = Small::new().catalog();
    let method = catalog.method(GET).unwrap();
    let request = nested(1, &text(1, "001099000001"));
    let subject = method.subject(&request).unwrap();
    assert_eq!(subject.expose(), "001099000001");
    assert_eq!(format!("{subject:?}"), "Subject(..)");
}

#[test]
fn a_request_that_names_nobody_is_refused_by_the_name_of_the_field() {
    let catalog = Small::new().catalog();
    let refusal = |method: &Method, request: &[u8]| method.subject(request).unwrap_err();
    let empty = RequestFault::SubjectEmpty {
        field: "who.personal_id".into(),
    };
    let get = catalog.method(GET).unwrap();
    assert_eq!(refusal(get, b""), empty);
    assert_eq!(refusal(get, &nested(1, b"")), empty);
    assert_eq!(refusal(get, &nested(1, &text(1, " \t"))), empty);
    assert_eq!(
        empty.to_string(),
        "the request's `who.personal_id` is empty"
    );
}

#[test]
fn a_request_that_is_malformed_or_too_long_is_refused_without_quoting_it() {
    let catalog = Small::new().catalog();
    let method = catalog.method(CHECK).unwrap();
    let malformed = method.subject(&[0x0a, 0xff]).unwrap_err();
    assert_eq!(
        malformed.to_string(),
        "the request is not a well-formed `vn.people.v1.CheckPersonRequest`"
    );
    assert!(matches!(
        method.subject(&[0x0a, 1, 0xff]),
        Err(RequestFault::Malformed { .. })
    ));
    let long = text(1, &"1".repeat(REQUEST_BYTES_MAX));
    assert_eq!(method.subject(&long).unwrap_err(), RequestFault::TooLong);
    let long = text(1, &"1".repeat(SUBJECT_BYTES_MAX + 1));
    assert!(matches!(
        method.subject(&long),
        Err(RequestFault::SubjectTooLong { .. })
    ));
    assert!(
        method
            .subject(&text(1, &"1".repeat(SUBJECT_BYTES_MAX)))
            .is_ok()
    );
    // Deeper than any request of ours: the decoder stops by itself.
    let deep = (0..200).fold(Vec::new(), |inner, _| nested(15, &inner));
    assert!(method.subject(&deep).is_err());
}

#[test]
fn a_part_of_a_view_lets_out_that_part_only() {
    let catalog = Small::new().catalog();
    let method = catalog.method(GET).unwrap();
    let view = &method.views["names"];
    let fields = ["full_name".to_owned(), "born_on.year".to_owned()];
    let mask = view.narrow(method, &fields, &[]).unwrap();
    let name = text(2, "A");
    let answer = [text(1, "001099000001"), name.clone()].concat();
    assert_eq!(mask.apply(&Bytes::from(answer)).unwrap().bytes, name);
}

#[test]
fn a_part_beyond_a_view_is_refused_with_every_field_and_a_misspelt_one_with_a_hint() {
    let catalog = Small::new().catalog();
    let method = catalog.method(GET).unwrap();
    let view = &method.views["names"];
    let narrow = |fields: &[&str]| {
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        view.narrow(method, &fields, &[]).unwrap_err()
    };
    let not_granted = narrow(&["religion", "full_name", "home.owner", "home", "religion"]);
    assert_eq!(
        not_granted.to_string(),
        "not granted: `home`, `home.owner`, `religion`"
    );
    let unknown = narrow(&["religion", "home.citi"]);
    assert_eq!(
        unknown.to_string(),
        "the answer has no field `home.citi`; did you mean `home.city`?"
    );
    assert!(matches!(narrow(&[]), NarrowError::Count { count: 0 }));
    assert!(matches!(
        narrow(&["home.city"; 257]),
        NarrowError::Count { count: 257 }
    ));
    let check = catalog.method(CHECK).unwrap();
    let other = view.narrow(check, &["holds".to_owned()], &[]).unwrap_err();
    assert!(matches!(other, NarrowError::NotOfMethod { .. }));
}

#[test]
fn an_agreement_holds_from_its_first_day_to_the_end_of_its_last_in_vietnam() {
    let catalog = Small::new().catalog();
    let [agreement] = catalog.agreements() else {
        panic!("one agreement")
    };
    // 2026-01-01T00:00:00+07:00 and 2027-03-01T00:00:00+07:00.
    assert_eq!(agreement.valid.from_ms, 1_767_200_400_000);
    assert_eq!(agreement.valid.until_ms, 1_803_834_000_000);
    assert!(agreement.valid.contains(1_767_200_400_000));
    assert!(!agreement.valid.contains(1_767_200_399_999));
    assert!(agreement.valid.contains(1_803_833_999_999));
    assert!(!agreement.valid.contains(1_803_834_000_000));
    let grant = &agreement.grants[0];
    assert_eq!(grant.id.as_str(), "g01-h26/names");
    let procedures: Vec<&str> = grant.procedures.iter().map(|code| code.as_str()).collect();
    assert_eq!(procedures, ["1.004222", "1.014177"]);
    let names: Vec<&str> = catalog
        .procedure(&"1.004222".parse().unwrap())
        .unwrap()
        .names()
        .collect();
    assert_eq!(names, ["Đăng ký thường trú", "Đăng ký tạm trú"]);
}
