//! Checkpoints that were seen while the gateway ran, held against the log as it is in the end. The
//! tree is computed anew, slowly, by the definition in RFC 6962, section 2.1.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::Message as _;

use super::deployment::Entry;

/// A checkpoint as it was seen: a C2SP signed note.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Checkpoint {
    pub(crate) size: usize,
    pub(crate) root: Vec<u8>,
    pub(crate) note: String,
}

impl Checkpoint {
    /// Reads size and root, the second and third line.
    pub(crate) fn read(note: &str) -> Result<Self> {
        let mut lines = note.lines().skip(1);
        let size = lines.next().context("no size")?.parse()?;
        let root = BASE64_STANDARD.decode(lines.next().context("no root")?)?;
        Ok(Self {
            size,
            root,
            note: note.to_owned(),
        })
    }
}

/// The leaves of a log that verification has found sound, and so every leaf in its canonical form.
pub(crate) fn leaves(entries: &[Entry]) -> Vec<Vec<u8>> {
    let leaf = |entry: &Entry| entry.record.encode_to_vec();
    entries.iter().map(leaf).collect()
}

/// What is wrong with checkpoints that were given out, if `leaves` is the log.
pub(crate) fn faults(seen: &BTreeSet<Checkpoint>, leaves: &[Vec<u8>]) -> Vec<String> {
    let wrong = |checkpoint: &Checkpoint| match leaves.get(..checkpoint.size) {
        None => Some(format!(
            "{} records were signed, {} stand",
            checkpoint.size,
            leaves.len()
        )),
        Some(leaves) if root(leaves) == checkpoint.root => None,
        Some(_) => Some(format!(
            "the first {} records are not those signed",
            checkpoint.size
        )),
    };
    seen.iter().filter_map(wrong).collect()
}

/// The Merkle tree hash.
fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [] => sha256(&[]),
        [leaf] => sha256(&[&[0], leaf]),
        _ => {
            // The largest power of two below the number of leaves.
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256(&[&[1], &root(left), &root(right)])
        }
    }
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    parts.iter().for_each(|part| digest.update(part));
    digest.finish().as_ref().to_vec()
}
