//! What the guide for operators tells to do works as it stands there.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};

use super::past::Past;
use crate::process::command::{How, binary, run};

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operator/RELOAD.md");
/// How long a revision is written.
const REVISION_DIGITS: usize = 32;

/// What the guide shows in place of revisions and of the quarter in which the test runs.
fn shown(said: &str, quarter: &str) -> String {
    let words = said.replace(quarter, "2026q4");
    let words = words.split_inclusive(|sign: char| !sign.is_ascii_alphanumeric());
    let hidden = words.map(|word| {
        let digits = word.trim_end_matches(|sign: char| !sign.is_ascii_hexdigit());
        let is_revision = digits.len() == REVISION_DIGITS;
        match is_revision && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => word.replace(digits, "…"),
            false => word.to_owned(),
        }
    });
    hidden.collect::<String>().trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_guide_works_as_written_and_says_what_is_shown() -> Result<()> {
    let past = Past::made().await?;
    let quarter = &past.deployment.quarter;
    let guide = fs::read_to_string(GUIDE)?;
    let mut fenced = guide.split("\n```").skip(1).step_by(2);
    let mut compared = 0;
    let motlan = binary("motlan")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = motlan.parent().map(Into::into);
    let path = std::env::join_paths(paths.into_iter().chain(std::env::split_paths(&path)))?;
    while let Some(block) = fenced.next() {
        let Some((kind, text)) = block.split_once('\n') else {
            continue;
        };
        let code = match kind {
            "sh" => 0,
            "sh refused" => 1,
            _ => continue,
        };
        let text = text.replace("2026q4", quarter);
        let mut command = Command::new("bash");
        command
            .args(["-euc", &text])
            .current_dir(past.deployment.world.dir())
            .env("PATH", &path);
        let ended = run(&mut command)?;
        ensure!(ended.how == How::Exit(code), "{text}\n{ended:?}");
        let said = shown(&ended.out, quarter);
        let due = fenced.next().and_then(|block| block.strip_prefix("text\n"));
        ensure!(due == Some(&said), "{text}\nsays:\n{said}\nnot:\n{due:?}");
        compared += 1;
    }
    ensure!(compared == 2, "{compared} compared");
    Ok(())
}
