//! `motlan once coverage` against the law's own tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use motlan_testkit::World;
use serde_json::Value;

use super::run::{binaries, fine, once, root};
use super::tables::{annex, article4, counted, different};
use crate::preview::play::play;

fn covered() -> Result<Value> {
    Ok(serde_json::from_str(&fine(&["coverage", "--json"])?)?)
}

/// Numbers by name: `field` of every entry of an object.
fn numbers(entries: &Value, field: &str) -> Result<BTreeMap<String, usize>> {
    let entries = entries.as_object().context("no object")?;
    let numbers = entries.iter().map(|(name, of)| {
        let number = of[field].as_u64().context("no number")?;
        Ok((name.clone(), usize::try_from(number)?))
    });
    numbers.collect()
}

// R80.
#[test]
fn every_row_of_the_law_is_accounted_for_once_and_in_its_own_words() -> Result<()> {
    let covered = covered()?;
    for (list, rows, name) in [
        ("annex", annex()?, "replaced_document"),
        ("article4", article4()?, "document"),
    ] {
        let found = covered[list].as_array().context("no rows")?;
        assert_eq!(found.len(), rows.len());
        for (found, row) in found.iter().zip(&rows) {
            assert_eq!(found["line"], row.line);
            assert_eq!(found["wording"], row.cell(name), "line {}", row.line);
            if list == "annex" {
                assert_eq!(found["procedure"], row.cell("procedure_code"));
                assert_eq!(found["sector"], row.cell("sector"));
                let named: Vec<&str> = row.cell("database_ids").split('|').collect();
                assert_eq!(found["named"], Value::from(named));
            }
            let documents = found["documents"].as_array().context("no documents")?;
            ensure!(!documents.is_empty(), "line {} comes to nothing", row.line);
            for document in documents {
                let held = document["readiness"] == "published";
                assert_eq!(document["method"].is_string(), held, "line {}", row.line);
                ensure!(document["database"].is_string(), "line {}", row.line);
            }
        }
    }
    Ok(())
}

// R80.
#[test]
fn the_totals_are_those_of_the_law_itself() -> Result<()> {
    let totals = &covered()?["totals"];
    let rows = annex()?;
    assert_eq!(
        (rows.len(), different(&rows, "procedure_code").len()),
        (798, 765)
    );
    assert_eq!(totals["rows"], 798);
    assert_eq!(totals["procedures"], 765);
    assert_eq!(
        numbers(&totals["sectors"], "rows")?,
        counted(&rows, "sector")
    );
    let mut named = numbers(&totals["databases"], "named")?;
    named.retain(|_, rows| *rows > 0);
    assert_eq!(named, counted(&rows, "database_ids"));
    for sector in different(&rows, "sector") {
        let of = rows.iter().filter(|row| row.cell("sector") == sector);
        let codes: BTreeSet<&str> = of.map(|row| row.cell("procedure_code")).collect();
        assert_eq!(
            totals["sectors"][sector]["procedures"],
            codes.len(),
            "{sector}"
        );
    }
    // What is told by sector, by database and in all is one and the same.
    for field in ["documents", "published"] {
        let sum: usize = numbers(&totals["sectors"], field)?.values().sum();
        assert_eq!(totals[field], sum, "{field}");
    }
    let sum: usize = numbers(&totals["databases"], "documents")?.values().sum();
    assert_eq!(totals["documents"], sum);
    Ok(())
}

/// The totals, as a table that a lawyer can read: a change of it must be meant.
#[test]
fn the_law_comes_to_exactly_these_totals() -> Result<()> {
    is_as_reviewed("totals.txt", &fine(&["coverage", "--totals"])?)
}

/// Nothing, if a text is what the file in `tests/law/` holds. Else the text is kept, to be
/// reviewed and taken over.
fn is_as_reviewed(file: &str, text: &str) -> Result<()> {
    let reviewed = root().join("tests/law").join(file);
    if fs::read_to_string(&reviewed).unwrap_or_default() == text {
        return Ok(());
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    fs::write(&kept, text)?;
    anyhow::bail!(
        "other than `{}`, see `{}`",
        reviewed.display(),
        kept.display()
    )
}

#[test]
fn the_table_for_people_has_a_line_for_every_document_of_every_row() -> Result<()> {
    let covered = covered()?;
    let text = fine(&["coverage"])?;
    let (table, totals) = text.split_once("\n\n").context("no totals")?;
    let mut lines = table.lines();
    for list in ["annex", "article4"] {
        for row in covered[list].as_array().context("no rows")? {
            let place = format!(
                "{}:{} ",
                row["file"].as_str().context("no file")?,
                row["line"]
            );
            for document in row["documents"].as_array().context("no documents")? {
                let line = lines.next().context("too few lines")?;
                let code = document["document"].as_str().context("no code")?;
                ensure!(line.starts_with(&place) && line.contains(code), "{line}");
            }
        }
    }
    ensure!(lines.next().is_none(), "too many lines");
    ensure!(totals.starts_with("798 rows, 765 procedures"), "{totals}");
    Ok(())
}

#[test]
fn a_catalogue_with_a_fault_has_no_coverage() -> Result<()> {
    let ran = once(&["coverage", "--catalog", "docs"])?;
    ensure!(ran.code == Some(1) && ran.out.is_empty(), "{ran:?}");
    ensure!(
        ran.err.contains("docs/catalog.toml: cannot be read"),
        "{ran:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_catalogue_of_a_configuration_is_read() -> Result<()> {
    let dir = tempfile::TempDir::with_prefix("motlan-once-")?;
    let world = World::lay(dir.path(), 1).await?;
    let config = world.config().display().to_string();
    let ran = once(&["coverage", "--totals", "--config", &config])?;
    ensure!(ran.code == Some(0) && ran.err.is_empty(), "{ran:?}");
    assert_eq!(ran.out, fine(&["coverage", "--totals"])?);
    Ok(())
}

#[test]
fn every_command_of_the_guide_to_coverage_works_as_written() -> Result<()> {
    let played = play(&root(), "docs/once/coverage.md", &binaries()?, &["toml"])?;
    ensure!(played.ran >= 2 && played.compared >= 2, "{played:?}");
    Ok(())
}
