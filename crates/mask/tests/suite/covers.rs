//! Strings of which a part is covered: by hand, and beside a slow and obvious twin.

mod twin;

use bytes::Bytes;
use motlan_mask::{CompileError, Cover, Keep, Mask, MaskError, PathError};

use crate::contracts::message;
use crate::wire::{bytes, group, int, padded, tag};

const PERSON: &str = "sample.Person";

fn last(path: &str, kept: u16) -> Cover {
    Cover {
        path: path.to_owned(),
        keep: Keep::Last(kept),
    }
}

fn mask(name: &str, paths: &[&str], covers: &[Cover]) -> Mask {
    Mask::compile_with(&message(name), paths.iter().copied(), covers).unwrap()
}

fn fault(paths: &[&str], covers: &[Cover]) -> CompileError {
    Mask::compile_with(&message(PERSON), paths.iter().copied(), covers).unwrap_err()
}

/// What of `input`, a person, leaves through `paths` with the last two characters at `path`.
fn through(paths: &[&str], path: &str, input: &[u8]) -> Result<Vec<u8>, MaskError> {
    let masked = mask(PERSON, paths, &[last(path, 2)]).apply(&Bytes::copy_from_slice(input))?;
    Ok(masked.bytes.to_vec())
}

#[track_caller]
fn leaves(paths: &[&str], path: &str, input: &[Vec<u8>], expected: &[Vec<u8>]) {
    let left = through(paths, path, &input.concat()).unwrap();
    assert_eq!(left, expected.concat());
}

#[test]
fn a_part_of_a_value_is_covered_and_the_rest_of_the_message_leaves_as_before() {
    let input = [bytes(1, "001099"), bytes(2, "Lan"), bytes(3, "x")];
    let expected = [bytes(1, "****99"), bytes(2, "Lan")];
    leaves(
        &["personal_id", "full_name"],
        "personal_id",
        &input,
        &expected,
    );
}

#[test]
fn every_occurrence_of_a_singular_field_is_covered_whichever_a_reader_takes() {
    // R92.
    let input = [bytes(1, "first"), bytes(2, "Lan"), bytes(1, "second")];
    let expected = [bytes(1, "***st"), bytes(2, "Lan"), bytes(1, "****nd")];
    leaves(
        &["personal_id", "full_name"],
        "personal_id",
        &input,
        &expected,
    );
    let split = [bytes(10, bytes(1, "Ngang")), bytes(10, bytes(1, "Hàng"))];
    let expected = [bytes(10, bytes(1, "***ng")), bytes(10, bytes(1, "**ng"))];
    leaves(&["residence"], "residence.street", &split, &expected);
}

#[test]
fn lengths_shrink_with_letters_of_several_bytes_at_every_depth() {
    // 126 letters of three bytes; of the message around it, the length takes a byte less.
    let street = "ạ".repeat(126);
    let covered = format!("{}ạạ", "*".repeat(124));
    let input = bytes(30, [int(4, 1), bytes(10, bytes(1, &street))].concat());
    let expected = bytes(30, [int(4, 1), bytes(10, bytes(1, &covered))].concat());
    for paths in [&["mother"][..], &["mother.residence", "mother.sex"]] {
        leaves(
            paths,
            "mother.residence.street",
            std::slice::from_ref(&input),
            std::slice::from_ref(&expected),
        );
    }
}

#[test]
fn lengths_that_do_not_change_are_kept_and_longer_ones_than_needed_written_anew() {
    let input = bytes(10, [int(3, 7), bytes(1, "Hang Bac")].concat());
    let expected = bytes(10, [int(3, 7), bytes(1, "******ac")].concat());
    leaves(
        &["residence"],
        "residence.street",
        &[input],
        std::slice::from_ref(&expected),
    );
    let street = [tag(1, 2), padded(8, 2), b"Hang Bac".to_vec()].concat();
    let inner = [int(3, 7), street].concat();
    let input = [tag(10, 2), padded(inner.len() as u64, 3), inner].concat();
    leaves(&["residence"], "residence.street", &[input], &[expected]);
}

#[test]
fn what_is_dropped_around_a_covered_value_changes_the_same_lengths() {
    let address = [bytes(2, "dropped"), bytes(1, "Đồng"), bytes(2, "too")].concat();
    let expected = bytes(10, bytes(1, "**ng"));
    leaves(
        &["residence.street"],
        "residence.street",
        &[bytes(10, address)],
        &[expected],
    );
}

#[test]
fn each_string_of_a_list_and_each_value_of_a_map_is_covered_and_no_key() {
    let mask = mask("sample.Lists", &["text"], &[last("text", 1)]);
    let input = [bytes(9, "abc"), bytes(9, ""), bytes(9, "x")].concat();
    let expected = [bytes(9, "**c"), bytes(9, ""), bytes(9, "*")].concat();
    assert_eq!(mask.apply(&input.into()).unwrap().bytes, expected);

    let entry = |values: &[&str]| {
        let values = values.iter().map(|value| bytes(2, value));
        bytes(13, [vec![int(1, 1234)], values.collect()].concat().concat())
    };
    leaves(
        &["labels"],
        "labels",
        &[entry(&["one", "other"]), entry(&[])],
        &[entry(&["*ne", "***er"]), entry(&[])],
    );
    let home = |street| bytes(12, [bytes(1, "key"), bytes(2, bytes(1, street))].concat());
    for paths in ["homes", "homes.street"] {
        leaves(
            &[paths],
            "homes.street",
            &[home("Phố Huế")],
            &[home("*****uế")],
        );
    }
}

#[test]
fn only_the_path_that_is_named_is_covered_where_a_type_recurs() {
    let person = |id: &str, mother: Vec<u8>| [bytes(1, id), bytes(30, mother)].concat();
    let input = person("0123", person("4567", person("89ab", Vec::new())));
    let expected = person("0123", person("**67", person("89ab", Vec::new())));
    leaves(
        &["personal_id", "mother"],
        "mother.personal_id",
        &[input],
        &[expected],
    );
}

#[test]
fn strings_in_groups_and_in_members_of_a_oneof_are_covered() {
    let mask = mask(
        "old.Record",
        &["block"],
        &[last("block.row.cell", 0), last("block.nested.title", 1)],
    );
    let row = |cell| group(3, bytes(1, cell));
    let nested = |title| bytes(4, bytes(1, title));
    let block = |cell, title| group(6, [row(cell), nested(title)].concat());
    let masked = mask.apply(&block("abc", "Sổ đỏ").into()).unwrap();
    assert_eq!(masked.bytes, block("***", "****ỏ"));

    // A later member that is denied unsets the covered one.
    let input = [bytes(20, "0912"), int(22, 7)];
    leaves(&["phone"], "phone", &input, &[]);
    leaves(
        &["phone", "pager"],
        "phone",
        &input,
        &[bytes(20, "**12"), int(22, 7)],
    );
}

#[test]
fn a_covered_string_that_is_not_utf8_is_refused_whatever_its_file_says() {
    let refused = MaskError::Utf8 { at: 0, number: 1 };
    let input = bytes(1, [b'a', 0xff]);
    assert_eq!(
        through(&["personal_id"], "personal_id", &input),
        Err(refused)
    );
    let lenient = mask("old.Record", &["title"], &[last("title", 1)]);
    assert_eq!(lenient.apply(&input.clone().into()), Err(refused));
    let uncovered = mask("old.Record", &["title"], &[]);
    assert_eq!(uncovered.apply(&input.clone().into()).unwrap().bytes, input);
}

#[test]
fn the_input_itself_comes_back_where_covered_values_are_empty_or_absent() {
    let input = Bytes::from([bytes(2, "Lan"), bytes(10, bytes(1, ""))].concat());
    let covers = [last("personal_id", 2), last("residence.street", 2)];
    let paths = ["personal_id", "full_name", "residence"];
    let masked = mask(PERSON, &paths, &covers).apply(&input).unwrap();
    assert_eq!(masked.bytes.as_ptr(), input.as_ptr());
    assert_eq!(masked.bytes.len(), input.len());
}

#[test]
fn covered_paths_are_reported_where_present_and_absent_ones_as_before() {
    let covers = [
        last("personal_id", 2),
        last("full_name", 2),
        last("residence.street", 2),
        last("former.street", 2),
    ];
    let mask = mask(
        PERSON,
        &["personal_id", "full_name", "residence", "former"],
        &covers,
    );
    let input = [bytes(1, ""), bytes(10, bytes(1, "Huế")), bytes(3, "x")];
    let masked = mask.apply(&input.concat().into()).unwrap();
    let covered: Vec<_> = mask.covered(&masked.withheld).collect();
    assert_eq!(covered, ["personal_id", "residence.street"]);
    let absent: Vec<_> = mask.absent(&masked.withheld).collect();
    assert_eq!(absent, ["full_name", "former"]);
    let dropped: Vec<_> = mask.dropped(&masked.withheld).collect();
    assert_eq!(dropped, ["religion"]);
}

#[test]
fn a_cover_that_is_not_granted_holds_no_string_or_stands_twice_does_not_compile() {
    let path = |path: &str| path.to_owned();
    for (granted, covered) in [
        (&["full_name"][..], "personal_id"),
        (&["residence.commune"], "residence.street"),
        (&[], "full_name"),
        // An `Any` beneath a message that is granted whole is dropped.
        (&["mother"], "mother.detail.type_url"),
    ] {
        let error = CompileError::CoverNotGranted {
            path: path(covered),
        };
        assert_eq!(fault(granted, &[last(covered, 2)]), error);
    }
    for covered in ["sex", "residence", "marks", "homes"] {
        let error = CompileError::NotText {
            path: path(covered),
        };
        assert_eq!(fault(&[covered], &[last(covered, 2)]), error);
    }
    let twice = [last("mother.full_name", 1), last("mother.full_name", 1)];
    let error = CompileError::CoveredTwice {
        path: path("mother.full_name"),
    };
    assert_eq!(fault(&["mother"], &twice), error);
    let unknown = fault(&["full_name"], &[last("full_nme", 2)]);
    let CompileError::Path(PathError::Unknown { suggestion, .. }) = unknown else {
        panic!("{unknown}")
    };
    assert_eq!(suggestion.as_deref(), Some("full_name"));
}
