//! One `[[grant]]`: what is let out, to which systems, for which procedures, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use motlan_mask::Mask;
use prost_reflect::MessageDescriptor;

use super::super::datasets::{Draft, inner};
use super::Known;
use super::terms::terms;
use crate::agreement::Grant;
use crate::dataset::Dataset;
use crate::document::{Located, Table, nearest};
use crate::fault::Faults;
use crate::hours::{Hours, SPANS_MAX, Span, Weekday};
use crate::method::Method;
use crate::name::{AgencyCode, AgreementId, DatasetId, GrantId, ProcedureCode, SystemId};
use crate::party::{Role, System};
use crate::terms::{Obligation, Terms};
use crate::view::View;

/// The agreement that a grant stands in.
pub(super) struct Parties<'a> {
    pub(super) id: Option<&'a Located<AgreementId>>,
    pub(super) provider: Option<&'a Located<AgencyCode>>,
    pub(super) consumer: Option<&'a Located<AgencyCode>>,
    pub(super) known: &'a Known<'a>,
}

impl Parties<'_> {
    pub(super) fn grant(
        &self,
        table: &mut Table<'_>,
        names: &mut BTreeMap<String, usize>,
        faults: &mut Faults,
    ) -> Option<Grant> {
        let id = self.grant_id(table, names, faults);
        let dataset = table.parsed::<DatasetId>("dataset", faults);
        let view = table.string("view", faults);
        let methods = table.strings("methods", faults);
        let procedures = self.procedures(table, faults);
        let systems = self.systems(table, faults);
        let hours = hours(table, faults);
        let terms = terms(table, faults);
        if methods.is_empty() {
            table.fault(
                None,
                "`methods` names none",
                "name at least one method",
                faults,
            );
        }
        for (index, method) in methods.iter().enumerate() {
            if methods
                .iter()
                .take(index)
                .any(|before| before.value == method.value)
            {
                let what = format!("`methods` names `{}` twice", method.value);
                table.fault(method.line, what, "name each method once", faults);
            }
        }
        let dataset = dataset?;
        let draft = known_dataset(table, &dataset, self.known, faults)?;
        let built = draft.dataset.as_ref()?;
        self.owner(table, &dataset, built, faults);
        let view = view.and_then(|view| find_view(table, &view, draft, built, faults));
        let before = faults.len();
        let terms = terms.fitted(table, view.as_deref(), faults);
        self.somebody_can(table, &terms, faults);
        let methods = methods.iter();
        let methods =
            methods.filter_map(|m| find_method(table, m, draft, built, view.as_ref(), faults));
        let methods: Vec<Arc<Method>> = methods.collect();
        Some(Grant {
            id: id?,
            dataset: dataset.value,
            view: Arc::clone(view.as_ref()?),
            methods: methods.clone(),
            procedures,
            systems,
            hours,
            mask: covered(table, view.as_ref()?, &methods, (&terms, before), faults)?,
            terms,
        })
    }

    fn grant_id(
        &self,
        table: &mut Table<'_>,
        names: &mut BTreeMap<String, usize>,
        faults: &mut Faults,
    ) -> Option<GrantId> {
        let own = table.string("id", faults)?;
        if let Some(first) = names.insert(own.value.clone(), own.line) {
            let what = format!("the grant `{}` stands on line {first} already", own.value);
            table.fault(own.line, what, "give each grant an id of its own", faults);
        }
        match GrantId::within(self.id?, &own) {
            Ok(id) => Some(id),
            Err(error) => {
                table.fault(own.line, format!("`id`: {error}"), "correct it", faults);
                None
            }
        }
    }

    fn procedures(&self, table: &mut Table<'_>, faults: &mut Faults) -> Vec<ProcedureCode> {
        let named = table.parsed_list::<ProcedureCode>("procedures", faults);
        if named.is_empty() {
            let remedy = "name at least one: an agreement holds for a purpose";
            table.fault(None, "`procedures` names none", remedy, faults);
        }
        for code in &named {
            known_procedure(table, code, self.known, faults);
        }
        let mut codes: Vec<ProcedureCode> = named.into_iter().map(|code| code.value).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    fn systems(&self, table: &mut Table<'_>, faults: &mut Faults) -> Vec<SystemId> {
        let named = table.opt_parsed_list::<SystemId>("systems", faults);
        let named = named.unwrap_or_default();
        for id in &named {
            known_system(table, id, self.known, faults);
            if let Some(consumer) = self.consumer.filter(|c| c.value != id.agency()) {
                let what = format!("`{}` is no system of `{}`", id.value, consumer.value);
                table.fault(id.line, what, "name systems of the consumer only", faults);
            }
        }
        let mut systems: Vec<SystemId> = named.into_iter().map(|id| id.value).collect();
        systems.sort_unstable();
        systems.dedup();
        systems
    }

    /// Reports demands that nobody could ever meet: a grant that rests until somebody reviews it
    /// would rest for ever.
    fn somebody_can(&self, table: &Table<'_>, terms: &Terms, faults: &mut Faults) {
        let any = |agency: Option<&Located<AgencyCode>>, role: Role| {
            let mut systems = self.known.systems.values();
            let within = |system: &System| agency.is_none_or(|it| it.value == system.agency);
            systems.any(|system| system.roles.contains(&role) && within(system))
        };
        let is_reviewed = |it: &Obligation| matches!(it, Obligation::ReviewDays(_));
        let reviewed = terms.break_glass.is_some() || terms.obligations.iter().any(is_reviewed);
        let notified = terms.obligations.contains(&Obligation::NotifySubject);
        let needs = [
            (
                reviewed,
                self.provider,
                Role::DataProtection,
                "to review its uses",
            ),
            (notified, None, Role::CitizenView, "to tell the subject"),
            (
                terms.consent_required,
                None,
                Role::Consent,
                "to attest consent",
            ),
            (
                terms.approvals > 0,
                self.consumer,
                Role::Approval,
                "to attest approvals",
            ),
        ];
        for (needed, agency, role, what_for) in needs {
            if needed && !any(agency, role) {
                let of = agency.map_or_else(String::new, |it| format!(" of `{}`", it.value));
                let what = format!("no system{of} has the role `{role}`, {what_for}");
                table.fault(None, what, "give a system that role in `systems/`", faults);
            }
        }
    }

    fn owner(
        &self,
        table: &Table<'_>,
        dataset: &Located<DatasetId>,
        built: &Dataset,
        faults: &mut Faults,
    ) {
        if let Some(provider) = self
            .provider
            .filter(|provider| provider.value != built.owner)
        {
            let what = format!(
                "the dataset `{}` belongs to `{}`, not to the provider `{}`",
                dataset.value, built.owner, provider.value,
            );
            let remedy = "grant only what the provider owns, or correct `provider`";
            table.fault(dataset.line, what, remedy, faults);
        }
    }
}

/// What was perhaps meant, as long as anybody is told.
pub(super) fn meant<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    faults: &Faults,
) -> Option<&'a str> {
    (!faults.is_full()).then(|| nearest(text, candidates))?
}

fn find_view(
    table: &Table<'_>,
    name: &Located<String>,
    draft: &Draft,
    built: &Dataset,
    faults: &mut Faults,
) -> Option<Arc<View>> {
    let found = built
        .views
        .iter()
        .find(|view| view.name.as_str() == name.value);
    if found.is_none() && !draft.broken_views.contains(&name.value) {
        let names = built.views.iter().map(|view| view.name.as_str());
        let remedy = match meant(name, names.clone(), faults) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has `{}`", names.collect::<Vec<_>>().join("`, `")),
        };
        let what = format!("the dataset `{}` has no view `{}`", built.id, name.value);
        table.fault(name.line, what, remedy, faults);
    }
    found.cloned()
}

/// The method of that name that the dataset offers, and that answers with the message of the view.
pub(super) fn find_method(
    table: &Table<'_>,
    name: &Located<String>,
    draft: &Draft,
    built: &Dataset,
    view: Option<&Arc<View>>,
    faults: &mut Faults,
) -> Option<Arc<Method>> {
    let Some(found) = built
        .methods
        .iter()
        .find(|method| method.name == name.value)
    else {
        if !draft.broken_methods.contains(&name.value) {
            let names = built.methods.iter().map(|method| method.name.as_str());
            let remedy = match meant(name, names.clone(), faults) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it offers `{}`", names.collect::<Vec<_>>().join("`, `")),
            };
            let what = format!(
                "the dataset `{}` offers no method `{}`",
                built.id, name.value
            );
            table.fault(name.line, what, remedy, faults);
        }
        return None;
    };
    if let Some(view) = view.filter(|view| view.message != found.response.full_name()) {
        let what = format!(
            "the view `{}` is one of `{}`, but `{}` answers with `{}`",
            view.name,
            view.message,
            found.name,
            found.response.full_name(),
        );
        table.fault(
            name.line,
            what,
            "choose a view of that message, or another method",
            faults,
        );
    }
    Some(Arc::clone(found))
}

/// `days` and `hours`; left out, each stands for any time.
fn hours(table: &mut Table<'_>, faults: &mut Faults) -> Hours {
    let always = Hours::always();
    let days = table.opt_parsed_list::<Weekday>("days", faults);
    let spans = table.opt_parsed_list::<Span>("hours", faults);
    Hours {
        days: days.map_or(always.days, |days| in_order(table, "days", days, faults)),
        spans: spans.map_or(always.spans, |spans| apart(table, spans, faults)),
    }
}

fn in_order<T: Ord>(
    table: &Table<'_>,
    key: &str,
    mut named: Vec<Located<T>>,
    faults: &mut Faults,
) -> Vec<T> {
    named.sort_by(|one, other| one.value.cmp(&other.value));
    for pair in named.windows(2) {
        if let [one, other] = pair
            && one.value == other.value
        {
            let what = format!("`{key}` names one twice");
            table.fault(other.line, what, "name each once", faults);
        }
    }
    named.into_iter().map(|one| one.value).collect()
}

fn apart(table: &Table<'_>, named: Vec<Located<Span>>, faults: &mut Faults) -> Vec<Span> {
    if named.len() > SPANS_MAX {
        let what = format!("`hours` names {} spans", named.len());
        let remedy = format!("name at most {SPANS_MAX}, or make a second grant");
        table.fault(named.first().map(|span| span.line), what, remedy, faults);
    }
    let line = named.first().map(|span| span.line);
    let spans = in_order(table, "hours", named, faults);
    for pair in spans.windows(2) {
        if let [one, other] = pair
            && other.from_minute() < one.until_minute()
            && one != other
        {
            let what = format!("`hours` names `{one}` and `{other}`, which overlap");
            table.fault(line, what, "make one span of both", faults);
        }
    }
    spans
}

/// The mask of a view, with those parts of values covered that the terms say.
fn covered(
    table: &Table<'_>,
    view: &View,
    methods: &[Arc<Method>],
    (terms, before): (&Terms, usize),
    faults: &mut Faults,
) -> Option<Arc<Mask>> {
    let covers = terms.covers();
    // What is wrong with a field is told already.
    if covers.is_empty() || faults.len() > before {
        return Some(Arc::clone(&view.mask));
    }
    let message = &methods.first()?.response;
    let paths = view.paths.iter().map(String::as_str);
    match Mask::compile_with(message, paths, &covers) {
        Ok(mask) => {
            for cover in &covers {
                if let Some(again) = reached_again(message, view, &cover.path) {
                    let what = format!(
                        "`obligations.mask` covers `{}`, which the view gives again within \
                         `{again}`",
                        cover.path
                    );
                    let remedy = "have the owner add a view that does not reach into itself";
                    table.fault(None, what, remedy, faults);
                }
            }
            Some(Arc::new(mask))
        }
        Err(error) => {
            let what = format!("`obligations.mask` cannot be performed: {error}");
            table.fault(
                None,
                what,
                "cover string fields that the view gives, each once",
                faults,
            );
            None
        }
    }
}

/// A message of the view that is not opened further, since it lies within itself, and in which the
/// covered field would stand uncovered.
fn reached_again<'v>(
    message: &MessageDescriptor,
    view: &'v View,
    covered: &str,
) -> Option<&'v str> {
    let steps = motlan_mask::resolve(message, covered).ok()?;
    let bearer = steps.last()?.parent_message().full_name().to_owned();
    let unopened = view.leaves.iter().find(|leaf| {
        let steps = motlan_mask::resolve(message, leaf).unwrap_or_default();
        let within = steps.last().and_then(inner);
        within.is_some_and(|within| holds(&within, &bearer, &mut BTreeSet::new()))
    });
    unopened.map(String::as_str)
}

/// Whether a message is of this name or reaches one that is.
fn holds(message: &MessageDescriptor, name: &str, seen: &mut BTreeSet<String>) -> bool {
    message.full_name() == name
        || seen.insert(message.full_name().to_owned())
            && message
                .fields()
                .filter_map(|field| inner(&field))
                .any(|within| holds(&within, name, seen))
}

/// Reports a procedure that no file names.
pub(super) fn known_procedure(
    table: &Table<'_>,
    code: &Located<ProcedureCode>,
    known: &Known<'_>,
    faults: &mut Faults,
) {
    if known.procedures.contains_key(&code.value) {
        return;
    }
    let codes = known.procedures.keys().map(ProcedureCode::as_str);
    let remedy = match meant(code.as_str(), codes, faults) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "add it to a file in `procedures/`".to_owned(),
    };
    let what = format!("the procedure `{}` is not known", code.value);
    table.fault(code.line, what, remedy, faults);
}

/// Reports a system that no file names.
pub(super) fn known_system(
    table: &Table<'_>,
    id: &Located<SystemId>,
    known: &Known<'_>,
    faults: &mut Faults,
) {
    if known.systems.contains_key(&id.value) {
        return;
    }
    let ids = known.systems.keys().map(SystemId::as_str);
    let remedy = match meant(id.as_str(), ids, faults) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "add it to a file in `systems/`".to_owned(),
    };
    let what = format!("the system `{}` is not known", id.value);
    table.fault(id.line, what, remedy, faults);
}

/// The dataset of that name, or nothing and a fault.
pub(super) fn known_dataset<'a>(
    table: &Table<'_>,
    dataset: &Located<DatasetId>,
    known: &Known<'a>,
    faults: &mut Faults,
) -> Option<&'a Draft> {
    let draft = known.datasets.get(&dataset.value);
    if draft.is_none() {
        let ids = known.datasets.keys().map(DatasetId::as_str);
        let remedy = match meant(dataset.as_str(), ids, faults) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "declare it in `datasets/`".to_owned(),
        };
        let what = format!("the dataset `{}` is not known", dataset.value);
        table.fault(dataset.line, what, remedy, faults);
    }
    draft
}
