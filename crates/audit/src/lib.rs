//! The ledger: nobody hears an answer before its record would survive a power cut, and anybody with
//! the log's verifier key can tell whether a record was changed, dropped or moved.
//!
//! In scope: the records' way to disk and back, the Merkle tree over them, signed checkpoints,
//! receipts, proofs in published formats, offline verification, finding records by an index, and
//! the encryption of each record's personal part, with its erasure. Out of scope: what a record
//! says (that is the exchange's), the network, policy. `docs/LEDGER.md` describes the files.
//!
//! [`Ledger::append`] and [`Ledger::ground`] are async; all else blocks. One thread per open ledger
//! writes: it has the [`Store`] commit a batch, grows the tree, signs, and then hands each waiter
//! its [`Durable`]. On any error of the store the ledger has failed for good ([`State::Failed`]).
//!
//! Limits: 4,096 entries wait for the committer, the next caller waits for room; a frame holds at
//! most 4,096 records and 1 MiB; a leaf and a sealed part have at most 65,535 bytes each; a note
//! that is read has at most 64 KiB and 64 signatures; a proof in a receipt has at most 64 hashes; a
//! verification keeps its first 100 findings; a sealing file has at most 1 GiB; a record of an
//! erasure lists at most 6,000 records.

mod backup;
mod checkpoint;
mod disk;
mod format;
mod frame;
mod ground;
mod identity;
mod index;
mod leaves;
mod ledger;
mod note;
mod origin;
mod proof;
mod prove;
mod reserve;
mod sealing;
mod segment;
mod shards;
mod store;
mod tree;
mod verify;
pub mod wire;
pub mod witness;

pub use backup::{
    BackedUp, BackupError, LogTaken, RestoreError, Restored, Restoring, Taking, UnknownError,
    Vouched, back_up, backup_layout, restore,
};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use disk::{Disk, LocalDisk, Work};
pub use format::Newer;
pub use ground::{Ground, GroundError, GroundFault, Issued, SignedGround, verify_ground};
pub use identity::IdentityError;
pub use index::{
    Differences, Field, FolderError, Index, IndexError, IndexState, LogFolder, Page, Query,
    SearchError,
};
pub use ledger::{
    AppendError, CloseError, CreateError, Durable, Entry, EraseError, Erased, Erasure, Holding,
    Ledger, OnCommit, OpenError, ReadError, Room, Settings, State, Whose,
};
pub use note::{
    KeyError, Note, NoteError, PublicKey, SecretKey, SignerKey, VerifierKey, WitnessSignerKey,
    WitnessVerifierKey,
};
pub use origin::{Origin, OriginError, Quarter, QuarterError, RecordId, RecordIdError};
pub use proof::{
    ConsistencyError, ConsistencyProof, Consistent, ProofError, read_tlog_proof,
    verify_consistency, write_tlog_proof,
};
pub use prove::{ProveError, Prover, TreeAt};
pub use reserve::Reserve;
pub use sealing::{Opened, Sealing, SealingError, Tag, normalised};
pub use segment::newest_time_us;
pub use shards::{
    DropError, Dropped, Dropping, EraseAllError, Keys, Layout, LayoutError, OpenShardsError,
    PastError, Shard, ShardSettings, Shards, ShardsReport, TurnError, verify_shards,
};
pub use store::{Ack, Batch, Store, StoreError};
pub use tree::Hash;
pub use verify::{
    Finding, Findings, Proven, ReadEntry, ReceiptError, Report, SealedParts, VerifyError,
    read_entries, verify, verify_receipt, verify_through, verify_with,
};
