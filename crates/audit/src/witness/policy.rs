//! What makes a checkpoint cosigned: so many of the named witnesses signed it.

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{Note, NoteError, VerifierKey, WitnessVerifierKey};

/// The most witnesses that a policy names.
const WITNESSES_MAX: usize = 16;

/// So many of these witnesses.
#[derive(Clone, Debug)]
pub struct Policy {
    witnesses: Vec<WitnessVerifierKey>,
    min: usize,
}

/// A policy that asks for what cannot be.
#[derive(Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// More are asked for than there are, or none, or there are too many.
    #[error(
        "{min} of {witnesses} witnesses: give 1 to {WITNESSES_MAX}, and ask for 1 or more of them"
    )]
    Count {
        /// How many are asked for.
        min: usize,
        /// How many there are.
        witnesses: usize,
    },
    /// One witness would count as two.
    #[error("the witness `{0}` is named twice, or two witnesses have one key")]
    Twice(String),
}

/// Why a checkpoint is not cosigned as the policy asks.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotCosigned {
    /// It is not even the log's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Too few witnesses signed it.
    #[error("{found} of {due} witnesses have cosigned it")]
    TooFew {
        /// How many did.
        found: usize,
        /// How many must.
        due: usize,
    },
    /// A line says that it is of a witness, and is not.
    #[error("the cosignature of `{witness}` is not good")]
    Bad {
        /// Its name.
        witness: String,
        /// What is wrong.
        source: NoteError,
    },
}

/// Proof that a checkpoint is cosigned as a [`Policy`] asks.
#[must_use]
#[derive(Debug)]
pub struct Cosigned {
    checkpoint: Checkpoint,
    by: Vec<(String, u64)>,
}

impl Cosigned {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The witnesses that cosigned it, each with the time, in seconds since the Unix epoch.
    pub fn by(&self) -> &[(String, u64)] {
        &self.by
    }
}

impl Policy {
    /// `min` of `witnesses`.
    pub fn new(witnesses: Vec<WitnessVerifierKey>, min: usize) -> Result<Policy, PolicyError> {
        let count = witnesses.len();
        if count > WITNESSES_MAX || !(1..=count).contains(&min) {
            let witnesses = count;
            return Err(PolicyError::Count { min, witnesses });
        }
        for (at, witness) in witnesses.iter().enumerate() {
            let mut before = witnesses.iter().take(at);
            if before.any(|it| it.name() == witness.name() || public(it) == public(witness)) {
                return Err(PolicyError::Twice(witness.name().to_owned()));
            }
        }
        Ok(Policy { witnesses, min })
    }

    /// Checks that `note` is a checkpoint signed by the log of `key` and by enough witnesses.
    /// Signatures of others are let be.
    pub fn check(&self, note: &str, key: &VerifierKey) -> Result<Cosigned, NotCosigned> {
        let checkpoint = Checkpoint::open(note, key)?;
        let parsed = Note::parse(note).map_err(CheckpointError::from)?;
        let mut by = Vec::new();
        for witness in &self.witnesses {
            match parsed.verify_cosignature(witness) {
                Ok(time_s) => by.push((witness.name().to_owned(), time_s)),
                Err(NoteError::Unsigned(_)) => {}
                Err(source) => {
                    let witness = witness.name().to_owned();
                    return Err(NotCosigned::Bad { witness, source });
                }
            }
        }
        match (by.len(), self.min) {
            (found, due) if found < due => Err(NotCosigned::TooFew { found, due }),
            _ => Ok(Cosigned { checkpoint, by }),
        }
    }
}

/// The key without its name, in base64.
fn public(key: &WitnessVerifierKey) -> Option<String> {
    let text = key.to_string();
    text.splitn(3, '+').nth(2).map(str::to_owned)
}
