//! A denied member of a `oneof` that comes last must not bring an earlier one back.

use crate::contracts::{mask, through};
use crate::wire::{bytes, int};

const PERSON: &str = "sample.Person";
const CHOICE: &str = "sample.Choice";

#[track_caller]
fn leaves(name: &str, paths: &[&str], input: &[Vec<u8>], expected: &[Vec<u8>]) {
    let left = through(name, paths, &input.concat()).unwrap();
    assert_eq!(left, expected.concat());
}

#[test]
fn a_denied_last_member_does_not_bring_an_earlier_one_back() {
    let (name, phone, pager) = (bytes(2, "Lan"), bytes(20, "p"), int(22, 1));
    let paths = ["phone", "full_name"];
    leaves(
        PERSON,
        &paths,
        &[phone.clone(), name.clone(), pager.clone()],
        std::slice::from_ref(&name),
    );
    leaves(
        PERSON,
        &paths,
        &[pager.clone(), phone.clone()],
        std::slice::from_ref(&phone),
    );
    let thrice = [phone.clone(), pager.clone(), phone.clone(), phone.clone()];
    leaves(PERSON, &paths, &thrice, &[phone.clone(), phone.clone()]);
    leaves(
        PERSON,
        &paths,
        &[phone.clone(), pager.clone(), phone, pager],
        &[],
    );
}

#[test]
fn a_denied_any_unsets_the_oneof_it_is_in() {
    let (phone, any) = (bytes(20, "p"), bytes(23, bytes(2, "v")));
    leaves(PERSON, &["phone"], &[phone.clone(), any.clone()], &[]);
    // Also where the message around it is granted whole.
    let input = [bytes(30, [phone, any].concat())];
    leaves(PERSON, &["mother"], &input, &[bytes(30, "")]);
}

#[test]
fn a_message_in_a_oneof_is_unset_with_all_its_parts() {
    let postal = bytes(21, [bytes(1, "s"), bytes(2, "c")].concat());
    let street = bytes(21, bytes(1, "s"));
    let pager = int(22, 1);
    let paths = ["postal.street"];
    leaves(
        PERSON,
        &paths,
        &[postal.clone(), postal.clone(), pager.clone()],
        &[],
    );
    leaves(PERSON, &paths, &[postal.clone(), pager, postal], &[street]);
}

#[test]
fn members_that_are_all_granted_or_all_denied_are_left_alone() {
    let input = [bytes(20, "p"), int(22, 1), bytes(20, "q")];
    leaves(
        PERSON,
        &["phone", "postal", "pager", "odd.value"],
        &input,
        &input,
    );
    leaves(PERSON, &["full_name"], &input, &[]);
}

#[test]
fn a_oneof_split_over_the_parts_of_a_message_is_one_oneof() {
    let (one, other) = (bytes(1, "a"), int(2, 1));
    let part = |field: &[u8]| bytes(5, field);
    let split = [part(&one), part(&other)];
    leaves(CHOICE, &["next.one"], &split, &[part(&[]), part(&[])]);
    let split = [part(&one), part(&other), part(&one)];
    leaves(
        CHOICE,
        &["next.one"],
        &split,
        &[part(&[]), part(&[]), part(&one)],
    );
    // Two levels down, in a message that is itself split.
    let split = [part(&part(&one)), part(&part(&other))];
    let empty = part(&part(&[]));
    leaves(CHOICE, &["next.next.one"], &split, &[empty.clone(), empty]);
}

#[test]
fn the_elements_of_a_list_and_of_a_map_have_each_a_oneof_of_their_own() {
    let (one, other) = (bytes(1, "a"), int(2, 1));
    for (number, name) in [(6, "list.one"), (6, "list.next.one")] {
        let element = |field: &[u8]| match name {
            "list.one" => bytes(number, field),
            _ => bytes(number, bytes(5, field)),
        };
        let input = [element(&one), element(&other)];
        leaves(CHOICE, &[name], &input, &[element(&one), element(&[])]);
    }
    // However far down the oneof is.
    let element = |field: &[u8]| bytes(6, bytes(5, bytes(5, bytes(5, field))));
    let input = [element(&one), element(&other)];
    leaves(
        CHOICE,
        &["list.next.next.next.one"],
        &input,
        &[element(&one), element(&[])],
    );
    let entry = |values: &[&[u8]]| {
        let values = values.iter().map(|value| bytes(2, value));
        bytes(7, [int(1, 7), values.collect::<Vec<_>>().concat()].concat())
    };
    let input = [entry(&[&one]), entry(&[&other]), entry(&[&one, &other])];
    let expected = [entry(&[&one]), entry(&[&[]]), entry(&[&[], &[]])];
    leaves(CHOICE, &["table.one"], &input, &expected);
}

#[test]
fn a_group_in_a_oneof_is_unset_like_any_member() {
    let pair = crate::wire::group(9, int(1, 1));
    leaves("old.Record", &["pair"], &[pair.clone(), bytes(8, "w")], &[]);
    leaves("old.Record", &["word"], &[bytes(8, "w"), pair], &[]);
}

#[test]
fn an_unset_member_is_neither_dropped_nor_granted() {
    let mask = mask(PERSON, &["postal.street", "full_name"]);
    let postal = bytes(21, [bytes(1, "s"), bytes(2, "c")].concat());
    let masked = mask.apply(&[postal, int(22, 1)].concat().into()).unwrap();
    assert_eq!(
        mask.dropped(&masked.withheld).collect::<Vec<_>>(),
        ["pager"]
    );
    let absent: Vec<_> = mask.absent(&masked.withheld).collect();
    assert_eq!(absent, ["full_name", "postal.street"]);
}

#[test]
fn an_optional_field_is_no_oneof_to_watch() {
    let (text, number) = (bytes(17, "t"), int(18, 1));
    leaves(
        "sample.Scalars",
        &["maybe_text"],
        &[text.clone(), number],
        &[text],
    );
}
