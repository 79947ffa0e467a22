//! `motlan policy explain`: why a question would be allowed or refused.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::civil::DateTime;
use motlan_catalog::{Catalog, Method, ProcedureCode, SystemId};
use motlan_policy::{Backing, Explanation, Mark, Moment, Query, asked};

use super::{Loaded, Place, VIETNAM, at, label, print};

/// Show why a question would be allowed or refused. Exits with 1 where it is refused.
#[derive(clap::Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    place: Place,
    /// The system that asks, e.g. `H26/one-stop`.
    #[arg(long)]
    system: SystemId,
    /// The method asked, with its dataset: `population/GetPerson`.
    #[arg(long, value_name = "DATASET/METHOD")]
    method: String,
    /// The procedure that the official names.
    #[arg(long, value_name = "CODE")]
    procedure: ProcedureCode,
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
        let Some(Loaded { catalog, rules }) = self.place.load()? else {
            return Ok(ExitCode::FAILURE);
        };
        let system = catalog
            .system(&self.system)
            .with_context(|| format!("the catalogue has no system `{}`", self.system))?;
        let fields = self.fields.as_deref().map_or(Ok(Vec::new()), paths)?;
        let consented = self.consent.as_deref().map(|joined| match joined {
            "" => Ok(Vec::new()),
            joined => paths(joined),
        });
        let consented = consented.transpose()?;
        let query = Query {
            system,
            method: method(&catalog, &self.method)?,
            procedure: &self.procedure,
            dossier: self.dossier,
            backing: Backing {
                consented: consented.as_deref(),
                approvals: self.approvals,
                emergency: self.emergency.as_deref(),
            },
            cited: self.grant.as_deref(),
            fields: &fields,
        };
        let at = at(self.at)?;
        let explanation = rules.explain(&query, at);
        print(&told(&query, at, &explanation)?)?;
        Ok(match explanation.decision {
            Ok(_) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        })
    }
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
fn backed(backing: &Backing<'_>) -> String {
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
    if let Some(official) = backing.emergency {
        let _ = write!(text, ", in an emergency that `{official}` declares");
    }
    text
}

fn told(query: &Query<'_>, at: Moment, explanation: &Explanation) -> anyhow::Result<String> {
    let local = VIETNAM.to_datetime(Timestamp::from_millisecond(at.unix_ms())?);
    let dossier = if query.dossier { "with" } else { "without" };
    let mut text = format!(
        "{} asks {} for {}, {dossier} a dossier{},\non {} in Việt Nam\n",
        query.system.id,
        label::method(query.method),
        query.procedure,
        backed(&query.backing),
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
