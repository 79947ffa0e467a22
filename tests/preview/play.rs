//! Plays a guide: its commands are run as they stand there, and what it shows is what they say.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// How much of a guide was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Played {
    /// Commands that were run.
    pub(crate) ran: usize,
    /// Those whose words were compared.
    pub(crate) compared: usize,
}

/// A fenced block: `sh` must succeed, `sh refused` must exit with 1 and `sh unclear` with 2, and
/// `text` right after one is all that it says.
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

/// Plays the guide at `root/guide` in `root`, with the commands of `binaries` and an empty folder
/// in `DIR`. Blocks of the kinds `shown` are left alone.
pub(crate) fn play(root: &Path, guide: &str, binaries: &Path, shown: &[&str]) -> Result<Played> {
    let guide = fs::read_to_string(root.join(guide))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(binaries.to_owned()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(paths)?;
    let dir = tempfile::TempDir::with_prefix("motlan-guide-")?;
    let mut played = Played {
        ran: 0,
        compared: 0,
    };
    let mut blocks = blocks(&guide).into_iter().peekable();
    while let Some(block) = blocks.next() {
        if shown.contains(&block.kind) {
            continue;
        }
        let code = match block.kind {
            "sh" => 0,
            "sh refused" => 1,
            "sh unclear" => 2,
            other => anyhow::bail!("a block of an unknown kind, `{other}`"),
        };
        let mut command = Command::new("bash");
        command.args(["-euc", block.text]).current_dir(root);
        let output = command.env("PATH", &path).env("DIR", dir.path()).output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said)?;
        ensure!(output.status.code() == Some(code), "{}\n{said}", block.text);
        played.ran += 1;
        if let Some(due) = blocks.next_if(|next| next.kind == "text") {
            let (told, due) = (said.trim_end(), due.text);
            ensure!(told == due, "{}\nsays:\n{said}\nnot:\n{due}", block.text);
            played.compared += 1;
        }
    }
    Ok(played)
}
