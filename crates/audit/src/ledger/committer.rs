//! The committer: the one thread that writes. It drains the queue, has the store write, grows the
//! tree, signs, and only then acknowledges. Nothing is tried twice.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::append::{AppendError, Durable};
use super::heard::OnCommit;
use super::queue::{Pending, Woken};
use super::shared::Shared;
use crate::disk::{self, Disk};
use crate::frame::Place;
use crate::note::SignerKey;
use crate::store::{Batch, Store, StoreError};
use crate::tree::{TileError, Tiles};

/// Why a ledger has failed whose committer panicked.
pub(super) const PANICKED: &str = "the committer ended unexpectedly";

/// The state of the committer's thread.
pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Box<dyn Store>,
    pub(super) key: Arc<SignerKey>,
    pub(super) disk: Arc<dyn Disk>,
    /// What is replaced with the newest checkpoint.
    pub(super) checkpoint_files: Vec<PathBuf>,
    pub(super) tiles: Tiles,
    pub(super) checkpoint_every: Duration,
    /// Hears of each commit.
    pub(super) on_commit: Option<OnCommit>,
    /// When the file `checkpoint` was last replaced, and the size it speaks for.
    pub(super) published: (Instant, u64),
    /// Held until the thread ends: no second process may open the ledger before.
    pub(super) lock: std::fs::File,
}

/// Why a ledger fails for good.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the store answers for {answered} records where {due} are due")]
    Answer { answered: u64, due: u64 },
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error("cannot replace the file `{}`", file.display())]
    Checkpoint {
        file: PathBuf,
        source: std::io::Error,
    },
}

impl Committer {
    /// Runs until the queue is closed and empty, or something fails.
    pub(super) fn run(mut self) {
        // However this thread ends, nobody may be left waiting.
        let guard = Abandon(Arc::clone(&self.shared));
        if let Err(failure) = self.commit_all() {
            let reason = with_sources(&failure);
            tracing::error!(reason, "the ledger has failed and writes nothing more");
            guard.0.fail(&reason);
        }
        // The store first: its threads may still be writing. Then others may have the ledger.
        drop(self.store);
        drop(self.lock);
    }

    fn commit_all(&mut self) -> Result<(), Failure> {
        let mut batch = Vec::new();
        let mut body = Vec::new();
        loop {
            let deadline = self
                .is_ahead()
                .then(|| self.published.0 + self.checkpoint_every);
            // Whoever waits for this processor goes first, once: on a busy gateway they are those
            // who are about to append, and what they add shares the next sync. Where nobody waits
            // this is nothing; where the host runs others beside the gateway, they go first too.
            std::thread::yield_now();
            match self.shared.queue.drain(&mut batch, deadline) {
                Woken::Pending => {
                    body = self.commit(&mut batch, body)?;
                    if self.published.0.elapsed() >= self.checkpoint_every {
                        self.publish()?;
                    }
                }
                Woken::Deadline => self.publish()?,
                Woken::Closed => return self.publish(),
            }
        }
    }

    /// Commits and acknowledges what was drained, and leaves `drained` empty. `body` is a buffer
    /// that is handed back.
    fn commit(
        &mut self,
        drained: &mut Vec<Pending>,
        mut body: Vec<u8>,
    ) -> Result<Vec<u8>, Failure> {
        let (first, root) = self.shared.head(|head| (head.tree.size(), head.root));
        refuse_unasked(drained, first);
        body.clear();
        drained
            .iter()
            .for_each(|pending| body.extend_from_slice(&pending.part));
        let count = u32::try_from(drained.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return Ok(body);
        }
        let place = Place {
            log: self.shared.identity.id,
            first,
            root,
        };
        let batch = Batch { place, count, body };
        let begun = Instant::now();
        let committed = self
            .store
            .commit(&batch)
            .map_err(Failure::from)
            .and_then(|ack| {
                let (answered, due) = (ack.size(), batch.size_after());
                if answered == due {
                    Ok(())
                } else {
                    Err(Failure::Answer { answered, due })
                }
            });
        if let Err(failure) = committed {
            // R33: before the waiters hear of it, so that whoever hears of it finds the ledger
            // failed.
            let reason = self.shared.fail(&with_sources(&failure));
            answer_all(drained.drain(..), &reason);
            // What was acknowledged before stands, if it can still be written, under a checkpoint:
            // else a log that lost it would open as if nothing had been.
            let _best_effort = self.publish();
            return Err(failure);
        }
        self.shared
            .grow(drained.iter().map(|pending| pending.leaf_hash), &self.key);
        if let Some(on_commit) = &self.on_commit {
            on_commit.heard(u64::from(count), begun.elapsed());
        }
        for (pending, index) in drained.drain(..).zip(first..) {
            let durable = Durable::new(self.shared.identity.origin.record_id(index));
            // R34: a caller that hung up does not hear of it; the record stays.
            let _ = pending.waiter.send(Ok(durable));
        }
        self.shared.keep_tiles(&self.tiles)?;
        Ok(batch.body)
    }

    /// Whether the log has grown since the file `checkpoint` was replaced.
    fn is_ahead(&self) -> bool {
        self.shared.size() > self.published.1
    }

    /// Replaces the file `checkpoint`, and the known one. What they speak for was synced before it
    /// was signed.
    fn publish(&mut self) -> Result<(), Failure> {
        if !self.is_ahead() {
            return Ok(());
        }
        let (size, note) = self
            .shared
            .head(|head| (head.tree.size(), head.note.clone()));
        for file in &self.checkpoint_files {
            disk::replace(&*self.disk, file, &note).map_err(|source| {
                let file = file.clone();
                match disk::is_full(&source) {
                    true => StoreError::Full { file }.into(),
                    false => Failure::Checkpoint { file, source },
                }
            })?;
        }
        self.published = (Instant::now(), size);
        Ok(())
    }
}

/// Sends those away whose record says that it answers one that is not there: verification would
/// find the log broken.
fn refuse_unasked(drained: &mut Vec<Pending>, size: u64) {
    let asked = |pending: &Pending| pending.question.is_none_or(|question| question < size);
    if drained.iter().all(asked) {
        return;
    }
    for pending in drained.extract_if(.., |pending| !asked(pending)) {
        let error = AppendError::Malformed("`question` is not the index of an earlier record");
        let _ = pending.waiter.send(Err(error));
    }
}

pub(super) fn answer_all(waiting: impl Iterator<Item = Pending>, reason: &Arc<str>) {
    for pending in waiting {
        let _ = pending
            .waiter
            .send(Err(AppendError::Failed(Arc::clone(reason))));
    }
}

/// An error with all that is behind it, on one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Closes the queue when the committer ends, in whatever way.
struct Abandon(Arc<Shared>);

impl Drop for Abandon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(PANICKED);
        }
        let waiting = self.0.queue.abandon();
        match self.0.failure() {
            Some(reason) => answer_all(waiting.into_iter(), &reason),
            None => waiting.into_iter().for_each(|pending| {
                let _ = pending.waiter.send(Err(AppendError::Closed));
            }),
        }
    }
}
