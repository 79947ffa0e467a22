//! `[[test]]`: what must hold of an agreement before it loads.

use super::grant::{find_method, known_dataset, known_procedure, known_system};
use super::{Known, VIETNAM};
use crate::agreement::{Case, Expected};
use crate::document::{Located, Table};
use crate::fault::Faults;
use crate::name::{DatasetId, ProcedureCode, SystemId};
use crate::terms::APPROVALS_MAX;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The most tests of one agreement.
pub(super) const CASES_MAX: usize = 256;

const ALLOWED: &str = "allowed";

pub(super) fn cases(table: &mut Table<'_>, known: &Known<'_>, faults: &mut Faults) -> Vec<Case> {
    let mut tables = table.tables("test", faults);
    let count = tables.len();
    if count > CASES_MAX {
        let what = format!("has {count} tests");
        table.fault(None, what, format!("keep at most {CASES_MAX}"), faults);
    }
    let mut cases = Vec::with_capacity(count);
    for inner in &mut tables {
        cases.extend(case(inner, known, faults));
    }
    tables.into_iter().for_each(|inner| inner.finish(faults));
    // Where one could not be read, the fault is told already.
    if cases.len() == count {
        let is_allowed = |case: &Case| matches!(case.expected, Expected::Allowed { .. });
        if !cases.iter().any(is_allowed) {
            let remedy = "add one with `expect = \"allowed\"` and the fields that may leave";
            table.fault(None, "has no `[[test]]` that is allowed", remedy, faults);
        }
        if cases.iter().all(is_allowed) {
            let remedy = "add one whose `expect` is a reason, as in `PURPOSE_NOT_COVERED`";
            table.fault(None, "has no `[[test]]` that is refused", remedy, faults);
        }
    }
    cases
}

fn case(table: &mut Table<'_>, known: &Known<'_>, faults: &mut Faults) -> Option<Case> {
    let name = table.string("name", faults);
    let system = table.parsed::<SystemId>("system", faults);
    let method = table.string("method", faults);
    let procedure = table.parsed::<ProcedureCode>("procedure", faults);
    let dossier = table.opt_bool("dossier", faults);
    let backing = backing(table, faults);
    let at = table.local("at", faults);
    let cited = table.opt_string("grant", faults);
    let asked = table.opt_parsed_list::<String>("asked", faults);
    let asked = asked.unwrap_or_default();
    let expected = expected(table, faults);
    if let Some(system) = &system {
        known_system(table, system, known, faults);
    }
    if let Some(procedure) = &procedure {
        known_procedure(table, procedure, known, faults);
    }
    let (dataset, method) = halves(table, &method?, faults)?;
    let draft = known_dataset(table, &dataset, known, faults)?;
    let built = draft.dataset.as_ref()?;
    let method = find_method(table, &method, draft, built, None, faults)?;
    let at = at?;
    let Some(at_ms) = instant(at.value) else {
        table.fault(
            at.line,
            "is beyond the calendar",
            "choose another day",
            faults,
        );
        return None;
    };
    Some(Case {
        line: table.line().unwrap_or(at.line),
        name: name?.value,
        system: system?.value,
        method,
        procedure: procedure?.value,
        dossier: dossier.is_some_and(|dossier| dossier.value),
        consented: backing.consented,
        approvals: backing.approvals,
        emergency: backing.emergency,
        at_ms,
        cited: cited.map(|cited| cited.value),
        asked: asked.into_iter().map(|path| path.value).collect(),
        expected: expected?,
    })
}

/// What others have signed for the question of a test.
struct Backing {
    consented: Option<Vec<String>>,
    approvals: u8,
    emergency: Option<String>,
}

fn backing(table: &mut Table<'_>, faults: &mut Faults) -> Backing {
    let consent = table.opt_bool("consent", faults);
    let fields = table.opt_parsed_list::<String>("consented", faults);
    let fields = fields.unwrap_or_default();
    let consents = consent.as_ref().is_some_and(|consent| consent.value);
    if let Some(path) = fields.first().filter(|_| !consents) {
        let what = "`consented` stands without `consent = true`";
        table.fault(path.line, what, "add it, or remove the fields", faults);
    }
    let fields = fields.into_iter().map(|path| path.value).collect();
    let approvals = table.opt_integer("approvals", 0..=i64::from(APPROVALS_MAX), faults);
    let approvals = approvals.map_or(0, |approvals| approvals.value);
    Backing {
        consented: consents.then_some(fields),
        approvals: u8::try_from(approvals).unwrap_or(APPROVALS_MAX),
        emergency: table.opt_string("emergency", faults).map(|name| name.value),
    }
}

/// The dataset and the method of `population/GetPerson`.
fn halves(
    table: &Table<'_>,
    method: &Located<String>,
    faults: &mut Faults,
) -> Option<(Located<DatasetId>, Located<String>)> {
    let line = method.line;
    let halves = method.value.split_once('/');
    let parsed = halves.and_then(|(dataset, name)| Some((dataset.parse().ok()?, name)));
    if parsed.is_none() {
        let what = format!("`test.method` is `{}`", method.value);
        let remedy = "write the dataset and its method, as in `population/GetPerson`";
        table.fault(line, what, remedy, faults);
    }
    let (dataset, name) = parsed?;
    let located = Located {
        value: name.to_owned(),
        line,
    };
    Some((
        Located {
            value: dataset,
            line,
        },
        located,
    ))
}

/// `expect` and, where that is `allowed`, `fields`.
fn expected(table: &mut Table<'_>, faults: &mut Faults) -> Option<Expected> {
    let expect = table.string("expect", faults);
    let fields = table.strings("fields", faults);
    let expect = expect?;
    if expect.value == ALLOWED {
        if fields.is_empty() {
            let remedy = "list in `fields` exactly what may leave";
            table.fault(expect.line, "expects no `fields`", remedy, faults);
        }
        let mut fields: Vec<String> = fields.into_iter().map(|path| path.value).collect();
        fields.sort_unstable();
        fields.dedup();
        return Some(Expected::Allowed { fields });
    }
    let is_reason = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !expect.bytes().all(is_reason) {
        let what = format!("`test.expect` is `{}`", expect.value);
        let remedy = "write `allowed`, or the reason of a refusal, as in `PURPOSE_NOT_COVERED`";
        table.fault(expect.line, what, remedy, faults);
    }
    if let Some(path) = fields.first() {
        let what = "a refusal leaves no `fields`";
        table.fault(path.line, what, "remove them, or expect `allowed`", faults);
    }
    Some(Expected::Refused {
        reason: expect.value,
    })
}

/// A local time in Việt Nam, in milliseconds since the Unix epoch.
fn instant(local: DateTime) -> Option<i64> {
    let zoned = local.to_zoned(TimeZone::fixed(VIETNAM)).ok()?;
    Some(zoned.timestamp().as_millisecond())
}
