//! The sealed parts' secrets: each sealed part lies on disk encrypted with a key of its own, and
//! can be made unreadable for good by destroying that key, while its leaf, and so the tree and
//! every proof, stays as it is.
//!
//! Nothing is written to make a key: all are derived from one secret, by the number that a sealed
//! part bears ([`number`]), in a tree from which single keys can be taken out ([`tree`]). The
//! number says nothing of the subject, so neither the records of one subject can be told from those
//! of others without the secret, nor, once destroyed, with it.

mod envelope;
mod file;
mod number;
mod opener;
mod sealer;
mod tree;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use aws_lc_rs::hmac;

use crate::disk::{self, Disk, LocalDisk};
use crate::identity::LogId;
use file::State;

pub(crate) use envelope::{Bound, NONCE_BYTES};
pub use file::SealingError;
pub(crate) use number::Label;
pub use opener::Opened;
pub(crate) use opener::{Opener, is_envelope, is_of_dataset, label};
pub(crate) use sealer::Sealer;

/// How long a tag is.
const TAG_BYTES: usize = 16;

/// The secrets of one log, from its sealing file.
pub struct Sealing {
    file: PathBuf,
    state: RwLock<State>,
    /// Whether keys may be in the file that are destroyed here.
    behind: AtomicBool,
}

/// Keys that are to be destroyed: all below a path of the key tree.
pub(crate) struct Target(Vec<u8>);

impl Target {
    /// The key of a sealed part, as it stands on disk, of a record with this label.
    pub(crate) fn part(label: Label, sealed: &[u8]) -> Option<Target> {
        opener::path(label, sealed).map(|path| Target(path.to_vec()))
    }

    /// All keys of a label.
    pub(crate) fn label(label: Label) -> Target {
        Target(label.path())
    }
}

impl Sealing {
    /// Reads a sealing file, for reading what was sealed. Whether it belongs to a log is seen when
    /// that log is read.
    pub fn read(file: &Path) -> Result<Sealing, SealingError> {
        Sealing::read_through(&LocalDisk, file)
    }

    /// As [`Sealing::read`], through `disk`.
    fn read_through(disk: &dyn Disk, file: &Path) -> Result<Sealing, SealingError> {
        Ok(Sealing {
            file: file.to_owned(),
            state: RwLock::new(State::read(disk, file)?),
            behind: AtomicBool::new(false),
        })
    }

    /// Begins the sealing file of a new log: it has its name once [`Sealing::finish`] gave it that,
    /// or [`Sealing::open`].
    pub(crate) fn begin(disk: &dyn Disk, file: &Path, log: LogId) -> io::Result<()> {
        disk::create_folders(disk, disk::parent(file))?;
        State::generate(log)?.write(disk, &begun(file))?;
        disk.sync_folder(disk::parent(file))
    }

    /// Ends what [`Sealing::begin`] began.
    pub(crate) fn finish(disk: &dyn Disk, file: &Path) -> io::Result<()> {
        disk.rename(&begun(file), file)?;
        disk.sync_folder(disk::parent(file))
    }

    /// Reads the sealing file of a log, and gives it its name where a crash came before that.
    pub(crate) fn open(disk: &dyn Disk, file: &Path, log: LogId) -> Result<Sealing, SealingError> {
        let mut sealing = Sealing::find(disk, file, log)?;
        if sealing.file != file {
            let failed = |source| SealingError::Read {
                file: file.to_owned(),
                source,
            };
            Sealing::finish(disk, file).map_err(failed)?;
            sealing.file = file.to_owned();
        }
        Ok(sealing)
    }

    /// Reads the sealing file of a log, under its name or the one that it has until the log is
    /// made.
    pub(crate) fn find(disk: &dyn Disk, file: &Path, log: LogId) -> Result<Sealing, SealingError> {
        let sealing = Sealing::read_through(disk, file).or_else(|error| match error {
            SealingError::Missing { .. } => Sealing::read_through(disk, &begun(file))
                .and_then(|begun| begun.must_be_of(log).map(|()| begun))
                .map_err(|_| error),
            error => Err(error),
        })?;
        sealing.must_be_of(log)?;
        Ok(sealing)
    }

    /// Puts it in the place of what `file` is, over which zeroes are written.
    pub(crate) fn put(&self, disk: &dyn Disk, file: &Path) -> io::Result<()> {
        disk::create_folders(disk, disk::parent(file))?;
        self.state(State::clone).replace(disk, file)
    }

    /// Refuses the sealing file of another log.
    pub(crate) fn must_be_of(&self, log: LogId) -> Result<(), SealingError> {
        if self.state(|state| state.log == log) {
            return Ok(());
        }
        Err(SealingError::Other {
            file: self.file.clone(),
        })
    }

    /// What a search finds a subject by: the same in all records of the log, whatever the dataset,
    /// and nothing that could be guessed without the sealing file. Spaces around it and the case of
    /// letters do not count.
    pub fn subject_tag(&self, subject: &str) -> Tag {
        self.tag("subject", &normalised(subject))
    }

    /// What a search finds a dossier by.
    pub fn dossier_tag(&self, dossier: &str) -> Tag {
        self.tag("dossier", dossier)
    }

    /// What a search finds an official by. Systems name their officials each in its own way: two
    /// may mean two persons by one name.
    pub fn official_tag(&self, official: &str) -> Tag {
        self.tag("official", official)
    }

    fn tag(&self, what: &str, name: &str) -> Tag {
        let text = [what.as_bytes(), &[0], name.as_bytes()].concat();
        let sum = self.state(|state| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, state.tag_key.as_slice());
            hmac::sign(&key, &text)
        });
        let mut tag = [0; TAG_BYTES];
        tag.iter_mut()
            .zip(sum.as_ref())
            .for_each(|(to, from)| *to = *from);
        Tag(tag)
    }

    /// Where it was read.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Up to which size of the log each erasure has been carried out.
    pub(crate) fn settled(&self) -> u64 {
        self.state(|state| state.settled)
    }

    /// Whether any of these keys is left.
    pub(crate) fn holds(&self, target: &Target) -> bool {
        self.state(|state| state.tree.holds(&target.0))
    }

    /// Whether a replacement of the file failed, and none has succeeded since.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Acquire)
    }

    /// Destroys keys, and takes note that all erasures below `settled` have been carried out. Once
    /// this returns, the keys are neither in the file nor in this value; after an error they are
    /// gone from this value still, and so from the file when it is replaced the next time. Gives
    /// how many targets had a key left. One caller at a time.
    pub(crate) fn destroy(
        &self,
        disk: &dyn Disk,
        targets: &[Target],
        settled: u64,
    ) -> io::Result<u64> {
        let mut next = self.state(State::clone);
        let mut count = 0;
        for Target(path) in targets {
            count += u64::from(next.tree.puncture(path));
        }
        let settled_before = next.settled;
        next.settled = next.settled.max(settled);
        let replaced = next.replace(disk, &self.file);
        if replaced.is_err() {
            next.settled = settled_before;
        }
        self.behind.store(replaced.is_err(), Ordering::Release);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = next;
        replaced.map(|()| count)
    }

    fn state<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealing({}, ..)", self.file.display())
    }
}

/// The name of a sealing file until its log is made.
fn begun(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// A subject as it is compared: spaces around it and the case of letters do not count.
#[must_use]
pub fn normalised(subject: &str) -> String {
    subject.trim().to_uppercase()
}

/// A keyed tag: what a search index holds in the place of a subject, dossier or official.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub [u8; TAG_BYTES]);
