//! Runs `motlan once`, and says where things are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// What a run said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of `motlan`, which lies beside the folder of this test's own program.
pub(crate) fn binaries() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let profile = own.parent().and_then(Path::parent);
    let profile = profile.context("the test lies in no profile's folder")?;
    ensure!(
        profile.join("motlan").is_file(),
        "`motlan` is not in `{}`: build it with `cargo build --workspace --bins`, in the profile \
         of the test; `tests/run` does",
        profile.display()
    );
    Ok(profile.to_owned())
}

/// `motlan once` in the repository's root folder.
pub(crate) fn once(words: &[&str]) -> Result<Ran> {
    let mut command = Command::new(binaries()?.join("motlan"));
    command.arg("once").args(words).current_dir(root());
    let output = command.output()?;
    Ok(Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// The words of `motlan once` over the reference catalogue, if it went well.
pub(crate) fn fine(words: &[&str]) -> Result<String> {
    let ran = once(&[words, &["--catalog", "deploy/catalog"]].concat())?;
    ensure!(ran.code == Some(0) && ran.err.is_empty(), "{ran:?}");
    Ok(ran.out)
}
