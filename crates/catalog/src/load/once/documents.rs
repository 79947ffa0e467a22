//! Kinds of documents, and the databases that are no dataset.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{Holders, Named, text};
use crate::document::{Document, Located, Table, nearest};
use crate::fault::Faults;
use crate::load::datasets::Draft;
use crate::load::known_agency;
use crate::name::{AgencyCode, DatabaseId, DatasetId, DocumentCode, ViewName};
use crate::once::{Database, DocumentKind, Held, Source};

pub(super) type Databases = Named<DatabaseId, Database>;
pub(super) type Documents = Named<DocumentCode, DocumentKind>;

pub(super) fn databases(
    document: &Document,
    holders: &Holders<'_>,
    faults: &mut Faults,
) -> Databases {
    let mut databases = Databases::new();
    let mut root = document.root();
    for mut table in root.tables("database", faults) {
        let id = table.parsed::<DatabaseId>("id", faults);
        let title_vi = text(&mut table, "title_vi", faults);
        let owner = table.parsed::<AgencyCode>("owner", faults);
        if let Some(owner) = &owner
            && let Err((what, remedy)) = known_agency(&owner.value, holders.agencies)
        {
            table.fault(owner.line, what, remedy, faults);
        }
        if let Some(id) = id {
            if holders.datasets.contains_key(id.as_str()) {
                let what = format!("`{}` is a dataset of this catalogue", id.value);
                let remedy = "remove it here; in `documents.toml`, name its method and view";
                table.fault(id.line, what, remedy, faults);
            }
            let sound = title_vi.zip(owner).map(|(title_vi, owner)| Database {
                id: id.value.clone(),
                title_vi,
                owner: owner.value,
            });
            databases.put("database", id, sound, &table, faults);
        }
        table.finish(faults);
    }
    root.finish(faults);
    databases
}

/// Reports the databases that a row names and nobody declares.
pub(super) fn check_named<'n>(
    named: impl Iterator<Item = &'n str>,
    (file, line): (&Path, usize),
    holders: &Holders<'_>,
    databases: &Databases,
    faults: &mut Faults,
) {
    for name in named {
        if !holders.datasets.contains_key(name) && !databases.lines.contains_key(name) {
            let what = format!("the database `{name}` is not known");
            let remedy = "correct it, or declare it in `once/databases.toml`";
            faults.push(file, line, what, remedy);
        }
    }
}

impl Documents {
    pub(super) fn read(
        document: &Document,
        holders: &Holders<'_>,
        databases: &Databases,
        faults: &mut Faults,
    ) -> Self {
        let mut documents = Self::new();
        let mut root = document.root();
        for mut table in root.tables("document", faults) {
            let code = table.parsed::<DocumentCode>("code", faults);
            let title_vi = text(&mut table, "title_vi", faults);
            let title_en = text(&mut table, "title_en", faults);
            let source = source(&mut table, holders, databases, faults);
            if let Some(code) = code {
                let sound = title_vi.zip(title_en).zip(source);
                let sound = sound.map(|((title_vi, title_en), source)| DocumentKind {
                    code: code.value.clone(),
                    title_vi,
                    title_en,
                    source,
                });
                documents.put("document", code, sound, &table, faults);
            }
            table.finish(faults);
        }
        root.finish(faults);
        documents
    }
}

/// Either `dataset`, `method` and `view`, or `not_published`.
fn source(
    table: &mut Table<'_>,
    holders: &Holders<'_>,
    databases: &Databases,
    faults: &mut Faults,
) -> Option<Source> {
    let Some(missing) = table.opt_parsed::<DatabaseId>("not_published", faults) else {
        return held(table, holders.datasets, faults).map(Source::Held);
    };
    for key in ["dataset", "method", "view"] {
        if let Some(found) = table.opt_string(key, faults) {
            let what = format!("`{key}` and `not_published` exclude each other");
            table.fault(found.line, what, "remove one of both", faults);
        }
    }
    if !databases.lines.contains_key(&missing.value) {
        let names = databases.lines.keys().map(DatabaseId::as_str);
        let remedy = match nearest(missing.as_str(), names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "declare it in `once/databases.toml`".to_owned(),
        };
        let what = format!("the database `{}` is not known", missing.value);
        table.fault(missing.line, what, remedy, faults);
    }
    databases
        .sound
        .get(&missing.value)
        .cloned()
        .map(Source::NotPublished)
}

fn held(
    table: &mut Table<'_>,
    datasets: &BTreeMap<DatasetId, Draft>,
    faults: &mut Faults,
) -> Option<Held> {
    let dataset = table.parsed::<DatasetId>("dataset", faults);
    let method = table.string("method", faults);
    let view = table.parsed::<ViewName>("view", faults);
    let (dataset, method, view) = (dataset?, method?, view?);
    let Some(draft) = datasets.get(&dataset.value) else {
        let names = datasets.keys().map(DatasetId::as_str);
        unknown(table, "dataset", &dataset, names, faults);
        return None;
    };
    // What is wrong with its contract is told already.
    let found = draft.dataset.as_ref()?;
    let Some(asked) = found.methods.iter().find(|it| it.name == method.value) else {
        if !draft.broken_methods.contains(&method.value) {
            let names = found.methods.iter().map(|it| it.name.as_str());
            unknown(table, "method", &method, names, faults);
        }
        return None;
    };
    let Some(view) = asked.views.get(&view.value).cloned() else {
        let gone = draft.broken_views.contains(view.as_str())
            || draft.broken_methods.contains(&method.value);
        if !gone {
            let names = asked.views.keys().map(ViewName::as_str);
            unknown(table, "view", &view, names, faults);
        }
        return None;
    };
    Some(Held {
        dataset: Arc::clone(found),
        method: Arc::clone(asked),
        view,
    })
}

fn unknown<'n, T: std::fmt::Display>(
    table: &Table<'_>,
    what: &str,
    name: &Located<T>,
    names: impl Iterator<Item = &'n str> + Clone,
    faults: &mut Faults,
) {
    let text = name.value.to_string();
    let remedy = match nearest(&text, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are `{}`", names.collect::<Vec<_>>().join("`, `")),
    };
    let what = format!("the {what} `{text}` is not known here");
    table.fault(name.line, what, remedy, faults);
}
