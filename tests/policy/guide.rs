//! What the guides on agreements and signing tell to do works as it stands there, and prints what
//! they say.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::run::{Copied, binaries, motlan, root};

const GUIDE: &str = "docs/owner/agreements.md";
const SIGNING: &str = "docs/owner/signing.md";
const SCHEMA: &str = "crates/policy/src/rules/schema.cedarschema";
const SENTENCES: &str = "crates/policy/src/refusal.rs";

/// A fenced block: `sh` must succeed, `sh refused` must exit with 1, and `text` right after one is
/// all that it says. A kind that ends in `file=…` is written to that file of the catalogue.
struct Block<'g> {
    kind: &'g str,
    text: &'g str,
}

fn blocks(guide: &str) -> impl Iterator<Item = Block<'_>> {
    // Between fences text and blocks take turns, beginning with text.
    let fenced = guide.split("\n```").skip(1).step_by(2);
    fenced
        .filter_map(|block| block.split_once('\n'))
        .map(|(kind, text)| Block { kind, text })
}

#[test]
fn every_command_of_the_guide_works_as_written_and_says_what_is_shown() -> Result<()> {
    let done = follow(GUIDE)?;
    let enough = done.ran >= 7 && done.compared >= 5 && done.written >= 2;
    ensure!(enough, "{done:?}");
    Ok(())
}

/// R84, R85, R86: signed, sealed, accepted, and what comes of mistakes.
#[test]
fn every_command_of_the_guide_on_signing_works_as_written_and_says_what_is_shown() -> Result<()> {
    let done = follow(SIGNING)?;
    ensure!(done.ran >= 12 && done.compared >= 10, "{done:?}");
    Ok(())
}

/// How many blocks were run, compared with what they say, and written to files.
#[derive(Debug, Default)]
struct Done {
    ran: usize,
    compared: usize,
    written: usize,
}

/// Does what a guide tells to do, in a copy of the reference catalogue.
fn follow(guide: &str) -> Result<Done> {
    let guide = fs::read_to_string(root().join(guide))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(binaries()?).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(paths)?;
    let copied = Copied::new()?;
    let mut done = Done::default();
    let mut blocks = blocks(&guide).peekable();
    while let Some(block) = blocks.next() {
        if let Some((_, file)) = block.kind.split_once(" file=") {
            copied.write(&format!("deploy/catalog/{file}"), block.text)?;
            done.written += 1;
            continue;
        }
        let code = match block.kind {
            "sh" => 0,
            "sh refused" => 1,
            "toml" | "cedar" | "json" => continue,
            other => anyhow::bail!("a block of an unknown kind, `{other}`"),
        };
        let mut command = Command::new("bash");
        command
            .args(["-euc", block.text])
            .current_dir(copied.path("."));
        let output = command.env("PATH", &path).output()?;
        let said = String::from_utf8([output.stdout, output.stderr].concat())?;
        ensure!(output.status.code() == Some(code), "{}\n{said}", block.text);
        done.ran += 1;
        if let Some(shown) = blocks.next_if(|next| next.kind == "text") {
            let (said, shown) = (said.trim_end(), shown.text);
            ensure!(
                said == shown,
                "{}\nsays:\n{said}\nnot:\n{shown}",
                block.text
            );
            done.compared += 1;
        }
    }
    Ok(done)
}

/// What the reader of the files would accept, told by a file that has another key in each table.
#[test]
fn the_guide_names_every_key_of_an_agreement() -> Result<()> {
    let guide = fs::read_to_string(root().join(GUIDE))?;
    let copied = Copied::new()?;
    let strange = "strange = 1\n[[grant]]\nstrange = 1\n[[test]]\nstrange = 1\n";
    copied.write("deploy/catalog/agreements/strange.toml", strange)?;
    let catalog = copied.catalog()?;
    let told = motlan(Stdio::null(), &["policy", "test", "--catalog", &catalog])?.fault()?;
    let mut keys = 0;
    for line in told.lines().filter(|line| line.contains("known are `")) {
        let (_, known) = line.split_once("known are ").context("no keys")?;
        for key in known.split('`').skip(1).step_by(2) {
            let row = guide
                .lines()
                .any(|line| line.starts_with(&format!("| `{key}` |")));
            ensure!(row, "the guide has no row for `{key}`");
            keys += 1;
        }
    }
    ensure!(keys >= 27, "{keys} keys: {told}");
    Ok(())
}

#[test]
fn the_guide_shows_the_schema_of_the_rules_and_every_reason() -> Result<()> {
    let guide = fs::read_to_string(root().join(GUIDE))?;
    let schema = fs::read_to_string(root().join(SCHEMA))?;
    for line in schema.lines().filter(|line| line.contains(':')) {
        let line = line.trim().trim_end_matches([',', '{', ' ']);
        ensure!(
            guide.contains(line),
            "the guide lacks `{line}` of the schema"
        );
    }
    let sentences = fs::read_to_string(root().join(SENTENCES))?;
    let arms = sentences
        .lines()
        .filter_map(|line| line.split_once(" => \""));
    let reasons: Vec<&str> = arms
        .filter_map(|(_, rest)| rest.split('"').next())
        .collect();
    ensure!(reasons.len() >= 12, "{reasons:?}");
    for reason in reasons {
        ensure!(
            guide.contains(&format!("| `{reason}` |")),
            "no row for `{reason}`"
        );
    }
    Ok(())
}
