//! `motlan policy test`, and that nothing starts on agreements whose tests do not hold.

use std::fs;
use std::process::Stdio;

use anyhow::{Result, ensure};

use super::run::{Copied, Ran, motlan};

const LAND: &str = "deploy/catalog/agreements/g10-h26-land.toml";

fn tried(copied: &Copied) -> Result<Ran> {
    let catalog = copied.catalog()?;
    motlan(Stdio::null(), &["policy", "test", "--catalog", &catalog])
}

#[test]
fn tests_that_hold_are_counted() -> Result<()> {
    let shown = tried(&Copied::new()?)?.fine()?;
    ensure!(
        shown.contains("g10-h26-land-2026 v1: 3 tests hold\n"),
        "{shown}"
    );
    // R20.
    ensure!(
        shown.contains(" questions that no grant names: all refused\n"),
        "{shown}"
    );
    ensure!(
        shown.ends_with(" agreements, 24 tests; 6 not signed yet, not sealed\n"),
        "{shown}"
    );
    Ok(())
}

/// R28, R51: each with its line.
#[test]
fn every_test_that_does_not_hold_is_named_with_its_line() -> Result<()> {
    let copied = Copied::new()?;
    let text = fs::read_to_string(copied.path(LAND))?;
    let changed = text
        .replacen("\"GetParcel\", ", "", 1)
        .replace("    \"use_form\",\n", "");
    ensure!(
        changed.len() + 45 == text.len(),
        "the agreement has changed"
    );
    copied.write(LAND, changed)?;
    let told = tried(&copied)?.fault()?;
    let lines: Vec<&str> = told.lines().collect();
    ensure!(lines.len() == 4 && lines[3] == "3 faults", "{told}");
    let due = [
        (25, "but it is `NO_AGREEMENT`"),
        (61, "but `use_form` would leave too"),
        (
            97,
            "expects `PURPOSE_NOT_COVERED`, but it is `NO_AGREEMENT`",
        ),
    ];
    for (line, (number, what)) in lines.iter().zip(due) {
        let place = format!("g10-h26-land.toml:{number}: the test ");
        ensure!(
            line.contains(&place) && line.contains(what),
            "{number}: {line}"
        );
    }
    Ok(())
}
