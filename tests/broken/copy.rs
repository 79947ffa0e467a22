//! A copy of a deployment, to be broken in one way and checked.

use std::any::Any;
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use motlan_gateway::preflight::{self, Scope};
use regex::Regex;
use tempfile::TempDir;

/// What is another each time, with what stands for it in the snapshot.
const RANDOM: [(&str, &str); 6] = [
    (r"127\.0\.0\.1:[0-9]{4,5}", "127.0.0.1:PORT"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "TIME"),
    (r"20[0-9]{2}q[1-4]", "QUARTER"),
    (r"([0-9]+ h) [0-9]+ min", "$1 and some minutes"),
    (r"[0-9]+ MiB are free", "SOME MiB are free"),
    (r"revision [0-9]+", "revision N"),
];

/// A deployment of its own.
pub(crate) struct Copied {
    dir: TempDir,
    pub(crate) scope: Scope,
    /// Texts that are others each time, with what stands for them in the snapshot.
    random: Vec<(String, &'static str)>,
    /// What must be there until the check has ended.
    kept: Vec<Box<dyn Any + Send>>,
}

impl Copied {
    pub(crate) fn of(laid: &Path) -> Result<Self> {
        let dir = TempDir::with_prefix("motlan-copy-")?;
        copy(laid, dir.path())?;
        Ok(Self {
            dir,
            scope: Scope {
                owners: true,
                room: true,
                ..Scope::start()
            },
            random: Vec::new(),
            kept: Vec::new(),
        })
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// What is said of it, without what is random; nothing where nothing is wrong.
    pub(crate) async fn told(&self) -> Result<String> {
        let checked = preflight::examined(&self.path("motlan.toml"), &self.scope).await;
        let mut told = checked.err().map_or_else(String::new, |it| it.to_string());
        for (random, instead) in &self.random {
            told = told.replace(random, instead);
        }
        let told = told.replace(&format!("{}/", self.dir.path().display()), "");
        let each = |told: String, (random, instead): &(&str, &str)| {
            let random = Regex::new(random)?;
            anyhow::Ok(random.replace_all(&told, *instead).into_owned())
        };
        RANDOM.iter().try_fold(told, each)
    }

    /// Replaces what stands once in the configuration.
    pub(crate) fn replace(&self, from: &str, to: &str) -> Result<()> {
        let file = self.path("motlan.toml");
        let text = fs::read_to_string(&file)?;
        ensure!(text.matches(from).count() == 1, "`{from}` in {text}");
        Ok(fs::write(file, text.replace(from, to))?)
    }

    /// Adds to the configuration.
    pub(crate) fn append(&self, more: &str) -> Result<()> {
        let file = self.path("motlan.toml");
        let text = fs::read_to_string(&file)?;
        Ok(fs::write(file, format!("{text}\n{more}\n"))?)
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) -> Result<()> {
        Ok(fs::write(self.path(file), content)?)
    }

    pub(crate) fn remove(&self, file: &str) -> Result<()> {
        let path = self.path(file);
        match path.is_dir() {
            true => fs::remove_dir_all(path)?,
            false => fs::remove_file(path)?,
        }
        Ok(())
    }

    pub(crate) fn copy(&self, from: &str, to: &str) -> Result<()> {
        fs::copy(self.path(from), self.path(to))?;
        Ok(())
    }

    pub(crate) fn mode(&self, file: &str, mode: u32) -> Result<()> {
        Ok(fs::set_permissions(
            self.path(file),
            Permissions::from_mode(mode),
        )?)
    }

    /// Keeps something until the check has ended.
    pub(crate) fn keep(&mut self, it: impl Any + Send) {
        self.kept.push(Box::new(it));
    }

    /// Has the snapshot say `instead` where `random` stands.
    pub(crate) fn hide(&mut self, random: impl Into<String>, instead: &'static str) {
        self.random.push((random.into(), instead));
    }

    /// An address of this machine on which somebody listens.
    pub(crate) fn taken(&mut self) -> Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        self.hide(address.to_string(), "ADDRESS");
        Ok((listener, address))
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to)?,
            false => drop(fs::copy(entry.path(), to)?),
        }
    }
    Ok(())
}

/// Gives every file below a folder to `visit`.
pub(crate) fn each_file(folder: &Path, visit: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => each_file(&path, visit)?,
            false => visit(&path)?,
        }
    }
    Ok(())
}
