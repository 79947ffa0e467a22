use std::path::{Path, PathBuf};

use super::{DOCUMENT_BYTES_MAX, Document, ITEMS_MAX, Table};
use crate::fault::Faults;
use crate::name::AgencyCode;

/// What is told when `ask` reads `text`, and what it read.
fn read<T>(text: &str, ask: impl FnOnce(&mut Table<'_>, &mut Faults) -> T) -> (T, Vec<String>) {
    let mut faults = Faults::new();
    let document = Document::parse(Path::new("etc/a.toml"), text, &mut faults).unwrap();
    let mut table = document.root();
    let read = ask(&mut table, &mut faults);
    table.finish(&mut faults);
    (read, faults.iter().map(ToString::to_string).collect())
}

#[test]
fn values_of_every_type_are_read_with_their_lines() {
    let text = "text = \"a\"\nnumber = 0x10\nyes = true\nday = 2026-02-28\npath = \"b/c\"\n\
                list = [\"x\",\n  \"y\"]\nagency = \"H26\"\n[inner]\nkey = \"v\"\n\
                [[many]]\n[[many]]\n";
    let ((), told) = read(text, |table, faults| {
        assert_eq!(table.string("text", faults).unwrap().value, "a");
        let number = table.integer("number", 0..=16, faults).unwrap();
        assert_eq!((number.value, number.line), (16, 2));
        assert!(table.opt_bool("yes", faults).unwrap().value);
        assert_eq!(table.date("day", faults).unwrap().to_string(), "2026-02-28");
        assert_eq!(
            table.path("path", faults).unwrap().value,
            PathBuf::from("etc/b/c")
        );
        let list = table.strings("list", faults);
        assert_eq!((list[1].as_str(), list[1].line), ("y", 7));
        let agency = table.parsed::<AgencyCode>("agency", faults).unwrap();
        assert_eq!((agency.as_str(), agency.line), ("H26", 8));
        let mut inner = table.table("inner", faults).unwrap();
        assert_eq!(inner.line(), Some(9));
        assert_eq!(inner.string("key", faults).unwrap().line, 10);
        inner.finish(faults);
        let lines: Vec<_> = table
            .tables("many", faults)
            .iter()
            .map(Table::line)
            .collect();
        assert_eq!(lines, [Some(11), Some(12)]);
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn what_may_be_left_out_is_no_fault_and_what_may_not_is() {
    let ((), told) = read("", |table, faults| {
        assert!(table.opt_string("a", faults).is_none());
        assert!(table.opt_integer("b", 0..=1, faults).is_none());
        assert!(table.opt_bool("c", faults).is_none());
        assert!(table.opt_path("d", faults).is_none());
        assert!(table.opt_parsed::<AgencyCode>("e", faults).is_none());
        assert!(table.opt_table("f", faults).is_none());
        assert!(table.strings("g", faults).is_empty());
        assert!(table.tables("h", faults).is_empty());
        assert!(table.string("name", faults).is_none());
        assert!(table.integer("count", 1..=9, faults).is_none());
        assert!(table.date("day", faults).is_none());
        assert!(table.table("inner", faults).is_none());
    });
    assert_eq!(
        told,
        [
            "etc/a.toml: `[inner]` is missing; add a table `[inner]`",
            "etc/a.toml: `count` is missing; add `count = 1`",
            "etc/a.toml: `day` is missing; add `day = 2026-01-01`",
            "etc/a.toml: `name` is missing; add `name = \"…\"`",
        ]
    );
}

#[test]
fn wrong_types_empty_texts_and_numbers_out_of_range_are_all_told() {
    let text = "a = 1\nb = \" \"\nc = 70000\nd = 1.5\ne = \"x\"\nf = [1]\ng = 3\nh = {}\n\
                i = 99999999999999999999\nj = \"Z\"\n";
    let ((), told) = read(text, |table, faults| {
        table.string("a", faults);
        table.string("b", faults);
        table.integer("c", 1..=65535, faults);
        table.opt_integer("d", 1..=2, faults);
        table.opt_bool("e", faults);
        table.strings("f", faults);
        table.opt_table("g", faults);
        table.tables("h", faults);
        table.integer("i", 0..=9, faults);
        table.parsed::<AgencyCode>("j", faults);
    });
    assert_eq!(
        told,
        [
            "etc/a.toml:1: `a` is a whole number; give a text in quotes",
            "etc/a.toml:2: `b` is empty; fill it in",
            "etc/a.toml:3: `c` is 70000; give a number from 1 to 65535",
            "etc/a.toml:4: `d` is a number with a fraction; give a whole number",
            "etc/a.toml:5: `e` is a text; give `true` or `false`",
            "etc/a.toml:6: `f` is a whole number; give a text in quotes",
            "etc/a.toml:7: `g` is a whole number; give a table `[g]`",
            "etc/a.toml:8: `h` is a table; give tables headed `[[h]]`",
            "etc/a.toml:9: `i` is beyond 64 bits; give a number from 0 to 9",
            "etc/a.toml:10: `j`: `Z` is no agency code: expected a letter and two digits, then up \
             to three levels of two digits, as in `G18.01.02`; correct it",
        ]
    );
}

#[test]
fn a_key_within_a_table_is_told_with_the_way_to_it() {
    let ((), told) = read("[listen]\ngatway = \"x\"\n", |table, faults| {
        let mut listen = table.table("listen", faults).unwrap();
        listen.string("gateway", faults);
        listen.finish(faults);
    });
    assert_eq!(
        told,
        [
            "etc/a.toml:1: `listen.gateway` is missing; add `gateway = \"…\"`",
            "etc/a.toml:2: `listen.gatway` is not a known key; did you mean `listen.gateway`?",
        ]
    );
}

#[test]
fn a_document_too_large_or_not_of_text_is_told_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    let mut faults = Faults::new();
    std::fs::write(&file, vec![b'#'; DOCUMENT_BYTES_MAX + 1]).unwrap();
    assert!(Document::read(&file, &mut faults).is_none());
    assert!(
        faults.to_string().contains("larger than 1048576 bytes"),
        "{faults}"
    );

    let mut faults = Faults::new();
    std::fs::write(&file, b"a = 1\nb = \"\xff\"\n").unwrap();
    assert!(Document::read(&file, &mut faults).is_none());
    assert!(
        faults
            .to_string()
            .ends_with("a.toml:2: is not UTF-8; save the file as UTF-8")
    );

    std::fs::write(&file, vec![b'#'; DOCUMENT_BYTES_MAX]).unwrap();
    assert!(Document::read(&file, &mut Faults::new()).is_some());
}

#[test]
fn a_list_beyond_all_measure_is_told_once_and_not_read() {
    let list = |items: usize| format!("names = [{}]", "\"a\", ".repeat(items));
    let read = |text: &str| {
        let mut faults = Faults::new();
        let document = Document::parse("a.toml".as_ref(), text, &mut faults).unwrap();
        let names = document.root().strings("names", &mut faults).len();
        (names, faults.to_string())
    };
    assert_eq!(read(&list(ITEMS_MAX)), (ITEMS_MAX, String::new()));
    let told = "a.toml:1: `names` has 4097 items; keep at most 4096";
    assert_eq!(read(&list(ITEMS_MAX + 1)), (0, told.to_owned()));
}

#[test]
fn the_line_of_a_key_is_found_by_the_way_to_it() {
    let text = "a = 1\n[listen]\ngateway = \"x\"\n\n[[witness]]\nurl = \"y\"\n";
    let mut faults = Faults::new();
    let document = Document::parse(Path::new("a.toml"), text, &mut faults).unwrap();
    let found: Vec<_> = document.lines().into_iter().collect();
    let due = [
        ("a", 1),
        ("listen", 2),
        ("listen.gateway", 3),
        ("witness", 5),
    ];
    assert_eq!(found, due.map(|(key, line)| (key.to_owned(), line)));
}
