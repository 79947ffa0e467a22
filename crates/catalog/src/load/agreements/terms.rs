//! The terms of one `[[grant]]`: what others must sign first, how often it may be used, and what
//! must be done with what it gives.

use std::num::NonZeroU32;

use motlan_mask::{Cover, Keep};

use super::grant::meant;
use crate::document::{Located, Table, nearest};
use crate::fault::Faults;
use crate::terms::{
    APPROVALS_MAX, BreakGlass, Budget, LogLevel, Obligation, Relaxed, SECRET_APPROVALS, Terms,
};
use crate::view::View;

/// The most officials that one grant names for emergencies.
pub(super) const OFFICIALS_MAX: usize = 64;
/// The longest name of an official, in characters: as long as a token's `sub`.
pub(super) const OFFICIAL_CHARS_MAX: usize = 128;
/// The longest emergency, in minutes.
pub(super) const EMERGENCY_MINUTES_MAX: i64 = 24 * 60;
/// The longest time until an emergency must have been reviewed, in hours.
pub(super) const REVIEW_HOURS_MAX: i64 = 30 * 24;
/// The most fields that are covered.
pub(super) const COVERS_MAX: usize = 32;
/// The most characters of a covered value that stay readable.
pub(super) const KEPT_CHARS_MAX: i64 = 64;
/// The longest time in days, for keeping and for reviewing.
pub(super) const DAYS_MAX: i64 = 10 * 366;

/// Terms that were read, not yet held against the view.
pub(super) struct Unfitted {
    terms: Terms,
    approvals: Option<usize>,
    covered: Vec<Located<String>>,
}

/// Reads the terms of a grant.
pub(super) fn terms(table: &mut Table<'_>, faults: &mut Faults) -> Unfitted {
    let dossier_required = required(table, "dossier", faults);
    let consent_required = required(table, "consent", faults);
    let approvals = table.opt_integer("approvals", 1..=i64::from(APPROVALS_MAX), faults);
    let line = approvals.as_ref().map(|given| given.line);
    let approvals = approvals.map_or(0, |given| given.value);
    let mut covered = Vec::new();
    let terms = Terms {
        dossier_required,
        consent_required,
        approvals: u8::try_from(approvals).unwrap_or(APPROVALS_MAX),
        break_glass: break_glass(table, faults),
        quota: budget(table, "quota", faults),
        rate: budget(table, "rate", faults),
        obligations: obligations(table, &mut covered, faults),
    };
    relaxed_only_what_is_demanded(table, &terms, faults);
    Unfitted {
        terms,
        approvals: line,
        covered,
    }
}

impl Unfitted {
    /// The terms, held against the view that they are about.
    pub(super) fn fitted(
        self,
        table: &Table<'_>,
        view: Option<&View>,
        faults: &mut Faults,
    ) -> Terms {
        let Some(view) = view else { return self.terms };
        // R29: what is most restricted takes three people.
        if view.secret && self.terms.approvals < SECRET_APPROVALS {
            let what = format!(
                "the view `{}` gives a field of the class `SECRET`",
                view.name
            );
            let remedy = format!("write `approvals = {SECRET_APPROVALS}` or more");
            table.fault(self.approvals, what, remedy, faults);
        }
        for field in &self.covered {
            if view.leaves.contains(&field.value) {
                continue;
            }
            let leaves = view.leaves.iter().map(String::as_str);
            let remedy = match meant(field, leaves, faults) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name a field that the view gives, down to the leaf".to_owned(),
            };
            let what = format!("the view `{}` gives no field `{}`", view.name, field.value);
            table.fault(field.line, what, remedy, faults);
        }
        self.terms
    }
}

fn relaxed_only_what_is_demanded(table: &Table<'_>, terms: &Terms, faults: &mut Faults) {
    for relaxed in terms.break_glass.iter().flat_map(|one| &one.relaxes) {
        let demands = match relaxed {
            Relaxed::Dossier => terms.dossier_required,
            Relaxed::Consent => terms.consent_required,
            Relaxed::Approvals => terms.approvals > 0,
            Relaxed::Hours => true,
        };
        if !demands {
            let guard = relaxed.as_str();
            let what = format!("`relaxes` names `{guard}`, which the grant does not demand");
            table.fault(None, what, "remove it, or demand it", faults);
        }
    }
}

/// A key whose only value is `"required"`.
fn required(table: &mut Table<'_>, key: &str, faults: &mut Faults) -> bool {
    let Some(word) = table.opt_string(key, faults) else {
        return false;
    };
    if word.value != "required" {
        let what = format!("`{key}` is `{}`", word.value);
        let remedy = format!("write `{key} = \"required\"`, or leave it out");
        table.fault(word.line, what, remedy, faults);
    }
    true
}

fn budget(table: &mut Table<'_>, key: &str, faults: &mut Faults) -> Budget {
    let Some(mut inner) = table.opt_table(key, faults) else {
        return Budget::default();
    };
    let mut limit = |part: &str| {
        let given = inner.opt_integer(part, 1..=i64::from(u32::MAX), faults)?;
        NonZeroU32::new(u32::try_from(given.value).ok()?)
    };
    let budget = Budget {
        grant: limit("grant"),
        subject: limit("subject"),
        official: limit("official"),
    };
    if budget.is_open() {
        let remedy = "name some of `grant`, `subject` and `official`, each with a number";
        inner.fault(None, format!("`{key}` limits nothing"), remedy, faults);
    }
    inner.finish(faults);
    budget
}

fn break_glass(table: &mut Table<'_>, faults: &mut Faults) -> Option<BreakGlass> {
    let mut inner = table.opt_table("break_glass", faults)?;
    let officials = inner.strings("officials", faults);
    if officials.is_empty() || officials.len() > OFFICIALS_MAX {
        let what = format!("`officials` names {}", officials.len());
        let remedy = format!("name from 1 to {OFFICIALS_MAX}, as in the `sub` of their tokens");
        inner.fault(None, what, remedy, faults);
    }
    let fits = |name: &str| {
        let chars = name.chars().count();
        chars > 0 && chars <= OFFICIAL_CHARS_MAX && !name.chars().any(char::is_control)
    };
    for name in officials.iter().filter(|name| !fits(name)) {
        let remedy = "write it as in the `sub` of the official's tokens";
        inner.fault(name.line, "names no official", remedy, faults);
    }
    let relaxes = inner.strings("relaxes", faults);
    let relaxes = relaxes
        .iter()
        .filter_map(|name| relaxed(&inner, name, faults));
    let mut relaxes: Vec<Relaxed> = relaxes.collect();
    relaxes.sort_unstable();
    relaxes.dedup();
    let minutes = inner.integer("minutes", 1..=EMERGENCY_MINUTES_MAX, faults);
    let review_hours = inner.integer("review_hours", 1..=REVIEW_HOURS_MAX, faults);
    inner.finish(faults);
    let mut officials: Vec<String> = officials.into_iter().map(|name| name.value).collect();
    officials.sort_unstable();
    officials.dedup();
    Some(BreakGlass {
        officials,
        relaxes,
        minutes: u32::try_from(minutes?.value).ok()?,
        review_hours: u32::try_from(review_hours?.value).ok()?,
    })
}

fn relaxed(table: &Table<'_>, name: &Located<String>, faults: &mut Faults) -> Option<Relaxed> {
    let found = Relaxed::ALL
        .into_iter()
        .find(|one| one.as_str() == name.value);
    if found.is_none() {
        let known = Relaxed::ALL.map(Relaxed::as_str);
        let what = format!("`{}` is no guard that an emergency can relax", name.value);
        let remedy = format!("name some of `{}`", known.join("`, `"));
        table.fault(name.line, what, remedy, faults);
    }
    found
}

fn obligations(
    table: &mut Table<'_>,
    covered: &mut Vec<Located<String>>,
    faults: &mut Faults,
) -> Vec<Obligation> {
    let mut found = Vec::new();
    let Some(mut inner) = table.opt_table("obligations", faults) else {
        return found;
    };
    let mut masks = inner.tables("mask", faults);
    if masks.len() > COVERS_MAX {
        let what = format!("`mask` covers {} fields", masks.len());
        inner.fault(None, what, format!("cover at most {COVERS_MAX}"), faults);
    }
    for mask in masks.iter_mut().take(COVERS_MAX) {
        found.extend(cover(mask, covered, faults).map(Obligation::Mask));
    }
    masks.into_iter().for_each(|mask| mask.finish(faults));
    if inner
        .opt_bool("notify_subject", faults)
        .is_some_and(|notify| notify.value)
    {
        found.push(Obligation::NotifySubject);
    }
    found.extend(log_level(&mut inner, faults).map(Obligation::Log));
    let mut days = |key: &str| {
        let given = inner.opt_integer(key, 1..=DAYS_MAX, faults)?;
        u32::try_from(given.value).ok()
    };
    let (keep, review) = (days("keep_days"), days("review_days"));
    found.extend(keep.map(Obligation::KeepDays));
    found.extend(review.map(Obligation::ReviewDays));
    inner.finish(faults);
    found
}

fn log_level(table: &mut Table<'_>, faults: &mut Faults) -> Option<LogLevel> {
    let name = table.opt_string("log", faults)?;
    let found = LogLevel::ALL
        .into_iter()
        .find(|level| level.as_str() == name.value);
    if found.is_none() {
        let known = LogLevel::ALL.map(LogLevel::as_str);
        let what = format!("`log` is `{}`", name.value);
        let remedy = match nearest(&name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of `{}`", known.join("`, `")),
        };
        table.fault(name.line, what, remedy, faults);
    }
    found
}

fn cover(
    table: &mut Table<'_>,
    covered: &mut Vec<Located<String>>,
    faults: &mut Faults,
) -> Option<Cover> {
    let field = table.string("field", faults);
    let first = table.opt_integer("keep_first", 0..=KEPT_CHARS_MAX, faults);
    let last = table.opt_integer("keep_last", 0..=KEPT_CHARS_MAX, faults);
    let keep = match (&first, &last) {
        (Some(first), None) => u16::try_from(first.value).ok().map(Keep::First),
        (None, Some(last)) => u16::try_from(last.value).ok().map(Keep::Last),
        _ => {
            let remedy = "write one of `keep_first` and `keep_last`, with a number of characters";
            table.fault(None, "does not say what stays readable", remedy, faults);
            None
        }
    };
    let field = field?;
    covered.push(Located {
        value: field.value.clone(),
        line: field.line,
    });
    Some(Cover {
        path: field.value,
        keep: keep?,
    })
}
