//! Who may learn what under the reference catalogue, as a file whose diff is reviewed.

use std::fs;
use std::process::Stdio;

use anyhow::{Result, ensure};

use super::run::{motlan, root};

const MATRIX: &str = "tests/matrix.txt";
/// Set to rewrite the file in place of comparing it.
const REWRITE: &str = "MOTLAN_REWRITE_MATRIX";

// R28.
#[test]
fn every_system_dataset_and_purpose_of_the_reference_catalogue_is_as_reviewed() -> Result<()> {
    let words = [
        "policy",
        "matrix",
        "--catalog",
        "deploy/catalog",
        "--from",
        "2026-01-01",
    ];
    let shown = motlan(Stdio::null(), &words)?.fine()?;
    let file = root().join(MATRIX);
    if std::env::var_os(REWRITE).is_some() {
        fs::write(&file, &shown)?;
    }
    let reviewed = fs::read_to_string(&file).unwrap_or_default();
    let first = shown
        .lines()
        .zip(reviewed.lines())
        .find(|(one, other)| one != other);
    ensure!(
        shown == reviewed,
        "`{MATRIX}` is out of date ({first:?}): if the change is meant, set {REWRITE}=1, run this \
         test again and review the diff"
    );
    Ok(())
}
