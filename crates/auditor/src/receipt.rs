//! `motlan-audit receipt verify`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use motlan_api::audit::v1::Receipt;
use motlan_audit::{Proven, ReceiptError, VerifierKey, verify_receipt};
use prost::Message as _;
use thiserror::Error;

use crate::file::{self, FileError};
use crate::show;

/// Why a receipt was not looked at, or the result not written.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("`{}` is no receipt: give the protobuf message or its base64", file.display())]
    NoReceipt { file: PathBuf },
    #[error("the record is proven, and not read")]
    Newer(#[source] ReceiptError),
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// Verifies and tells; whether all is well.
pub(crate) fn verify(file: &Path, key: &VerifierKey, out: &mut dyn Write) -> Result<bool, Error> {
    match verified(&read(file)?, key)? {
        Ok(proven) => {
            tell("receipt", &proven, out)?;
            Ok(true)
        }
        Err(error) => {
            file::tell_wrong("The receipt proves NOTHING", &error, out)?;
            Ok(false)
        }
    }
}

/// What a receipt proves, or why nothing. A record of a newer format is no fault of it.
pub(crate) fn verified(
    receipt: &Receipt,
    key: &VerifierKey,
) -> Result<Result<Proven, ReceiptError>, Error> {
    match verify_receipt(receipt, key) {
        Err(newer @ ReceiptError::Newer(_)) => Err(Error::Newer(newer)),
        verified => Ok(verified),
    }
}

/// A receipt as it stands in a file.
pub(crate) fn read(file: &Path) -> Result<Receipt, Error> {
    let bytes = file::read(file)?;
    decode(&bytes).ok_or_else(|| Error::NoReceipt {
        file: file.to_owned(),
    })
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

/// Tells what a receipt or proof proves.
pub(crate) fn tell(what: &str, proven: &Proven, out: &mut dyn Write) -> io::Result<()> {
    let Proven {
        record, id, size, ..
    } = proven;
    writeln!(
        out,
        "The {what} is good: a log of {size} records holds this one at index {}.\n",
        id.index()
    )?;
    writeln!(out, "  {}", show::line(id, record))
}
