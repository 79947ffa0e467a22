//! Checks the ledger as an auditor would, and shows that a single flipped byte is found.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use motlan_api::audit::v1::Receipt;
use motlan_audit::VerifierKey;
use prost::Message as _;

use super::play::Played;

/// Verifies the ledger and one receipt, then a damaged copy. Says whether all went as it must.
pub(super) fn ledger(
    ledger: &Path,
    key: &VerifierKey,
    played: &[Played],
    dir: &Path,
) -> anyhow::Result<bool> {
    let report = motlan_audit::verify(ledger, key)?;
    let sound = report.is_sound();
    println!(
        "The ledger, read again from disk: {} records, {}.",
        report.records,
        if sound {
            "every hash and signature holds"
        } else {
            "DAMAGED"
        }
    );
    let held = receipt_holds(played, key)?;
    println!("The receipt of the first lookup, checked without the gateway: {held}.");

    let copy = dir.join("ledger-damaged");
    copy_folder(ledger, &copy)?;
    let at = flip_one_byte(&copy)?;
    let found = match motlan_audit::verify(&copy, key) {
        Ok(report) => report.findings.first.first().map(ToString::to_string),
        Err(error) => Some(error.to_string()),
    };
    fs::remove_dir_all(&copy)?;
    match &found {
        Some(what) => println!("A copy with one byte flipped ({at}): found. {what}\n"),
        None => println!("A copy with one byte flipped ({at}): NOT FOUND\n"),
    }
    Ok(sound && found.is_some())
}

fn receipt_holds(played: &[Played], key: &VerifierKey) -> anyhow::Result<String> {
    let receipt = played
        .first()
        .and_then(|one| one.reply.metadata("motlan-receipt-bin"))
        .context("the first lookup brought no receipt")?;
    let receipt = Receipt::decode(BASE64_STANDARD_NO_PAD.decode(receipt)?.as_slice())?;
    let proven = motlan_audit::verify_receipt(&receipt, key)?;
    Ok(format!("{} stands where it says", proven.id))
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if let Err(error) = fs::copy(entry.path(), target)
            // The gateway is still at work: what it has renamed meanwhile is there by its new name.
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error.into());
        }
    }
    Ok(())
}

/// Flips one bit in the middle of the first records.
fn flip_one_byte(ledger: &Path) -> anyhow::Result<String> {
    const OFFSET: usize = 300;
    let segments = fs::read_dir(ledger.join("segments"))?;
    let segment = segments
        .into_iter()
        .next()
        .context("the ledger has no segment")??
        .path();
    let mut bytes = fs::read(&segment)?;
    let byte = bytes.get_mut(OFFSET).context("the segment is too short")?;
    *byte ^= 1;
    fs::write(&segment, bytes)?;
    let name = segment
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(format!("{name}, byte {OFFSET}"))
}
