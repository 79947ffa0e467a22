//! The sealing file: the secrets of one log, and what is left of them.
//!
//! Integers are little-endian.
//!
//! | bytes | |
//! | --- | --- |
//! | 0..4 | `MLsk` |
//! | 4..6 | version, 1 |
//! | 6..8 | zero |
//! | 8..24 | log id |
//! | 24..32 | size of the log up to which each erasure has been carried out |
//! | 32..64 | key of the tags |
//! | 64..72 | number of nodes |
//! | 72.. | the nodes of the key tree: number of digits (u8), digits (two a byte), node (32) |
//! | last 32 | SHA-256 of all before |
//!
//! In every version magic, version and SHA-256 stand where they do.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use thiserror::Error;
use zeroize::Zeroizing;

use super::number::DIGITS;
use super::tree::{KEY_BYTES, Key, KeyTree};
use crate::disk::{self, Disk};
use crate::format::Newer;
use crate::identity::LogId;
use crate::tree::sha256;

const MAGIC: [u8; 4] = *b"MLsk";
const VERSION: u16 = 1;
const SUM_BYTES: usize = 32;
/// The longest sealing file that is read: some 20 million nodes.
const BYTES_MAX: u64 = 1 << 30;

/// What a sealing file holds.
#[derive(Clone)]
pub(super) struct State {
    pub(super) log: LogId,
    /// The size of the log up to which each erasure has been carried out.
    pub(super) settled: u64,
    /// What tags are made with.
    pub(super) tag_key: Key,
    pub(super) tree: KeyTree,
}

impl State {
    /// Fresh secrets for a log.
    pub(super) fn generate(log: LogId) -> io::Result<State> {
        let random = || {
            let mut key = Key::default();
            rand::fill(key.as_mut_slice())
                .map_err(|_| io::Error::other("no randomness to be had"))?;
            Ok::<_, io::Error>(key)
        };
        Ok(State {
            log,
            settled: 0,
            tag_key: random()?,
            tree: KeyTree::new(random()?),
        })
    }

    /// Reads a file.
    pub(super) fn read(disk: &dyn Disk, file: &Path) -> Result<State, SealingError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => SealingError::Missing {
                file: file.to_owned(),
            },
            _ => SealingError::Read {
                file: file.to_owned(),
                source,
            },
        };
        let opened = disk.open_to_read(file).map_err(failed)?;
        // As long as the file, so that no shorter buffer of secrets is left behind in memory.
        let length = opened.metadata().map_err(failed)?.len().min(BYTES_MAX);
        let length = usize::try_from(length).unwrap_or(0);
        let mut bytes = Zeroizing::new(vec![0; length]);
        disk::read_exact(disk, &opened, &mut bytes, 0).map_err(failed)?;
        State::decode(&bytes).ok_or_else(|| match newer(&bytes) {
            Some(version) => {
                Newer::new(file, "sealing keys", version.into(), VERSION.into()).into()
            }
            None => SealingError::Malformed {
                file: file.to_owned(),
            },
        })
    }

    /// Puts this state in the place of the one in `file`, and writes zeroes over what it was. After
    /// a power cut the file is the old or the new one, whole.
    pub(super) fn replace(&self, disk: &dyn Disk, file: &Path) -> io::Result<()> {
        let before = open_if_there(disk, file)?;
        let fresh = super::begun(file);
        if let Some(left) = open_if_there(disk, &fresh)? {
            // Left of a replacement that failed, with keys that are to be destroyed now.
            overwrite(disk, &left)?;
        }
        self.write(disk, &fresh)?;
        disk.rename(&fresh, file)?;
        disk.sync_folder(disk::parent(file))?;
        before.map_or(Ok(()), |before| overwrite(disk, &before))
    }

    /// Writes a file that lasts, under a name that may not last yet.
    pub(super) fn write(&self, disk: &dyn Disk, file: &Path) -> io::Result<()> {
        let opened = disk.create(file)?;
        disk.write(&opened, &self.encode(), 0)?;
        disk.sync(&opened)
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let nodes = self.tree.nodes();
        let node_bytes = 1 + DIGITS / 2 + KEY_BYTES;
        let room = 72 + nodes.len() * node_bytes + SUM_BYTES;
        let mut out = Zeroizing::new(Vec::with_capacity(room));
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.log.0);
        out.extend_from_slice(&self.settled.to_le_bytes());
        out.extend_from_slice(self.tag_key.as_slice());
        out.extend_from_slice(&(nodes.len() as u64).to_le_bytes());
        for (place, node) in nodes {
            // A path has `DIGITS` digits at most.
            out.push(u8::try_from(place.len()).unwrap_or(u8::MAX));
            for pair in place.chunks(2) {
                let digit = |at| pair.get(at).copied().unwrap_or(0);
                out.push(digit(0) << 4 | digit(1));
            }
            out.extend_from_slice(node.as_slice());
        }
        let sum = sha256(&out);
        out.extend_from_slice(&sum);
        out
    }

    fn decode(bytes: &[u8]) -> Option<State> {
        let (bytes, sum) = bytes.split_last_chunk::<SUM_BYTES>()?;
        if sha256(bytes) != *sum {
            return None;
        }
        let mut rest = Rest(bytes);
        let magic = rest.array()? == MAGIC;
        if !magic || u16::from_le_bytes(rest.array()?) != VERSION || rest.array()? != [0; 2] {
            return None;
        }
        let log = LogId(rest.array()?);
        let settled = u64::from_le_bytes(rest.array()?);
        let tag_key = Key::new(rest.array()?);
        let count = u64::from_le_bytes(rest.array()?);
        let mut nodes: BTreeMap<Box<[u8]>, Key> = BTreeMap::new();
        for _ in 0..count {
            let [digits] = rest.array()?;
            let place = rest.place(usize::from(digits))?;
            let above = nodes.last_key_value().map(|(place, _)| place);
            // In order, each once, none below another.
            if above.is_some_and(|above| *above >= place || place.starts_with(above)) {
                return None;
            }
            nodes.insert(place, Key::new(rest.array()?));
        }
        rest.0.is_empty().then(|| State {
            log,
            settled,
            tag_key,
            tree: KeyTree::of_nodes(nodes),
        })
    }
}

/// The version of a whole file that a newer program wrote; `None` where it is none.
fn newer(bytes: &[u8]) -> Option<u16> {
    let (bytes, sum) = bytes.split_last_chunk::<SUM_BYTES>()?;
    let mut rest = Rest(bytes);
    let is_ours = rest.array()? == MAGIC;
    let version = u16::from_le_bytes(rest.array()?);
    (is_ours && version > VERSION && sha256(bytes) == *sum).then_some(version)
}

fn open_if_there(disk: &dyn Disk, file: &Path) -> io::Result<Option<File>> {
    match disk.open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// Writes zeroes over all of a file.
fn overwrite(disk: &dyn Disk, file: &File) -> io::Result<()> {
    disk::blank(disk, file, 0, file.metadata()?.len())?;
    disk.sync(file)
}

/// What has not been decoded yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    /// So many digits, in the one form that they are written in.
    fn place(&mut self, digits: usize) -> Option<Box<[u8]>> {
        let (packed, rest) = self.0.split_at_checked(digits.div_ceil(2))?;
        self.0 = rest;
        let mut place: Vec<u8> = packed
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .collect();
        let spare_is_zero = place.get(digits).is_none_or(|digit| *digit == 0);
        place.truncate(digits);
        (digits <= DIGITS && spare_is_zero).then(|| place.into())
    }
}

/// Why a sealing file was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SealingError {
    /// It is not there.
    #[error(
        "there is no sealing file `{}`: `motlan ledger init` makes it with the ledger, and without \
         it no sealed part can be read",
        file.display()
    )]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// It could not be read.
    #[error("cannot read the sealing file `{}`", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is of a newer version.
    #[error("the sealing file is newer than this program")]
    Newer(#[from] Newer),
    /// It is not what was written.
    #[error(
        "`{}` is no sealing file of version 1, or was changed: put it back from a copy",
        file.display()
    )]
    Malformed {
        /// The file.
        file: PathBuf,
    },
    /// It belongs to another log.
    #[error("the sealing file `{}` belongs to another ledger", file.display())]
    Other {
        /// The file.
        file: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::disk::LocalDisk;

    fn state() -> State {
        let mut state = State::generate(LogId([1; 16])).unwrap();
        state.settled = 9;
        state.tree.puncture(&[1, 2, 3]);
        state
    }

    fn same(a: &State, b: &State) -> bool {
        a.encode() == b.encode()
    }

    #[test]
    fn a_state_reads_back_as_it_was_written() {
        let state = state();
        assert!(same(&state, &State::decode(&state.encode()).unwrap()));
        assert_eq!(state.encode().len(), 72 + 30 * 34 + 15 * 35 + 32);
    }

    #[test]
    fn any_changed_byte_and_any_cut_of_a_state_is_seen() {
        let bytes = state().encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(State::decode(&changed).is_none(), "byte {at}");
            assert!(State::decode(&bytes[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn nodes_in_another_form_than_the_one_that_is_written_are_refused() {
        let resum = |bytes: &mut Vec<u8>| {
            bytes.truncate(bytes.len() - SUM_BYTES);
            let sum = sha256(bytes);
            bytes.extend_from_slice(&sum);
        };
        let bytes = state().encode();
        // The first node's path is one digit: the spare half of its byte.
        let mut spare = bytes.to_vec();
        assert_eq!(spare[72], 1);
        spare[73] |= 1;
        resum(&mut spare);
        assert!(State::decode(&spare).is_none());
        // Its digit becomes that of a later node: out of order.
        let mut later = bytes.to_vec();
        later[73] = 0x90;
        resum(&mut later);
        assert!(State::decode(&later).is_none());
        // A root above all others.
        let mut root = bytes.to_vec();
        root[64] += 1;
        root.splice(72..72, [0; 33]);
        resum(&mut root);
        assert!(State::decode(&root).is_none());
        let mut version = bytes.to_vec();
        version[4] = 2;
        resum(&mut version);
        assert!(State::decode(&version).is_none());
        assert_eq!((newer(&version), newer(&bytes)), (Some(2), None));
        // What is damaged is not newer, whatever it says.
        version[9] ^= 1;
        assert_eq!(newer(&version), None);
    }

    #[test]
    fn what_a_state_was_is_written_over_when_it_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sealing");
        let (old, new) = (state(), state());
        old.replace(&LocalDisk, &file).unwrap();
        let held = File::open(&file).unwrap();
        new.replace(&LocalDisk, &file).unwrap();
        assert!(same(&new, &State::read(&LocalDisk, &file).unwrap()));
        let mut before = Vec::new();
        (&held).read_to_end(&mut before).unwrap();
        assert!(!before.is_empty() && before.iter().all(|byte| *byte == 0));
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    /// Makes a file only over zeroes.
    #[derive(Debug)]
    struct Blank;

    impl Disk for Blank {
        fn create(&self, file: &Path) -> io::Result<File> {
            let there = std::fs::read(file).unwrap_or_default();
            assert!(there.iter().all(|byte| *byte == 0));
            LocalDisk.create(file)
        }
    }

    #[test]
    fn what_an_interrupted_replacement_left_is_written_over_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sealing");
        let (old, new) = (state(), state());
        old.replace(&LocalDisk, &file).unwrap();
        old.write(&LocalDisk, &super::super::begun(&file)).unwrap();
        new.replace(&Blank, &file).unwrap();
        assert!(same(&new, &State::read(&LocalDisk, &file).unwrap()));
    }
}
