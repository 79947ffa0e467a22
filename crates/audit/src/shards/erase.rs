//! Erasing in all logs.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{PastError, Shards};
use crate::ledger::{EraseError, Erased, Erasure};
use crate::origin::Quarter;

/// Why not all logs were erased from.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EraseAllError {
    /// A log could not be opened.
    #[error("nothing was erased there, nor in later logs; do it again once that is mended")]
    Past(#[from] PastError),
    /// Nothing was erased from it, or not for good.
    #[error("in the log of `{quarter}`; those before it are done")]
    Erase {
        /// Its quarter.
        quarter: Quarter,
        /// Why.
        source: EraseError,
    },
}

impl Shards {
    /// Erases from the logs of all quarters, the oldest first; what each of them gave. Blocking: it
    /// reads all logs.
    ///
    /// # Errors
    /// [`EraseAllError`]; the same erasure can be tried again.
    pub fn erase(&self, erasure: &Erasure) -> Result<Vec<(Quarter, Erased)>, EraseAllError> {
        let mut done = BTreeSet::new();
        let mut erased = Vec::new();
        // A quarter may turn meanwhile.
        while let Some(quarter) = self.quarters().into_iter().rfind(|it| !done.contains(it)) {
            let log = self.past(quarter)?;
            let from_it = log
                .erase(erasure)
                .map_err(|source| EraseAllError::Erase { quarter, source })?;
            erased.push((quarter, from_it));
            done.insert(quarter);
        }
        Ok(erased)
    }
}
