//! `GetReceipt` of `motlan.audit.v1.Audit`: a caller's own receipts.

use motlan_api::audit::v1::{GetReceiptRequest, GetReceiptResponse, Receipt};
use motlan_audit::{Ledger, ReadError, RecordId};
use motlan_catalog::SystemId;
use tonic::{Code, Request, Response, Status};

use super::Trails;
use crate::identity::Peer;
use crate::lookup::WireError;

/// Answers one call.
pub(super) async fn get(
    trails: &Trails,
    request: Request<GetReceiptRequest>,
) -> Result<Response<GetReceiptResponse>, Status> {
    let peer = request.extensions().get::<Peer>().cloned();
    let caller = peer.ok_or_else(|| not_found().status())?.system.id.clone();
    let record: RecordId = request
        .get_ref()
        .record
        .parse()
        .map_err(|_| not_found().status())?;
    let Some(ledger) = trails.ledger_of(&record).map_err(|error| error.status())? else {
        return Err(not_found().status());
    };
    let read = tokio::task::spawn_blocking(move || receipt_of(&ledger, &record, &caller));
    match read.await {
        Ok(Ok(receipt)) => Ok(Response::new(GetReceiptResponse {
            receipt: Some(receipt),
        })),
        Ok(Err(ReadError::Unknown { .. })) => Err(not_found().status()),
        Ok(Err(error)) => {
            tracing::error!(%error, "a receipt could not be made");
            Err(unreadable().status())
        }
        Err(_panicked) => Err(unreadable().status()),
    }
}

/// The receipt of one's own record; another's is as if there were none.
fn receipt_of(ledger: &Ledger, record: &RecordId, caller: &SystemId) -> Result<Receipt, ReadError> {
    // R36: to nobody but the caller of that lookup.
    let index = record.index();
    if ledger.record_id(index) != *record || ledger.record(index)?.caller != caller.as_str() {
        return Err(ReadError::Unknown {
            index,
            size: ledger.size(),
        });
    }
    ledger.receipt(index)
}

fn not_found() -> WireError {
    let message = "the calling system has no such record; give what `motlan-record` said";
    WireError::new(Code::NotFound, "RECORD_NOT_FOUND", message)
}

fn unreadable() -> WireError {
    let message = "the ledger could not be read; tell the operator";
    WireError::new(Code::Unavailable, "LEDGER_UNAVAILABLE", message)
}
