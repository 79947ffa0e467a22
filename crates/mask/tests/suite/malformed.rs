//! What is malformed is refused, and nothing of it leaves.

use motlan_mask::{DEPTH_MAX, MaskError};

use crate::contracts::through;
use crate::wire::{bytes, fixed32, fixed64, group, int, padded, tag};

const PERSON: &str = "sample.Person";

fn refusal(input: impl AsRef<[u8]>) -> MaskError {
    through(
        PERSON,
        &["full_name", "residence.street", "marks"],
        input.as_ref(),
    )
    .unwrap_err()
}

#[test]
fn every_proper_prefix_of_a_message_is_refused_or_ends_between_two_fields() {
    let fields = [
        bytes(2, "Lan"),
        bytes(10, [bytes(1, "Hàng Bông"), bytes(2, "Cửa Nam")].concat()),
        bytes(14, [2, 4, 0x80, 1]),
        int(99, 300),
        fixed32(98, 7),
        fixed64(97, 7),
        group(96, bytes(1, "x")),
    ];
    let ends: Vec<usize> = fields
        .iter()
        .scan(0, |end, field| {
            *end += field.len();
            Some(*end)
        })
        .collect();
    let message = fields.concat();
    for length in 1..message.len() {
        let paths = ["full_name", "residence.street", "marks"];
        let answer = through(PERSON, &paths, &message[..length]);
        assert_eq!(
            answer.is_ok(),
            ends.contains(&length),
            "{length}: {answer:?}"
        );
    }
}

#[test]
fn a_length_past_the_end_is_refused_for_kept_dropped_and_unknown_fields_alike() {
    for number in [2, 3, 10, 14, 99] {
        let input = [tag(number, 2), vec![5], b"abcd".to_vec()].concat();
        assert!(
            matches!(refusal(input), MaskError::Truncated { .. }),
            "{number}"
        );
        let huge = [tag(number, 2), vec![0xff; 9], vec![1], b"abcd".to_vec()].concat();
        assert!(
            matches!(refusal(huge), MaskError::Truncated { .. }),
            "{number}"
        );
    }
}

#[test]
fn a_length_past_the_end_of_the_message_around_it_is_refused() {
    // The street reaches into the name that follows its address.
    let input = [
        bytes(10, [tag(1, 2), vec![9]].concat()),
        bytes(2, "Lan Lan Lan"),
    ]
    .concat();
    assert!(matches!(refusal(input), MaskError::Truncated { .. }));
}

#[test]
fn a_varint_of_eleven_bytes_or_of_more_than_64_bits_is_refused() {
    let eleven = [tag(4, 0), vec![0x80; 10], vec![0]].concat();
    assert_eq!(refusal(eleven), MaskError::Varint { at: 1 });
    let overflowing = [tag(4, 0), vec![0xff; 9], vec![2]].concat();
    assert_eq!(refusal(overflowing), MaskError::Varint { at: 1 });
    let unknown = [tag(99, 0), vec![0xff; 10], vec![1]].concat();
    assert_eq!(refusal(unknown), MaskError::Varint { at: 2 });
    let within_a_packed_list = bytes(14, [vec![0xff; 10], vec![1]].concat());
    assert_eq!(refusal(within_a_packed_list), MaskError::Varint { at: 2 });
    let widest = [tag(4, 0), vec![0xff; 9], vec![1]].concat();
    assert_eq!(through(PERSON, &["sex"], &widest).unwrap(), widest);
}

#[test]
fn a_field_number_that_is_zero_or_too_large_is_refused() {
    assert_eq!(refusal([0, 1]), MaskError::FieldNumber { at: 0 });
    assert_eq!(refusal([2, 0]), MaskError::FieldNumber { at: 0 });
    let large = [padded(1 << 32 | 8, 0), vec![1]].concat();
    assert_eq!(refusal(large), MaskError::FieldNumber { at: 0 });
    let within_an_unknown_group = group(99, [0, 1]);
    assert_eq!(
        refusal(within_an_unknown_group),
        MaskError::FieldNumber { at: 2 }
    );
}

#[test]
fn the_reserved_wire_types_are_refused_for_known_and_unknown_fields() {
    for number in [2, 3, 99] {
        for wire in [6, 7] {
            let input = [bytes(2, "Lan"), tag(number, wire), vec![0]].concat();
            assert_eq!(refusal(input), MaskError::ReservedWireType { at: 5 });
        }
    }
}

#[test]
fn a_known_field_with_a_wrong_wire_type_is_refused_be_it_kept_or_dropped() {
    // Each field of the person, and the wire types that are right for it.
    let fields = [
        (2, vec![2]),
        (3, vec![2]),
        (4, vec![0]),
        (10, vec![2]),
        (11, vec![2]),
    ];
    let more = [
        (12, vec![2]),
        (14, vec![0, 2]),
        (21, vec![2]),
        (22, vec![0]),
        (40, vec![2]),
    ];
    for (number, right) in fields.into_iter().chain(more) {
        let values = [
            int(number, 0),
            fixed64(number, 0),
            bytes(number, ""),
            group(number, ""),
        ];
        for (wire, value) in values.into_iter().chain([fixed32(number, 0)]).enumerate() {
            let wire = if wire == 4 { 5 } else { wire };
            let answer = through(PERSON, &["full_name", "residence.street", "marks"], &value);
            match right.contains(&wire) {
                true => assert!(answer.is_ok(), "{number} as {wire}: {answer:?}"),
                false => assert_eq!(answer, Err(MaskError::WireType { at: 0, number })),
            }
        }
    }
}

#[test]
fn a_packed_list_that_ends_within_an_element_is_refused() {
    assert!(matches!(
        refusal(bytes(14, [2, 0x80])),
        MaskError::Truncated { .. }
    ));
    let lists = |number| through("sample.Lists", &["f64", "f32"], &bytes(number, [0; 7]));
    assert!(matches!(lists(1), Err(MaskError::Truncated { .. })));
    assert!(matches!(lists(2), Err(MaskError::Truncated { .. })));
}

#[test]
fn an_end_of_group_that_nothing_began_is_refused() {
    assert_eq!(refusal(tag(2, 4)), MaskError::EndGroup { at: 0 });
    assert_eq!(refusal(tag(99, 4)), MaskError::EndGroup { at: 0 });
    // A group must end within the message that it began in.
    let across = [bytes(10, tag(99, 3)), tag(99, 4)].concat();
    assert!(matches!(refusal(across), MaskError::Truncated { .. }));
}

#[test]
fn a_group_that_ends_as_another_is_refused_be_it_kept_dropped_or_unknown() {
    let other = [tag(6, 3), tag(7, 4)].concat();
    let answer = through("old.Record", &["block"], &other);
    assert_eq!(answer, Err(MaskError::EndGroup { at: 1 }));
    for number in [6, 7, 300] {
        let crossed = [tag(number, 3), tag(9, 3), tag(number, 4), tag(9, 4)].concat();
        let answer = through("old.Record", &["block"], &crossed);
        assert!(
            matches!(answer, Err(MaskError::EndGroup { .. })),
            "{number}: {answer:?}"
        );
        let open = [tag(number, 3), int(2, 1)].concat();
        let answer = through("old.Record", &["block"], &open);
        assert!(
            matches!(answer, Err(MaskError::Truncated { .. })),
            "{number}: {answer:?}"
        );
    }
}

#[test]
fn a_string_of_proto3_that_leaves_must_be_utf8_and_bytes_need_not_be() {
    let name = bytes(2, [b'L', 0xff]);
    assert_eq!(refusal(&name), MaskError::Utf8 { at: 0, number: 2 });
    // An overlong form of `/`, and a surrogate.
    assert_eq!(
        refusal(bytes(2, [0xc0, 0xaf])),
        MaskError::Utf8 { at: 0, number: 2 }
    );
    assert_eq!(
        refusal(bytes(2, [0xed, 0xa0, 0x80])),
        MaskError::Utf8 { at: 0, number: 2 }
    );
    let beneath = bytes(10, bytes(1, [0xff]));
    assert_eq!(refusal(beneath), MaskError::Utf8 { at: 2, number: 1 });
    let key = bytes(12, bytes(1, [0xff]));
    assert!(through(PERSON, &["homes.street"], &key).is_err());
    let raw = bytes(10, [0xff]);
    assert_eq!(through("sample.Scalars", &["raw"], &raw).unwrap(), raw);
    let proto2 = bytes(1, [0xff]);
    assert_eq!(through("old.Record", &["title"], &proto2).unwrap(), proto2);
}

#[test]
fn messages_nest_as_deep_as_the_limit_and_no_deeper() {
    let nested = |depth| (0..depth).fold(bytes(2, "Lan"), |inner, _| bytes(30, inner));
    let deepest = nested(DEPTH_MAX);
    assert_eq!(through(PERSON, &["mother"], &deepest).unwrap(), deepest);
    let answer = through(PERSON, &["mother"], &nested(DEPTH_MAX + 1));
    assert!(matches!(answer, Err(MaskError::Depth { .. })), "{answer:?}");
}

#[test]
fn groups_that_are_kept_dropped_or_unknown_nest_as_deep_as_the_limit_and_no_deeper() {
    let unknown = |depth| (0..depth).fold(Vec::new(), |inner, _| group(300, inner));
    assert!(through(PERSON, &[], &unknown(DEPTH_MAX)).is_ok());
    let answer = through(PERSON, &[], &unknown(DEPTH_MAX + 1));
    assert!(matches!(answer, Err(MaskError::Depth { .. })), "{answer:?}");

    // A block with a record with a block: two levels each.
    let block = |depth| (0..depth / 2).fold(Vec::new(), |inner, _| group(6, bytes(4, inner)));
    for paths in [["block"], ["block.nested"]] {
        assert!(through("old.Record", &paths, &block(DEPTH_MAX)).is_ok());
        let answer = through("old.Record", &paths, &block(DEPTH_MAX + 2));
        assert!(matches!(answer, Err(MaskError::Depth { .. })), "{answer:?}");
    }
}

#[test]
fn an_error_says_where_and_never_what() {
    let error = refusal(bytes(2, [b'L', b'a', b'n', 0xff]));
    assert_eq!(error.to_string(), "field 2 at byte 0 is not utf-8");
    assert!(!format!("{error:?}").contains("Lan"));
}
