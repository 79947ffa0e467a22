//! What no file of ours says: switched-off lints, `unsafe`, forbidden names, sleeps for luck.

use super::finding::Finding;
use super::source::Source;

/// Functions whose names are not ours: methods that tonic made from a contract.
const GENERATED: [(&str, &str); 1] = [("crates/gateway/src/control/audit.rs", "get_receipt")];

/// Files of tests that wait between two looks at a condition, up to a deadline.
pub(crate) const POLLING: [&str; 0] = [];

const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
const TEST_ATTRIBUTES: [&str; 2] = ["ignore", "should_panic"];
const ENDINGS: [&str; 6] = ["Manager", "Helper", "Helpers", "Util", "Utils", "Info"];
const DEFINITIONS: [&str; 5] = ["struct", "enum", "union", "trait", "type"];
const SLEEPS: [&[&str]; 2] = [&["thread", "sleep"], &["time", "sleep"]];

pub(crate) fn source(source: &Source<'_>, polling: &[&str]) -> Vec<Finding> {
    let mut findings = [attributes(source), words(source), pairs(source)].concat();
    if !polling.contains(&source.path) {
        findings.extend(sleeps(source));
    }
    if source.path == "mod.rs" || source.path.ends_with("/mod.rs") {
        findings.push(Finding::new(
            source.path,
            1,
            "use `x.rs` and `x/`, not `mod.rs`",
        ));
    }
    findings
}

fn attributes(source: &Source<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for attribute in source.attributes() {
        let mut breach = |what: String| {
            findings.push(Finding::new(source.path, attribute.line, what));
        };
        // Anywhere inside, because of `cfg_attr`.
        let allows = attribute.inside.windows(2).any(|pair| match pair {
            [word, open] => word.is("allow") && open.is("("),
            _ => false,
        });
        if allows {
            breach("use `#[expect(…, reason = …)]`, not `allow`".to_owned());
        }
        for what in TEST_ATTRIBUTES.iter().filter(|what| attribute.names(what)) {
            breach(format!("no test is `#[{what}]`"));
        }
    }
    findings
}

fn words(source: &Source<'_>) -> Vec<Finding> {
    let found = source.tokens.iter().filter(|token| token.is("unsafe"));
    found
        .map(|token| Finding::new(source.path, token.line, "`unsafe`"))
        .collect()
}

/// What shows in one word and the token after it.
fn pairs(source: &Source<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in source.tokens.windows(2) {
        let [first, second] = pair else { continue };
        let name = second.text;
        let what = if MACROS.contains(&first.text) && second.is("!") {
            format!("`{}!`", first.text)
        } else if first.is("fn") && name.starts_with("get_") {
            if GENERATED.contains(&(source.path, name)) {
                continue;
            }
            format!("`fn {name}`: no `get_`")
        } else if DEFINITIONS.contains(&first.text)
            && ENDINGS.iter().any(|ending| name.ends_with(ending))
        {
            format!("`{name}` says nothing about what it is")
        } else {
            continue;
        };
        findings.push(Finding::new(source.path, second.line, what));
    }
    findings
}

fn sleeps(source: &Source<'_>) -> Vec<Finding> {
    let paths = source
        .paths()
        .into_iter()
        .filter(|path| source.is_test(path.line));
    let asleep = paths.filter(|path| SLEEPS.iter().any(|sleep| path.holds(sleep)));
    asleep
        .map(|path| {
            let what = "a test that sleeps: wait for a condition, in a file that \
                        `tests/tidy/manners.rs` lists";
            Finding::new(source.path, path.line, what)
        })
        .collect()
}

mod tests {
    use super::*;
    use crate::tidy::finding::printed;

    fn found(path: &str, text: &str) -> Vec<String> {
        printed(&source(&Source::new(path, text), &["tests/polling.rs"]))
    }

    #[test]
    fn a_lint_that_is_switched_off_is_found() {
        let what = "a.rs:2: use `#[expect(…, reason = …)]`, not `allow`";
        assert_eq!(found("a.rs", "\n#[allow(dead_code)]\nfn a() {}"), [what]);
        assert_eq!(found("a.rs", "\n#![cfg_attr(x, allow(dead_code))]"), [what]);
        assert!(found("a.rs", "// #[allow(x)]\n#[expect(x, reason = \"allow(\")]").is_empty());
    }

    #[test]
    fn unsafe_is_found() {
        assert_eq!(
            found("a.rs", "fn f() {\n    unsafe { g() }\n}"),
            ["a.rs:2: `unsafe`"]
        );
        assert!(found("a.rs", "#![forbid(unsafe_code)] // unsafe").is_empty());
    }

    #[test]
    fn a_mod_rs_is_found() {
        let what = "crates/mask/src/x/mod.rs:1: use `x.rs` and `x/`, not `mod.rs`";
        assert_eq!(found("crates/mask/src/x/mod.rs", ""), [what]);
        assert!(found("crates/mask/src/x/cmod.rs", "").is_empty());
    }

    #[test]
    fn what_is_left_to_do_is_found() {
        let text = "fn a() {\n    todo!()\n}\nfn b() { dbg!(unimplemented!()) }";
        let what = [
            "a.rs:2: `todo!`",
            "a.rs:4: `dbg!`",
            "a.rs:4: `unimplemented!`",
        ];
        assert_eq!(found("a.rs", text), what);
        assert!(found("a.rs", "let todo = 1; // todo!").is_empty());
    }

    #[test]
    fn a_getter_is_found_unless_a_contract_names_it() {
        let text = "\npub async fn get_receipt() {}";
        assert_eq!(found("a.rs", text), ["a.rs:2: `fn get_receipt`: no `get_`"]);
        assert!(found("crates/gateway/src/control/audit.rs", text).is_empty());
        assert!(found("a.rs", "fn getter() { it.get_ref() }").is_empty());
    }

    #[test]
    fn an_empty_name_is_found() {
        let text =
            "struct LedgerManager;\nenum MaskUtils {}\ntype A = ErrorInfo;\nuse x::ErrorInfo;";
        let what = [
            "a.rs:1: `LedgerManager` says nothing about what it is",
            "a.rs:2: `MaskUtils` says nothing about what it is",
        ];
        assert_eq!(found("a.rs", text), what);
    }

    #[test]
    fn a_test_that_does_not_run_or_hopes_for_a_panic_is_found() {
        let text = "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n\
                    #[should_panic(expected = \"x\")]\nfn b() {}";
        let what = [
            "a.rs:2: no test is `#[ignore]`",
            "a.rs:4: no test is `#[should_panic]`",
        ];
        assert_eq!(found("a.rs", text), what);
        assert!(found("a.rs", "fn ignore() {} // #[ignore]").is_empty());
    }

    #[test]
    fn a_test_that_sleeps_is_found_unless_it_polls() {
        let text = "use tokio::{\n    time::{self, sleep},\n};\nfn a() { std::thread::sleep(x) }";
        let places: Vec<_> = found("tests/a.rs", text)
            .iter()
            .map(|it| it.split(" a ").next().map(str::to_owned))
            .collect();
        assert_eq!(
            places,
            [
                Some("tests/a.rs:2:".to_owned()),
                Some("tests/a.rs:4:".to_owned())
            ]
        );
        assert_eq!(found("crates/mask/tests/a.rs", text).len(), 2);
        assert!(found("tests/polling.rs", text).is_empty());
        assert!(found("crates/gateway/src/listener.rs", text).is_empty());
    }
}
