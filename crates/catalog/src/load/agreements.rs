//! Agreements, each held against everything it names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

use super::datasets::Draft;
use super::folder::Folder;
use super::{known_agency, twice};
use crate::agreement::{Agreement, Grant, Validity};
use crate::dataset::Dataset;
use crate::document::{Located, Table, nearest};
use crate::fault::Faults;
use crate::method::Method;
use crate::name::{AgencyCode, AgreementId, DatasetId, GrantId, ProcedureCode, SystemId};
use crate::party::{Agency, System};
use crate::procedure::Procedure;
use crate::view::View;

/// Việt Nam keeps UTC+7 all year.
const VIETNAM: Offset = Offset::constant(7);

/// What agreements may name.
pub(super) struct Known<'a> {
    pub(super) agencies: &'a BTreeMap<AgencyCode, Agency>,
    pub(super) systems: &'a BTreeMap<SystemId, System>,
    pub(super) datasets: &'a BTreeMap<DatasetId, Draft>,
    pub(super) procedures: &'a BTreeMap<ProcedureCode, Procedure>,
}

/// The agreements of `agreements/*.toml`, by id.
pub(super) fn agreements(
    folder: &mut Folder,
    known: &Known<'_>,
    faults: &mut Faults,
) -> Vec<Agreement> {
    let mut agreements: BTreeMap<AgreementId, Agreement> = BTreeMap::new();
    let mut places: BTreeMap<AgreementId, (PathBuf, usize)> = BTreeMap::new();
    for name in folder.list("agreements", "toml", faults) {
        let Some(document) = folder.document(&name, faults) else {
            continue;
        };
        let mut root = document.root();
        let id = root.parsed::<AgreementId>("id", faults);
        let agreement = agreement(&mut root, id.as_ref(), known, faults);
        root.finish(faults);
        let Some(id) = id else { continue };
        let place = (document.file().to_owned(), id.line);
        if let Some(first) = places.get(&id.value) {
            twice("agreement", id.as_str(), first, &place, faults);
            continue;
        }
        places.insert(id.value.clone(), place);
        if let Some(agreement) = agreement {
            agreements.insert(id.value, agreement);
        }
    }
    agreements.into_values().collect()
}

fn agreement(
    table: &mut Table<'_>,
    id: Option<&Located<AgreementId>>,
    known: &Known<'_>,
    faults: &mut Faults,
) -> Option<Agreement> {
    let title = table.string("title", faults);
    let provider = party(table, "provider", known, faults);
    let consumer = party(table, "consumer", known, faults);
    let legal_basis = table.string("legal_basis", faults);
    let valid = validity(table, faults);
    if let (Some(one), Some(other)) = (&provider, &consumer)
        && one.value == other.value
    {
        let what = format!("`{}` is provider and consumer", one.value);
        table.fault(
            other.line,
            what,
            "name the agency that asks as consumer",
            faults,
        );
    }
    let parties = Parties {
        id,
        provider: provider.as_ref(),
        consumer: consumer.as_ref(),
        known,
    };
    let mut grants: Vec<Grant> = Vec::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut inner = table.tables("grant", faults);
    if inner.is_empty() {
        table.fault(None, "grants nothing", "add a `[[grant]]`", faults);
    }
    for grant in &mut inner {
        grants.extend(parties.grant(grant, &mut names, faults));
    }
    inner.into_iter().for_each(|grant| grant.finish(faults));
    Some(Agreement {
        id: id?.value.clone(),
        title: title?.value,
        provider: provider?.value,
        consumer: consumer?.value,
        legal_basis: legal_basis?.value,
        valid: valid?,
        grants,
    })
}

fn party(
    table: &mut Table<'_>,
    key: &str,
    known: &Known<'_>,
    faults: &mut Faults,
) -> Option<Located<AgencyCode>> {
    let party = table.parsed::<AgencyCode>(key, faults)?;
    if let Err((what, remedy)) = known_agency(&party, known.agencies) {
        table.fault(party.line, format!("`{key}`: {what}"), remedy, faults);
    }
    Some(party)
}

fn validity(table: &mut Table<'_>, faults: &mut Faults) -> Option<Validity> {
    let from = table.date("valid_from", faults);
    let until = table.date("valid_until", faults);
    let (from, until) = (from?, until?);
    if from.value > until.value {
        let what = format!(
            "ends on {}, before it begins on {}",
            until.value, from.value
        );
        table.fault(
            until.line,
            what,
            "correct `valid_from` or `valid_until`",
            faults,
        );
        return None;
    }
    let valid = start_of(from.value).zip(until.tomorrow().ok().and_then(start_of));
    if valid.is_none() {
        table.fault(
            until.line,
            "is beyond the calendar",
            "choose an earlier day",
            faults,
        );
    }
    valid.map(|(from_ms, until_ms)| Validity { from_ms, until_ms })
}

/// The first instant of a day in Việt Nam, in milliseconds since the Unix epoch.
fn start_of(day: Date) -> Option<i64> {
    let start = day.to_zoned(TimeZone::fixed(VIETNAM)).ok()?;
    Some(start.timestamp().as_millisecond())
}

/// The agreement that a grant stands in.
struct Parties<'a> {
    id: Option<&'a Located<AgreementId>>,
    provider: Option<&'a Located<AgencyCode>>,
    consumer: Option<&'a Located<AgencyCode>>,
    known: &'a Known<'a>,
}

impl Parties<'_> {
    fn grant(
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
        let draft = self.draft(table, &dataset, faults)?;
        let built = draft.dataset.as_ref()?;
        self.owner(table, &dataset, built, faults);
        let view = view.and_then(|view| find_view(table, &view, draft, built, faults));
        let methods = methods.iter();
        let methods =
            methods.filter_map(|m| find_method(table, m, draft, built, view.as_ref(), faults));
        let methods: Vec<Arc<Method>> = methods.collect();
        Some(Grant {
            id: id?,
            dataset: dataset.value,
            view: view?,
            methods,
            procedures,
            systems,
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
        for code in named
            .iter()
            .filter(|code| !self.known.procedures.contains_key(&code.value))
        {
            let codes = self.known.procedures.keys().map(ProcedureCode::as_str);
            let remedy = match nearest(code.as_str(), codes) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "add it to a file in `procedures/`".to_owned(),
            };
            let what = format!("the procedure `{}` is not known", code.value);
            table.fault(code.line, what, remedy, faults);
        }
        let mut codes: Vec<ProcedureCode> = named.into_iter().map(|code| code.value).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    fn systems(&self, table: &mut Table<'_>, faults: &mut Faults) -> Vec<SystemId> {
        let named = table.parsed_list::<SystemId>("systems", faults);
        for id in &named {
            if !self.known.systems.contains_key(&id.value) {
                let ids = self.known.systems.keys().map(SystemId::as_str);
                let remedy = match nearest(id.as_str(), ids) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "add it to a file in `systems/`".to_owned(),
                };
                let what = format!("the system `{}` is not known", id.value);
                table.fault(id.line, what, remedy, faults);
            }
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

    fn draft(
        &self,
        table: &Table<'_>,
        dataset: &Located<DatasetId>,
        faults: &mut Faults,
    ) -> Option<&Draft> {
        let draft = self.known.datasets.get(&dataset.value);
        if draft.is_none() {
            let ids = self.known.datasets.keys().map(DatasetId::as_str);
            let remedy = match nearest(dataset.as_str(), ids) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it in `datasets/`".to_owned(),
            };
            let what = format!("the dataset `{}` is not known", dataset.value);
            table.fault(dataset.line, what, remedy, faults);
        }
        draft
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
        let remedy = match nearest(name, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has `{}`", names.collect::<Vec<_>>().join("`, `")),
        };
        let what = format!("the dataset `{}` has no view `{}`", built.id, name.value);
        table.fault(name.line, what, remedy, faults);
    }
    found.cloned()
}

fn find_method(
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
            let remedy = match nearest(name, names.clone()) {
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
