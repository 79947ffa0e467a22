//! The oracle finds what it is there to find: every forged answer, by the name of its fault.

use bytes::Bytes;
use motlan_fuzz::mask::{Answer, Fault, Flaw};
use motlan_mask::MaskError;

use crate::HARNESS;

const PERSON: &str = "sample.Person";
const CHOICE: &str = "sample.Choice";

/// What the mask answers to a message, and what the oracle says if it answered something else.
fn judged(
    (message, paths): (&str, &[&str]),
    input: &[u8],
    forge: impl FnOnce(&mut Bytes, &mut Vec<&str>, &mut Vec<&str>),
) -> Result<(), Fault> {
    let harness = &*HARNESS;
    let case = harness.case_with(message, paths).unwrap();
    let input = Bytes::copy_from_slice(input);
    let masked = case.mask().apply(&input).unwrap();
    let mut left = masked.bytes;
    let mut dropped: Vec<&str> = case.mask().dropped(&masked.withheld).collect();
    let mut absent: Vec<&str> = case.mask().absent(&masked.withheld).collect();
    let answer = |left: &Bytes, dropped: &Vec<_>, absent: &Vec<_>| Answer::Masked {
        left: left.clone(),
        dropped: dropped.clone(),
        absent: absent.clone(),
    };
    let truth = answer(&left, &dropped, &absent);
    assert_eq!(harness.judge(&case, &input, &truth), Ok(()));
    forge(&mut left, &mut dropped, &mut absent);
    harness.judge(&case, &input, &answer(&left, &dropped, &absent))
}

/// What the oracle says if `forged` leaves of `input`.
fn left(case: (&str, &[&str]), input: &[u8], forged: &[u8]) -> Fault {
    judged(case, input, |left, _, _| {
        *left = Bytes::copy_from_slice(forged)
    })
    .unwrap_err()
}

// { full_name: "Lan", religion: "x", 99: 1 }
const LAN: &[u8] = b"\x12\x03Lan\x1a\x01x\x98\x06\x01";
const NAME: (&str, &[&str]) = (PERSON, &["full_name"]);

#[test]
fn an_unknown_field_that_leaves_is_found() {
    let fault = left(NAME, LAN, b"\x12\x03Lan\x98\x06\x01");
    assert_eq!(fault, Fault::Unknown { number: 99, at: 5 });
    // An extension, in a message that is granted whole.
    let record = ("old.Record", &["inner"][..]);
    let fault = left(
        record,
        b"\x5a\x04\xa2\x06\x01n\x98\x06\x01",
        b"\x5a\x04\xa2\x06\x01n",
    );
    assert_eq!(fault, Fault::Unknown { number: 100, at: 2 });
}

#[test]
fn a_field_that_leaves_and_is_not_granted_is_found() {
    let fault = left(NAME, LAN, b"\x12\x03Lan\x1a\x01x");
    assert_eq!(fault, Fault::NotGranted { number: 3, at: 5 });
    let street = (PERSON, &["residence.street"][..]);
    let address = b"\x52\x06\x0a\x01s\x12\x01c";
    let fault = left(street, address, address);
    assert_eq!(fault, Fault::NotGranted { number: 2, at: 5 });
}

#[test]
fn an_any_that_leaves_and_is_not_named_is_found() {
    let mother = (PERSON, &["mother"][..]);
    // { mother: { full_name: "L", detail: { value: "v" } } }
    let input = b"\xf2\x01\x09\x12\x01L\xc2\x02\x03\x12\x01v";
    assert_eq!(
        left(mother, input, input),
        Fault::Opaque { number: 40, at: 6 }
    );
}

#[test]
fn a_member_of_a_oneof_that_comes_back_is_found() {
    let phone = (PERSON, &["phone", "postal"][..]);
    // { phone: "p", pager: 1 }
    let fault = left(phone, b"\xa2\x01\x01p\xb0\x01\x01", b"\xa2\x01\x01p");
    assert_eq!(fault, Fault::Resurrected(20));
    // { next: { one: "a" }, next: { other: 1 } }: two parts of one message.
    let next = (CHOICE, &["next.one"][..]);
    let fault = left(
        next,
        b"\x2a\x03\x0a\x01a\x2a\x02\x10\x01",
        b"\x2a\x03\x0a\x01a\x2a\x00",
    );
    assert_eq!(fault, Fault::Resurrected(1));
    // { list: { one: "a" }, list: { one: "b", other: 1 } }: only the second one is unset.
    let list = (CHOICE, &["list.one"][..]);
    let input = b"\x32\x03\x0a\x01a\x32\x05\x0a\x01b\x10\x01";
    let fault = left(list, input, b"\x32\x03\x0a\x01a\x32\x03\x0a\x01b");
    assert_eq!(fault, Fault::Resurrected(1));
    assert_eq!(left(list, input, b"\x32\x00\x32\x00"), Fault::Unset(1));
    // { phone: "p", full_name: "L", pager: 1 }: the name has no part in it.
    let phone = (PERSON, &["phone", "full_name"][..]);
    let fault = left(phone, b"\xa2\x01\x01p\x12\x01L\xb0\x01\x01", b"");
    assert_eq!(fault, Fault::Misread(2));
}

#[test]
fn a_granted_field_that_does_not_leave_is_found() {
    assert_eq!(left(NAME, LAN, b""), Fault::Lost { number: 2, at: 0 });
    // Of a list: its second element, and the element that is left empty.
    let former = (PERSON, &["former.street"][..]);
    let input = b"\x5a\x03\x0a\x01a\x5a\x03\x12\x01c\x5a\x03\x0a\x01b";
    let fault = left(former, input, b"\x5a\x03\x0a\x01a\x5a\x03\x0a\x01b");
    assert!(matches!(fault, Fault::Lost { number: 11, .. }), "{fault:?}");
    let fault = left(former, input, b"\x5a\x03\x0a\x01a\x5a\x00\x5a\x00");
    assert_eq!(fault, Fault::Lost { number: 1, at: 12 });
}

#[test]
fn a_field_that_did_not_come_or_not_there_is_found() {
    assert_eq!(
        left(NAME, LAN, b"\x12\x03Lam"),
        Fault::Strange { number: 2, at: 0 }
    );
    let both = (PERSON, &["full_name", "sex"][..]);
    // In another order, and twice.
    let input = b"\x12\x01L\x20\x01\x1a\x01x";
    let fault = left(both, input, b"\x20\x01\x12\x01L");
    assert_eq!(fault, Fault::Lost { number: 2, at: 0 });
    let fault = left(both, input, b"\x12\x01L\x20\x01\x20\x01");
    assert_eq!(fault, Fault::Strange { number: 4, at: 5 });
    // In the message around the one where it was.
    let inner = (CHOICE, &["next.one", "one"][..]);
    let fault = left(inner, b"\x2a\x05\x0a\x01a\x10\x01", b"\x2a\x00\x0a\x01a");
    assert!(
        matches!(fault, Fault::Resurrected(1) | Fault::Unset(1)),
        "{fault:?}"
    );
}

#[test]
fn a_wrong_length_is_found() {
    let street = (PERSON, &["full_name", "residence.street"][..]);
    let input = b"\x52\x06\x0a\x01s\x12\x01c\x12\x01L";
    let truncated = Fault::Malformed(Flaw::Truncated);
    assert_eq!(
        left(street, input, b"\x52\x06\x0a\x01s\x12\x01L"),
        Fault::NotGranted { number: 2, at: 5 }
    );
    assert_eq!(
        left(street, input, b"\x52\x07\x0a\x01s\x12\x01L"),
        truncated
    );
    assert_eq!(
        left(street, input, b"\x52\x02\x0a\x01s\x12\x01L"),
        truncated
    );
    // Nothing is gained by dropping a field if its length is written that much longer.
    let fault = left(street, input, b"\x52\x83\x80\x80\x00\x0a\x01s\x12\x01L");
    assert_eq!(fault, Fault::Longer { left: 11, came: 11 });
}

#[test]
fn a_copy_where_nothing_is_dropped_is_found() {
    assert_eq!(left(NAME, b"\x12\x01L", b"\x12\x01L"), Fault::Copied);
}

#[test]
fn a_wrong_report_is_found() {
    let dropped = |name: &str, told| {
        let name = name.to_owned();
        Err(Fault::Dropped { name, told })
    };
    let absent = |name: &str, told| {
        let name = name.to_owned();
        Err(Fault::Absent { name, told })
    };
    let paths = (PERSON, &["full_name", "sex"][..]);
    let said = judged(paths, LAN, |_, dropped, _| {
        dropped.retain(|name| *name != "?")
    });
    assert_eq!(said, dropped("?", false));
    let said = judged(paths, LAN, |_, dropped, _| {
        dropped.retain(|name| *name == "?")
    });
    assert_eq!(said, dropped("religion", false));
    let said = judged(paths, LAN, |_, dropped, _| dropped.push("labels"));
    assert_eq!(said, dropped("labels", true));
    let said = judged(paths, LAN, |_, dropped, _| dropped.reverse());
    assert_eq!(said, Err(Fault::Report));
    let said = judged(paths, LAN, |_, dropped, _| dropped.insert(0, "religion"));
    assert_eq!(said, Err(Fault::Report));
    let said = judged(paths, LAN, |_, _, absent| absent.clear());
    assert_eq!(said, absent("sex", false));
    let said = judged(paths, LAN, |_, _, absent| absent.push("full_name"));
    assert_eq!(said, absent("full_name", true));
}

#[test]
fn a_wrong_refusal_and_a_missing_one_are_found() {
    let harness = &*HARNESS;
    let case = harness.case_with(PERSON, &["full_name"]).unwrap();
    let refused = Answer::Refused(MaskError::Truncated { at: 0 });
    let passed = |left: &Bytes| Answer::Masked {
        left: left.clone(),
        dropped: Vec::new(),
        absent: Vec::new(),
    };
    let good = Bytes::from_static(b"\x12\x01L");
    let fault = harness.judge(&case, &good, &refused);
    assert_eq!(fault, Err(Fault::Refused(MaskError::Truncated { at: 0 })));
    let flawed: [(&[u8], Flaw); 8] = [
        (b"\x12\x02L", Flaw::Truncated),
        (
            b"\x98\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            Flaw::Varint,
        ),
        (b"\x02\x00", Flaw::Tag),
        (b"\x0e", Flaw::Tag),
        (b"\x10\x01", Flaw::WireType),
        (b"\x9b\x06\xa4\x06", Flaw::Group),
        (b"\x12\x01\xff", Flaw::Utf8),
        (&[0x9b, 0x06].repeat(101), Flaw::Depth),
    ];
    for (bytes, flaw) in flawed {
        let message = Bytes::copy_from_slice(bytes);
        let fault = harness.judge(&case, &message, &passed(&message));
        assert_eq!(fault, Err(Fault::LetThrough(flaw)));
        assert_eq!(harness.judge(&case, &message, &refused), Ok(()));
    }
}
