//! `motlan policy replay`: what a candidate would have decided of what was asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::civil::Date;
use motlan_audit::Quarter;
use motlan_gateway::Settings;
use motlan_gateway::shadow::{Candidate, Difference, Table};

use super::record::{Past, Tells, each, tells};
use super::{from, print, told};

/// Run past records against a candidate. Exits with 1 where it would have decided any otherwise,
/// and with 2 where there was none to compare.
#[derive(clap::Args)]
pub(crate) struct Replay {
    /// The configuration of the gateway whose ledger is read.
    #[arg(long, default_value = "motlan.toml")]
    config: PathBuf,
    /// The candidate's folder. It need not be signed.
    #[arg(value_name = "NEW_CATALOG")]
    candidate: PathBuf,
    /// Only the log of this quarter, e.g. `2026q4`.
    #[arg(long)]
    quarter: Option<Quarter>,
    /// Only what was decided on this day in Việt Nam, or later.
    #[arg(long, value_name = "DAY")]
    since: Option<Date>,
    /// Only what was decided before this day.
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
}

/// What was found.
#[derive(Default)]
struct Found {
    table: Table,
    /// What was not compared, by why not: how many, the first and the last.
    not_compared: BTreeMap<&'static str, (u64, String, String)>,
    /// What was taken for granted, by what, and how often.
    assumed: BTreeMap<&'static str, u64>,
}

/// The exit code where no record could be compared.
const NOTHING_COMPARED: u8 = 2;
const OTHER_REVISION: &str =
    "decided by a revision that is not at hand: compared by grant and view, not by fields";
const CONSENT: &str = "with a consent: as if it was for every field";
const NOT_AGAIN: &str =
    "comes out otherwise under its own revision: not all that decided it is on record";
const UNSEALED: &str = "whether a dossier was named cannot be read any more, and it matters";

impl Replay {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = match Settings::read(&self.config) {
            Ok(settings) => settings,
            Err(faults) => return Ok(told(&faults).unwrap_or(ExitCode::FAILURE)),
        };
        let candidate = match Candidate::load(&self.candidate) {
            Ok(candidate) => candidate,
            Err(problems) => {
                eprintln!("{problems}");
                return Ok(ExitCode::FAILURE);
            }
        };
        let at_hand = match Candidate::load(&settings.catalog.folder) {
            Ok(at_hand) => Some(at_hand),
            Err(problems) => {
                eprintln!("{problems}\nthe configuration's own catalogue is not compared with");
                None
            }
        };
        let since = self.since.map(|day| from(Some(day))).transpose()?;
        let until = self.until.map(|day| from(Some(day))).transpose()?;
        let mut found = Found::default();
        let is_whole = each(&settings.ledger, self.quarter, |entry| {
            let at_ms = entry.record.time_us.div_euclid(1000);
            let is_late = since.is_none_or(|since| since.unix_ms() <= at_ms);
            if is_late && until.is_none_or(|until| at_ms < until.unix_ms()) {
                let id = entry.id.to_string();
                match tells(&entry) {
                    Tells::Decision(past) => found.compare(*past, &candidate, at_hand.as_ref()),
                    Tells::Other(why) => found.leave(why, &id),
                    Tells::Nothing => {}
                }
            }
            ControlFlow::Continue(())
        })?;
        print(&found.told(&candidate, at_hand.as_ref()))?;
        Ok(match (found.table.compared(), found.table.differ()) {
            _ if !is_whole => ExitCode::FAILURE,
            // Who has learned nothing is not told that all is alike.
            (0, _) => {
                eprintln!("nothing was compared");
                ExitCode::from(NOTHING_COMPARED)
            }
            (_, 0) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }
}

impl Found {
    fn leave(&mut self, why: &'static str, id: &str) {
        let first = || (0, id.to_owned(), String::new());
        let (count, _, last) = self.not_compared.entry(why).or_insert_with(first);
        *count = count.saturating_add(1);
        id.clone_into(last);
    }

    fn assume(&mut self, what: &'static str) {
        let count = self.assumed.entry(what).or_default();
        *count = count.saturating_add(1);
    }

    fn compare(&mut self, mut past: Past, candidate: &Candidate, at_hand: Option<&Candidate>) {
        let id = past.id.to_string();
        let at_hand = at_hand.filter(|at_hand| at_hand.revision().as_str() == past.revision);
        let mut compared = compare(&past, candidate, at_hand);
        if past.is_unsealed {
            past.asked.dossier = true;
            let with = compare(&past, candidate, at_hand);
            compared = match (compared, with) {
                (Err(NOT_AGAIN), one) | (one, Err(NOT_AGAIN)) => one,
                (one, other) if one == other => one,
                _ => Err(UNSEALED),
            };
        }
        match compared {
            Ok(difference) => {
                if at_hand.is_none() {
                    self.assume(OTHER_REVISION);
                }
                if past.asked.consented.is_some() {
                    self.assume(CONSENT);
                }
                self.table.add(&past.asked, difference.as_ref(), &id);
            }
            Err(why) => self.leave(why, &id),
        }
    }

    fn told(&self, candidate: &Candidate, at_hand: Option<&Candidate>) -> String {
        let mut text = format!("candidate {}\n", candidate.revision());
        if let Some(at_hand) = at_hand {
            let _ = writeln!(text, "at hand   {}", at_hand.revision());
        }
        let _ = write!(text, "{}", self.table);
        if !self.not_compared.is_empty() {
            text.push_str("\nnot compared\n");
        }
        for (why, (count, first, last)) in &self.not_compared {
            let _ = match first == last {
                true => writeln!(text, "  {count}  {why}\n     {first}"),
                false => writeln!(text, "  {count}  {why}\n     {first} to {last}"),
            };
        }
        if !self.assumed.is_empty() {
            text.push_str("\ntaken for granted\n");
        }
        for (what, count) in &self.assumed {
            let _ = writeln!(text, "  {count}  {what}");
        }
        text
    }
}

/// How the candidate's decision differs from what was decided, if it does; or why that cannot be
/// told. What was decided is decided again by its own revision, where that is at hand: so it is
/// seen whether the record tells enough.
fn compare(
    past: &Past,
    candidate: &Candidate,
    at_hand: Option<&Candidate>,
) -> Result<Option<Difference>, &'static str> {
    let mut was = past.was.clone();
    if let Some(at_hand) = at_hand {
        let again = at_hand.decides(&past.asked);
        if Difference::between(was, again.clone()).is_some() {
            return Err(NOT_AGAIN);
        }
        was = again;
    }
    Ok(Difference::between(was, candidate.decides(&past.asked)))
}
