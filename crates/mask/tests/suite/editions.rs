//! Files in an edition: rewritten for `prost-reflect`, and then masked like any other.

mod files;
mod protoc;

use std::borrow::Cow;

use motlan_mask::editions::lower;
use motlan_mask::{EditionError, MaskError};
use prost_reflect::{Cardinality, DynamicMessage};

use crate::wire::{bytes, fixed32, group, int};
use files::{ENCODING, ENUM, GROUP, MESSAGE, OPTIONAL, PRESENCE, REPEATED, REPETITION, STRING};
use files::{UINT32, UTF8, features, field, fields, file, leaves, message, pool, set, through};

#[test]
fn every_edition_that_is_known_has_the_same_defaults() {
    for edition in [1000, 1001] {
        let fields = [
            field("text", 1, OPTIONAL, (STRING, ""), &[]),
            field("list", 2, REPEATED, (UINT32, ""), &[]),
            field("m", 3, OPTIONAL, (MESSAGE, ".e.M"), &[]),
        ];
        let pool = pool(&[file(edition, &[message("M", &fields, &[])], &[])]);
        let message = pool.get_message_by_name("e.M").unwrap();
        let list = message.get_field_by_name("list").unwrap();
        assert!(list.is_packed());
        assert!(!message.get_field_by_name("m").unwrap().is_group());
        let refused = through(&pool, "e.M", &["text"], &[bytes(1, [0xff])]);
        assert_eq!(refused, Err(MaskError::Utf8 { at: 0, number: 1 }));
        let value = |feature| resolved(&list.options(), feature);
        assert_eq!([1, 2, 3, 4, 5, 6].map(value), [1, 1, 1, 2, 1, 1].map(Some));
    }
}

/// The number of a feature's value in a field's options, if it stands there.
fn resolved(options: &DynamicMessage, feature: u32) -> Option<i32> {
    let features = options.get_field_by_name("features").unwrap();
    let features = features.as_message().unwrap();
    let there = features.has_field_by_number(feature);
    there.then(|| {
        features
            .get_field_by_number(feature)
            .unwrap()
            .as_enum_number()
            .unwrap()
    })
}

#[test]
fn the_innermost_word_on_a_feature_holds() {
    // The feature at the file, the outer and the inner message, the `oneof`, the field.
    for said in 0_u32..32 {
        let says = |level: u32| said & 1 << level != 0;
        // Alternating, so that a level that is passed over shows.
        let value = |level: u32| [(UTF8, u64::from(2 + (level + 1) % 2))];
        let at = |level: u32, options: u32, features: u32| match says(level) {
            true => vec![bytes(options, bytes(features, set(&value(level))))],
            false => Vec::new(),
        };
        let member = [vec![int(9, 0)], at(4, 8, 21)].concat();
        let text = field("text", 1, OPTIONAL, (STRING, ""), &member);
        let oneof = [vec![bytes(1, "one")], at(3, 2, 1)].concat().concat();
        let more = [vec![bytes(8, oneof)], at(2, 7, 12)].concat();
        let inner = message("Inner", &[text], &more);
        let outer = message(
            "Outer",
            &[],
            &[vec![bytes(3, inner)], at(1, 7, 12)].concat(),
        );
        let pool = pool(&[file(1000, &[outer], &at(0, 8, 50))]);
        let verified = (0..5)
            .rev()
            .find(|level| says(*level))
            .is_none_or(|level| level % 2 == 1);
        let left = through(&pool, "e.Outer.Inner", &["text"], &[bytes(1, [0xff])]);
        assert_eq!(left.is_err(), verified, "{said:05b}");
    }
}

#[test]
fn an_extension_has_the_features_of_where_it_is_declared() {
    let text = |name: &str, number| {
        field(
            name,
            number,
            OPTIONAL,
            (MESSAGE, ".e.M"),
            &[bytes(2, ".e.M")],
        )
    };
    let range = bytes(5, [int(1, 100), int(2, 200)].concat());
    let delimited = bytes(12, set(&[(ENCODING, 2)]));
    let scope = message(
        "Scope",
        &[],
        &[bytes(6, text("within", 101)), bytes(7, delimited)],
    );
    let messages = [message("M", &[], &[range]), scope];
    let pool = pool(&[file(1000, &messages, &[bytes(7, text("beside", 100))])]);
    let group = |name: &str| pool.get_extension_by_name(name).unwrap().is_group();
    assert_eq!((group("e.beside"), group("e.Scope.within")), (false, true));
}

#[test]
fn a_delimited_field_is_a_group_and_no_other_is() {
    let place = (MESSAGE, ".e.Place");
    let pool = pool(&[fields(&[
        field("home", 1, OPTIONAL, place, &[features(&[(ENCODING, 2)])]),
        field("work", 2, OPTIONAL, place, &[]),
        field("past", 3, REPEATED, place, &[features(&[(ENCODING, 2)])]),
        field(
            "note",
            4,
            OPTIONAL,
            (STRING, ""),
            &[features(&[(ENCODING, 2)])],
        ),
    ])]);
    let street = || bytes(1, "Lê Lợi");
    let paths = ["home.street", "work.street", "past", "note"];
    let place = || [street(), bytes(2, street())].concat();
    let input = [
        group(1, place()),
        bytes(2, place()),
        group(3, place()),
        group(3, place()),
        bytes(4, "x"),
    ];
    let expected = [
        group(1, street()),
        bytes(2, street()),
        group(3, place()),
        group(3, place()),
        bytes(4, "x"),
    ];
    leaves(&pool, "e.M", &paths, &input, &expected);
    for (number, wrong) in [
        (1, bytes(1, place())),
        (2, group(2, place())),
        (3, bytes(3, place())),
        (4, group(4, place())),
    ] {
        let refused = through(&pool, "e.M", &paths, &[wrong]);
        assert_eq!(refused, Err(MaskError::WireType { at: 0, number }));
    }
}

#[test]
fn neither_a_map_nor_its_entries_are_delimited() {
    for name in [".e.M.HomesEntry", "HomesEntry", "M.HomesEntry"] {
        let entry = message(
            "HomesEntry",
            &[
                field("key", 1, OPTIONAL, (STRING, ""), &[]),
                field(
                    "value",
                    2,
                    OPTIONAL,
                    (MESSAGE, ".e.M"),
                    &[features(&[(ENCODING, 2)])],
                ),
            ],
            &[bytes(7, int(7, 1))],
        );
        let homes = features(&[(ENCODING, 2)]);
        let homes = field("homes", 1, REPEATED, (MESSAGE, name), &[homes]);
        let text = field("text", 2, OPTIONAL, (STRING, ""), &[]);
        let m = message("M", &[homes, text], &[bytes(3, entry)]);
        let delimited = bytes(8, bytes(50, set(&[(ENCODING, 2)])));
        let pool = pool(&[file(1000, &[m], &[delimited])]);
        let entry = |m: Vec<u8>| bytes(1, [bytes(1, "key"), bytes(2, m)].concat());
        let inner = [bytes(2, "a"), entry(bytes(2, "b"))].concat();
        leaves(
            &pool,
            "e.M",
            &["homes.text"],
            &[entry(inner)],
            &[entry(bytes(2, "a"))],
        );
    }
}

#[test]
fn groups_lie_in_groups() {
    let deep = features(&[(ENCODING, 2)]);
    let parts = [
        field("next", 1, OPTIONAL, (MESSAGE, ".e.M"), &[deep]),
        field("text", 2, OPTIONAL, (STRING, ""), &[]),
        field("left", 3, OPTIONAL, (UINT32, ""), &[]),
    ];
    let pool = pool(&[file(1000, &[message("M", &parts, &[])], &[])]);
    let level = |next: Vec<u8>| [bytes(2, "t"), group(1, next), int(3, 7)].concat();
    let input = level(level([bytes(2, "t"), int(3, 7)].concat()));
    let kept = group(1, [bytes(2, "t"), group(1, int(3, 7))].concat());
    let paths = ["next.text", "next.next.left"];
    leaves(&pool, "e.M", &paths, &[input], &[kept]);
}

#[test]
fn a_denied_delimited_member_unsets_its_oneof() {
    let place = &[features(&[(ENCODING, 2)]), int(9, 0)];
    let place = field("place", 1, OPTIONAL, (MESSAGE, ".e.Place"), place);
    let text = field("text", 2, OPTIONAL, (STRING, ""), &[int(9, 0)]);
    let m = message("M", &[place, text], &[bytes(8, bytes(1, "one"))]);
    let street = field("street", 1, OPTIONAL, (STRING, ""), &[]);
    let messages = [m, message("Place", &[street], &[])];
    let pool = pool(&[file(1000, &messages, &[])]);
    let input = [bytes(2, "x"), group(1, bytes(1, "y"))];
    leaves(&pool, "e.M", &["text"], &input, &[]);
    leaves(&pool, "e.M", &["place"], &input, &input[1..]);
    let input = [group(1, bytes(1, "y")), bytes(2, "x")];
    leaves(&pool, "e.M", &["text"], &input, &input[1..]);
}

#[test]
fn packed_and_expanded_are_said_and_both_are_read() {
    let list = |name: &str, number, kind, packed| {
        field(
            name,
            number,
            REPEATED,
            kind,
            &[features(&[(REPETITION, packed)])],
        )
    };
    let kind = bytes(
        5,
        [bytes(1, "K"), bytes(2, [bytes(1, "A"), int(2, 0)].concat())].concat(),
    );
    let m = [
        list("packed", 1, (UINT32, ""), 1),
        list("expanded", 2, (UINT32, ""), 2),
        list("kinds", 3, (ENUM, ".e.K"), 2),
        list("fixed", 4, (7, ""), 1),
        list("texts", 5, (STRING, ""), 1),
    ];
    let pool = pool(&[file(1000, &[message("M", &m, &[])], &[kind])]);
    let descriptor = pool.get_message_by_name("e.M").unwrap();
    let packed: Vec<bool> = descriptor.fields().map(|field| field.is_packed()).collect();
    assert_eq!(packed, [true, false, false, true, false]);
    let input = [
        bytes(1, [1, 2]),
        int(1, 3),
        int(2, 1),
        bytes(2, [2, 3]),
        int(3, 0),
        bytes(3, [0, 0]),
        bytes(4, [0; 8]),
        fixed32(4, 1),
        bytes(5, "x"),
    ];
    let all = ["packed", "expanded", "kinds", "fixed", "texts"];
    leaves(&pool, "e.M", &all, &input, &input);
    leaves(&pool, "e.M", &["expanded"], &input, &input[2..4]);
}

#[test]
fn presence_is_that_of_the_wire_but_for_required() {
    let m = [
        field(
            "implicit",
            1,
            OPTIONAL,
            (UINT32, ""),
            &[features(&[(PRESENCE, 2)])],
        ),
        field("explicit", 2, OPTIONAL, (UINT32, ""), &[]),
        field(
            "required",
            3,
            OPTIONAL,
            (UINT32, ""),
            &[features(&[(PRESENCE, 3)])],
        ),
        field(
            "list",
            4,
            REPEATED,
            (UINT32, ""),
            &[features(&[(PRESENCE, 3)])],
        ),
    ];
    let pool = pool(&[file(1000, &[message("M", &m, &[])], &[])]);
    let message = pool.get_message_by_name("e.M").unwrap();
    let cardinalities: Vec<_> = message.fields().map(|field| field.cardinality()).collect();
    let optional = Cardinality::Optional;
    let expected = [
        optional,
        optional,
        Cardinality::Required,
        Cardinality::Repeated,
    ];
    assert_eq!(cardinalities, expected);
    let implicit = message.get_field(1).unwrap();
    assert_eq!(resolved(&implicit.options(), PRESENCE), Some(2));
    let input = [int(1, 0), int(2, 0)];
    leaves(
        &pool,
        "e.M",
        &["implicit", "explicit", "required"],
        &input,
        &input,
    );
}

#[test]
fn what_is_not_known_of_options_is_kept_byte_for_byte() {
    let odd = [
        bytes(50_001, b"\x00\xff\x08".as_slice()),
        bytes(50_001, "again"),
        int(50_002, 1 << 40),
        group(50_003, fixed32(1, 9)),
    ];
    let odd = odd.concat();
    let own = bytes(
        21,
        [bytes(1000, b"\xff".as_slice()), int(ENCODING, 2)].concat(),
    );
    let options = bytes(8, [odd.clone(), own, int(3, 1)].concat());
    let parts = [field("text", 1, OPTIONAL, (STRING, ""), &[options])];
    let m = message(
        "M",
        &parts,
        &[
            bytes(7, &odd),
            bytes(8, [bytes(1, "one"), bytes(2, &odd)].concat()),
        ],
    );
    let method = [
        bytes(1, "Ask"),
        bytes(2, ".e.M"),
        bytes(3, ".e.M"),
        bytes(4, &odd),
    ]
    .concat();
    let service = [bytes(1, "S"), bytes(2, method), bytes(3, &odd)].concat();
    let value = [bytes(1, "A"), int(2, 0), bytes(3, &odd)].concat();
    let kind = [bytes(1, "K"), bytes(2, value), bytes(3, &odd)].concat();
    let more = [
        bytes(5, kind),
        bytes(6, service),
        bytes(8, &odd),
        int(14, 1000),
    ];
    let file = file(1000, &[m], &more);
    let lowered = lower(&file).unwrap();
    let count = |bytes: &[u8]| bytes.windows(odd.len()).filter(|part| *part == odd).count();
    assert_eq!((count(&file), count(&lowered)), (8, 8));
    // And so are the features of others, which a known one does not displace.
    let pool = pool(&[file]);
    let field = pool
        .get_message_by_name("e.M")
        .unwrap()
        .get_field(1)
        .unwrap();
    let options = field.options();
    assert_eq!(resolved(&options, ENCODING), Some(2));
    let features = options.get_field_by_name("features").unwrap();
    let unknown: Vec<u32> = features
        .as_message()
        .unwrap()
        .unknown_fields()
        .map(|field| field.number())
        .collect();
    assert_eq!(unknown, [1000]);
    assert_eq!(
        options.get_field_by_name("deprecated").unwrap().as_bool(),
        Some(true)
    );
}

#[test]
fn files_of_all_kinds_import_each_other() {
    let old = [bytes(1, "old.proto"), bytes(2, "old")].concat();
    let part = message(
        "Part",
        &[field("text", 1, OPTIONAL, (STRING, ""), &[])],
        &[],
    );
    let group_of = field("group", 2, OPTIONAL, (GROUP, ".old.Part"), &[]);
    let old = [
        old,
        bytes(4, part),
        bytes(4, message("Old", &[group_of], &[])),
    ]
    .concat();
    let delimited = features(&[(ENCODING, 2)]);
    let ours = [
        field("old", 1, OPTIONAL, (MESSAGE, ".old.Old"), &[delimited]),
        field("own", 2, OPTIONAL, (STRING, ""), &[]),
    ];
    let ours = file(1001, &[message("M", &ours, &[])], &[bytes(3, "old.proto")]);
    let new = [bytes(1, "new.proto"), bytes(2, "new"), bytes(3, "e.proto")].concat();
    let new_m = message(
        "New",
        &[
            field("m", 1, OPTIONAL, (MESSAGE, ".e.M"), &[]),
            field("text", 2, OPTIONAL, (STRING, ""), &[]),
        ],
        &[],
    );
    let new = [new, bytes(4, new_m), bytes(12, "proto3")].concat();
    for file in [&old, &new] {
        assert!(matches!(lower(file), Ok(Cow::Borrowed(same)) if same == file));
    }
    let pool = pool(&[old, ours, new]);
    let raw = b"\xff".as_slice();
    let input = [bytes(1, group(1, group(2, bytes(1, raw))))];
    let all = ["m", "text"];
    leaves(&pool, "new.New", &all, &input, &input);
    for broken in [bytes(2, raw), bytes(1, bytes(2, raw))] {
        let refused = through(&pool, "new.New", &all, &[broken]);
        assert!(
            matches!(refused, Err(MaskError::Utf8 { number: 2, .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn an_edition_that_is_not_known_is_refused_by_its_name() {
    for (number, name) in [
        (0, "EDITION_UNKNOWN"),
        (1, "EDITION_1_TEST_ONLY"),
        (999, "EDITION_PROTO3"),
        (1002, "EDITION_2026"),
        (1003, "1003"),
        (9999, "EDITION_UNSTABLE"),
        (99_999, "EDITION_99999_TEST_ONLY"),
    ] {
        let refused = lower(&file(number, &[], &[])).unwrap_err();
        let (file, edition) = ("e.proto".to_owned(), name.to_owned());
        assert_eq!(refused, EditionError::Edition { file, edition });
    }
    let nothing = bytes(12, "editions");
    assert!(matches!(lower(&nothing), Err(EditionError::Edition { .. })));
}

#[test]
fn a_feature_with_an_unknown_value_is_refused_where_it_stands() {
    let text = |feature, value| {
        field(
            "text",
            1,
            OPTIONAL,
            (STRING, ""),
            &[features(&[(feature, value)])],
        )
    };
    // 1 meant `NONE` in a draft, and is reserved.
    for (feature, name, value) in [
        (UTF8, "utf8_validation", 1),
        (UTF8, "utf8_validation", 4),
        (ENCODING, "message_encoding", 0),
        (ENCODING, "message_encoding", 3),
        (PRESENCE, "field_presence", 4),
        (REPETITION, "repeated_field_encoding", 3),
    ] {
        let refused = lower(&fields(&[text(feature, value)])).unwrap_err();
        let told = format!("`e.M.text` has the unknown value {value} for the feature `{name}`");
        assert_eq!(refused.to_string(), told);
    }
    let more = bytes(8, bytes(50, int(UTF8, 9)));
    let refused = lower(&file(1000, &[], &[more])).unwrap_err();
    assert!(
        refused.to_string().starts_with("`e.proto` has"),
        "{refused}"
    );
}

#[test]
fn bytes_that_are_no_file_are_refused() {
    for broken in [b"\xff".as_slice(), &int(1, 1), &bytes(4, [0x0f])] {
        assert!(matches!(lower(broken), Err(EditionError::Malformed(_))));
    }
    let nested = (0..200).fold(message("M", &[], &[]), |inner, _| {
        message("M", &[], &[bytes(3, inner)])
    });
    assert!(matches!(
        lower(&file(1000, &[nested], &[])),
        Err(EditionError::Malformed(_))
    ));
}
