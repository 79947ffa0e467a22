//! Reading: counted apart from what changes files, so that each has its own order. Reading changes
//! nothing that a power cut could take, so no journal is kept of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use motlan_audit::{Disk as _, LocalDisk};

use super::{FragileDisk, Operation, Trouble, Verb, error};

/// What was read, and what is to go wrong with it.
#[derive(Debug, Default)]
pub(super) struct Readings {
    done: Vec<Operation>,
    plan: BTreeMap<usize, Trouble>,
    /// The next reading finds the end of its file.
    ended: bool,
}

impl FragileDisk {
    /// Has reading `nth`, counted from 0, go wrong.
    pub fn plan_reading(&self, nth: usize, trouble: Trouble) {
        self.state().readings.plan.insert(nth, trouble);
    }

    /// All readings so far.
    #[must_use]
    pub fn readings(&self) -> Vec<Operation> {
        self.state().readings.done.clone()
    }

    pub(super) fn opens_to_read(&self, file: &Path) -> io::Result<File> {
        match self.reads(Verb::OpenToRead, file)? {
            Some(_) => Err(error()),
            None => LocalDisk.open_to_read(file),
        }
    }

    pub(super) fn lists(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        match self.reads(Verb::List, folder)? {
            Some(_) => Err(error()),
            None => {
                let mut files = LocalDisk.list(folder)?;
                files.sort();
                Ok(files)
            }
        }
    }

    pub(super) fn reads_at(&self, file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let path = self.state().journal.path_of(file)?;
        let trouble = self.reads(Verb::Read, &path)?;
        if std::mem::take(&mut self.state().readings.ended) {
            return Ok(0);
        }
        let read = match trouble {
            None | Some(Trouble::Short | Trouble::Ends | Trouble::Blank) => {
                LocalDisk.read(file, bytes, at)?
            }
            Some(_) => return Err(error()),
        };
        let half = read / 2;
        match trouble {
            // Nothing at all would be the end of the file.
            Some(Trouble::Short) => Ok(half.max(read.min(1))),
            Some(Trouble::Ends) => {
                self.state().readings.ended = half > 0;
                Ok(half)
            }
            Some(Trouble::Blank) => {
                bytes.iter_mut().take(read).for_each(|byte| *byte = 0);
                Ok(read)
            }
            _ => Ok(read),
        }
    }

    /// Takes note of a reading and tells whether it goes wrong. It goes well after the machine has
    /// stopped, too: whoever was told something before compares it with what is there.
    fn reads(&self, verb: Verb, path: &Path) -> io::Result<Option<Trouble>> {
        let mut state = self.state();
        let path = state.journal.within(path)?;
        let nth = state.readings.done.len();
        state.readings.done.push(Operation { verb, path });
        Ok(state.readings.plan.get(&nth).copied())
    }
}

impl Readings {
    pub(super) fn repair(&mut self) {
        self.plan.clear();
        self.ended = false;
    }
}
