//! `motlan policy new`.

use std::process::Stdio;

use anyhow::{Result, ensure};

use super::run::{Copied, Ran, motlan};

const FILE: &str = "deploy/catalog/agreements/new.toml";

fn fresh(copied: &Copied, view: &str) -> Result<Ran> {
    let catalog = copied.catalog()?;
    let words = [
        "policy",
        "new",
        "--catalog",
        &catalog,
        "--id",
        "g01-h29-new",
        "--consumer",
    ];
    let grant = ["H29", "--dataset", "population", "--view", view];
    motlan(Stdio::null(), &[&words[..], &grant].concat())
}

fn test(copied: &Copied) -> Result<Ran> {
    let catalog = copied.catalog()?;
    motlan(Stdio::null(), &["policy", "test", "--catalog", &catalog])
}

#[test]
fn a_starting_point_loads_once_it_is_filled_in_and_not_before() -> Result<()> {
    let copied = Copied::new()?;
    let text = fresh(&copied, "identity")?.fine()?;
    copied.write(FILE, &text)?;
    let told = test(&copied)?.fault()?;
    for due in [
        "`title` is empty",
        "`legal_basis` is empty",
        "`valid_from` is missing",
        "`valid_until` is missing",
        "`grant.procedures` is empty",
        "`test.name` is empty",
        "`test.procedure` is empty",
        "`test.at` is missing",
    ] {
        ensure!(told.contains(due), "{due}: {told}");
    }
    let mut filled = text
        .replace("title = \"\"", "title = \"Chia sẻ\"")
        .replace(
            "legal_basis = [\"\"]",
            "legal_basis = [\"Luật Căn cước, Điều 9\"]",
        )
        .replace("procedures = [\"\"]", "procedures = [\"1.004222\"]")
        .replace("name = \"\"", "name = \"Thử\"")
        .replace("procedure = \"\"", "procedure = \"1.014177\"")
        .replacen("procedure = \"1.014177\"", "procedure = \"1.004222\"", 1);
    // All that is commented out, but for the prose.
    for line in text.lines().filter(|line| line.starts_with("# ")) {
        if let Some(key) = line.strip_prefix("# ").filter(|line| line.contains(" = ")) {
            filled = filled.replace(line, key);
        }
    }
    copied.write(FILE, &filled)?;
    let shown = test(&copied)?.fine()?;
    ensure!(
        shown.contains("g01-h29-new v1: 2 tests hold\n"),
        "{shown}\n{filled}"
    );
    Ok(())
}

#[test]
fn a_view_that_is_not_there_is_told_with_those_that_are() -> Result<()> {
    let told = fresh(&Copied::new()?, "everything")?.fault()?;
    let due = "`population` has no view `everything`; it has `identity`, `residence`, `household`";
    ensure!(told.contains(due), "{told}");
    Ok(())
}
