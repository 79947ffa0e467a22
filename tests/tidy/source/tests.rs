//! What fools a reader of text, and not one of words.

use super::*;

fn functions(text: &str) -> Vec<(&str, RangeInclusive<usize>)> {
    let source = Source::new("a.rs", text);
    source
        .functions()
        .into_iter()
        .map(|it| (it.name, it.lines))
        .collect()
}

#[test]
fn a_function_ends_at_its_own_brace() {
    let text = "// fn no() {\nfn a(x: u8) -> [u8; { 2 }] {\n  let y = '{'; let z = r#\"}\"#;\n}\n\
                fn b<'a>(f: fn(&'a str) -> u8)\nwhere\n{\n  fn c() {}\n  \"fn d() {\"\n}\n";
    assert_eq!(functions(text), [("a", 2..=4), ("b", 5..=10), ("c", 8..=8)]);
}

#[test]
fn a_function_without_body_has_no_length() {
    assert_eq!(
        functions("trait T { fn a(&self) -> u8;\n fn b() {} }"),
        [("b", 2..=2)]
    );
}

#[test]
fn what_is_only_for_tests_is_known() {
    let text = "fn a() {}\n#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\nfn b() {}\n\
                #[cfg(all(test, unix))]\nmod more {\n}\n#[cfg(not(test))]\nfn c() {}\n\
                #[cfg(any(test, feature = \"x\"))]\nfn d() {}\n";
    let source = Source::new("crates/mask/src/lib.rs", text);
    let tests: Vec<_> = (1..=12).filter(|line| source.is_test(*line)).collect();
    assert_eq!(tests, [2, 3, 4, 6, 7, 8]);
    assert!(Source::new("crates/mask/tests/suite/main.rs", "").is_test(1));
    assert!(Source::new("crates/mask/src/wire/tests.rs", "").is_test(1));
    assert!(!Source::new("crates/mask/src/contests.rs", "").is_test(1));
}

#[test]
fn grouped_imports_are_read_as_paths() {
    let source = Source::new(
        "a.rs",
        "use std::{\n collections::{BTreeMap, *},\n fs as f,\n};",
    );
    let paths = source.paths();
    let found = paths
        .iter()
        .find(|path| path.holds(&["std", "fs"]))
        .map(|path| path.line);
    assert_eq!(found, Some(3));
    assert!(
        paths
            .iter()
            .any(|path| path.holds(&["collections", "BTreeMap"]))
    );
    assert!(!paths.iter().any(|path| path.holds(&["collections", "fs"])));
}

#[test]
fn attributes_are_found_through_comments() {
    let text = "#![warn(x)]\n#[derive(Clone)]\nstruct A;\n#[must_use]\n/// Doc.\n#[b]\nstruct B;";
    let source = Source::new("a.rs", text);
    let at = source
        .tokens
        .iter()
        .rposition(|token| token.is("struct"))
        .unwrap();
    let lines: Vec<_> = source
        .attributes_above(at)
        .iter()
        .map(|it| it.line)
        .collect();
    assert_eq!(lines, [6, 4]);
}
