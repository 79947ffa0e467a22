//! `motlan policy diff`: who gains and who loses what between two catalogues.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::civil::Date;
use motlan_catalog::{Agreement, Catalog};
use motlan_policy::Moment;

use super::{Loaded, from, label, load, print};

/// Show who gains and who loses which fields.
#[derive(clap::Args)]
pub(crate) struct Diff {
    /// The folder of the catalogue in force.
    old: PathBuf,
    /// The folder of the one that is to take its place.
    new: PathBuf,
    /// From which day in Việt Nam on; from now on where none is named.
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
}

/// What may be learnt: by a system and a method for a procedure, these paths.
type Learnt = BTreeMap<(String, String), BTreeMap<String, BTreeSet<String>>>;
/// The terms of each grant, by its name.
type Terms = BTreeMap<String, String>;

impl Diff {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (Some(old), Some(new)) = (load(&self.old)?, load(&self.new)?) else {
            return Ok(ExitCode::FAILURE);
        };
        let from = from(self.from)?;
        let mut text = String::new();
        learnt(&mut text, &old, &new, from);
        owner_rules(&mut text, &old, &new);
        let due = versions(&mut text, &old.catalog, &new.catalog);
        if text.is_empty() {
            text.push_str("nobody gains or loses anything\n");
        }
        print(&text)?;
        Ok(match due {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        })
    }
}

fn learnt(text: &mut String, old: &Loaded, new: &Loaded, from: Moment) {
    let ((old, old_terms), (new, new_terms)) = (all(old, from), all(new, from));
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let nothing = BTreeMap::new();
    for key in keys {
        let before = old.get(key).unwrap_or(&nothing);
        let after = new.get(key).unwrap_or(&nothing);
        // Procedures for which the same changes stand together.
        let mut changes: BTreeMap<[Vec<String>; 2], Vec<&str>> = BTreeMap::new();
        for procedure in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let none = BTreeSet::new();
            let before = before.get(procedure).unwrap_or(&none);
            let after = after.get(procedure).unwrap_or(&none);
            let change = [
                after.difference(before).cloned().collect(),
                before.difference(after).cloned().collect(),
            ];
            if change.iter().any(|paths: &Vec<String>| !paths.is_empty()) {
                changes.entry(change).or_default().push(procedure);
            }
        }
        if !changes.is_empty() {
            let _ = writeln!(text, "{} {}", key.0, key.1);
        }
        for ([gained, lost], procedures) in changes {
            text.push_str(&label::wrapped(
                2,
                &[&["for"], procedures.as_slice()].concat(),
            ));
            for (what, paths) in [("gains", gained), ("loses", lost)] {
                if !paths.is_empty() {
                    let _ = writeln!(text, "    {what}");
                    text.push_str(&label::wrapped(6, &paths));
                }
            }
        }
    }
    for grant in old_terms
        .keys()
        .chain(new_terms.keys())
        .collect::<BTreeSet<_>>()
    {
        let _ = match (old_terms.get(grant), new_terms.get(grant)) {
            (Some(before), Some(after)) if before != after => {
                writeln!(text, "{grant}\n  from {before}\n    to {after}")
            }
            (Some(before), None) => writeln!(text, "{grant}\n  gone: {before}"),
            (None, Some(after)) => writeln!(text, "{grant}\n  new: {after}"),
            _ => Ok(()),
        };
    }
}

/// The owners' rules that came, went or say something else.
fn owner_rules(text: &mut String, old: &Loaded, new: &Loaded) {
    let datasets = [old, new].map(|one| one.catalog.owner_rules().map(|(dataset, _)| dataset));
    for dataset in datasets.into_iter().flatten().collect::<BTreeSet<_>>() {
        let (before, after) = (
            old.rules.owner_rules(dataset),
            new.rules.owner_rules(dataset),
        );
        for reason in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let (before, after) = (before.get(reason), after.get(reason));
            if before == after {
                continue;
            }
            let _ = writeln!(text, "{dataset} {reason}");
            for (what, rule) in [("was", before), ("is", after)] {
                let Some(rule) = rule else {
                    let _ = writeln!(text, "  {what} not there");
                    continue;
                };
                let _ = writeln!(text, "  {what}");
                for line in rule.lines() {
                    let _ = writeln!(text, "    {}", line.trim());
                }
            }
        }
    }
}

/// Everything that may be learnt, whichever grant is cited, and the terms of each grant.
fn all(loaded: &Loaded, from: Moment) -> (Learnt, Terms) {
    let (mut learnt, mut terms) = (Learnt::new(), Terms::new());
    for access in loaded.rules.accesses(&loaded.catalog, from) {
        let key = (access.system.id.to_string(), label::method(&access.method));
        for offer in access.offers {
            terms.insert(offer.grant.to_string(), label::terms(&offer));
            let Ok(paths) = offer.outcome else { continue };
            let of_key = learnt.entry(key.clone()).or_default();
            for procedure in offer.procedures {
                let fields = of_key.entry(procedure.to_string()).or_default();
                fields.extend(paths.iter().cloned());
            }
        }
    }
    (learnt, terms)
}

/// What became of each agreement's version. True where one changed and its version did not grow.
fn versions(text: &mut String, old: &Catalog, new: &Catalog) -> bool {
    let by_id = |catalog: &Catalog| -> BTreeMap<String, (u32, String)> {
        let agreements = catalog.agreements().iter();
        agreements
            .map(|one| (one.id.to_string(), (one.version, wording(one))))
            .collect()
    };
    let (old, new) = (by_id(old), by_id(new));
    let mut due = false;
    for id in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let line = match (old.get(id), new.get(id)) {
            (None, Some((version, _))) => format!("new, v{version}"),
            (Some((version, _)), None) => format!("gone, was v{version}"),
            (Some((before, was)), Some((after, is))) => {
                if before > after || (before == after && was != is) {
                    due = true;
                    format!("changed, from v{before} to v{after}: the version must grow")
                } else if before < after {
                    format!("from v{before} to v{after}")
                } else {
                    continue;
                }
            }
            (None, None) => continue,
        };
        let _ = writeln!(text, "agreement {id}: {line}");
    }
    due
}

/// All that lawyers sign of an agreement, but its version. Its tests are not: what they say follows
/// from the rest.
fn wording(agreement: &Agreement) -> String {
    let grants = agreement.grants.iter().map(|grant| {
        let methods: Vec<&str> = grant.methods.iter().map(|m| m.path.as_str()).collect();
        format!(
            "{} {} {} {methods:?} {:?} {:?} {} {:?}",
            grant.id,
            grant.dataset,
            grant.view.name,
            grant.procedures,
            grant.systems,
            grant.hours,
            grant.terms,
        )
    });
    format!(
        "{:?} {} {} {:?} {:?} {:?}",
        agreement.title,
        agreement.provider,
        agreement.consumer,
        agreement.legal_basis,
        agreement.valid,
        grants.collect::<Vec<_>>(),
    )
}
