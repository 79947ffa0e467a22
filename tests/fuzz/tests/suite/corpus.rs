//! Corpora, packed and as folders.

use std::fs;

use motlan_fuzz::corpus::{CorpusError, pack, read, unpack, write};

fn inputs() -> Vec<Vec<u8>> {
    vec![vec![0, 1, 0xff], vec![7, 2], vec![7, 1]]
}

#[test]
fn a_packed_corpus_holds_each_input_once_and_the_shortest_first() {
    let twice = [inputs(), inputs()].concat();
    assert_eq!(pack(&twice), "0701\n0702\n0001ff\n");
    let unpacked = unpack("# Why.\n\n0701\n  0702\n0001FF\n").unwrap();
    assert_eq!(unpacked, [vec![7, 1], vec![7, 2], vec![0, 1, 0xff]]);
}

#[test]
fn a_line_that_is_no_input_is_named() {
    for line in ["070", "07x1", "07 01", "đ"] {
        let error = unpack(&format!("0701\n{line}\n"));
        assert!(
            matches!(error, Err(CorpusError::Line { line: 2 })),
            "{line}"
        );
    }
}

#[test]
fn a_corpus_is_read_back_packed_and_as_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    for input in inputs() {
        write(&folder.path().join("inputs"), &input).unwrap();
    }
    let file = folder.path().join("packed");
    fs::write(&file, pack(&inputs())).unwrap();
    let sorted = |mut inputs: Vec<Vec<u8>>| {
        inputs.sort();
        inputs
    };
    let from_folder = read(&folder.path().join("inputs")).unwrap();
    assert_eq!(from_folder, sorted(inputs()));
    assert_eq!(sorted(read(&file).unwrap()), from_folder);
    let nowhere = read(&folder.path().join("nowhere"));
    assert!(matches!(nowhere, Err(CorpusError::File { .. })));
}
