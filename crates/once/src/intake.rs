//! What is asked for a dossier, checked as a whole before anybody is asked.

mod declared;
mod subject;

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use motlan_catalog::document::nearest;
use motlan_catalog::{Catalog, DatabaseId, DatasetId, DocumentKind, Law, Source};
use serde_json::Value;

use crate::held::Held;
use crate::plan::{Component, Plan};
pub(crate) use declared::{Declared, Said};

/// The most components that are asked for at once.
pub const COMPONENTS_MAX: usize = 32;

/// The most faults of one request that are told: a reply has to fit into a header.
pub const FAULTS_MAX: usize = 32;

/// One component that somebody wants. Personal: does not print.
#[derive(Clone)]
pub struct Wanted {
    /// The kind of document.
    pub document: String,
    /// Whom or what it is about. May be empty where nothing can be fetched.
    pub subject: String,
    /// What the applicant declared: an object in the JSON form of the dataset's answer.
    pub declared: Option<Value>,
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wanted(..)")
    }
}

/// What is wrong with a request. Names fields, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {what}")]
pub struct IntakeFault {
    /// The field of the request, e.g. `components[1].subject`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// All that is wrong with a request. Never empty.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct IntakeFaults {
    /// In the order of the request, at most [`FAULTS_MAX`].
    pub told: Vec<IntakeFault>,
    /// How many there are besides.
    pub more: usize,
}

/// One component that can be worked on. Owned, so that a task can take it.
#[derive(Debug)]
pub enum Piece {
    /// No published dataset holds it: there is nothing to look up.
    NotPublished(NotPublished),
    /// A published dataset holds it.
    Held(Box<Held>),
}

impl Piece {
    /// The document, and where its content is held.
    #[must_use]
    pub fn kind(&self) -> &Arc<DocumentKind> {
        match self {
            Self::NotPublished(piece) => &piece.kind,
            Self::Held(piece) => &piece.kind,
        }
    }

    /// The clauses by which it is otherwise not asked for, as they are cited. Never empty.
    #[must_use]
    pub fn clauses(&self) -> &[String] {
        match self {
            Self::NotPublished(piece) => &piece.clauses,
            Self::Held(piece) => &piece.clauses,
        }
    }

    /// Whom or what it is about. Personal. Empty where none was named and nothing can be fetched.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::NotPublished(piece) => &piece.subject,
            Self::Held(piece) => &piece.subject,
        }
    }

    /// The dataset that holds it, published or not; `None` where the database is none here.
    #[must_use]
    pub fn dataset(&self) -> Option<&DatasetId> {
        match &self.kind().source {
            Source::Held(held) => Some(&held.dataset.id),
            Source::NotPublished(_) => None,
        }
    }

    /// The database that is to hold it and that is no dataset here.
    #[must_use]
    pub fn database(&self) -> Option<&DatabaseId> {
        match &self.kind().source {
            Source::Held(_) => None,
            Source::NotPublished(database) => Some(&database.id),
        }
    }
}

/// A component that no published dataset holds. Personal: its subject does not print.
#[non_exhaustive]
pub struct NotPublished {
    /// The document, and what is to hold it.
    pub kind: Arc<DocumentKind>,
    /// The clauses by which it is otherwise not asked for, as they are cited. Never empty.
    pub clauses: Vec<String>,
    /// Whom or what it is about; empty where that was left out.
    pub subject: String,
}

impl fmt::Debug for NotPublished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut piece = f.debug_struct("NotPublished");
        piece.field("kind", &self.kind.code).finish_non_exhaustive()
    }
}

/// What is to be done for each of `wanted`, in their order, on a day in Việt Nam.
///
/// # Errors
/// All that is wrong. Then nothing may be asked.
pub fn intake<'c>(
    catalog: &'c Catalog,
    plan: &Plan<'c>,
    wanted: &[Wanted],
    today: Date,
) -> Result<Vec<Piece>, IntakeFaults> {
    let mut faults = IntakeFaults::default();
    // The plan exists, so the law does.
    let Some(once) = catalog.once() else {
        faults.push("procedure", "is covered by no law of the catalogue");
        return Err(faults);
    };
    if plan.variants.len() > 1 {
        let known: Vec<String> = plan.variants.iter().map(ToString::to_string).collect();
        let what = format!("must name one of the variants: {}", known.join(", "));
        faults.push("variant", what);
    }
    if wanted.is_empty() || wanted.len() > COMPONENTS_MAX {
        let what = format!("must be 1 to {COMPONENTS_MAX}");
        faults.push("components", what);
        return Err(faults);
    }
    let desk = Desk {
        catalog,
        law: &once.law,
        plan,
        today,
    };
    let mut pieces = Vec::with_capacity(wanted.len());
    for (index, one) in wanted.iter().enumerate() {
        let at = format!("components[{index}]");
        pieces.extend(desk.piece(one, &at, &mut faults));
    }
    match faults.told.is_empty() {
        true => Ok(pieces),
        false => Err(faults),
    }
}

impl IntakeFaults {
    fn push(&mut self, field: impl Into<String>, what: impl Into<String>) {
        if self.told.len() < FAULTS_MAX {
            let (field, what) = (field.into(), what.into());
            self.told.push(IntakeFault { field, what });
        } else {
            self.more += 1;
        }
    }
}

/// What everything is held against.
struct Desk<'d, 'c> {
    catalog: &'c Catalog,
    law: &'c Law,
    plan: &'d Plan<'c>,
    today: Date,
}

impl Desk<'_, '_> {
    /// What is to be done for one component; `None`, with a fault, where that cannot be told.
    fn piece(&self, wanted: &Wanted, at: &str, faults: &mut IntakeFaults) -> Option<Piece> {
        let component = self.component(&wanted.document, at, faults)?;
        let (kind, clauses) = (&component.document, component.clauses(self.law));
        let Some(source) = kind.source.published(self.today) else {
            if let Err(what) = subject::can_be_kept(&wanted.subject) {
                faults.push(format!("{at}.subject"), what);
            }
            return Some(Piece::NotPublished(NotPublished {
                kind: Arc::clone(kind),
                clauses,
                subject: wanted.subject.clone(),
            }));
        };
        // R99: what cannot be valid is refused before anybody is asked.
        let subject = self.check(source, &wanted.subject).and_then(|()| {
            let held = Held::new(self.catalog, kind, source, clauses, &wanted.subject);
            held.map_err(|fault| fault.to_string())
        });
        let held = subject.map_err(|what| faults.push(format!("{at}.subject"), what));
        let at = format!("{at}.declared");
        let message = &source.method.response;
        let declared = wanted.declared.as_ref();
        let declared = declared.map(|it| Declared::read(it, message, &source.view, &at, faults));
        let held = held.ok()?.declared(declared.unwrap_or_default());
        Some(Piece::Held(Box::new(held)))
    }

    fn component(
        &self,
        document: &str,
        at: &str,
        faults: &mut IntakeFaults,
    ) -> Option<&Component<'_>> {
        let mut components = self.plan.components.iter();
        let found = components.find(|it| it.document.code.as_str() == document);
        if found.is_none() {
            let known = self
                .plan
                .components
                .iter()
                .map(|it| it.document.code.as_str());
            let hint = match nearest(document, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are `{}`", known.collect::<Vec<_>>().join("`, `")),
            };
            let what = format!("must be a document of the procedure's plan; {hint}");
            faults.push(format!("{at}.document"), what);
        }
        found
    }

    fn check(&self, source: &motlan_catalog::Held, subject: &str) -> Result<(), String> {
        let key = crate::dictionary::key_of(self.catalog, &source.method);
        subject::check(key.as_deref(), subject, self.law, self.today)
    }
}
