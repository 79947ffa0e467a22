//! Reading the whole log when it is opened: what it holds, where its last frame ends, and what a
//! crash left behind that. Reading changes no segment; [`Repair::apply`] does, once the checkpoint
//! has been compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::links::Links;
use super::open::OpenError;
use crate::disk::{self, Disk};
use crate::format::Newer;
use crate::frame::{Parts, Place};
use crate::identity::Identity;
use crate::segment::{self, Fault, Found, Header, Scan};
use crate::store::{Position, Positions, SPARE};
use crate::tree::{Hash, Tiles, Tree, leaf_hash};

/// What reading the whole log gives.
#[derive(Default)]
pub(super) struct Log {
    pub(super) tree: Tree,
    /// The roots that the tree had at the sizes that were asked for, as far as it reaches.
    pub(super) roots: BTreeMap<u64, Hash>,
    /// The last segment, and where its last frame ends.
    pub(super) last: Option<(u64, u64)>,
    pub(super) repair: Option<Repair>,
    /// What it says of other logs.
    pub(super) links: Links,
}

/// Reads the segments one after the other.
pub(super) struct Reader<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) folder: &'a Path,
    pub(super) identity: &'a Identity,
    pub(super) tiles: &'a Tiles,
    pub(super) positions: &'a Positions,
    /// The sizes that checkpoints speak for.
    pub(super) sizes: BTreeSet<u64>,
}

impl Reader<'_> {
    /// Reads all segments and checks that each frame follows the one before it.
    pub(super) fn read(&self) -> Result<Log, OpenError> {
        let listed = segment::list(self.disk, self.folder);
        let folder = segment::folder(self.folder);
        let (numbers, strangers) = listed.map_err(|source| OpenError::Io {
            file: folder,
            source,
        })?;
        for file in strangers {
            if !file.ends_with(SPARE) {
                return damaged(&file, 0, "is no segment of a ledger");
            }
            // What a crash left of a segment that had no name yet, and no records.
            self.disk
                .remove(&file)
                .map_err(|source| OpenError::Io { file, source })?;
        }
        let mut log = Log::default();
        self.note_root(&mut log);
        for (number, due) in numbers.iter().zip(0..) {
            if *number != due {
                let file = segment::path(self.folder, due);
                return damaged(&file, 0, "the segment is missing, and a later one is there");
            }
            self.segment(&mut log, due, due + 1 == numbers.len() as u64)?;
        }
        Ok(log)
    }

    fn note_root(&self, log: &mut Log) {
        let size = log.tree.size();
        if self.sizes.contains(&size) {
            log.roots.insert(size, log.tree.root());
        }
    }

    fn segment(&self, log: &mut Log, number: u64, is_last: bool) -> Result<(), OpenError> {
        let file = segment::path(self.folder, number);
        let failed = |source| OpenError::Io {
            file: file.clone(),
            source,
        };
        if is_last {
            forget_cached(self.disk, &file).map_err(failed)?;
        }
        let (mut scan, header) = Scan::open(self.disk, self.folder, number).map_err(failed)?;
        scan.newer_header().map_or(Ok(()), Err)?;
        let header = self.check_header(log, number, header, &file)?;
        let bytes = scan.bytes();
        if bytes != header.bytes && !(is_last && bytes < header.bytes) {
            let what = format!("the file ends here, and {} bytes are due", header.bytes);
            return damaged(&file, bytes, &what);
        }
        let mut tear_end = None;
        let mut offset = segment::HEADER_BYTES as u64;
        loop {
            let log_id = self.identity.id;
            let place = Place {
                log: log_id,
                first: log.tree.size(),
                root: log.tree.root(),
            };
            let fault = match scan.at(offset, &place).map_err(failed)? {
                Found::End => break,
                Found::Frame(header, parts) => {
                    self.positions.note(Position {
                        first: place.first,
                        segment: number,
                        offset,
                    });
                    self.frame(log, &file, parts)?;
                    offset += header.frame_len();
                    continue;
                }
                Found::Bad(Fault::Newer(version), _) => {
                    return Err(scan.newer_frame(version).into());
                }
                Found::Bad(fault, _) => fault,
            };
            let tear = if is_last {
                scan.tear(offset, &place, fault).map_err(failed)?
            } else {
                None
            };
            let Some(tear) = tear else {
                return damaged(&file, offset, &fault.to_string());
            };
            tear_end = Some(tear.end);
            break;
        }
        if tear_end.is_some() || bytes < header.bytes {
            let tear_end = tear_end.unwrap_or(offset);
            log.repair = Some(Repair {
                file,
                offset,
                tear_end,
                bytes: header.bytes,
            });
        }
        log.last = Some((number, offset));
        Ok(())
    }

    fn frame(&self, log: &mut Log, file: &Path, parts: Parts<'_>) -> Result<(), OpenError> {
        for part in parts.flatten() {
            Newer::leaf(file, part.leaf).map_or(Ok(()), Err)?;
            log.tree.push(leaf_hash(part.leaf));
            log.links.note_leaf(part.leaf);
            self.note_root(log);
        }
        Ok(self.tiles.keep(&mut log.tree)?)
    }

    fn check_header(
        &self,
        log: &Log,
        number: u64,
        header: Option<Header>,
        file: &Path,
    ) -> Result<Header, OpenError> {
        let due = log.tree.size();
        match header {
            None => damaged(file, 0, "no segment header"),
            Some(h) if h.log != self.identity.id => {
                damaged(file, 0, &format!("a segment of another log, {}", h.log))
            }
            Some(h) if h.number != number || h.first != due => {
                let what = format!(
                    "segment {} from record {} on, where {due} is due",
                    h.number, h.first
                );
                damaged(file, 0, &what)
            }
            Some(header) => Ok(header),
        }
    }
}

fn damaged<T>(file: &Path, offset: u64, what: &str) -> Result<T, OpenError> {
    Err(OpenError::Damaged {
        file: file.to_owned(),
        offset,
        what: what.to_owned(),
    })
}

/// Makes the kernel read the file from the disk: after a failed sync its cache may hold what the
/// disk does not.
fn forget_cached(disk: &dyn Disk, file: &Path) -> io::Result<()> {
    let file = disk.open(file)?;
    disk.sync(&file)?;
    disk.forget(&file)
}

/// What a crash left of the last write, which nobody was told of.
pub(super) struct Repair {
    file: PathBuf,
    /// Where the torn frame begins.
    offset: u64,
    /// Where the last byte of it ends.
    tear_end: u64,
    /// How long the file must be.
    bytes: u64,
}

impl Repair {
    /// Writes zeroes over the torn frame and gives the file its length.
    pub(super) fn apply(&self, disk: &dyn Disk) -> Result<(), OpenError> {
        let Repair {
            file,
            offset,
            tear_end,
            bytes,
        } = self;
        let apply = || {
            let file = disk.open(file)?;
            disk::blank(disk, &file, *offset, *tear_end)?;
            disk.set_len(&file, *bytes)?;
            disk.sync(&file)
        };
        tracing::warn!(
            file = %file.display(),
            offset,
            bytes = tear_end - offset,
            "cut what a crash left of the last write; nobody was told of it"
        );
        apply().map_err(|source| OpenError::io(file.clone(), source))
    }
}
