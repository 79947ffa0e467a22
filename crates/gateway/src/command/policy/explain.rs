//! `motlan policy explain`: why a question would be allowed or refused.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::civil::DateTime;
use motlan_audit::RecordId;
use motlan_catalog::{Catalog, Method, ProcedureCode, SystemId};
use motlan_gateway::Settings;
use motlan_gateway::shadow::{Asked, Difference};
use motlan_policy::{Backing, Explanation, Mark, Moment, Query, asked};

use super::record::{self, Tells};
use super::{Loaded, Place, VIETNAM, at, label, print};

/// What a record tells itself.
const NOT_WITH_RECORD: [&str; 11] = [
    "catalog",
    "system",
    "method",
    "procedure",
    "dossier",
    "consent",
    "approvals",
    "emergency",
    "at",
    "grant",
    "fields",
];

/// Show why a question would be allowed or refused. Exits with 1 where it is refused.
#[derive(clap::Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    place: Place,
    /// A record of the ledger, e.g. `hn1-2026q4-42`: why what it tells of was decided so.
    #[arg(long, value_name = "RECORD", conflicts_with_all = NOT_WITH_RECORD)]
    record: Option<RecordId>,
    /// The system that asks, e.g. `H26/one-stop`.
    #[arg(long, required_unless_present = "record")]
    system: Option<SystemId>,
    /// The method asked, with its dataset: `population/GetPerson`.
    #[arg(
        long,
        value_name = "DATASET/METHOD",
        required_unless_present = "record"
    )]
    method: Option<String>,
    /// The procedure that the official names.
    #[arg(long, value_name = "CODE", required_unless_present = "record")]
    procedure: Option<ProcedureCode>,
    /// The official names a dossier.
    #[arg(long)]
    dossier: bool,
    /// The person consented: to these fields, joined by commas; to all that the view gives without.
    #[arg(long, value_name = "PATHS", num_args = 0..=1, default_missing_value = "")]
    consent: Option<String>,
    /// So many others approve.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    approvals: u8,
    /// The official who declares an emergency.
    #[arg(long, value_name = "OFFICIAL")]
    emergency: Option<String>,
    /// When, in Việt Nam's time: `2026-03-02T09:30`. Now, where it is left out.
    #[arg(long, value_name = "TIME")]
    at: Option<DateTime>,
    /// The grant cited in `motlan-grant`.
    #[arg(long)]
    grant: Option<String>,
    /// The fields asked for in `motlan-fields`, joined by commas.
    #[arg(long, value_name = "PATHS")]
    fields: Option<String>,
}

impl Explain {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(loaded) = self.place.load()? else {
            return Ok(ExitCode::FAILURE);
        };
        let (mut text, asked) = match &self.record {
            Some(record) => recorded(record, &self.place.settings()?, &loaded)?,
            None => (String::new(), self.asked(&loaded.catalog)?),
        };
        let is_allowed = match asked.query(&loaded.catalog) {
            Ok(query) => {
                let explanation = loaded.rules.explain(&query, asked.at);
                text.push_str(&told(
                    &query,
                    asked.at,
                    &explanation,
                    self.record.is_some(),
                )?);
                explanation.decision.is_ok()
            }
            Err(reason) => {
                let _ = writeln!(
                    text,
                    "refused, {reason}: the catalogue at hand knows no such"
                );
                false
            }
        };
        print(&text)?;
        Ok(match is_allowed {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    /// The question that was put on the command line.
    fn asked(&self, catalog: &Catalog) -> anyhow::Result<Asked> {
        let lacks = "name a record, or a system, a method and a procedure";
        let system = self.system.as_ref().context(lacks)?;
        let known = catalog.system(system);
        known.with_context(|| format!("the catalogue has no system `{system}`"))?;
        let consented = self.consent.as_deref().map(|joined| match joined {
            "" => Ok(Vec::new()),
            joined => paths(joined),
        });
        let named = self.method.as_deref().context(lacks)?;
        Ok(Asked {
            system: system.clone(),
            method: method(catalog, named)?.path.clone(),
            procedure: self.procedure.clone().context(lacks)?,
            dossier: self.dossier,
            consented: consented.transpose()?,
            approvals: self.approvals,
            emergency: self.emergency.clone(),
            cited: self.grant.clone(),
            fields: self.fields.as_deref().map_or(Ok(Vec::new()), paths)?,
            at: at(self.at)?,
        })
    }
}

/// What a record tells of a question, and how it was decided; and what it does not tell.
fn recorded(
    id: &RecordId,
    settings: &Settings,
    loaded: &Loaded,
) -> anyhow::Result<(String, Asked)> {
    let mut entry = record::one(&settings.ledger, id)?;
    // How a question ended tells less of it than the question.
    if let Some(question) = entry.record.question {
        entry = record::at(&settings.ledger, &entry.id, question)?;
    }
    let past = match record::tells(&entry) {
        Tells::Decision(past) => *past,
        Tells::Other(why) => bail!("`{id}` is of no rule's decision: {why}"),
        Tells::Nothing => bail!("`{id}` is no record of a lookup"),
    };
    let mut text = format!("{}: {}\n", past.id, past.was);
    let at_hand = loaded.catalog.revision().as_str();
    let is_own = past.revision == at_hand;
    let _ = match is_own {
        true => writeln!(text, "by revision {at_hand}, which is at hand"),
        false => writeln!(
            text,
            "by revision {}\nby revision {at_hand}, which is at hand and did not decide it:",
            past.revision
        ),
    };
    if past.is_unsealed {
        text.push_str("its sealed part cannot be read: it is explained as without a dossier\n");
    }
    if past.asked.consented.is_some() {
        text.push_str("for which fields the consent was is not on record: as if for every one\n");
    }
    let again = past.asked.decided(&loaded.catalog, &loaded.rules);
    if is_own && Difference::between(past.was, again).is_some() {
        text.push_str("it comes out otherwise now: not all that decided it is on record\n");
    }
    text.push('\n');
    Ok((text, past.asked))
}

fn paths(joined: &str) -> anyhow::Result<Vec<String>> {
    asked::listed(joined).with_context(|| format!("`{joined}` is no list of field paths"))
}

fn method<'a>(catalog: &'a Catalog, name: &str) -> anyhow::Result<&'a Method> {
    let mut methods = catalog.datasets().flat_map(|dataset| &dataset.methods);
    let found = methods.find(|method| label::method(method) == name);
    let found = found.with_context(|| format!("the catalogue has no method `{name}`"))?;
    Ok(found)
}

/// What others have signed, as part of the sentence.
fn backed(backing: &Backing<'_>, is_recorded: bool) -> String {
    let mut text = String::new();
    match backing.consented {
        None => {}
        Some([]) => text.push_str(", with consent"),
        Some(fields) => {
            let _ = write!(text, ", with consent to {}", fields.join(" "));
        }
    }
    match backing.approvals {
        0 => {}
        1 => text.push_str(", with 1 approval"),
        many => {
            let _ = write!(text, ", with {many} approvals");
        }
    }
    match backing.emergency {
        None => {}
        // Who it was stands in the sealed part, and stays there.
        Some(_) if is_recorded => text.push_str(", in an emergency"),
        Some(official) => {
            let _ = write!(text, ", in an emergency that `{official}` declares");
        }
    }
    text
}

fn told(
    query: &Query<'_>,
    at: Moment,
    explanation: &Explanation,
    is_recorded: bool,
) -> anyhow::Result<String> {
    let local = VIETNAM.to_datetime(Timestamp::from_millisecond(at.unix_ms())?);
    let dossier = if query.dossier { "with" } else { "without" };
    let mut text = format!(
        "{} asks {} for {}, {dossier} a dossier{},\non {} in Việt Nam\n",
        query.system.id,
        label::method(query.method),
        query.procedure,
        backed(&query.backing, is_recorded),
        local.strftime("%A %Y-%m-%d at %H:%M"),
    );
    match &explanation.decision {
        Ok(permit) => {
            let _ = writeln!(text, "allowed by {}", permit.grant());
            text.push_str(&label::wrapped(2, &permit.leaves()));
        }
        Err(refusal) => {
            let _ = writeln!(text, "refused, {}: {refusal}", refusal.reason());
        }
    }
    for (grant, rules) in &explanation.grants {
        let _ = writeln!(text, "\n{grant}");
        for rule in rules {
            let _ = writeln!(text, "  {}", rule.reason);
            for condition in &rule.conditions {
                let mark = match condition.mark {
                    Mark::Ok => "ok  ",
                    Mark::Fail => "FAIL",
                    Mark::Spared => "-   ",
                    Mark::Error => "ERR ",
                };
                let what = if condition.demanded {
                    ""
                } else {
                    "forbidden if: "
                };
                let _ = writeln!(text, "    {mark} {what}{}", condition.text);
            }
        }
    }
    Ok(text)
}
