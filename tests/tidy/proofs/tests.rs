//! Planted breaches of the proofs.

use super::*;
use crate::tidy::finding::printed;

fn found(path: &str, text: &str) -> Vec<String> {
    printed(&source(&Source::new(path, text)))
}

const RULES: &str = "crates/policy/src/rules.rs";

#[test]
fn a_proof_that_can_be_copied_is_found() {
    let text = "#[must_use]\n/// Doc.\n#[derive(Debug, Clone)]\npub struct Permit {}\n";
    let what = [
        "crates/policy/src/rules.rs:3: the proof `Permit` derives `Clone`",
        "crates/policy/src/rules.rs:3: the proof `Permit` derives `Debug`",
    ];
    assert_eq!(found(RULES, text), what);
    let text = "#[must_use]\n#[derive(serde::Deserialize)]\npub(crate) struct Permit {}\n";
    let what = "crates/policy/src/rules.rs:2: the proof `Permit` derives `Deserialize`";
    assert_eq!(found(RULES, text), [what]);
    let text = "#[cfg_attr(test, derive(Copy))]\n#[must_use]\npub struct Permit;\n";
    let what = "crates/policy/src/rules.rs:1: the proof `Permit` derives `Copy`";
    assert_eq!(found(RULES, text), [what]);
}

#[test]
fn a_proof_that_can_be_dropped_unseen_is_found() {
    let text = "#[must_use]\nstruct Other;\n#[repr(C)]\npub struct Permit {}\n";
    let what = "crates/policy/src/rules.rs:4: the proof `Permit` is not `#[must_use]`";
    assert_eq!(found(RULES, text), [what]);
}

#[test]
fn a_proof_with_a_hand_written_copy_is_found() {
    let clean = "#[must_use]\npub struct Outcome<'a> {}\n";
    let path = "crates/exchange/src/outcome.rs";
    let what = "crates/exchange/src/outcome.rs:3: the proof `Outcome` implements `Clone`";
    assert_eq!(
        found(path, &format!("{clean}impl<'a> Clone for Outcome<'a> {{}}")),
        [what]
    );
    let what = "crates/exchange/src/outcome.rs:3: the proof `Outcome` implements `Deserialize`";
    let text = format!("{clean}impl<'de> serde::Deserialize<'de> for crate::Outcome<'de> {{}}");
    assert_eq!(found(path, &text), [what]);
}

#[test]
fn a_proof_as_it_should_be_is_clean() {
    let text = "// derive(Clone)\n#[derive(Clone)]\nstruct Other;\n#[must_use = \"of use once\"]\n\
                #[derive(PartialEq)]\npub struct Permit {}\nimpl Drop for Permit {}\n\
                impl Clone for Other {}\nimpl Clone for PermitLike {}\n";
    assert!(found(RULES, text).is_empty());
    let elsewhere = "#[derive(Clone)]\npub struct Reply {}";
    assert!(found("crates/testkit/src/client/reply.rs", elsewhere).is_empty());
}

#[test]
fn a_proof_that_went_missing_is_found() {
    let texts = PROOFS.map(|(folder, name)| {
        (
            format!("crates/{folder}/src/a.rs"),
            format!("#[must_use]\npub struct {name} {{}}"),
        )
    });
    let all: Vec<_> = texts
        .iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
    assert!(sources(&all).is_empty());
    let what = "crates/policy/src/lib.rs:1: the proof `Permit` is not here";
    assert_eq!(printed(&sources(all.get(1..).unwrap_or_default())), [what]);
}

#[test]
fn a_new_caller_of_an_assertion_is_found() {
    let path = "crates/gateway/src/lookup.rs";
    let missing = |line, what| {
        format!("{path}:{line}: `{what}` is not among the callers in `tests/tidy/proofs.rs`")
    };
    let text = "fn f() {\n    Caller::assertion(x)\n}\n";
    assert_eq!(found(path, text), [missing(2, "Caller::assertion")]);
    assert_eq!(
        found(path, "x.map(Ack::assertion)"),
        [missing(1, "Ack::assertion")]
    );
    assert_eq!(
        found(path, "<Caller>::assertion(x)"),
        [missing(1, "assertion")]
    );
    assert_eq!(
        found(path, "Self::assertion(x)"),
        [missing(1, "Self::assertion")]
    );
}

#[test]
fn the_listed_callers_of_assertions_and_the_tests_are_clean() {
    let call = "fn f() { exchange::Caller::assertion(x) }";
    assert!(found("crates/gateway/src/identity/token.rs", call).is_empty());
    assert!(found("crates/exchange/tests/way.rs", call).is_empty());
    let tests = format!("#[cfg(test)]\nmod tests {{ {call} }}");
    assert!(found("crates/exchange/src/way.rs", &tests).is_empty());
    assert!(
        found(
            "crates/audit/src/store/files.rs",
            "Ok(Ack::assertion(batch))"
        )
        .is_empty()
    );
    assert!(
        found(
            "crates/audit/src/store.rs",
            "pub fn assertion(batch: &Batch) -> Ack {}"
        )
        .is_empty()
    );
}
