//! `motlan policy matrix`: who may learn what.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use jiff::civil::Date;
use motlan_policy::{Access, Offer};

use super::{Loaded, Place, from, label, print};

/// Show who may learn which fields.
#[derive(clap::Args)]
pub(crate) struct Matrix {
    #[command(flatten)]
    place: Place,
    /// From which day in Việt Nam on; from now on where none is named.
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
}

impl Matrix {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(Loaded { catalog, rules, .. }) = self.place.load()? else {
            return Ok(ExitCode::FAILURE);
        };
        let accesses = rules.accesses(&catalog, from(self.from)?);
        let mut text = String::new();
        let mut systems = accesses.as_slice();
        while let Some(first) = systems.first() {
            let same = systems.partition_point(|access| access.system.id <= first.system.id);
            let (own, others) = systems.split_at(same);
            system(&mut text, own);
            systems = others;
        }
        print(&text)
    }
}

/// Everything that one system may learn.
fn system(text: &mut String, accesses: &[Access]) {
    let Some(first) = accesses.first() else {
        return;
    };
    let suspended = if first.system.suspended {
        ", suspended"
    } else {
        ""
    };
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{}{suspended}", first.system.id);
    let (without, with): (Vec<&Access>, Vec<&Access>) =
        accesses.iter().partition(|access| access.offers.is_empty());
    for access in with {
        let _ = writeln!(text, "  {}", label::method(&access.method));
        for offer in &access.offers {
            of_offer(text, offer);
        }
        for (procedure, grants) in several(access) {
            let grants = grants.join(", ");
            let _ = writeln!(text, "    {procedure}: cite one of {grants}");
        }
        text.push_str("    any other procedure: refused\n");
    }
    let methods: Vec<String> = without
        .iter()
        .map(|access| label::method(&access.method))
        .collect();
    if methods.len() == accesses.len() {
        text.push_str("  NO_AGREEMENT for any method\n");
    } else if !methods.is_empty() {
        text.push_str("  NO_AGREEMENT for\n");
        text.push_str(&label::wrapped(4, &methods));
    }
}

fn of_offer(text: &mut String, offer: &Offer) {
    let codes: Vec<&str> = offer.procedures.iter().map(|code| code.as_str()).collect();
    text.push_str(&label::wrapped(4, &codes));
    let terms = label::terms(offer);
    let _ = writeln!(text, "      {} v{}, {terms}", offer.grant, offer.version);
    match &offer.outcome {
        Ok(paths) => text.push_str(&label::wrapped(8, paths)),
        Err(reason) => {
            let _ = writeln!(text, "        {reason}");
        }
    }
}

/// The procedures for which several grants fit, so that callers must cite one.
fn several(access: &Access) -> impl Iterator<Item = (&str, Vec<&str>)> {
    let mut grants: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for offer in access.offers.iter().filter(|offer| offer.outcome.is_ok()) {
        for code in &offer.procedures {
            grants
                .entry(code.as_str())
                .or_default()
                .push(offer.grant.as_str());
        }
    }
    grants.into_iter().filter(|(_, grants)| grants.len() > 1)
}
