//! Which key signs which log: each log says in its file `log` with which it was made, and the next
//! one is made with the key that was laid ready for it, if one was.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::ShardSettings;
use crate::identity::Identity;
use crate::note::{KeyError, SignerKey, VerifierKey};
use crate::origin::Quarter;

/// The other keys of an instance, beside the one that was set first.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Those of logs that are kept.
    pub others: Vec<Arc<SignerKey>>,
    /// The file in which the key of the next log is laid ready; without it, or while it is not
    /// there, that has the newest log's. Read when a log is made.
    pub next: Option<PathBuf>,
}

impl Keys {
    /// The key that was laid ready, if one is.
    ///
    /// # Errors
    /// Where it is there and is none.
    pub fn next(&self) -> Result<Option<Arc<SignerKey>>, KeyError> {
        match &self.next {
            Some(file) if fs::exists(file).unwrap_or(true) => {
                SignerKey::read(file).map(|key| Some(Arc::new(key)))
            }
            _ => Ok(None),
        }
    }
}

impl ShardSettings {
    /// The key of the log of a quarter, if that is here and its key is; else the one that was set
    /// first, and opening the log tells which is due.
    pub(super) fn key_of(&self, quarter: Quarter) -> Arc<SignerKey> {
        let own = Identity::read(&self.layout.ledger(quarter)).ok();
        let due: Option<VerifierKey> = own.map(|own| own.key);
        let is_due = |key: &Arc<SignerKey>| Some(key.verifier()) == due.as_ref();
        let mut had = [&self.key].into_iter().chain(&self.keys.others);
        let had = had.find(|key| is_due(key)).cloned();
        let had = had.or_else(|| self.keys.next().ok().flatten().filter(is_due));
        had.unwrap_or_else(|| Arc::clone(&self.key))
    }
}
