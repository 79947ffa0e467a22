//! One way through all segments of a log, from front to back, reading on behind damage as far as
//! can be.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::{Findings, VerifyError};
use crate::disk::Disk;
use crate::format::Newer;
use crate::frame::{Header as FrameHeader, Part, Parts, Place};
use crate::identity::Identity;
use crate::segment::{self, Fault, Found, Header, Scan};
use crate::store::SPARE;
use crate::tree::{Hash, Tree, leaf_hash};

/// What is done on the way.
pub(super) trait Visit {
    /// A record, with the hash of its leaf. What is wrong with it is told to `wrong`.
    fn record(
        &mut self,
        index: u64,
        part: Part<'_>,
        leaf_hash: &Hash,
        wrong: &mut dyn FnMut(String),
    ) -> ControlFlow<()>;

    /// A record that a newer program wrote, of which only the hash is understood.
    fn newer(&mut self) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    /// The tree has one leaf more.
    fn pushed(&mut self, _tree: &Tree) {}

    /// The tree has the leaves of one frame more. Its full tiles must be dropped here.
    fn grown(&mut self, tree: &mut Tree, findings: &mut Findings);
}

/// The walk and what it has passed.
pub(super) struct Walk<'a> {
    disk: &'a dyn Disk,
    folder: &'a Path,
    identity: &'a Identity,
    /// Over all records that were read so far.
    pub(super) tree: Tree,
    /// The index of the next record.
    next: u64,
    /// Whether each record from the first on was read, so that the tree is the log's.
    linked: bool,
    pub(super) findings: Findings,
    /// What was met first of what a newer program wrote.
    pub(super) newer: Option<Newer>,
    /// Whether something of that could not be passed, so that not all records were read.
    pub(super) is_cut: bool,
    pub(super) segments: u64,
    pub(super) frames: u64,
}

/// What comes after a frame or a segment.
enum Then {
    /// Another frame at this offset.
    Frame(u64),
    /// The next segment.
    Segment,
    /// Nothing: the visitor has seen enough.
    Stop,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        disk: &'a dyn Disk,
        folder: &'a Path,
        identity: &'a Identity,
        findings: Findings,
    ) -> Walk<'a> {
        let (tree, next, linked) = (Tree::default(), 0, true);
        Walk {
            disk,
            folder,
            identity,
            tree,
            next,
            linked,
            findings,
            newer: None,
            is_cut: false,
            segments: 0,
            frames: 0,
        }
    }

    /// The index after that of the last record.
    pub(super) fn size(&self) -> u64 {
        self.next
    }

    /// Goes through all segments.
    pub(super) fn run(
        &mut self,
        visit: &mut dyn Visit,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), VerifyError> {
        let folder = segment::folder(self.folder);
        let listed = segment::list(self.disk, self.folder);
        let (numbers, strangers) = listed.map_err(|source| VerifyError::Read {
            file: folder,
            source,
        })?;
        for file in strangers.into_iter().filter(|file| !file.ends_with(SPARE)) {
            self.findings
                .add(file, None, None, "is no segment of a ledger");
        }
        let length =
            |number: &u64| fs::metadata(segment::path(self.folder, *number)).map_or(0, |m| m.len());
        let total = numbers.iter().map(length).sum();
        let mut done = 0;
        let mut due = 0;
        for number in numbers {
            if number != due {
                let last = number - 1;
                let what = match last == due {
                    true => format!("segment {due} is missing"),
                    false => format!("segments {due} to {last} are missing"),
                };
                self.findings
                    .add(segment::path(self.folder, due), None, None, what);
                self.linked = false;
            }
            due = number + 1;
            if self
                .segment(number, visit, &mut |read| progress(done + read, total))?
                .is_break()
            {
                break;
            }
            done += length(&number);
        }
        progress(total, total);
        Ok(())
    }

    fn segment(
        &mut self,
        number: u64,
        visit: &mut dyn Visit,
        progress: &mut dyn FnMut(u64),
    ) -> Result<ControlFlow<()>, VerifyError> {
        let file = segment::path(self.folder, number);
        let failed = |source| VerifyError::Read {
            file: file.clone(),
            source,
        };
        let (mut scan, header) = Scan::open(self.disk, self.folder, number).map_err(failed)?;
        self.segments += 1;
        if let Some(newer) = scan.newer_header() {
            self.stop_at(newer);
            return Ok(ControlFlow::Continue(()));
        }
        self.check_header(&file, number, header, scan.bytes());
        let mut offset = segment::HEADER_BYTES as u64;
        loop {
            progress(offset);
            match self.frame(&mut scan, offset, visit).map_err(failed)? {
                Then::Frame(next) => offset = next,
                Then::Segment => return Ok(ControlFlow::Continue(())),
                Then::Stop => return Ok(ControlFlow::Break(())),
            }
        }
    }

    /// Notes what cannot be read, nor what comes after it.
    fn stop_at(&mut self, newer: Newer) {
        self.newer.get_or_insert(newer);
        (self.is_cut, self.linked) = (true, false);
    }

    fn check_header(&mut self, file: &Path, number: u64, header: Option<Header>, bytes: u64) {
        let what = match header {
            None => Some("no segment header".to_owned()),
            Some(h) if h.log != self.identity.id => {
                Some(format!("a segment of another log, {}", h.log))
            }
            Some(h) if h.number != number => {
                Some(format!("this is segment {}, under another name", h.number))
            }
            Some(h) if h.bytes != bytes => Some(format!(
                "the file has {bytes} bytes, and {} are due",
                h.bytes
            )),
            Some(h) if h.first != self.next => {
                let what = format!("begins with record {}, and {} is due", h.first, self.next);
                Some(what)
            }
            Some(_) => None,
        };
        if let Some(what) = what {
            self.findings.add(file, Some(0), None, what);
        }
    }

    /// Reads what stands at `offset`.
    fn frame(
        &mut self,
        scan: &mut Scan,
        offset: u64,
        visit: &mut dyn Visit,
    ) -> std::io::Result<Then> {
        let place = Place {
            log: self.identity.id,
            first: self.next,
            root: self.tree.root(),
        };
        let path = scan.path().to_owned();
        let (header, parts) = match scan.at(offset, &place)? {
            Found::End => return Ok(Then::Segment),
            Found::Frame(header, parts) => (header, parts),
            Found::Bad(Fault::Newer(version), _) => {
                self.stop_at(scan.newer_frame(version));
                return Ok(Then::Segment);
            }
            // The tree is not the log's any more, and this has been told.
            Found::Bad(Fault::Forked, Some((header, parts))) if !self.linked => (header, parts),
            Found::Bad(fault, frame) => {
                // Where the header is gone, the record that is due.
                let due = self.linked.then_some(self.next);
                let first = frame.as_ref().map(|(header, _)| header.place.first);
                self.findings
                    .add(&path, Some(offset), first.or(due), fault.to_string());
                match (fault, frame) {
                    (
                        Fault::Misplaced { .. } | Fault::Forked | Fault::BadBody,
                        Some((header, parts)),
                    ) => {
                        self.linked &= fault == Fault::BadBody;
                        (header, parts)
                    }
                    _ => {
                        self.linked = false;
                        let next = scan.next_frame(offset, place.log)?;
                        return Ok(next.map_or(Then::Segment, Then::Frame));
                    }
                }
            }
        };
        let stop = self
            .records(&path, offset, &header, parts, visit)
            .is_break();
        Ok(if stop {
            Then::Stop
        } else {
            Then::Frame(offset + header.frame_len())
        })
    }

    fn records(
        &mut self,
        path: &PathBuf,
        offset: u64,
        header: &FrameHeader,
        parts: Parts<'_>,
        visit: &mut dyn Visit,
    ) -> ControlFlow<()> {
        self.frames += 1;
        let due = header.place.first.saturating_add(u64::from(header.count));
        // A damaged byte is no version.
        let is_whole = header.fits(parts.0);
        for (part, index) in parts.flatten().zip(header.place.first..due) {
            let findings = &mut self.findings;
            let mut wrong = |what| findings.add(path, Some(offset), Some(index), what);
            let leaf_hash = leaf_hash(part.leaf);
            match Newer::leaf(path, part.leaf).filter(|_| is_whole) {
                Some(newer) => {
                    self.newer.get_or_insert(newer);
                    visit.newer()?;
                }
                None => visit.record(index, part, &leaf_hash, &mut wrong)?,
            }
            self.tree.push(leaf_hash);
            visit.pushed(&self.tree);
        }
        self.next = due;
        visit.grown(&mut self.tree, &mut self.findings);
        ControlFlow::Continue(())
    }
}
