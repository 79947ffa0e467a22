//! A disk that fails as it is told, and knows what a power cut would leave.
//!
//! It changes real files in one folder, because whoever stands on it reads them there, and keeps a
//! journal of every change. A write lasts once its file was synced, or at once where the file was
//! opened with `O_DSYNC`; a name lasts once its folder was synced. What does not last yet may
//! survive a power cut or not, each change by itself. That is harsher than most file systems are.
//! After a sync that failed, what it should have made last never does; the system's cache shows it
//! until somebody has the cache forget it, as Linux does.
//!
//! Work beside is done at once, so that the same run has the same operations in the same order.

mod journal;
mod operation;
mod reading;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use motlan_audit::{Disk, LocalDisk, Work};
use rustix::fs::{OFlags, fcntl_getfl};

pub use journal::Fate;
use journal::{Journal, Standing, What};
pub use operation::{Operation, Trouble, Verb};
use reading::Readings;

/// A disk that fails. All clones are one disk.
#[derive(Clone, Debug)]
pub struct FragileDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    journal: Journal,
    done: Vec<Operation>,
    /// Which operations go wrong, counted from 0, and how.
    plan: BTreeMap<usize, Trouble>,
    /// The next operation like this goes wrong.
    next: Option<(Operation, Trouble)>,
    /// Once it is, nothing happens any more.
    stopped: bool,
    /// A write that waits for another one to change places with.
    held: Option<(File, Vec<u8>, u64)>,
    readings: Readings,
}

impl FragileDisk {
    /// The disk under `root`. What is there lasts.
    ///
    /// # Errors
    /// Where what is there cannot be read.
    pub fn under(root: &Path) -> io::Result<Self> {
        let state = State {
            journal: Journal::read(root)?,
            done: Vec::new(),
            plan: BTreeMap::new(),
            next: None,
            stopped: false,
            held: None,
            readings: Readings::default(),
        };
        Ok(Self(Arc::new(Mutex::new(state))))
    }

    /// Has operation `nth`, counted from 0, go wrong.
    pub fn plan(&self, nth: usize, trouble: Trouble) {
        self.state().plan.insert(nth, trouble);
    }

    /// Has the next operation go wrong that is like this one.
    pub fn plan_next(&self, operation: Operation, trouble: Trouble) {
        self.state().next = Some((operation, trouble));
    }

    /// Nothing goes wrong from here on, and a machine that has stopped runs again.
    pub fn repair(&self) {
        let mut state = self.state();
        state.plan.clear();
        state.readings.repair();
        state.stopped = false;
    }

    /// All operations so far that change something.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.state().done.clone()
    }

    /// What can be found after the process was killed, which is the first, or after a power cut.
    #[must_use]
    pub fn fates(&self) -> Vec<Fate> {
        self.state().journal.fates()
    }

    /// Writes into the folder `into`, which must be empty, what `fate` leaves.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn lay(&self, fate: &Fate, into: &Path) -> io::Result<()> {
        self.state().journal.lay(fate, into)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operation that happens whole or not at all.
    fn whole(
        &self,
        verb: Verb,
        path: &Path,
        happen: impl FnOnce(&mut State, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = self.state();
        let path = state.journal.within(path)?;
        match state.begin(verb, &path)? {
            None => happen(&mut state, &path),
            Some(Trouble::Kept) => happen(&mut state, &path).and_then(|()| Err(error())),
            Some(Trouble::Lies) => Ok(()),
            Some(Trouble::Full) => Err(io::ErrorKind::StorageFull.into()),
            Some(_) => Err(error()),
        }
    }
}

impl State {
    /// Takes note of an operation and tells whether it goes wrong.
    fn begin(&mut self, verb: Verb, path: &Path) -> io::Result<Option<Trouble>> {
        if self.stopped {
            return Err(error());
        }
        let nth = self.done.len();
        let path = path.to_owned();
        let operation = Operation { verb, path };
        let next = self.next.take_if(|(due, _)| *due == operation);
        let trouble = self.plan.get(&nth).copied();
        let trouble = trouble.or(next.map(|(_, trouble)| trouble));
        self.done.push(operation);
        self.stopped = trouble.is_some_and(Trouble::stops);
        Ok(trouble)
    }

    /// Writes to the file, and to the journal.
    fn write(&mut self, file: &File, bytes: &[u8], offset: u64, how: Standing) -> io::Result<()> {
        LocalDisk.write(file, bytes, offset)?;
        let file = self.journal.number_of(file)?;
        let bytes = bytes.to_vec();
        self.journal.note(
            What::Write {
                file,
                offset,
                bytes,
            },
            how,
        );
        Ok(())
    }
}

fn error() -> io::Error {
    io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())
}

impl Disk for FragileDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.whole(Verb::CreateFolder, folder, |state, name| {
            LocalDisk.create_folder(folder)?;
            state
                .journal
                .note(What::Folder(name.to_owned()), Standing::Pending);
            Ok(())
        })
    }

    fn create(&self, file: &Path) -> io::Result<File> {
        let mut made = Err(error());
        self.whole(Verb::Create, file, |state, path| {
            let was_there = fs::exists(file)?;
            let opened = LocalDisk.create(file)?;
            let path = path.to_owned();
            let what = if was_there {
                let file = state.journal.number_of(&opened)?;
                What::Length { file, bytes: 0 }
            } else {
                let file = state.journal.new_file(&opened)?;
                What::Name { path, file }
            };
            state.journal.note(what, Standing::Pending);
            made = Ok(opened);
            Ok(())
        })?;
        made
    }

    fn open(&self, file: &Path) -> io::Result<File> {
        let mut opened = Err(error());
        self.whole(Verb::Open, file, |_, _| {
            opened = Ok(LocalDisk.open(file)?);
            Ok(())
        })?;
        opened
    }

    fn open_synced(&self, file: &Path) -> io::Result<File> {
        let mut opened = Err(error());
        self.whole(Verb::Open, file, |_, _| {
            opened = Ok(LocalDisk.open_synced(file)?);
            Ok(())
        })?;
        opened
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state();
        let path = state.journal.path_of(file)?;
        let synced = fcntl_getfl(file)?.contains(OFlags::DSYNC);
        let standing = if synced {
            Standing::Settled
        } else {
            Standing::Pending
        };
        let trouble = state.begin(Verb::Write, &path)?;
        let part = |range: Range<usize>| bytes.get(range).unwrap_or_default();
        match trouble {
            None => {
                let held = state.held.take_if(|(_, held, _)| held.len() == bytes.len());
                let Some((other, held, other_offset)) = held else {
                    return state.write(file, bytes, offset, standing);
                };
                state.write(&other, bytes, other_offset, standing)?;
                state.write(file, &held, offset, standing)
            }
            Some(Trouble::Lies) => Ok(()),
            Some(Trouble::Swaps) => {
                state.held = Some((file.try_clone()?, bytes.to_vec(), offset));
                Ok(())
            }
            Some(Trouble::Full) => Err(io::ErrorKind::StorageFull.into()),
            Some(trouble) => {
                match trouble {
                    Trouble::Kept => state.write(file, bytes, offset, standing)?,
                    Trouble::Cached => state.write(file, bytes, offset, Standing::Doomed)?,
                    Trouble::Front | Trouble::StopsAfterFront => {
                        let front = part(operation::front(offset, bytes.len()));
                        state.write(file, front, offset, standing)?;
                    }
                    Trouble::Back | Trouble::StopsAfterBack => {
                        let back = operation::back(offset, bytes.len());
                        let from = offset + back.start as u64;
                        state.write(file, part(back), from, standing)?;
                    }
                    _ => {}
                }
                Err(error())
            }
        }
    }

    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        let path = self.state().journal.path_of(file)?;
        self.whole(Verb::SetLen, &path, |state, _| {
            LocalDisk.set_len(file, bytes)?;
            let file = state.journal.number_of(file)?;
            state
                .journal
                .note(What::Length { file, bytes }, Standing::Pending);
            Ok(())
        })
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let (path, number) = {
            let state = self.state();
            (state.journal.path_of(file)?, state.journal.number_of(file)?)
        };
        let synced = self.whole(Verb::Sync, &path, |state, _| {
            state.journal.settle(number, Standing::Settled);
            Ok(())
        });
        let mut state = self.state();
        if synced.is_err() && !state.stopped {
            // What is still pending now is given up: a later sync would say that all is well.
            state.journal.settle(number, Standing::Doomed);
        }
        synced
    }

    fn forget(&self, file: &File) -> io::Result<()> {
        let path = self.state().journal.path_of(file)?;
        self.whole(Verb::Forget, &path, |state, _| {
            let number = state.journal.number_of(file)?;
            state.journal.forget(number, file)
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.whole(Verb::Rename, from, |state, name| {
            let file = state.journal.named(name)?;
            LocalDisk.rename(from, to)?;
            let (from, to) = (name.to_owned(), state.journal.within(to)?);
            state
                .journal
                .note(What::Rename { from, to, file }, Standing::Pending);
            Ok(())
        })
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        self.whole(Verb::Remove, file, |state, name| {
            LocalDisk.remove(file)?;
            state
                .journal
                .note(What::Unname(name.to_owned()), Standing::Pending);
            Ok(())
        })
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.whole(Verb::SyncFolder, folder, |state, name| {
            state.journal.settle_names(name);
            Ok(())
        })
    }

    fn open_to_read(&self, file: &Path) -> io::Result<File> {
        self.opens_to_read(file)
    }

    fn read(&self, file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.reads_at(file, bytes, offset)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.lists(folder)
    }

    fn beside(&self, work: Work) -> io::Result<JoinHandle<io::Result<()>>> {
        let done = work();
        thread::Builder::new().spawn(move || done)
    }
}

/// Which file it is, whatever its name.
fn inode(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// All files and folders under `folder`, folders first.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        found.push(path.clone());
        if path.is_dir() {
            walk(&path, found)?;
        }
    }
    Ok(())
}
