//! What an inspector does with a ledger and a receipt, without the gateway.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

use super::command::{Ended, binary, run};
use super::desk::{Desk, written};

// R35: verified from disk by a program without the gateway in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_auditor_finds_a_flipped_byte_and_names_its_place() -> Result<()> {
    let mut desk = Desk::lay().await?;
    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    for _ in 0..3 {
        desk.must_answer(&client).await?;
    }
    gateway.stop()?;
    let sound = verify(&desk)?.exited(0)?.out;
    ensure!(sound.contains("is sound"), "{sound}");
    ensure!(sound.contains("3  0 without an outcome"), "{sound}");

    let segment = desk.segment();
    let mut bytes = std::fs::read(&segment)?;
    let end = written(&segment)?;
    // In the first record, in the middle, in the last one's end.
    for at in [300, end / 2, end - 2] {
        *bytes.get_mut(at).context("no such byte")? ^= 1;
        std::fs::write(&segment, &bytes)?;
        let found = verify(&desk)?.exited(1)?.out;
        ensure!(found.contains("is NOT sound"), "byte {at}: {found}");
        ensure!(
            found.contains("segments/00000000, offset "),
            "byte {at} has no place: {found}"
        );
        *bytes.get_mut(at).context("no such byte")? ^= 1;
    }
    std::fs::write(&segment, &bytes)?;
    verify(&desk)?.exited(0)?;
    Ok(())
}

// R36: a caller's receipt verifies offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_proves_its_record_and_nothing_once_it_is_changed() -> Result<()> {
    let desk = Desk::lay().await?;
    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    let call = desk
        .deployment
        .call(&desk.question)?
        .metadata("motlan-receipt", "full")?;
    let reply = client.call(&call).await?;
    let receipt = reply
        .metadata("motlan-receipt-bin")
        .context("no receipt")?
        .to_owned();
    let record = reply
        .metadata("motlan-record")
        .context("no record")?
        .to_owned();
    gateway.stop()?;

    let good = receipt_verified(&desk, &receipt)?.exited(0)?.out;
    ensure!(
        good.contains("The receipt is good") && good.contains(&record),
        "{good}"
    );
    // Another caller's name in the record.
    let desk_name = b"H26/one-stop";
    let mut bytes = BASE64_STANDARD_NO_PAD.decode(&receipt)?;
    let at = bytes
        .windows(desk_name.len())
        .position(|part| part == desk_name);
    *bytes
        .get_mut(at.context("no caller in the receipt")?)
        .context("no byte")? = b'G';
    let changed = BASE64_STANDARD.encode(&bytes);
    let bad = receipt_verified(&desk, &changed)?.exited(1)?.out;
    ensure!(bad.contains("proves NOTHING"), "{bad}");
    Ok(())
}

fn receipt_verified(desk: &Desk, receipt: &str) -> Result<Ended> {
    let file = desk.deployment.world.dir().join("receipt");
    std::fs::write(&file, receipt)?;
    let mut command = Command::new(binary("motlan-audit")?);
    command.args(["receipt", "verify"]).arg(file);
    run(command.args(["--key", &desk.deployment.key.to_string()]))
}

fn verify(desk: &Desk) -> Result<Ended> {
    let mut command = Command::new(binary("motlan-audit")?);
    command
        .arg("verify")
        .arg("--ledger")
        .arg(desk.deployment.ledger());
    run(command.args(["--key", &desk.deployment.key.to_string()]))
}
