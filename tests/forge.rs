//! Programs that must not compile: each skips, repeats or fakes a step of a lookup. It is a test of
//! `motlan-exchange`, run by that crate, so that only what it stands on is compiled for it.
//!
//! `honest.rs` must compile: it shows that the others fail for what they do and not for a broken
//! setting.

/// R31, R32: the order of a lookup is held by types.
#[test]
fn a_step_that_is_skipped_repeated_or_faked_does_not_compile() {
    let programs = trybuild::TestCases::new();
    programs.pass("../../tests/forge/honest.rs");
    programs.compile_fail("../../tests/forge/fail/*.rs");
}
