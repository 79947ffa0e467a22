//! What came of the components, checked as whoever keeps the dossier would: offline.

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use motlan_api::audit::v1::{GroundOutcome, Receipt};
use motlan_api::once::v1 as wire;
use motlan_api::once::v1::collect_response::Result as Told;
use motlan_audit::{Proven, VerifierKey, verify_ground, verify_receipt};
use motlan_catalog::{Catalog, DocumentKind, Source};

use super::{COMPONENTS, DOSSIER, in_vietnam};
use crate::demo::table;

/// How much of a signed ground is shown.
const SHOWN: usize = 12;

/// All components, found to be as they must.
pub(super) struct Collected {
    lines: Vec<String>,
    /// What the applicant is told of the last ground, in Vietnamese and in English.
    sentences: [String; 2],
    /// The number of the one correction.
    pub(super) correction: u64,
}

impl Collected {
    /// Checks each: how it ended, its receipt, and of a ground the signature and the record.
    ///
    /// # Errors
    /// Where one is not as it must be.
    pub(super) fn check(
        told: &[wire::CollectResponse],
        catalog: &Catalog,
        key: &VerifierKey,
    ) -> anyhow::Result<Self> {
        let mut collected = Self {
            lines: Vec::new(),
            sentences: [String::new(), String::new()],
            correction: 0,
        };
        ensure!(told.len() == COMPONENTS.len(), "not every component came");
        for (one, (document, due)) in told.iter().zip(COMPONENTS) {
            ensure!(one.document == document, "{document} did not come");
            let line = match (&one.result, due) {
                (Some(Told::Evidence(evidence)), None) => {
                    let kind = catalog.once().and_then(|once| once.documents.get(document));
                    evidence_line(evidence, kind.map(AsRef::as_ref), key)
                }
                (Some(Told::Ground(ground)), Some(due)) => collected.ground_line(ground, due, key),
                (Some(Told::Refusal(refusal)), _) => bail!("{document}: {}", refusal.message),
                _ => bail!("{document} ended otherwise"),
            };
            let line = line.with_context(|| document.to_owned())?;
            collected.lines.push(format!("{document:<27} {line}"));
        }
        Ok(collected)
    }

    pub(super) fn print(&self) {
        for line in &self.lines {
            println!("    {line}");
        }
        println!("Each ground holds by the ledger's key alone, and is what its record says.");
        println!("The last one, in words for the applicant:");
        for sentence in &self.sentences {
            for line in table::wrapped(sentence, 92) {
                println!("    {}", line.trim_end());
            }
        }
    }

    fn ground_line(
        &mut self,
        ground: &wire::Ground,
        due: GroundOutcome,
        key: &VerifierKey,
    ) -> anyhow::Result<String> {
        let proven = proven(ground.receipt.as_ref(), &ground.record, key)?;
        let signed = verify_ground(&ground.token, key)?;
        signed.is_recorded_by(&proven)?;
        let says = signed.ground();
        ensure!(
            says.outcome == due && ground.outcome() == due && says.dossier == DOSSIER,
            "the ground says otherwise"
        );
        if ground.correction > 0 {
            self.correction = ground.correction;
        }
        self.sentences = [ground.sentence_vi.clone(), ground.sentence_en.clone()];
        let by = match says.due_us {
            Some(due_us) => {
                let due = in_vietnam(Timestamp::from_microsecond(due_us)?);
                format!("tell by {}", due.strftime("%Y-%m-%d %H:%M"))
            }
            None => "by when is not settled yet".to_owned(),
        };
        let outcome = match ground.fields.as_slice() {
            [] => name_of(due).to_owned(),
            fields => format!("{} of `{}`", name_of(due), fields.join("`, `")),
        };
        let start: String = ground.token.chars().take(SHOWN).collect();
        let record = &ground.record;
        Ok(format!("{outcome:<21} {by}  {record}  {start}…"))
    }
}

/// A component that was served: its fields.
fn evidence_line(
    evidence: &wire::Evidence,
    kind: Option<&DocumentKind>,
    key: &VerifierKey,
) -> anyhow::Result<String> {
    let proven = proven(evidence.receipt.as_ref(), &evidence.record, key)?;
    let Some(Source::Held(held)) = kind.map(|kind| &kind.source) else {
        bail!("no dataset holds it");
    };
    ensure!(
        proven.record.method == held.method.path,
        "the record is of another method"
    );
    let message = evidence.message.as_ref().context("there is no message")?;
    let names = table::set_names(&held.method, &message.value)?;
    ensure!(!names.is_empty(), "the message is empty");
    Ok(format!("served: {}  {}", names.join(", "), evidence.record))
}

/// The record of this name, by its receipt.
fn proven(receipt: Option<&Receipt>, record: &str, key: &VerifierKey) -> anyhow::Result<Proven> {
    let receipt = receipt.context("there is no receipt")?;
    let proven = verify_receipt(receipt, key)?;
    ensure!(
        proven.id.to_string() == record,
        "the receipt is of another record"
    );
    Ok(proven)
}

/// As the contract writes it, without what all have in common.
pub(super) fn name_of(outcome: GroundOutcome) -> &'static str {
    let name = outcome.as_str_name();
    name.strip_prefix("GROUND_OUTCOME_").unwrap_or(name)
}
