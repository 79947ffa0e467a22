//! The ledger: nobody hears an answer before its record would survive a power cut, and anybody with
//! the log's verifier key can tell whether a record was changed, dropped or moved.
//!
//! In scope: the records' way to disk and back, the Merkle tree over them, signed checkpoints,
//! receipts, and offline verification. Out of scope: what a record says (that is the exchange's),
//! the network, policy, searching, and, for now, erasing a person's part. `docs/LEDGER.md`
//! describes the files.
//!
//! [`Ledger::append`] is the only async function; all else blocks. One thread per open ledger
//! writes: it has the [`Store`] commit a batch, grows the tree, signs, and then hands each waiter
//! its [`Durable`]. On any error of the store the ledger has failed for good ([`State::Failed`]).
//!
//! Limits: 4,096 entries wait for the committer, the next caller waits for room; a frame holds at
//! most 4,096 records and 1 MiB; a leaf and a sealed part have at most 65,535 bytes each; a note
//! that is read has at most 64 KiB and 64 signatures; a proof in a receipt has at most 64 hashes; a
//! verification keeps its first 100 findings.

mod checkpoint;
mod disk;
mod frame;
mod identity;
mod ledger;
mod note;
mod origin;
mod segment;
mod store;
mod tree;
mod verify;
pub mod wire;

pub use checkpoint::CheckpointError;
pub use identity::IdentityError;
pub use ledger::{
    AppendError, CloseError, CreateError, Durable, Entry, Ledger, OpenError, ReadError, Settings,
    State,
};
pub use note::{KeyError, NoteError, SignerKey, VerifierKey};
pub use origin::{Origin, OriginError, Quarter, QuarterError, RecordId, RecordIdError};
pub use store::{Ack, Batch, Store, StoreError};
pub use verify::{
    Finding, Findings, Proven, ReadEntry, ReceiptError, Report, VerifyError, read_entries, verify,
    verify_receipt, verify_with,
};
