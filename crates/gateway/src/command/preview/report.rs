//! What a preview tells, whether it is printed as a table or as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use motlan_catalog::{Catalog, Class, NarrowError};
use motlan_mask::MaskError;
use motlan_policy::Refusal;
use serde::Serialize;

use super::column::{Column, Day, Given, fields_asked};
use super::content::{Content, Held, What, content};
use super::leaving::Leaving;
use super::target::{Target, remedy};

/// What is asked of a preview.
pub(super) struct Question<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) target: &'a Target,
    pub(super) day: &'a Day,
    /// As in `motlan-fields`.
    pub(super) fields: Option<&'a str>,
    /// Whether views that nobody is granted are shown too.
    pub(super) views: bool,
    pub(super) contract: Option<&'a Path>,
}

/// Why there is nothing to tell.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReportError {
    #[error("no agreement grants `{method}`; `--views` shows what its views would let out")]
    NoAgreement { method: String },
    #[error("`{method}` has no view, so no agreement can grant it")]
    NoView { method: String },
    #[error("`--fields {0}`: give field paths, joined by commas")]
    Paths(String),
    #[error("a caller would be refused, {reason}: {0}", reason = .0.reason())]
    Asked(Refusal),
    #[error(transparent)]
    Narrow(#[from] NarrowError),
    #[error("nothing of the sample could leave: an owner that answered so would be refused")]
    Malformed(#[from] MaskError),
    #[error("what leaves cannot be decoded: a fault of the mask, report it")]
    Undecodable(#[from] prost::DecodeError),
    #[error(
        "the view `{view}` lets out `{path}`, which it must not: a fault of the mask, report it"
    )]
    Astray { view: String, path: String },
    #[error("an agreement's day is beyond the calendar")]
    Calendar(#[from] jiff::Error),
    #[error("no grant `{name}` here; {remedy}")]
    NoGrant { name: String, remedy: String },
    #[error("a caller would be refused, {reason}: {sentence}")]
    Refused {
        reason: &'static str,
        sentence: String,
    },
}

/// A preview. Its form as JSON is described in `docs/owner/preview.md`.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) dataset: String,
    /// The method's path.
    pub(super) method: String,
    /// The full name of the message.
    pub(super) message: String,
    /// The revision of the catalogue, with the draft if there is one.
    pub(super) catalog: String,
    /// The draft of the contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) contract: Option<String>,
    /// The day on which agreements are in force or not.
    pub(super) on: String,
    /// The fields that are asked for, as the policy takes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<Vec<String>>,
    /// The bytes of the encoded sample.
    pub(super) bytes: usize,
    /// Each path that the sample holds.
    pub(super) fields: Vec<Row>,
    /// Each view that is granted.
    pub(super) columns: Vec<Column>,
}

/// A path that the sample holds.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) path: String,
    pub(super) class: Label,
    /// How often the sample holds it.
    pub(super) occurrences: usize,
    /// How many of them leave, by column.
    pub(super) leaves: Vec<usize>,
    /// What the sample holds, for people to read.
    #[serde(skip)]
    pub(super) sample: Vec<String>,
}

/// The class of a field, or why it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Label {
    Public,
    Personal,
    Sensitive,
    Secret,
    /// Not marked, so that it is secret.
    Unmarked,
    /// Of another file than the contract's.
    Extension,
    /// Not in the contract.
    Unknown,
}

impl Label {
    /// Whether no agreement could ever let it out.
    pub(super) fn never_leaves(self) -> bool {
        matches!(self, Self::Unmarked | Self::Extension | Self::Unknown)
    }
}

/// R53: puts the sample through the masks of all views that are granted.
pub(super) fn report(question: &Question<'_>) -> Result<Report, ReportError> {
    let Target {
        dataset,
        method,
        sample,
    } = question.target;
    let asked = question.fields.map(fields_asked).transpose()?;
    let columns = given(question)?
        .iter()
        .map(|given| {
            let (catalog, day) = (question.catalog, question.day);
            given.column(catalog, method, sample, asked.as_deref(), day)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Report {
        dataset: dataset.id.to_string(),
        method: method.path.clone(),
        message: method.response.full_name().to_owned(),
        catalog: question.catalog.revision().to_string(),
        contract: question.contract.map(|file| file.display().to_string()),
        on: question.day.date.to_string(),
        asked,
        bytes: sample.bytes.len(),
        fields: rows(question.catalog, &content(&sample.message), &columns)?,
        columns,
    })
}

/// The views to show, in the order of the contract, with their grants in the order of agreements.
fn given<'q>(question: &Question<'q>) -> Result<Vec<Given<'q>>, ReportError> {
    let Target {
        dataset, method, ..
    } = question.target;
    let grants = question.catalog.agreements().iter().flat_map(|agreement| {
        let grants = agreement.grants.iter().map(AsRef::as_ref);
        grants.map(move |grant| (agreement, grant))
    });
    let on_method: Vec<_> = grants
        .filter(|(_, grant)| grant.methods.iter().any(|on| on.path == method.path))
        .collect();
    let views = dataset.views.iter();
    let views = views.filter(|view| method.views.contains_key(&view.name));
    let mut given: Vec<Given<'_>> = Vec::new();
    for view in views {
        let first = given.len();
        let grants = on_method.iter().copied();
        for grant in grants.filter(|(_, grant)| grant.view.name == view.name) {
            let covers = grant.1.terms.covers();
            let alike = given.iter_mut().skip(first);
            match alike.into_iter().find(|given| given.covers == covers) {
                Some(given) => given.grants.push(grant),
                None => given.push(Given {
                    view,
                    grants: vec![grant],
                    covers,
                }),
            }
        }
        if given.len() == first {
            given.push(Given {
                view,
                grants: Vec::new(),
                covers: Vec::new(),
            });
        }
    }
    let name = format!("{}/{}", dataset.id, method.name);
    if given.is_empty() {
        return Err(ReportError::NoView { method: name });
    }
    given.retain(|given| question.views || !given.grants.is_empty());
    match given.is_empty() {
        true => Err(ReportError::NoAgreement { method: name }),
        false => Ok(given),
    }
}

fn rows(catalog: &Catalog, held: &Content, columns: &[Column]) -> Result<Vec<Row>, ReportError> {
    let mut labels: BTreeMap<&[u32], Label> = BTreeMap::new();
    for (way, field) in held {
        let around = way.split_last().and_then(|(_, around)| labels.get(around));
        let label = label(catalog, field, around.copied());
        labels.insert(way, label);
    }
    let mut leaving = Vec::new();
    for column in columns {
        let left = column
            .released
            .as_ref()
            .map(|released| content(&released.message.0));
        let left = left.unwrap_or_default();
        for (way, out) in &left {
            let may_leave = labels
                .get(way.as_slice())
                .is_some_and(|label| !label.never_leaves());
            let covered = column
                .released
                .iter()
                .flat_map(|released| &released.covered);
            let covered = covered.into_iter().any(|path| *path == out.path);
            let part = held.get(way).is_some_and(|held| match covered {
                true => out.values.len() <= held.values.len(),
                false => is_part(out, held),
            });
            if !may_leave || !part {
                return Err(ReportError::Astray {
                    view: column.view.clone(),
                    path: out.path.clone(),
                });
            }
        }
        leaving.push(left);
    }
    let row = |(way, field): (&Vec<u32>, &Held)| {
        let leaves = leaving.iter().map(|left| left.get(way));
        Row {
            path: field.path.clone(),
            class: labels
                .get(way.as_slice())
                .copied()
                .unwrap_or(Label::Unmarked),
            occurrences: field.values.len(),
            leaves: leaves
                .map(|left| left.map_or(0, |left| left.values.len()))
                .collect(),
            sample: field.values.clone(),
        }
    };
    Ok(held.iter().map(row).collect())
}

/// The class of a field. Protobuf's own messages have no marks: what lies in one is as it is.
fn label(catalog: &Catalog, held: &Held, around: Option<Label>) -> Label {
    let field = match &held.what {
        What::Field(field) => field,
        What::Extension => return Label::Extension,
        What::Unknown => return Label::Unknown,
    };
    let file = field.parent_message().parent_file();
    if let Some(around) = around.filter(|_| file.name().starts_with("google/protobuf/")) {
        return around;
    }
    match catalog.mark(field) {
        Some(Class::Public) => Label::Public,
        Some(Class::Personal) => Label::Personal,
        Some(Class::Sensitive) => Label::Sensitive,
        Some(Class::Secret) => Label::Secret,
        None => Label::Unmarked,
    }
}

/// Whether what leaves is some of what the sample holds, in its order. Of messages, not more.
fn is_part(out: &Held, held: &Held) -> bool {
    if !held.is_leaf {
        return out.values.len() <= held.values.len();
    }
    let mut rest = held.values.iter();
    out.values.iter().all(|out| rest.any(|held| held == out))
}

impl Report {
    /// What leaves under one grant, or under a view by its name.
    pub(super) fn shown(&self, name: &str) -> Result<&Leaving, ReportError> {
        let bears = |column: &&Column| {
            column.view == name || column.grants.iter().any(|grant| grant.id == name)
        };
        let grants = self.columns.iter().flat_map(|column| &column.grants);
        let names = grants.map(|grant| grant.id.as_str());
        let column = self
            .columns
            .iter()
            .find(bears)
            .ok_or_else(|| ReportError::NoGrant {
                name: name.to_owned(),
                remedy: remedy(name, names),
            })?;
        match (&column.released, &column.refused) {
            (Some(released), _) => Ok(&released.message),
            (None, refused) => {
                let sentences = refused.iter().flat_map(|refused| &refused.sentences);
                let named = |sentence: &&String| sentence.contains(&format!("`{name}`"));
                Err(ReportError::Refused {
                    reason: refused
                        .as_ref()
                        .map_or("FIELD_NOT_GRANTED", |refused| refused.reason),
                    // Of a view, the first of its grants speaks for all.
                    sentence: sentences
                        .clone()
                        .find(named)
                        .or_else(|| sentences.clone().next())
                        .cloned()
                        .unwrap_or_default(),
                })
            }
        }
    }
}
