//! The traps of the wire format, each by its name.

use bytes::Bytes;

use crate::contracts::{mask, through};
use crate::wire::{bytes, fixed32, fixed64, group, int, padded, tag, varint};

const PERSON: &str = "sample.Person";

#[track_caller]
fn leaves(name: &str, paths: &[&str], input: &[Vec<u8>], expected: &[Vec<u8>]) {
    let left = through(name, paths, &input.concat()).unwrap();
    assert_eq!(left, expected.concat());
}

#[test]
fn the_input_itself_comes_back_when_nothing_is_dropped() {
    let address = bytes(10, bytes(1, "Hàng Bông"));
    let input = Bytes::from([bytes(2, "Lan"), address, bytes(12, bytes(1, "x"))].concat());
    let masked = mask(PERSON, &["full_name", "residence.street", "homes"])
        .apply(&input)
        .unwrap();
    assert_eq!(masked.bytes.as_ptr(), input.as_ptr());
    assert_eq!(masked.bytes.len(), input.len());
}

#[test]
fn an_empty_message_leaves_as_it_came() {
    leaves(PERSON, &["full_name"], &[], &[]);
    leaves(PERSON, &[], &[], &[]);
}

#[test]
fn no_paths_grant_nothing() {
    leaves(
        PERSON,
        &[],
        &[bytes(1, "1"), bytes(2, "Lan"), bytes(10, bytes(1, "x"))],
        &[],
    );
}

#[test]
fn what_is_not_granted_is_dropped_at_every_depth() {
    let residence = bytes(
        10,
        [bytes(1, "street"), bytes(2, "commune"), int(3, 7)].concat(),
    );
    let input = [bytes(1, "id"), bytes(2, "Lan"), bytes(3, "none"), residence];
    let expected = [
        bytes(2, "Lan"),
        bytes(10, [bytes(1, "street"), int(3, 7)].concat()),
    ];
    leaves(
        PERSON,
        &["full_name", "residence.street", "residence.house"],
        &input,
        &expected,
    );
}

#[test]
fn lengths_shrink_by_a_byte_where_their_own_length_does() {
    for (kept, dropped) in [
        (100, 20),
        (100, 100),
        (127, 1),
        (128, 1),
        (126, 1),
        (16_000, 500),
    ] {
        let street = bytes(1, vec![b's'; kept]);
        let address = [street.clone(), bytes(2, vec![b'c'; dropped])].concat();
        let mother = bytes(30, [bytes(10, &address), bytes(3, "x")].concat());
        let expected = bytes(30, bytes(10, &street));
        leaves(PERSON, &["mother.residence.street"], &[mother], &[expected]);
    }
}

#[test]
fn unknown_fields_of_each_wire_type_are_dropped() {
    let name = bytes(2, "Lan");
    let unknown = [
        int(99, 1),
        fixed64(98, 1),
        bytes(97, "x"),
        group(96, [group(1, int(2, 3)), bytes(5, "x")].concat()),
        fixed32(95, 1),
        int(536_870_911, 1),
    ];
    for field in unknown {
        leaves(
            PERSON,
            &["full_name"],
            &[field.clone(), name.clone()],
            std::slice::from_ref(&name),
        );
        leaves(
            PERSON,
            &["full_name"],
            &[name.clone(), field],
            std::slice::from_ref(&name),
        );
    }
}

#[test]
fn unknown_fields_within_a_message_that_is_granted_whole_are_dropped() {
    let street = bytes(1, "street");
    let point = |extra: Vec<u8>| bytes(4, [fixed64(1, 7), extra].concat());
    let input = [street.clone(), point(int(99, 1)), bytes(77, "x")].concat();
    let expected = [street, point(Vec::new())].concat();
    leaves(
        PERSON,
        &["residence"],
        &[bytes(10, &input)],
        &[bytes(10, &expected)],
    );
    leaves(
        PERSON,
        &["homes"],
        &[bytes(12, bytes(2, &input))],
        &[bytes(12, bytes(2, &expected))],
    );
}

#[test]
fn a_message_that_is_granted_whole_is_checked_to_its_last_byte() {
    let malformed = bytes(10, bytes(4, int(1, 7)));
    assert!(through(PERSON, &["residence"], &malformed).is_err());
    assert!(through(PERSON, &["relatives"], &bytes(31, bytes(2, &malformed))).is_err());
}

#[test]
fn extensions_are_dropped_like_unknown_fields() {
    let title = bytes(1, "t");
    let input = [bytes(100, "note"), title.clone(), bytes(101, bytes(1, "x"))];
    leaves(
        "old.Record",
        &["title"],
        &input,
        std::slice::from_ref(&title),
    );
    let inner = [bytes(11, input.concat())];
    leaves("old.Record", &["inner"], &inner, &[bytes(11, title)]);
}

#[test]
fn an_any_beneath_a_whole_message_is_dropped_with_its_type() {
    let any = [bytes(1, "type.googleapis.com/x.Y"), bytes(2, "secret")].concat();
    let name = bytes(2, "Lan");
    let person = [
        name.clone(),
        bytes(40, &any),
        bytes(41, &any),
        bytes(42, bytes(2, &any)),
    ];
    let input = [bytes(30, person.concat())];
    leaves(PERSON, &["mother"], &input, &[bytes(30, name)]);
}

#[test]
fn an_any_leaves_as_far_as_its_content_is_named() {
    let (kind, value) = (bytes(1, "type.googleapis.com/x.Y"), bytes(2, "v"));
    let any = [kind.clone(), value.clone(), bytes(3, "?")].concat();
    leaves(
        PERSON,
        &["detail.value"],
        &[bytes(40, &any)],
        &[bytes(40, &value)],
    );
    let both = [kind, value.clone()].concat();
    leaves(
        PERSON,
        &["detail.value", "detail.type_url"],
        &[bytes(40, &any)],
        &[bytes(40, both)],
    );
    let entry = |any: &[u8]| bytes(42, [bytes(1, "k"), bytes(2, any)].concat());
    leaves(PERSON, &["extras.value"], &[entry(&any)], &[entry(&value)]);
}

#[test]
fn every_part_of_a_split_message_is_filtered() {
    let part = |fields: &[Vec<u8>]| bytes(10, fields.concat());
    let input = [
        part(&[bytes(1, "a"), bytes(2, "b")]),
        bytes(2, "Lan"),
        part(&[bytes(2, "c")]),
        part(&[int(3, 1), bytes(1, "d")]),
    ];
    let expected = [
        part(&[bytes(1, "a")]),
        bytes(2, "Lan"),
        part(&[]),
        part(&[bytes(1, "d")]),
    ];
    leaves(
        PERSON,
        &["full_name", "residence.street"],
        &input,
        &expected,
    );
}

#[test]
fn a_message_stays_present_when_nothing_of_it_is_left() {
    let input = [
        bytes(11, bytes(2, "x")),
        bytes(11, ""),
        bytes(10, bytes(2, "x")),
    ];
    let expected = [bytes(11, ""), bytes(11, ""), bytes(10, "")];
    leaves(
        PERSON,
        &["former.street", "residence.street"],
        &input,
        &expected,
    );
}

#[test]
fn repeated_messages_are_filtered_one_by_one() {
    let address = |fields: &[Vec<u8>]| bytes(11, fields.concat());
    let input = [
        address(&[bytes(1, "a"), int(3, 1)]),
        address(&[int(3, 2), bytes(1, "b")]),
    ];
    let expected = [address(&[bytes(1, "a")]), address(&[bytes(1, "b")])];
    leaves(PERSON, &["former.street"], &input, &expected);
}

#[test]
fn duplicates_of_a_singular_field_all_leave_or_none() {
    let input = [
        bytes(2, "a"),
        bytes(3, "x"),
        bytes(2, "b"),
        bytes(3, "y"),
        bytes(2, ""),
    ];
    let expected = [bytes(2, "a"), bytes(2, "b"), bytes(2, "")];
    leaves(PERSON, &["full_name"], &input, &expected);
}

#[test]
fn fields_leave_in_the_order_they_came() {
    let input = [
        bytes(20, "p"),
        bytes(3, "x"),
        bytes(2, "Lan"),
        int(4, 1),
        bytes(1, "id"),
    ];
    let expected = [bytes(20, "p"), bytes(2, "Lan"), bytes(1, "id")];
    leaves(
        PERSON,
        &["personal_id", "full_name", "phone"],
        &input,
        &expected,
    );
}

#[test]
fn numbers_leave_packed_loose_or_mixed_whatever_was_declared() {
    for (name, number) in [("marks", 14), ("sex", 4)] {
        leaves(PERSON, &[name], &[int(number, 3)], &[int(number, 3)]);
    }
    let halves = [
        bytes(14, [2, 4]),
        int(14, 6),
        bytes(14, ""),
        bytes(14, [0x80, 1]),
        int(14, 8),
    ];
    leaves(PERSON, &["marks"], &halves, &halves);
    leaves(PERSON, &["full_name"], &halves, &[]);
    let loose = [bytes(3, [1, 2]), int(3, 3), bytes(4, [1]), int(4, 2)];
    leaves("old.Record", &["loose", "packed"], &loose, &loose);
    let wide = [
        fixed64(1, 1),
        bytes(1, [0; 16]),
        fixed32(2, 1),
        bytes(2, [0; 8]),
    ];
    leaves("sample.Lists", &["f64", "f32"], &wide, &wide);
}

#[test]
fn a_path_into_a_map_keeps_the_key_and_filters_the_value() {
    let value = |fields: &[Vec<u8>]| bytes(2, fields.concat());
    let entry = |fields: &[Vec<u8>]| bytes(12, fields.concat());
    let (key, street, house) = (bytes(1, "home"), bytes(1, "s"), int(3, 1));
    let both = value(&[street.clone(), house.clone()]);
    let granted = value(std::slice::from_ref(&street));
    let input = [
        entry(&[key.clone(), both.clone()]),
        // Value first, and again; key again; neither; and a field that no entry has.
        entry(&[both.clone(), key.clone(), both.clone(), key.clone()]),
        entry(&[]),
        entry(std::slice::from_ref(&key)),
        entry(std::slice::from_ref(&both)),
        entry(&[key.clone(), int(3, 1), both.clone()]),
    ];
    let expected = [
        entry(&[key.clone(), granted.clone()]),
        entry(&[granted.clone(), key.clone(), granted.clone(), key.clone()]),
        entry(&[]),
        entry(std::slice::from_ref(&key)),
        entry(std::slice::from_ref(&granted)),
        entry(&[key.clone(), granted.clone()]),
    ];
    leaves(PERSON, &["homes.street"], &input, &expected);
}

#[test]
fn a_map_leaves_whole_or_not_at_all_but_for_what_its_entries_do_not_know() {
    let entry = bytes(13, [int(1, 7), bytes(2, "x")].concat());
    let padded = bytes(13, [int(1, 7), bytes(9, "?"), bytes(2, "x")].concat());
    leaves(PERSON, &["labels"], std::slice::from_ref(&padded), &[entry]);
    leaves(PERSON, &["full_name"], &[padded], &[]);
    assert!(through(PERSON, &["labels"], &bytes(13, bytes(1, "x"))).is_err());
}

#[test]
fn groups_are_descended_into_or_dropped() {
    let row = |fields: &[Vec<u8>]| group(3, fields.concat());
    let (street, cell, mark) = (bytes(1, "s"), bytes(1, "c"), bytes(2, "m"));
    let full = row(&[cell.clone(), mark.clone(), int(9, 1)]);
    let block = group(6, [street.clone(), int(2, 1), full.clone(), full].concat());
    let item = group(7, [bytes(1, "n"), int(2, 5)].concat());
    let input = [block, item.clone(), bytes(1, "t"), item];
    let only_cell = row(std::slice::from_ref(&cell));
    let block = group(6, [street, only_cell.clone(), only_cell].concat());
    let item = group(7, bytes(1, "n"));
    let expected = [block, item.clone(), item];
    let paths = ["block.street", "block.row.cell", "item.name"];
    leaves("old.Record", &paths, &input, &expected);
}

#[test]
fn a_group_within_a_message_within_a_group_is_filtered() {
    let inner = |body: &[u8]| group(6, bytes(4, group(6, body)));
    let full = [bytes(1, "s"), int(2, 3)].concat();
    let paths = ["block.nested.block.street"];
    leaves(
        "old.Record",
        &paths,
        &[inner(&full)],
        &[inner(&bytes(1, "s"))],
    );
}

#[test]
fn types_that_contain_themselves_are_filtered_at_every_turn() {
    let person = |extra: &[u8], inner: &[u8]| {
        let relative = bytes(31, [bytes(1, "sister"), bytes(2, inner)].concat());
        [bytes(2, "Lan"), extra.to_vec(), relative].concat()
    };
    let nest = |extra: &[u8]| (0..20).fold(Vec::new(), |inner, _| person(extra, &inner));
    let input = [bytes(30, nest(&bytes(99, "?")))];
    leaves(PERSON, &["mother"], &input, &[bytes(30, nest(&[]))]);
}

#[test]
fn longer_tags_and_lengths_than_needed_are_read_all_the_same() {
    let name = [padded(2 << 3 | 2, 3), padded(3, 2), b"Lan".to_vec()].concat();
    let religion = [padded(3 << 3 | 2, 4), padded(2, 7), b"xx".to_vec()].concat();
    leaves(PERSON, &["full_name"], &[name.clone(), religion], &[name]);
    // A length that has to change is written as short as it can be.
    let body = [bytes(1, "s"), bytes(2, "c")].concat();
    let address = [tag(10, 2), padded(body.len() as u64, 3), body].concat();
    leaves(
        PERSON,
        &["residence.street"],
        &[address],
        &[bytes(10, bytes(1, "s"))],
    );
}

#[test]
fn field_numbers_far_apart_are_found() {
    let input = [
        bytes(300, "far"),
        bytes(536_870_911, "farthest"),
        bytes(301, "?"),
    ];
    leaves("sample.Scalars", &["far"], &input, &input[..1]);
    leaves("sample.Scalars", &["farthest"], &input, &input[1..2]);
}

#[test]
fn a_wide_path_and_a_narrow_one_beneath_it_grant_the_wide_one_in_either_order() {
    let address = [bytes(10, [bytes(1, "s"), bytes(2, "c")].concat())];
    leaves(
        PERSON,
        &["residence", "residence.street"],
        &address,
        &address,
    );
    leaves(
        PERSON,
        &["residence.street", "residence"],
        &address,
        &address,
    );
}

#[test]
fn a_message_larger_than_the_scratch_that_is_kept_is_filtered_all_the_same() {
    let full = bytes(11, [bytes(1, "s"), bytes(2, "c")].concat());
    let left = through(PERSON, &["former.street"], &full.repeat(10_000)).unwrap();
    assert_eq!(left, bytes(11, bytes(1, "s")).repeat(10_000));
    // And the scratch is clean for the next one.
    leaves(
        PERSON,
        &["former.street"],
        &[full],
        &[bytes(11, bytes(1, "s"))],
    );
}

#[test]
fn a_refused_message_leaves_no_trace_in_the_next_one() {
    let bad = [bytes(3, "x"), bytes(10, bytes(2, "c")), bytes(22, "x")].concat();
    assert!(through(PERSON, &["residence.street", "phone"], &bad).is_err());
    let good = [bytes(20, "p"), varint(4 << 3), vec![1]];
    leaves(
        PERSON,
        &["residence.street", "phone"],
        &good,
        &[bytes(20, "p")],
    );
}
