//! The witnesses follow to the log of the next quarter.

use std::fs;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::witness::Policy;
use motlan_audit::{Checkpoint, Layout, Origin, Quarter, ShardSettings, Shards, SignerKey};

use super::laid::{Desk, Named, PATIENCE, configure, cosigned, serve};
use super::office::Office;
use crate::process::patience::eventually;

// R70, R77: the key is the same, so the witness is told nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_a_new_quarter_is_cosigned_by_witnesses_that_knew_the_old() -> Result<()> {
    let desk = Desk::lay().await?;
    let dir = desk.world.dir();
    let key = SignerKey::read(&dir.join("pki/ledger.key"))?;
    let there = Layout::beside(dir.join("ledger")).quarters()?;
    let now = *there.first().context("no log")?;
    let before = Quarter::containing(now.begins_us() - 1);
    let origin: Origin = format!("{}/{before}", desk.key.name()).parse()?;
    let settings = ShardSettings::new(Layout::beside(dir.join("own")), Arc::new(key));
    Shards::create(&settings, &origin)?;
    let office = Office::found("w.example/1")?;
    let open = office.open(&desk.key)?;
    let named = [Named {
        url: open.url(),
        key: office.key.clone(),
        ca: None,
    }];
    let policy = Policy::new(vec![office.key.clone()], 1)?;
    let config = configure(&desk, "own", "witnesses_required_at_start = 1", &named)?;
    let gateway = serve(&config)?;
    let client = desk.connect(&gateway).await?;
    desk.must_answer(&client).await?;
    // The link to the log before it, a question and an outcome.
    let note = cosigned(&desk, &gateway, &policy, 3).await?;
    let origin = Checkpoint::open(&note, &desk.key)?.origin().clone();
    ensure!(origin.quarter() == now, "{note}");
    let kept = settings.layout.cosigned(origin.quarter());
    eventually("the cosigned checkpoint is kept", PATIENCE, async || {
        Ok(fs::read_to_string(&kept)
            .is_ok_and(|kept| kept == note)
            .then_some(()))
    })
    .await?;
    gateway.stop()?;
    ensure!(open.close()?.is_empty(), "the witness complains");
    Ok(())
}
