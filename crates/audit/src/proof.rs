//! Proofs as texts that others can read, and what they prove.
//!
//! An inclusion proof is a C2SP tlog-proof, with the record itself as its extra data. A consistency
//! proof is what C2SP tlog-witness has a log send to a witness.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use motlan_api::audit::v1::Receipt;
use thiserror::Error;

use crate::checkpoint::Checkpoint;
use crate::tree::{Hash, is_consistent};

/// The first line of a tlog-proof.
const TLOG_PROOF: &str = "c2sp.org/tlog-proof@v1";
/// The longest proof that is looked at: the path in a tree of 2^64 leaves.
pub(crate) const PROOF_HASHES_MAX: usize = 64;

/// A text that is not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// It is not a tlog-proof.
    #[error("not a C2SP tlog-proof of version 1")]
    Inclusion,
    /// It is not a consistency proof.
    #[error("not a consistency proof in the form of C2SP tlog-witness, which begins with `old`")]
    Consistency,
}

/// A receipt as a C2SP tlog-proof, to be kept in a file `.tlog-proof`.
pub fn write_tlog_proof(receipt: &Receipt) -> String {
    let mut text = format!("{TLOG_PROOF}\n");
    // Writing to a `String` cannot fail.
    if !receipt.leaf.is_empty() {
        let _ = writeln!(text, "extra {}", STANDARD.encode(&receipt.leaf));
    }
    let _ = writeln!(text, "index {}", receipt.index);
    for hash in &receipt.proof {
        let _ = writeln!(text, "{}", STANDARD.encode(hash));
    }
    let _ = write!(text, "\n{}", receipt.checkpoint);
    text
}

/// Reads a C2SP tlog-proof, and verifies nothing: [`verify_receipt`](crate::verify_receipt()) does
/// that. Its extra data is taken for the record; without any the receipt's leaf is empty, and has
/// to be put there.
pub fn read_tlog_proof(text: &str) -> Result<Receipt, ProofError> {
    let read = || {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        if lines.next()? != TLOG_PROOF {
            return None;
        }
        let mut line = lines.next()?;
        let mut leaf = Vec::new();
        if let Some(extra) = line.strip_prefix("extra ") {
            leaf = STANDARD.decode(extra).ok()?;
            line = lines.next()?;
        }
        Some(Receipt {
            leaf,
            index: number(line.strip_prefix("index ")?)?,
            proof: hashes(lines)?.iter().map(|hash| hash.to_vec()).collect(),
            checkpoint: checkpoint.to_owned(),
        })
    };
    read().ok_or(ProofError::Inclusion)
}

/// The proof that the log of a checkpoint begins with all records that it had at an earlier size.
/// As a text it is the body of an `add-checkpoint` request of C2SP tlog-witness; without a
/// checkpoint it ends with the empty line before it. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsistencyProof {
    /// The size of the earlier tree.
    pub old_size: u64,
    /// The hashes of RFC 6962 section 2.1.2; none where the sizes are the same or the earlier is 0.
    pub hashes: Vec<Hash>,
    /// The later checkpoint, a signed note.
    pub checkpoint: Option<String>,
}

impl ConsistencyProof {
    /// A proof of [`Ledger::consistency`](crate::Ledger::consistency()).
    pub fn new(old_size: u64, hashes: Vec<Hash>, checkpoint: Option<String>) -> ConsistencyProof {
        ConsistencyProof {
            old_size,
            hashes,
            checkpoint,
        }
    }
}

impl fmt::Display for ConsistencyProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.hashes {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint.as_deref().unwrap_or_default())
    }
}

impl FromStr for ConsistencyProof {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<ConsistencyProof, ProofError> {
        let read = || {
            let (head, checkpoint) = text.split_once("\n\n")?;
            let mut lines = head.split('\n');
            Some(ConsistencyProof {
                old_size: number(lines.next()?.strip_prefix("old ")?)?,
                hashes: hashes(lines)?,
                checkpoint: (!checkpoint.is_empty()).then(|| checkpoint.to_owned()),
            })
        };
        read().ok_or(ProofError::Consistency)
    }
}

/// A number as it must be written: no sign, no leading zeroes.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn hashes<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Vec<Hash>> {
    let mut hashes = Vec::new();
    for line in lines {
        if hashes.len() == PROOF_HASHES_MAX {
            return None;
        }
        hashes.push(STANDARD.decode(line).ok()?.try_into().ok()?);
    }
    Some(hashes)
}

/// Proof that a log begins with all records that it had before.
#[must_use]
#[derive(Debug)]
pub struct Consistent {
    old_size: u64,
    new_size: u64,
}

impl Consistent {
    /// How many records it had.
    pub fn old_size(&self) -> u64 {
        self.old_size
    }

    /// How many it has.
    pub fn new_size(&self) -> u64 {
        self.new_size
    }
}

/// Why two trees are not shown to be of one history.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConsistencyError {
    /// The checkpoints are of two logs.
    #[error("the checkpoints are of two logs, `{old}` and `{new}`")]
    OtherLog {
        /// The origin of the older.
        old: String,
        /// The origin of the newer.
        new: String,
    },
    /// The newer speaks for fewer records.
    #[error("the newer checkpoint speaks for {new_size} records, fewer than the {old_size} before")]
    Shrunk {
        /// The older size.
        old_size: u64,
        /// The newer size.
        new_size: u64,
    },
    /// Two trees of one size.
    #[error(
        "two checkpoints for {size} records with different roots: the log has two histories, and \
         this is the evidence"
    )]
    Forked {
        /// Their size.
        size: u64,
    },
    /// The proof does not lead from one root to the other.
    #[error(
        "the proof does not lead from the first {old_size} records to all {new_size}: it was \
         changed, or the log has two histories"
    )]
    NotConsistent {
        /// The older size.
        old_size: u64,
        /// The newer size.
        new_size: u64,
    },
}

/// Checks that the log of `new` begins with all records of the log of `old`
/// (RFC 9162 section 2.1.4.2).
pub fn verify_consistency(
    old: &Checkpoint,
    new: &Checkpoint,
    proof: &[Hash],
) -> Result<Consistent, ConsistencyError> {
    if old.origin != new.origin {
        let (old, new) = (old.origin.to_string(), new.origin.to_string());
        return Err(ConsistencyError::OtherLog { old, new });
    }
    new.verify_extends(old.size, &old.root, proof)
}

impl Checkpoint {
    /// Checks that its log begins with all records of the tree of `old_size` and `old_root`, which
    /// the caller knows to be of the same log; of the empty tree the root is SHA-256 of nothing.
    pub fn verify_extends(
        &self,
        old_size: u64,
        old_root: &Hash,
        proof: &[Hash],
    ) -> Result<Consistent, ConsistencyError> {
        let new_size = self.size;
        if old_size > new_size {
            return Err(ConsistencyError::Shrunk { old_size, new_size });
        }
        if old_size == new_size && *old_root != self.root {
            return Err(ConsistencyError::Forked { size: new_size });
        }
        let fits = proof.len() <= PROOF_HASHES_MAX;
        if !fits || !is_consistent((old_size, old_root), (new_size, &self.root), proof) {
            return Err(ConsistencyError::NotConsistent { old_size, new_size });
        }
        Ok(Consistent { old_size, new_size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            leaf: b"a record".to_vec(),
            index: 5,
            proof: vec![vec![1; 32], vec![2; 32]],
            checkpoint: "origin\n7\nroot\n\n— name signature\n".to_owned(),
        }
    }

    #[test]
    fn a_tlog_proof_is_written_as_published_and_reads_back() {
        let text = write_tlog_proof(&receipt());
        let lines = "c2sp.org/tlog-proof@v1\n\
                     extra YSByZWNvcmQ=\n\
                     index 5\n\
                     AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n\
                     AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n\
                     \n\
                     origin\n7\nroot\n\n— name signature\n";
        assert_eq!(text, lines);
        assert_eq!(read_tlog_proof(&text), Ok(receipt()));
        let bare = Receipt {
            leaf: Vec::new(),
            proof: Vec::new(),
            ..receipt()
        };
        let text = write_tlog_proof(&bare);
        assert!(
            text.starts_with("c2sp.org/tlog-proof@v1\nindex 5\n\norigin"),
            "{text}"
        );
        assert_eq!(read_tlog_proof(&text), Ok(bare));
    }

    #[test]
    fn what_is_not_a_tlog_proof_to_the_letter_is_refused() {
        let text = write_tlog_proof(&receipt());
        for (right, wrong) in [
            ("proof@v1", "proof@v2"),
            ("index 5", "index 05"),
            ("index 5", "index +5"),
            ("index 5", "Index 5"),
            ("extra YSBy", "extra\nYSBy"),
            ("extra YSBy", "extra ?SBy"),
            ("AQEBAQE=", "AQEBAQEB"),
            ("AQEBAQE=", "AQEBAQE"),
            ("AQEBAQE=\n", "AQEBAQE=\r\n"),
            ("\n\n", "\n"),
        ] {
            assert!(text.contains(right), "{right}");
            let text = text.replacen(right, wrong, 9);
            assert_eq!(
                read_tlog_proof(&text),
                Err(ProofError::Inclusion),
                "{wrong}"
            );
        }
        let many = Receipt {
            proof: vec![vec![1; 32]; PROOF_HASHES_MAX + 1],
            ..receipt()
        };
        assert!(read_tlog_proof(&write_tlog_proof(&many)).is_err());
    }

    #[test]
    fn a_consistency_proof_is_what_a_witness_is_sent() {
        let checkpoint = Some(receipt().checkpoint);
        let proof = ConsistencyProof::new(3, vec![[1; 32], [2; 32]], checkpoint);
        let text = "old 3\n\
                    AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n\
                    AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n\
                    \n\
                    origin\n7\nroot\n\n— name signature\n";
        assert_eq!(proof.to_string(), text);
        assert_eq!(text.parse(), Ok(proof.clone()));
        let unsigned = ConsistencyProof::new(3, proof.hashes, None);
        assert_eq!(unsigned.to_string().parse(), Ok(unsigned));
        for wrong in [
            "",
            "old 3",
            "old 3\n",
            "old 03\n\n",
            "new 3\n\n",
            "old 3\nAQ==\n\n",
        ] {
            let read: Result<ConsistencyProof, _> = wrong.parse();
            assert_eq!(read, Err(ProofError::Consistency), "{wrong:?}");
        }
    }
}
