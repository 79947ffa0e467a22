//! Reading the records of a log, to show them.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use motlan_api::audit::v1::Record;
use prost::Message as _;

use super::walk::{Visit, Walk};
use super::{Findings, VerifyError};
use crate::disk::LocalDisk;
use crate::format;
use crate::frame::Part;
use crate::identity::Identity;
use crate::origin::RecordId;
use crate::sealing::{Bound, Opened, Opener, Sealing};
use crate::tree::{Hash, Tree};

/// A record with its personal part, as it stands on disk. Not verified.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReadEntry {
    /// The record's name.
    pub id: RecordId,
    /// The public part.
    pub record: Record,
    /// The personal part, as far as it can be read.
    pub sealed: Opened,
}

impl fmt::Debug for ReadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReadEntry { id, record, .. } = self;
        f.debug_struct("ReadEntry")
            .field("id", id)
            .field("record", record)
            .finish_non_exhaustive()
    }
}

/// Reads the records of the log in `folder` in order, until `visit` breaks; the sealed parts as
/// well if the log's sealing file is given. Gives what is wrong with the frames that were read; a
/// record that cannot be decoded is passed over. For showing, not for believing:
/// [`verify`](crate::verify()) does that.
pub fn read_entries(
    folder: &Path,
    sealing: Option<&Sealing>,
    visit: impl FnMut(ReadEntry) -> ControlFlow<()>,
) -> Result<Findings, VerifyError> {
    let identity = Identity::read(folder)?;
    sealing.map_or(Ok(()), |sealing| sealing.must_be_of(identity.id))?;
    // R107: all of it or nothing.
    format::look(&LocalDisk, folder, identity.id)?;
    let mut walk = Walk::new(&LocalDisk, folder, &identity, Findings::default());
    walk.run(
        &mut Show {
            identity: &identity,
            opener: sealing.map(Sealing::opener),
            visit,
        },
        &mut |_, _| {},
    )?;
    walk.newer
        .map_or(Ok(walk.findings), |newer| Err(newer.into()))
}

struct Show<'a, F> {
    identity: &'a Identity,
    opener: Option<Opener<'a>>,
    visit: F,
}

impl<F: FnMut(ReadEntry) -> ControlFlow<()>> Visit for Show<'_, F> {
    fn record(
        &mut self,
        index: u64,
        part: Part<'_>,
        leaf_hash: &Hash,
        _: &mut dyn FnMut(String),
    ) -> ControlFlow<()> {
        let Ok(record) = Record::decode(part.leaf) else {
            return ControlFlow::Continue(());
        };
        let open = |opener: &mut Opener<'_>| {
            let bound = Bound {
                log: self.identity.id,
                leaf: *leaf_hash,
            };
            opener.open(&record, &bound, part.sealed)
        };
        let sealed = self.opener.as_mut().map_or(Opened::NoKey, open);
        (self.visit)(ReadEntry {
            id: self.identity.origin.record_id(index),
            record,
            sealed,
        })
    }

    fn grown(&mut self, tree: &mut Tree, _: &mut Findings) {
        tree.drop_full_tiles();
    }
}
