//! A log's side of tlog-witness, without the network: what to send, and what an answer means.

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{Note, NoteError, VerifierKey, WitnessVerifierKey};
use crate::proof::ConsistencyProof;
use crate::tree::Hash;

/// The type of a body that gives a witness's size.
const SIZE_TYPE: &str = "text/x.tlog.size";
/// How often a submission goes on from the size that the witness names.
const TURNS_MAX: u32 = 3;
/// So many lines of an answer are looked at.
const LINES_MAX: usize = 16;

/// A checkpoint on its way to one witness.
#[derive(Debug)]
pub struct Submission {
    note: String,
    size: u64,
    old_size: u64,
    turns: u32,
    /// It refused a tree of the size that it was believed to have, and named none.
    is_suspect: bool,
}

/// What a witness answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `content-type`; empty where there was none.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a str,
}

/// A witness's cosignature, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cosignature {
    /// The signature line, to be put at the end of the note.
    pub line: String,
    /// When the witness says it signed, in seconds since the Unix epoch.
    pub time_s: u64,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// Nothing: it is cosigned.
    Done(Cosignature),
    /// To send it again, with a proof from the new [`Submission::old_size`].
    Again,
}

/// Why there is no cosignature.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The witness has seen more of this log than there is.
    #[error(
        "it has cosigned {witness} records of this log, and the log holds {own}: the folder was \
         put back from an earlier day, or another gateway signs with this key"
    )]
    Ahead {
        /// The witness's size.
        witness: u64,
        /// Ours.
        own: u64,
    },
    /// The witness has seen other records.
    #[error(
        "it has cosigned other records than the first {size} of this log: there are two histories \
         under one key; find out which one callers hold receipts of"
    )]
    Forked {
        /// How many it has cosigned.
        size: u64,
    },
    /// It answers with another status than tlog-witness has for a log that it follows.
    #[error("it answers with status {status}, {}", meaning(*status))]
    Status {
        /// The status.
        status: u16,
    },
    /// Its answer makes no sense.
    #[error("its answer makes no sense: {0}")]
    Nonsense(&'static str),
    /// Its answer holds no good cosignature.
    #[error("its answer holds no good cosignature")]
    Cosignature(#[from] NoteError),
}

impl Rejection {
    /// Whether the witness says that the log has another history than this one.
    pub fn is_contradiction(&self) -> bool {
        matches!(self, Rejection::Ahead { .. } | Rejection::Forked { .. })
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        400 => "so it does not understand the request",
        403 => "so it has another key for this log",
        404 => "so it does not know this log, or there is no witness at this address",
        503 => "so it cannot sign now",
        _ => "which tlog-witness does not have",
    }
}

impl Submission {
    /// A checkpoint of the log of `key`, for a witness that is believed to have seen `old_size`
    /// records; 0 where that is not known.
    pub fn new(
        note: String,
        key: &VerifierKey,
        old_size: u64,
    ) -> Result<Submission, CheckpointError> {
        let size = Checkpoint::open(&note, key)?.size();
        Ok(Submission {
            note,
            size,
            old_size: old_size.min(size),
            turns: 0,
            is_suspect: false,
        })
    }

    /// The size from which the witness is to be led to [`Submission::size`].
    pub fn old_size(&self) -> u64 {
        self.old_size
    }

    /// The size of the checkpoint.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The body of the request, with the consistency proof between the two sizes.
    pub fn body(&self, proof: Vec<Hash>) -> String {
        ConsistencyProof::new(self.old_size, proof, Some(self.note.clone())).to_string()
    }

    /// Takes the answer of the witness of `key`.
    ///
    /// # Errors
    /// Where there is no cosignature and no way on. A size in a conflict is the witness's word: it
    /// is not signed.
    pub fn answered(
        &mut self,
        answer: Answer<'_>,
        key: &WitnessVerifierKey,
    ) -> Result<Next, Rejection> {
        match answer.status {
            200 => self.cosignature(answer.body, key).map(Next::Done),
            409 => self.conflict(size(answer)),
            422 if self.old_size > 0 => Err(Rejection::Forked {
                size: self.old_size,
            }),
            422 => Err(Rejection::Nonsense(
                "it finds an empty proof from an empty log wrong",
            )),
            status => Err(Rejection::Status { status }),
        }
    }

    fn conflict(&mut self, size: Option<u64>) -> Result<Next, Rejection> {
        let nonsense = |what| Err(Rejection::Nonsense(what));
        let is_level = self.old_size == self.size && self.size > 0;
        match size {
            Some(witness) if witness > self.size => Err(Rejection::Ahead {
                witness,
                own: self.size,
            }),
            // It knows another tree of the size of ours. tlog-witness leaves open what a witness
            // says then, and whoever stands before one may answer so for reasons of its own: that
            // it has this very size it has to say.
            Some(size) if size == self.size && (is_level || self.is_suspect) => {
                Err(Rejection::Forked { size })
            }
            None if is_level && !self.is_suspect => {
                self.is_suspect = true;
                self.old_size = 0;
                Ok(Next::Again)
            }
            None => nonsense("a conflict that names no size"),
            Some(size) if size == self.old_size => {
                nonsense("a conflict with the size that it was led from")
            }
            Some(_) if self.turns == TURNS_MAX => nonsense("its size is another each time"),
            Some(size) => {
                self.old_size = size;
                self.turns += 1;
                Ok(Next::Again)
            }
        }
    }

    /// The first good cosignature of the witness among the lines of an answer.
    fn cosignature(&self, body: &str, key: &WitnessVerifierKey) -> Result<Cosignature, Rejection> {
        let mut error = NoteError::Unsigned(key.name().to_owned());
        let text = Note::parse(&self.note)?.text();
        for line in body.split_inclusive('\n').take(LINES_MAX) {
            let alone = format!("{text}\n{line}");
            match Note::parse(&alone).and_then(|note| note.verify_cosignature(key)) {
                Ok(time_s) => {
                    let line = line.to_owned();
                    return Ok(Cosignature { line, time_s });
                }
                Err(NoteError::Unsigned(_)) => {}
                Err(bad) => error = bad,
            }
        }
        Err(error.into())
    }
}

/// The size in a conflict.
fn size(answer: Answer<'_>) -> Option<u64> {
    let (kind, _) = answer
        .content_type
        .split_once(';')
        .unwrap_or((answer.content_type, ""));
    let size = answer.body.strip_suffix('\n')?;
    let number: u64 = size.parse().ok()?;
    (kind.trim() == SIZE_TYPE && number.to_string() == size).then_some(number)
}
