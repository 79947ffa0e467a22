//! Sealing: each part with the next number of its label. In the callers' tasks, never in the
//! committer's thread.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::envelope::{self, Bound, NONCE_BYTES};
use super::number::{Label, Number};
use super::tree::{Key, Walker};
use super::{Sealing, State};

/// Seals the parts of one open ledger.
pub(crate) struct Sealer {
    sealing: Arc<Sealing>,
    /// The size of the log when it was opened.
    opening: u64,
    next: Mutex<HashMap<Label, Next>>,
}

/// Where a label is.
#[derive(Default)]
struct Next {
    count: u64,
    walker: Walker,
    /// Nothing more is sealed: all keys are about to be destroyed.
    ends: bool,
}

impl Sealer {
    /// A sealer for a log of `opening` records.
    pub(crate) fn new(sealing: Arc<Sealing>, opening: u64) -> Sealer {
        Sealer {
            sealing,
            opening,
            next: Mutex::default(),
        }
    }

    pub(crate) fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    /// How many bytes sealing adds.
    pub(crate) fn overhead_bytes() -> usize {
        envelope::OVERHEAD_BYTES
    }

    /// Seals `content` of a record with this label. `nonce` must be random. `None` where the keys
    /// of the label were destroyed, or are to be, or its numbers are used up.
    pub(crate) fn seal(
        &self,
        label: Label,
        bound: &Bound,
        nonce: [u8; NONCE_BYTES],
        content: &[u8],
    ) -> Option<Vec<u8>> {
        let (number, key) = self.draw(label)?;
        envelope::close(&key, number, nonce, bound, content)
    }

    /// The next number and its key.
    fn draw(&self, label: Label) -> Option<(Number, Key)> {
        let mut next = self.next();
        let Next {
            count,
            walker,
            ends,
        } = next.entry(label).or_default();
        if *ends {
            return None;
        }
        let number = Number::new(self.opening, *count)?;
        *count += 1;
        let path = number.path(label);
        let key = self
            .sealing
            .state(|State { tree, .. }| walker.derive(tree, &path))?;
        Some((number, key))
    }

    /// Says whether all keys of a label are about to be destroyed. What is sealed with one of them
    /// after that is on record could not be read, and nobody would know.
    pub(crate) fn ends(&self, label: Label, ends: bool) {
        self.next().entry(label).or_default().ends = ends;
    }

    /// Forgets the nodes from which destroyed keys could be derived.
    pub(crate) fn forget(&self) {
        self.next()
            .values_mut()
            .for_each(|next| next.walker.forget());
    }

    fn next(&self) -> MutexGuard<'_, HashMap<Label, Next>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({:?}, ..)", self.sealing)
    }
}
