//! Every change of the files under a folder, and whether it lasts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{inode, operation, walk};

/// The number of a file, which it keeps whatever its name.
type FileNumber = usize;

#[derive(Debug)]
pub(super) struct Journal {
    root: PathBuf,
    changes: Vec<Change>,
    numbers: HashMap<(u64, u64), FileNumber>,
    files: usize,
}

#[derive(Debug)]
struct Change {
    what: What,
    standing: Standing,
}

/// One change.
#[derive(Debug)]
pub(super) enum What {
    Folder(PathBuf),
    Name {
        path: PathBuf,
        file: FileNumber,
    },
    Unname(PathBuf),
    Rename {
        from: PathBuf,
        to: PathBuf,
        file: FileNumber,
    },
    Write {
        file: FileNumber,
        offset: u64,
        bytes: Vec<u8>,
    },
    Length {
        file: FileNumber,
        bytes: u64,
    },
}

/// Whether a change lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The next sync makes it last.
    Pending,
    /// It lasts.
    Settled,
    /// No sync makes it last any more; only the cache shows it.
    Doomed,
    /// Not even the cache.
    Gone,
}

/// Which changes that did not last a power cut has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    lost: BTreeSet<usize>,
    /// Of this write the first sectors are there.
    torn: Option<usize>,
    what: String,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Journal {
    /// What is under `root`, all of it lasting.
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let mut journal = Self {
            root: root.to_owned(),
            changes: Vec::new(),
            numbers: HashMap::new(),
            files: 0,
        };
        let mut found = Vec::new();
        walk(root, &mut found)?;
        for path in found {
            let name = journal.within(&path)?;
            if path.is_dir() {
                journal.note(What::Folder(name), Standing::Settled);
                continue;
            }
            let file = journal.new_file(&File::open(&path)?)?;
            let bytes = fs::read(&path)?;
            journal.note(What::Name { path: name, file }, Standing::Settled);
            let offset = 0;
            journal.note(
                What::Write {
                    file,
                    offset,
                    bytes,
                },
                Standing::Settled,
            );
        }
        Ok(journal)
    }

    /// A path as it is told: from the root.
    pub(super) fn within(&self, path: &Path) -> io::Result<PathBuf> {
        if path.is_relative() {
            return Ok(path.to_owned());
        }
        let within = path.strip_prefix(&self.root);
        within.map(Path::to_owned).map_err(io::Error::other)
    }

    pub(super) fn note(&mut self, what: What, standing: Standing) {
        self.changes.push(Change { what, standing });
    }

    /// The number of a file that was made just now.
    pub(super) fn new_file(&mut self, file: &File) -> io::Result<FileNumber> {
        self.files += 1;
        self.numbers.insert(inode(file)?, self.files);
        Ok(self.files)
    }

    pub(super) fn number_of(&self, file: &File) -> io::Result<FileNumber> {
        let number = self.numbers.get(&inode(file)?).copied();
        number.ok_or_else(|| io::Error::other("a file of another disk"))
    }

    /// The number of the file of that name.
    pub(super) fn named(&self, path: &Path) -> io::Result<FileNumber> {
        let last = self
            .changes
            .iter()
            .rev()
            .find_map(|change| match &change.what {
                What::Name { path: to, file } | What::Rename { to, file, .. } if to == path => {
                    Some(Some(*file))
                }
                What::Unname(from) | What::Rename { from, .. } if from == path => Some(None),
                _ => None,
            });
        last.flatten().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The name of a file.
    pub(super) fn path_of(&self, file: &File) -> io::Result<PathBuf> {
        let number = self.number_of(file)?;
        let last = self
            .changes
            .iter()
            .rev()
            .find_map(|change| match &change.what {
                What::Name { path, file } | What::Rename { to: path, file, .. } => {
                    (*file == number).then(|| path.clone())
                }
                _ => None,
            });
        last.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Changes how the pending changes of a file's content stand.
    pub(super) fn settle(&mut self, number: FileNumber, standing: Standing) {
        for change in &mut self.changes {
            let of_file = match change.what {
                What::Write { file, .. } | What::Length { file, .. } => file == number,
                _ => false,
            };
            if of_file && change.standing == Standing::Pending {
                change.standing = standing;
            }
        }
    }

    /// Makes the names in `folder` last.
    pub(super) fn settle_names(&mut self, folder: &Path) {
        for change in &mut self.changes {
            let path = match &change.what {
                What::Folder(path) | What::Unname(path) => path,
                What::Name { path, .. } | What::Rename { to: path, .. } => path,
                What::Write { .. } | What::Length { .. } => continue,
            };
            if path.parent() == Some(folder) && change.standing == Standing::Pending {
                change.standing = Standing::Settled;
            }
        }
    }

    /// Takes out of the cache what the disk does not have of a file.
    pub(super) fn forget(&mut self, number: FileNumber, opened: &File) -> io::Result<()> {
        let mut was_there = false;
        for change in &mut self.changes {
            let doomed = change.standing == Standing::Doomed;
            match change.what {
                What::Write { file, .. } | What::Length { file, .. }
                    if doomed && file == number =>
                {
                    change.standing = Standing::Gone;
                    was_there = true;
                }
                _ => {}
            }
        }
        if was_there {
            let mut replayed = self.replay(&Fate::default());
            let bytes = replayed.files.remove(&number).unwrap_or_default();
            opened.set_len(0)?;
            std::os::unix::fs::FileExt::write_all_at(opened, &bytes, 0)?;
        }
        Ok(())
    }

    /// What a kill leaves; then what a power cut can leave: nothing of what did not last, or all
    /// but one such change, or none but one, or one such write torn.
    pub(super) fn fates(&self) -> Vec<Fate> {
        let open: Vec<usize> = self
            .changes
            .iter()
            .zip(0..)
            .filter(|(change, _)| matches!(change.standing, Standing::Pending | Standing::Doomed))
            .map(|(_, nth)| nth)
            .collect();
        let told = |nth: &usize| match self.changes.get(*nth).map(|change| &change.what) {
            Some(What::Folder(path)) => format!("the folder `{}`", path.display()),
            Some(What::Name { path, .. }) => format!("the name `{}`", path.display()),
            Some(What::Unname(path)) => format!("the removal of `{}`", path.display()),
            Some(What::Rename { to, .. }) => format!("the renaming to `{}`", to.display()),
            Some(What::Write { file, offset, .. }) => format!("the write {file}:{offset}"),
            Some(What::Length { file, bytes }) => format!("the length {file}:{bytes}"),
            None => String::new(),
        };
        let all: BTreeSet<usize> = open.iter().copied().collect();
        let mut fates = vec![Fate {
            what: "killed".to_owned(),
            ..Fate::default()
        }];
        let mut add = |lost: BTreeSet<usize>, torn: Option<usize>, what: String| {
            let known = fates
                .iter()
                .any(|fate| fate.lost == lost && fate.torn == torn);
            if !known {
                fates.push(Fate { lost, torn, what });
            }
        };
        add(all.clone(), None, "nothing of it lasted".to_owned());
        for nth in &open {
            let one = BTreeSet::from([*nth]);
            let others = all.difference(&one).copied().collect();
            add(one, None, format!("only {} did not last", told(nth)));
            add(others, None, format!("only {} lasted", told(nth)));
            let change = self.changes.get(*nth).map(|change| &change.what);
            if matches!(change, Some(What::Write { .. })) {
                let what = format!("{} lasted in part", told(nth));
                add(BTreeSet::new(), Some(*nth), what);
            }
        }
        fates
    }

    /// Writes what `fate` leaves into `into`.
    pub(super) fn lay(&self, fate: &Fate, into: &Path) -> io::Result<()> {
        let left = self.replay(fate);
        for folder in &left.folders {
            fs::create_dir_all(into.join(folder))?;
        }
        for (path, file) in &left.names {
            let bytes = left.files.get(file).map(Vec::as_slice);
            let above = path.parent().unwrap_or(Path::new(""));
            // A file in a folder that did not last.
            if above == Path::new("") || left.folders.contains(above) {
                fs::write(into.join(path), bytes.unwrap_or_default())?;
            }
        }
        Ok(())
    }

    fn replay(&self, fate: &Fate) -> Left<'_> {
        let mut left = Left::default();
        for (change, nth) in self.changes.iter().zip(0..) {
            if fate.lost.contains(&nth) || change.standing == Standing::Gone {
                continue;
            }
            left.apply(&change.what, fate.torn == Some(nth));
        }
        left
    }
}

/// What is left of the files.
#[derive(Default)]
struct Left<'a> {
    folders: BTreeSet<&'a Path>,
    names: BTreeMap<&'a Path, FileNumber>,
    files: HashMap<FileNumber, Vec<u8>>,
}

impl<'a> Left<'a> {
    fn apply(&mut self, what: &'a What, torn: bool) {
        match what {
            What::Folder(path) => {
                self.folders.insert(path);
            }
            What::Name { path, file } => {
                self.names.insert(path, *file);
            }
            What::Unname(path) => {
                self.names.remove(path.as_path());
            }
            What::Rename { from, to, file } => {
                self.names.remove(from.as_path());
                self.names.insert(to, *file);
            }
            What::Length { file, bytes } => {
                let length = usize::try_from(*bytes).unwrap_or_default();
                self.files.entry(*file).or_default().resize(length, 0);
            }
            What::Write {
                file,
                offset,
                bytes,
            } => {
                let length = match torn {
                    true => operation::front(*offset, bytes.len()).end,
                    false => bytes.len(),
                };
                let content = self.files.entry(*file).or_default();
                let from = usize::try_from(*offset).unwrap_or_default();
                let to = from + length;
                content.resize(content.len().max(to), 0);
                if let (Some(to), Some(from)) = (content.get_mut(from..to), bytes.get(..length)) {
                    to.copy_from_slice(from);
                }
            }
        }
    }
}
