//! Reading the records of a log, to show them.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use motlan_api::audit::v1::{Record, Sealed};
use prost::Message as _;

use super::walk::{Visit, Walk};
use super::{Findings, VerifyError};
use crate::frame::Part;
use crate::identity::Identity;
use crate::origin::RecordId;
use crate::tree::Tree;

/// A record with its personal part, as it stands on disk. Not verified.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReadEntry {
    /// The record's name.
    pub id: RecordId,
    /// The public part.
    pub record: Record,
    /// The personal part.
    pub sealed: Sealed,
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

/// Reads the records of the log in `folder` in order, until `visit` breaks. Gives what is wrong
/// with the frames that were read; a record that cannot be decoded is passed over. For showing, not
/// for believing: [`verify`](crate::verify()) does that.
pub fn read_entries(
    folder: &Path,
    visit: impl FnMut(ReadEntry) -> ControlFlow<()>,
) -> Result<Findings, VerifyError> {
    let identity = Identity::read(folder)?;
    let mut walk = Walk::new(folder, &identity, Findings::default());
    walk.run(
        &mut Show {
            identity: &identity,
            visit,
        },
        &mut |_, _| {},
    )?;
    Ok(walk.findings)
}

struct Show<'a, F> {
    identity: &'a Identity,
    visit: F,
}

impl<F: FnMut(ReadEntry) -> ControlFlow<()>> Visit for Show<'_, F> {
    fn record(&mut self, index: u64, part: Part<'_>, _: &mut dyn FnMut(String)) -> ControlFlow<()> {
        let decoded = (Record::decode(part.leaf), Sealed::decode(part.sealed));
        let (Ok(record), Ok(sealed)) = decoded else {
            return ControlFlow::Continue(());
        };
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
