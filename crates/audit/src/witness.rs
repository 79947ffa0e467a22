//! Witnesses (C2SP tlog-witness 1.0.0): somebody else than the operator who signs a checkpoint only
//! if it follows from all that it signed before, so that a log has one history or is caught.
//!
//! In scope: a witness's judgement and what it keeps on disk ([`Witness`]), a log's side of the
//! exchange ([`Submission`]), and what makes a checkpoint cosigned ([`Policy`]). Out of scope: HTTP
//! on either side.
//!
//! Limits: a witness keeps 4,096 logs; a checkpoint that it signs has at most 4 KiB of text; a
//! policy names at most 16 witnesses; of a witness's answer 16 lines are looked at.

mod memory;
mod policy;
mod submission;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError, speaks_for};
use crate::disk::{Disk, LocalDisk};
use crate::ledger::with_sources;
use crate::note::{Note, VerifierKey, WitnessSignerKey};
use crate::origin::Origin;
use crate::proof::{ConsistencyError, ConsistencyProof};
use memory::Memory;

pub use memory::WitnessError;
pub use policy::{Cosigned, NotCosigned, Policy, PolicyError};
pub use submission::{Answer, Cosignature, Next, Rejection, Submission};

/// The longest text of a checkpoint that is cosigned.
const TEXT_BYTES_MAX: usize = 4096;

/// How to open a witness.
#[derive(Debug)]
pub struct Settings {
    /// The folder that [`Witness::create`] made.
    pub folder: PathBuf,
    /// The key that it was created with.
    pub key: WitnessSignerKey,
    /// The keys of the logs that it cosigns. A key speaks for the log of its name, and for all logs
    /// whose origins continue its name after a slash.
    pub logs: Vec<VerifierKey>,
    /// What files are changed with; the system's disk if not changed.
    pub disk: Arc<dyn Disk>,
}

impl Settings {
    /// The settings of the witness in `folder`, all else as usual.
    pub fn new(folder: impl Into<PathBuf>, key: WitnessSignerKey) -> Settings {
        Settings {
            folder: folder.into(),
            key,
            logs: Vec::new(),
            disk: Arc::new(LocalDisk),
        }
    }
}

/// A witness. One process may have its folder open.
#[derive(Debug)]
pub struct Witness {
    key: WitnessSignerKey,
    logs: Vec<VerifierKey>,
    memory: Mutex<Standing>,
}

#[derive(Debug)]
enum Standing {
    Sound(Memory),
    /// Something could not be written; what, for good.
    Failed(Arc<str>),
}

impl Witness {
    /// Makes the folder of a witness that has seen nothing. An error if something lies in it.
    pub fn create(settings: &Settings) -> Result<(), WitnessError> {
        let Settings {
            folder, key, disk, ..
        } = settings;
        Memory::create(&**disk, folder, key.verifier())
    }

    /// Opens it. Blocking.
    pub fn open(settings: Settings) -> Result<Witness, WitnessError> {
        let memory = Memory::open(&settings)?;
        Ok(Witness {
            key: settings.key,
            logs: settings.logs,
            memory: Mutex::new(Standing::Sound(memory)),
        })
    }

    /// Judges the body of an `add-checkpoint` request, and gives the line with which the checkpoint
    /// is cosigned at `time_s`, seconds since the Unix epoch. Blocking: it returns once what it
    /// signed would survive a power cut. Of two requests for one log the second meets what the
    /// first left.
    pub fn add_checkpoint(&self, body: &str, time_s: u64) -> Result<String, Refusal> {
        let request: ConsistencyProof = body.parse().map_err(|_| Refusal::Malformed)?;
        let note = request.checkpoint.as_deref().ok_or(Refusal::Malformed)?;
        let text = Note::parse(note).map_err(|_| Refusal::Malformed)?.text();
        let (checkpoint, key) = self.believed(note, text)?;
        if request.old_size > checkpoint.size() {
            return Err(Refusal::Malformed);
        }
        // Held until the checkpoint is on disk: nobody else is judged by what came before it.
        let mut standing = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = match &mut *standing {
            Standing::Sound(memory) => memory,
            Standing::Failed(why) => return Err(Refusal::Failed(Arc::clone(why))),
        };
        let (size, root) = memory.last(checkpoint.origin());
        if request.old_size != size {
            return Err(Refusal::Conflict { size });
        }
        // R70: only what follows from all that was signed before.
        checkpoint
            .verify_extends(size, &root, &request.hashes)
            .map(|_consistent| ())
            .map_err(|error| {
                let contradiction = Box::new(Contradiction {
                    origin: checkpoint.origin().clone(),
                    cosigned: memory.note(checkpoint.origin()).to_owned(),
                    refused: note.to_owned(),
                });
                match error {
                    ConsistencyError::Forked { size } => Refusal::Forked {
                        size,
                        contradiction,
                    },
                    _ => Refusal::Inconsistent { contradiction },
                }
            })?;
        let kept = signed_by(note, text, key);
        // R70: on disk before anybody sees the signature.
        if let Err(error) = memory.keep(&checkpoint, &kept) {
            if matches!(error, WitnessError::TooMany { .. }) {
                return Err(Refusal::TooMany);
            }
            // What the disk holds now is not known, so nothing more is signed until it is read.
            let why: Arc<str> = with_sources(&error).into();
            *standing = Standing::Failed(Arc::clone(&why));
            return Err(Refusal::Failed(why));
        }
        Ok(self.key.cosign(text, time_s))
    }

    /// The checkpoint of a note, if one of the keys signed it that speak for its log.
    fn believed(&self, note: &str, text: &str) -> Result<(Checkpoint, &VerifierKey), Refusal> {
        let origin = text.lines().next().ok_or(Refusal::Malformed)?;
        let origin: Origin = origin.parse().map_err(|_| Refusal::UnknownLog)?;
        let mut refusal = Refusal::UnknownLog;
        for key in self
            .logs
            .iter()
            .filter(|key| speaks_for(key.name(), &origin))
        {
            match Checkpoint::open(note, key) {
                Ok(_) if text.len() > TEXT_BYTES_MAX => return Err(Refusal::Malformed),
                Ok(checkpoint) => return Ok((checkpoint, key)),
                Err(CheckpointError::Malformed) => refusal = Refusal::Malformed,
                Err(_) => refusal = Refusal::BadSignature,
            }
        }
        Err(refusal)
    }
}

/// The note with the log's own signatures and nobody else's.
fn signed_by(note: &str, text: &str, key: &VerifierKey) -> String {
    let lines = note.get(text.len()..).unwrap_or_default().lines();
    let own = lines.filter(|line| {
        let alone = format!("{text}\n{line}\n");
        Note::parse(&alone).is_ok_and(|note| note.verify(key).is_ok())
    });
    own.fold(format!("{text}\n"), |note, line| note + line + "\n")
}

/// Two checkpoints that the log signed and that are not shown to be of one history.
#[derive(Debug)]
pub struct Contradiction {
    /// Which log.
    pub origin: Origin,
    /// The note that the witness cosigned last; empty where it cosigned none.
    pub cosigned: String,
    /// The note that it refuses.
    pub refused: String,
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not a request.
    #[error("not a request in the form of C2SP tlog-witness")]
    Malformed,
    /// No key is known for the log.
    #[error("this witness does not know the log")]
    UnknownLog,
    /// The log did not sign it.
    #[error("no signature of a key that is known for the log")]
    BadSignature,
    /// The request does not go on from where the witness is.
    #[error("the witness has cosigned {size} records")]
    Conflict {
        /// Where that is.
        size: u64,
    },
    /// Another tree of the same size was cosigned.
    #[error("the witness has cosigned another tree of {size} records")]
    Forked {
        /// The size.
        size: u64,
        /// The evidence.
        contradiction: Box<Contradiction>,
    },
    /// The proof does not lead from what was cosigned to the checkpoint.
    #[error("the proof does not lead from what the witness has cosigned to this checkpoint")]
    Inconsistent {
        /// The evidence, if the proof was honest.
        contradiction: Box<Contradiction>,
    },
    /// It keeps as many logs as it can.
    #[error("this witness keeps as many logs as it can")]
    TooMany,
    /// Ours: something could not be written.
    #[error("this witness has failed and signs nothing until it is started again: {0}")]
    Failed(Arc<str>),
}

impl Refusal {
    /// The HTTP status that tlog-witness has for it.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Malformed => 400,
            Refusal::BadSignature => 403,
            Refusal::UnknownLog => 404,
            Refusal::Conflict { .. } | Refusal::Forked { .. } => 409,
            Refusal::Inconsistent { .. } => 422,
            Refusal::TooMany | Refusal::Failed(_) => 503,
        }
    }

    /// The size that a conflict is answered with.
    pub fn size(&self) -> Option<u64> {
        match self {
            Refusal::Conflict { size } | Refusal::Forked { size, .. } => Some(*size),
            _ => None,
        }
    }

    /// The evidence that the log has two histories, or was asked for with a wrong proof.
    pub fn contradiction(&self) -> Option<&Contradiction> {
        match self {
            Refusal::Forked { contradiction, .. } | Refusal::Inconsistent { contradiction } => {
                Some(contradiction)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
