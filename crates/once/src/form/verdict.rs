//! Whether the law lets a form ask its questions.

use std::fmt;

use jiff::civil::Date;
use motlan_catalog::document::nearest;
use motlan_catalog::{AgencyCode, Catalog, DatasetId, DocumentCode, Held, Law, Source};

use super::{About, Form, Question};
use crate::dictionary::{Dictionary, Place};
use crate::plan::{Component, Listing, PlanError, everywhere, plan};

/// What the law says of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It must not be asked: the answer is held.
    Unlawful(Answered),
    /// It may be asked.
    Lawful(Open),
    /// Neither can be told. Says why, and what would help.
    Unclear(String),
}

/// Where the answer to a question is held, so that it must not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// The published dataset that holds it.
    pub dataset: DatasetId,
    /// The agency that answers for the dataset.
    pub owner: AgencyCode,
    /// The method by which it is had.
    pub method: String,
    /// The view that shows it.
    pub view: String,
    /// The field; `None` where a whole document is asked for.
    pub field: Option<String>,
    /// The document whose content it is.
    pub document: DocumentCode,
    /// The clauses that forbid asking, as they are cited. Never empty.
    pub clauses: Vec<String>,
}

/// Why a question may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    /// The form says that only the applicant knows.
    Own,
    /// Datasets are asked by it: without it nothing can be looked up.
    Key,
    /// The law replaces it, by a database that is not published yet.
    NotPublished {
        /// The database.
        database: String,
    },
    /// The law replaces no such document in this procedure.
    NotReplaced,
}

/// As a sentence without its end.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlawful(held) => {
                let (owner, dataset, method) = (&held.owner, &held.dataset, &held.method);
                write!(
                    f,
                    "{owner} holds it in `{dataset}/{method}`, view `{}`",
                    held.view
                )?;
                if let Some(field) = &held.field {
                    write!(f, ", field `{field}`")?;
                }
                write!(f, ": {}", held.clauses.join("; "))
            }
            Self::Lawful(Open::Own) => f.write_str("only the applicant knows, by the form's word"),
            Self::Lawful(Open::Key) => f.write_str("it is what datasets are asked by"),
            Self::Lawful(Open::NotPublished { database }) => {
                write!(f, "`{database}` is to hold it, and is not published")
            }
            Self::Lawful(Open::NotReplaced) => {
                f.write_str("the law does not replace it in this procedure")
            }
            Self::Unclear(why) => f.write_str(why),
        }
    }
}

/// What the law says of a form.
#[derive(Debug)]
#[non_exhaustive]
pub struct Judged {
    /// What it was held against: where the annex does not list the procedure, Article 4 alone.
    pub listing: Listing,
    /// What the law says of every question, in the form's order.
    pub verdicts: Vec<Verdict>,
}

/// What the law says of every question of a form on a day in Việt Nam. Whether the law is in force
/// on that day is for the caller to see to ([`Law::is_in_force`]).
///
/// # Errors
/// Where the catalogue has no `once/`, or the procedure not the form's variant.
pub fn judge(catalog: &Catalog, form: &Form, day: Date) -> Result<Judged, PlanError> {
    let law = &catalog.once().ok_or(PlanError::NoLaw)?.law;
    let plan = plan(catalog, &form.procedure, form.variant.as_ref())?;
    let mut components = plan.components;
    if plan.listing == Listing::Annex {
        components.extend(everywhere(catalog));
    }
    let judge = Judge {
        catalog,
        law,
        day,
        components,
        dictionary: Dictionary::of(catalog),
    };
    let verdicts = form.questions.iter();
    Ok(Judged {
        listing: plan.listing,
        verdicts: verdicts.map(|question| judge.verdict(question)).collect(),
    })
}

struct Judge<'c> {
    catalog: &'c Catalog,
    law: &'c Law,
    day: Date,
    /// What the annex replaces in this procedure, then what Article 4 does in every one.
    components: Vec<Component<'c>>,
    dictionary: Dictionary,
}

impl Judge<'_> {
    // R83.
    fn verdict(&self, question: &Question) -> Verdict {
        match &question.about {
            About::Own(_) => Verdict::Lawful(Open::Own),
            About::Concept(concept) => self.concept(concept),
            About::Field(name) => self.field(name),
            About::Document(name) => self.document(name),
        }
    }

    fn concept(&self, concept: &str) -> Verdict {
        if self.dictionary.is_key(concept) {
            return Verdict::Lawful(Open::Key);
        }
        let Some(places) = self.dictionary.places(concept) else {
            let near = nearest(concept, self.dictionary.concepts());
            let hint = near.map(|near| format!("; did you mean `{near}`?"));
            let hint = hint.unwrap_or_else(|| "; if nobody holds it, write `own`".to_owned());
            return Verdict::Unclear(format!("no contract knows the concept `{concept}`{hint}"));
        };
        let whole = places.iter().filter(|place| place.part_of.is_none());
        let whole: Vec<&Place> = whole.collect();
        if whole.is_empty() {
            let mut wholes: Vec<&str> = places
                .iter()
                .filter_map(|it| it.part_of.as_deref())
                .collect();
            wholes.sort_unstable();
            wholes.dedup();
            let wholes = wholes.join("`, `");
            let what = format!("`{concept}` is a part of `{wholes}`: name the one that is meant");
            return Verdict::Unclear(what);
        }
        self.fact(&whole)
    }

    /// A field by its name: `dataset/method/path`.
    fn field(&self, name: &str) -> Verdict {
        let mut parts = name.splitn(3, '/');
        let (dataset, method, path) = (parts.next(), parts.next(), parts.next());
        let places = self.dictionary.all();
        let named: Vec<&Place> = places
            .filter(|place| {
                dataset == Some(place.method.dataset.as_str())
                    && method == Some(place.method.name.as_str())
                    && path == Some(place.path.as_str())
            })
            .collect();
        if named.is_empty() {
            let what = format!("no contract marks a field `{name}`: write `dataset/method/path`");
            return Verdict::Unclear(what);
        }
        if named.iter().any(|place| place.is_key()) {
            return Verdict::Lawful(Open::Key);
        }
        self.fact(&named)
    }

    /// A fact that stands at any of these places.
    fn fact(&self, places: &[&Place]) -> Verdict {
        let mut not_yet = None;
        for component in &self.components {
            let Source::Held(held) = &component.document.source else {
                continue;
            };
            let shown = |place: &&&Place| {
                place.method.path == held.method.path && held.view.covers(&place.path)
            };
            let Some(place) = places.iter().find(shown) else {
                continue;
            };
            if !held.is_published(self.day) {
                not_yet.get_or_insert_with(|| component.document.source.database().to_owned());
                continue;
            }
            return self.answered(component, held, Some(&place.path));
        }
        if let Some(database) = not_yet {
            return Verdict::Lawful(Open::NotPublished { database });
        }
        let mut holders: Vec<&str> = places.iter().map(|it| it.method.dataset.as_str()).collect();
        holders.sort_unstable();
        holders.dedup();
        let holders = holders.join("`, `");
        Verdict::Unclear(format!(
            "`{holders}` holds it, and no document that the law replaces here shows it as a whole"
        ))
    }

    fn document(&self, name: &str) -> Verdict {
        let Some(codes) = self.codes(name) else {
            let known = self.catalog.once().map(|once| once.documents.keys());
            let known = known.into_iter().flatten().map(DocumentCode::as_str);
            let near = nearest(name, known).map(|near| format!("; did you mean `{near}`?"));
            let near = near.unwrap_or_else(|| "; write its code or the law's wording".to_owned());
            return Verdict::Unclear(format!("no document is called `{name}`{near}"));
        };
        let mut open = Open::NotReplaced;
        for component in &self.components {
            if !codes.contains(&component.document.code) {
                continue;
            }
            let source = &component.document.source;
            if let Some(held) = source.published(self.day) {
                return self.answered(component, held, None);
            }
            let database = source.database().to_owned();
            open = Open::NotPublished { database };
        }
        Verdict::Lawful(open)
    }

    /// The documents that a code or a wording of the law names.
    fn codes(&self, name: &str) -> Option<Vec<DocumentCode>> {
        let once = self.catalog.once()?;
        if let Some(kind) = once.documents.get(name) {
            return Some(vec![kind.code.clone()]);
        }
        let meaning = once.meaning(name)?;
        let codes = meaning.documents.iter().map(|kind| kind.code.clone());
        Some(codes.collect())
    }

    fn answered(&self, component: &Component<'_>, held: &Held, field: Option<&str>) -> Verdict {
        if component.partial {
            let code = &component.document.code;
            let clauses = component.clauses(self.law).join("; ");
            let why = format!("the law replaces `{code}` only in part: {clauses}");
            return Verdict::Unclear(why);
        }
        Verdict::Unlawful(Answered {
            dataset: held.dataset.id.clone(),
            owner: held.dataset.owner.clone(),
            method: held.method.name.clone(),
            view: held.view.name.to_string(),
            field: field.map(str::to_owned),
            document: component.document.code.clone(),
            clauses: component.clauses(self.law),
        })
    }
}
