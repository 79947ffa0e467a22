//! Reading records with their sealed parts.

use std::ops::ControlFlow;

use motlan_api::audit::v1::Record;
use prost::Message as _;

use super::Handle;
use super::read::ReadError;
use crate::frame::Part;
use crate::leaves::Leaves;
use crate::sealing::{Bound, Opened};
use crate::tree::leaf_hash;
use crate::verify::ReadEntry;

/// How many records are read before it is asked whether there is need of more.
const RECORDS_AT_ONCE: u64 = 1024;

/// What a visitor says to the next record.
type Visited = Result<ControlFlow<()>, ReadError>;

/// Gives the records `first..end` to `visit`, until it breaks.
pub(super) fn entries(
    ledger: &Handle,
    first: u64,
    end: u64,
    visit: &mut dyn FnMut(ReadEntry) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let mut opener = ledger.sealer.sealing().opener();
    let log = ledger.shared.identity.id;
    parts(ledger, first, end, &mut |index, part| {
        let damaged = ReadError::Damaged { index };
        let Ok(record) = Record::decode(part.leaf) else {
            return Err(damaged);
        };
        let leaf = leaf_hash(part.leaf);
        let sealed = opener.open(&record, &Bound { log, leaf }, part.sealed);
        if sealed == Opened::Damaged {
            return Err(damaged);
        }
        Ok(visit(ReadEntry {
            id: ledger.shared.identity.origin.record_id(index),
            record,
            sealed,
        }))
    })
}

/// Gives the records `first..end` as they stand on disk to `visit`, until it breaks or fails.
pub(super) fn parts(
    ledger: &Handle,
    first: u64,
    end: u64,
    visit: &mut dyn FnMut(u64, Part<'_>) -> Visited,
) -> Result<(), ReadError> {
    let size = ledger.shared.size();
    if end > size {
        let index = first.max(size);
        return Err(ReadError::Unknown { index, size });
    }
    let leaves = Leaves {
        disk: &*ledger.disk,
        folder: &ledger.folder,
        log: ledger.shared.identity.id,
    };
    let near = |index| ledger.shared.positions.before(index);
    let mut at = first;
    let mut next = Ok(ControlFlow::Continue(()));
    while at < end {
        let until = end.min(at + RECORDS_AT_ONCE);
        leaves.parts(at, until, near, &mut |part| {
            if matches!(next, Ok(ControlFlow::Continue(()))) {
                next = visit(at, part);
            }
            at += 1;
        })?;
        if std::mem::replace(&mut next, Ok(ControlFlow::Continue(())))?.is_break() {
            break;
        }
    }
    Ok(())
}
