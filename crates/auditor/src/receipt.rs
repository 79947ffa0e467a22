//! `motlan-audit receipt verify`.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use motlan_api::audit::v1::Receipt;
use motlan_audit::{Proven, VerifierKey, verify_receipt};
use prost::Message as _;
use thiserror::Error;

use crate::show;

/// The longest receipt that is read: a leaf, 64 hashes and a checkpoint, in base64.
const RECEIPT_BYTES_MAX: u64 = 256 * 1024;

/// Why a receipt was not looked at, or the result not written.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("cannot read `{}`", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("`{}` is no receipt: give the protobuf message or its base64", file.display())]
    NoReceipt { file: PathBuf },
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// Verifies and tells; whether all is well.
pub(crate) fn verify(file: &Path, key: &VerifierKey, out: &mut dyn Write) -> Result<bool, Error> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(RECEIPT_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|source| Error::Read {
            file: file.to_owned(),
            source,
        })?;
    let receipt = decode(&bytes).ok_or_else(|| Error::NoReceipt {
        file: file.to_owned(),
    })?;
    match verify_receipt(&receipt, key) {
        Ok(proven) => {
            tell(&proven, out)?;
            Ok(true)
        }
        Err(error) => {
            writeln!(out, "The receipt proves NOTHING: {error}.")?;
            let mut source = std::error::Error::source(&error);
            while let Some(error) = source {
                writeln!(out, "  {error}")?;
                source = error.source();
            }
            Ok(false)
        }
    }
}

fn decode(bytes: &[u8]) -> Option<Receipt> {
    let text = bytes.trim_ascii();
    let decoded = STANDARD
        .decode(text)
        .or_else(|_| STANDARD_NO_PAD.decode(text));
    let bytes = decoded.as_deref().unwrap_or(bytes);
    Receipt::decode(bytes)
        .ok()
        .filter(|receipt| !receipt.leaf.is_empty())
}

fn tell(proven: &Proven, out: &mut dyn Write) -> io::Result<()> {
    let Proven {
        record, id, size, ..
    } = proven;
    writeln!(
        out,
        "The receipt is good: a log of {size} records holds this one at index {}.\n",
        id.index()
    )?;
    writeln!(out, "  {}", show::line(id, record))
}
