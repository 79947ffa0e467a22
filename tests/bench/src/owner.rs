//! The owner's system: the testkit's stand-in with its records, as a process of its own.

use std::path::Path;

use anyhow::{Context as _, Result};
use motlan_testkit::pki::{Identity, server_config};
use motlan_testkit::provider::Holdings;
use motlan_testkit::{Provider, Sample, contracts};

use crate::child::until_orphaned;
use crate::household::{LIST_HOUSEHOLD, members};
use crate::options::Owner;

/// What the sample is made from.
pub(crate) const SEED: u64 = 20_260_101;
/// The service that it offers.
pub(crate) const SERVICE: &str = "vn.population.v1.PopulationRegistry";
/// Its certificate and key, from the deployment's folder, without `.pem` and `.key`.
pub(crate) const IDENTITY: &str = "pki/population";

/// Serves until whoever started it is gone. Says its address first.
pub(crate) fn run(owner: &Owner) -> Result<()> {
    crate::runtime()?.block_on(serve(&owner.dir))
}

async fn serve(dir: &Path) -> Result<()> {
    let sample = Sample::from_seed(SEED)?;
    let holdings = Holdings::of(&contracts::pool()?).only(SERVICE);
    let tls = server_config(
        &text(dir, "pki/ca.pem")?,
        &Identity {
            certificate_pem: text(dir, &format!("{IDENTITY}.pem"))?,
            key_pem: text(dir, &format!("{IDENTITY}.key"))?,
        },
    )?;
    let holdings = holdings.stock(&sample.held());
    let holdings = holdings.hold(LIST_HOUSEHOLD, &sample.roles.person, members()?)?;
    let provider = Provider::start(tls, holdings).await?;
    provider.record(false);
    println!("{}", provider.address());
    until_orphaned().await
}

/// A file of the deployment.
pub(crate) fn text(dir: &Path, name: &str) -> Result<String> {
    std::fs::read_to_string(dir.join(name)).with_context(|| format!("`{name}`"))
}
