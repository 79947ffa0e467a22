//! Runs the binary, and compares what it says with a file that is reviewed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

/// A day on which the reference agreements are in force.
pub(crate) const DAY: &str = "2026-06-01";

/// What a run said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// What it printed, if it went well and complained of nothing.
    pub(crate) fn fine(self) -> Result<String> {
        ensure!(self.code == Some(0) && self.err.is_empty(), "{self:?}");
        Ok(self.out)
    }

    /// What it printed, if it went well and complained of tests that no longer hold alone.
    pub(crate) fn of_a_breaking_draft(self) -> Result<String> {
        let told = self.err.trim_end().lines().next_back();
        let told = told.is_some_and(|line| line.ends_with(": the gateway would not load this"));
        let each = self
            .err
            .lines()
            .filter(|line| line.contains(": the test `"));
        let alone = each.count() + 1 == self.err.lines().count();
        ensure!(self.code == Some(0) && told && alone, "{self:?}");
        Ok(self.out)
    }

    /// What it complained of, if it exited with 1 and printed nothing else.
    pub(crate) fn fault(self) -> Result<String> {
        ensure!(self.code == Some(1) && self.out.is_empty(), "{self:?}");
        Ok(self.err)
    }
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

/// `motlan` in the repository's root folder.
pub(crate) fn motlan(input: Stdio, words: &[&str]) -> Result<Ran> {
    let mut command = Command::new(binaries()?.join("motlan"));
    let output = command
        .args(words)
        .stdin(input)
        .current_dir(root())
        .output()?;
    Ok(Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// `motlan preview` on [`DAY`], with standard input from a file.
pub(crate) fn preview_of(input: Stdio, words: &[&str]) -> Result<Ran> {
    motlan(input, &[&["preview", "--on", DAY], words].concat())
}

/// The same without any input.
pub(crate) fn preview(words: &[&str]) -> Result<Ran> {
    preview_of(Stdio::null(), words)
}

/// Nothing, if a text is what the file in `tests/preview/` holds. Else the text is kept beside it,
/// to be reviewed and taken over.
pub(crate) fn is_as_reviewed(file: &str, text: &str) -> Result<()> {
    let reviewed = root().join("tests/preview").join(file);
    let due = fs::read_to_string(&reviewed).unwrap_or_default();
    if text == due {
        return Ok(());
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    fs::write(&kept, text)?;
    let (reviewed, kept) = (reviewed.display(), kept.display());
    let first = text
        .lines()
        .zip(due.lines())
        .find(|(one, other)| one != other);
    anyhow::bail!("other than `{reviewed}`, see `{kept}`; the first line that differs: {first:?}")
}

/// A copy of the reference catalogue with its contracts, to be added to.
pub(crate) struct Copied(TempDir);

impl Copied {
    pub(crate) fn new() -> Result<Self> {
        let dir = TempDir::with_prefix("motlan-preview-")?;
        for folder in ["deploy/catalog", "proto"] {
            copy(&root().join(folder), &dir.path().join(folder))?;
        }
        Ok(Self(dir))
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    /// The catalogue's folder.
    pub(crate) fn catalog(&self) -> Result<String> {
        text(&self.path("deploy/catalog"))
    }

    /// Writes a file, and tells its path.
    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> Result<String> {
        let path = self.path(relative);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, content)?;
        text(&path)
    }

    /// A preview of this catalogue.
    pub(crate) fn preview(&self, words: &[&str]) -> Result<Ran> {
        let catalog = self.catalog()?;
        preview(&[&["--catalog", catalog.as_str()], words].concat())
    }
}

/// A file as standard input.
pub(crate) fn input(path: impl AsRef<OsStr>) -> Result<Stdio> {
    Ok(File::open(path.as_ref())?.into())
}

fn text(path: &Path) -> Result<String> {
    let text = path.to_str().context("the path is no text")?;
    Ok(text.to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
