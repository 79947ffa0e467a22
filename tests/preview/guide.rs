//! What the guide for owners tells to do works as it stands there, and prints what it says.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::run::{binaries, root};

const GUIDE: &str = "docs/owner/preview.md";

/// A fenced block: `sh` must succeed, `sh refused` must exit with 1, and `text` right after one is
/// all that it says.
struct Block<'g> {
    kind: &'g str,
    text: &'g str,
}

fn blocks(guide: &str) -> Vec<Block<'_>> {
    let fenced = guide.split("\n```").collect::<Vec<_>>();
    // Between fences text and blocks take turns, beginning with text.
    let blocks = fenced.iter().skip(1).step_by(2);
    blocks
        .filter_map(|block| block.split_once('\n'))
        .map(|(kind, text)| Block { kind, text })
        .collect()
}

// R53.
#[test]
fn every_command_of_the_guide_works_as_written_and_says_what_is_shown() -> Result<()> {
    let guide = fs::read_to_string(root().join(GUIDE))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(binaries()?).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(paths)?;
    let dir = tempfile::TempDir::with_prefix("motlan-preview-")?;
    let (mut ran, mut compared) = (0, 0);
    let mut blocks = blocks(&guide).into_iter().peekable();
    while let Some(block) = blocks.next() {
        let code = match block.kind {
            "sh" => 0,
            "sh refused" => 1,
            "text" | "proto" | "json" => continue,
            other => anyhow::bail!("a block of an unknown kind, `{other}`"),
        };
        let mut command = Command::new("bash");
        command.args(["-euc", block.text]).current_dir(root());
        let output = command.env("PATH", &path).env("DIR", dir.path()).output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said)?;
        ensure!(output.status.code() == Some(code), "{}\n{said}", block.text);
        ran += 1;
        if let Some(shown) = blocks.next_if(|next| next.kind == "text") {
            let shown = shown.text;
            ensure!(
                said.trim_end() == shown,
                "{}\nsays:\n{said}\nnot:\n{shown}",
                block.text
            );
            compared += 1;
        }
    }
    ensure!(
        ran >= 7 && compared >= 4,
        "{ran} commands, {compared} compared"
    );
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
