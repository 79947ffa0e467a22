//! A whole dossier: what the law says of its procedure, what one call brings, on which grounds the
//! rest may be asked for, and what becomes of that at those who keep and who count the data.

mod collected;
mod office;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use motlan_api::audit::v1::{Channel, GroundOutcome};
use motlan_api::once::v1 as wire;
use motlan_audit::VerifierKey;
use motlan_catalog::Catalog;
use motlan_testkit::World;
use prost_types::Struct;

use collected::{Collected, name_of};
use office::Office;

const DESK: &str = "H26/one-stop";
/// Corrects what the civil status database holds.
const KEEPER: &str = "G15/data-quality";
/// Counts for the Government Office.
const COUNTER: &str = "G22/reform-report";
const PROCEDURE: &str = "1.004222";
const VARIANTS: usize = 4;
const VARIANT: &str = "3";
const DOSSIER: &str = "000.00.00.H26-261122-0003";
const DAY_US: i64 = 86_400 * 1_000_000;

/// The components of the dossier, and how each must end: with data where there is no outcome.
const COMPONENTS: [(&str, Option<GroundOutcome>); 4] = [
    ("identity_paper", None),
    ("birth_certificate", Some(GroundOutcome::NotShared)),
    ("marriage_certificate", Some(GroundOutcome::NotFound)),
    ("marital_status_certificate", Some(GroundOutcome::Mismatch)),
];

/// What is declared otherwise than the registers have it.
const DECLARED: (&str, &str) = ("state", "MARITAL_STATE_MARRIED");

/// Plays it against the gateway at `port`, whose ledger has `key`.
///
/// # Errors
/// Where anything is not as it must be.
pub(super) async fn play(
    world: &World,
    catalog: &Catalog,
    port: u16,
    key: &VerifierKey,
) -> anyhow::Result<()> {
    let once = catalog.once().context("the catalogue has no law")?;
    let law = &once.law;
    if !law.is_in_force(in_vietnam(Timestamp::now()).date()) {
        let (from, until) = (law.valid_from, law.valid_until);
        println!("No dossier is collected: the law is in force from {from} to {until}.\n");
        return Ok(());
    }
    let desk = Office::open(world, port, DESK).await?;
    plan(&desk).await?;
    let told = collect(&desk, world).await?;
    let collected = Collected::check(&told, catalog, key)?;
    collected.print();
    corrections(world, port, &collected).await?;
    report(world, port).await
}

/// What the law says, variant by variant.
async fn plan(desk: &Office<'_>) -> anyhow::Result<()> {
    let all = desk.plan("").await?;
    ensure!(
        all.variants.len() == VARIANTS,
        "{PROCEDURE} has not {VARIANTS} variants"
    );
    println!("A whole dossier, of {PROCEDURE}. What the law has replaced in it:");
    for variant in &all.variants {
        let planned = desk.plan(&variant.code).await?;
        let documents: Vec<&str> = planned.components.iter().map(|it| &*it.document).collect();
        ensure!(
            !documents.is_empty(),
            "variant {} has no document",
            variant.code
        );
        println!("    variant {}  {}", variant.code, documents.join(", "));
    }
    println!();
    Ok(())
}

/// All components in one call, in the order of the request.
async fn collect(desk: &Office<'_>, world: &World) -> anyhow::Result<Vec<wire::CollectResponse>> {
    let subject = &world.sample().roles.child;
    let components = COMPONENTS.map(|(document, outcome)| {
        let (field, value) = DECLARED;
        let declared = [(field.to_owned(), value.into())];
        wire::Wanted {
            document: document.to_owned(),
            subject: subject.clone(),
            declared: (outcome == Some(GroundOutcome::Mismatch)).then(|| Struct {
                fields: declared.into(),
            }),
            ..wire::Wanted::default()
        }
    });
    let request = wire::CollectRequest {
        procedure: PROCEDURE.to_owned(),
        variant: VARIANT.to_owned(),
        dossier: DOSSIER.to_owned(),
        channel: Channel::Online.into(),
        received_us: 0,
        components: components.into(),
    };
    println!(
        "Variant {VARIANT}, online: somebody who married abroad moves in with the spouse's family."
    );
    println!(
        "One call fetches all of it. What cannot be had may be asked for, on a signed ground:"
    );
    let mut told = desk.collect(&request).await?;
    told.sort_by_key(|one| one.component);
    Ok(told)
}

/// What was declared otherwise waits for whoever keeps the data.
async fn corrections(world: &World, port: u16, collected: &Collected) -> anyhow::Result<()> {
    let keeper = Office::open(world, port, KEEPER).await?;
    let open = keeper.corrections().await?;
    let [only] = open.corrections.as_slice() else {
        anyhow::bail!("{KEEPER} has not one correction to make");
    };
    ensure!(
        only.correction == collected.correction
            && only.outcome() == GroundOutcome::Mismatch
            && only.fields == [DECLARED.0]
            && only.subject == world.sample().roles.child
            && only.times == 1,
        "the correction is not that of the dossier"
    );
    println!(
        "{KEEPER} finds correction {} to be made in {}: {} of `{}`, met once.",
        only.correction,
        only.dataset,
        name_of(only.outcome()),
        only.fields.join("`, `"),
    );
    Ok(())
}

/// The figures are those of the dossier: nothing else was collected.
async fn report(world: &World, port: u16) -> anyhow::Result<()> {
    let counter = Office::open(world, port, COUNTER).await?;
    let now_us = Timestamp::now().as_microsecond();
    let report = counter.report("H26", now_us - DAY_US, now_us + 1).await?;
    let due = COMPONENTS.iter().filter(|(_, outcome)| outcome.is_none());
    let grounds: Vec<String> = report
        .grounds
        .iter()
        .map(|count| format!("{} {}", count.grounds, name_of(count.outcome())))
        .collect();
    ensure!(
        report.served == due.count() as u64
            && report.documents_not_brought == report.served
            && report.grounds.iter().all(|count| count.grounds == 1)
            && grounds.len() as u64 + report.served == COMPONENTS.len() as u64,
        "the report's figures are not those of the dossier"
    );
    println!(
        "{COUNTER} counts for H26: {} served, {} document not to be brought; {}.\n",
        report.served,
        report.documents_not_brought,
        grounds.join(", "),
    );
    Ok(())
}

/// The time in Việt Nam, UTC+7 all year.
fn in_vietnam(at: Timestamp) -> jiff::Zoned {
    at.to_zoned(TimeZone::fixed(Offset::constant(7)))
}
