//! What the guide for owners tells to do works as it stands there, and prints what it says.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::play::play;
use super::run::{binaries, root};

const GUIDE: &str = "docs/owner/preview.md";

// R53.
#[test]
fn every_command_of_the_guide_works_as_written_and_says_what_is_shown() -> Result<()> {
    let played = play(&root(), GUIDE, &binaries()?, &["text", "proto", "json"])?;
    ensure!(played.ran >= 7 && played.compared >= 4, "{played:?}");
    Ok(())
}

#[test]
fn the_guide_names_every_key_of_the_document_for_machines() -> Result<()> {
    let guide = fs::read_to_string(root().join(GUIDE))?;
    let document = fs::read_to_string(root().join("tests/preview/odd.json"))?;
    let mut document: serde_json::Value = serde_json::from_str(&document)?;
    // The owner's own message is no part of the form.
    let columns = document["columns"].as_array_mut().context("no columns")?;
    for column in columns {
        column["released"]["message"] = serde_json::Value::Null;
    }
    for key in keys(&document) {
        ensure!(
            guide.contains(&format!("`{key}`")),
            "`{key}` is not in the guide"
        );
    }
    Ok(())
}

fn keys(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(entries) => entries
            .iter()
            .flat_map(|(key, value)| [vec![key.clone()], keys(value)].concat())
            .collect(),
        serde_json::Value::Array(values) => values.iter().flat_map(keys).collect(),
        _ => Vec::new(),
    }
}
