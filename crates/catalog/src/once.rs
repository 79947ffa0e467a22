//! Once-only as the law has it: the documents that a database replaces, where each is held, and
//! how soon an applicant is told that it could not be had.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization as _;

use crate::calendar::Calendar;
use crate::dataset::{Dataset, Readiness};
use crate::method::Method;
use crate::name::{AgencyCode, DatabaseId, DocumentCode};
use crate::view::View;

/// What `once/` says.
#[derive(Debug)]
#[non_exhaustive]
pub struct Once {
    /// The law that forbids asking.
    pub law: Law,
    /// The kinds of documents that a database replaces, by code.
    pub documents: BTreeMap<DocumentCode, Arc<DocumentKind>>,
    /// The databases that the law names and that are no dataset here, by id.
    pub databases: BTreeMap<DatabaseId, Arc<Database>>,
    /// When agencies work.
    pub calendar: Calendar,
    /// What wordings mean, by [`normalised`].
    pub(crate) meanings: HashMap<String, Arc<Meaning>>,
}

impl Once {
    /// What a wording of the law means; `None` where no row of the law has it.
    #[must_use]
    pub fn meaning(&self, wording: &str) -> Option<&Meaning> {
        self.meanings.get(&normalised(wording)).map(Arc::as_ref)
    }
}

/// The law that forbids asking for what a published database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Law {
    /// Its name, e.g. `Nghị quyết 66.7/2025/NQ-CP`.
    pub instrument: String,
    /// Which part of it lists procedures.
    pub annex: String,
    /// Which part of it lists what is replaced in every procedure.
    pub article: String,
    /// Its first day.
    pub valid_from: Date,
    /// Its last day.
    pub valid_until: Date,
    /// How soon an applicant is told.
    pub notice: Notice,
    /// With what personal identification numbers begin: three digits for where the birth was
    /// registered. Never empty.
    pub personal_id_codes: BTreeSet<String>,
}

impl Law {
    /// Whether it is in force on this day in Việt Nam.
    #[must_use]
    pub fn is_in_force(&self, day: Date) -> bool {
        (self.valid_from..=self.valid_until).contains(&day)
    }
}

/// How soon an applicant is told that data could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// Where the dossier came in online: so many working hours.
    pub online_working_hours: u32,
    /// Where it came in on paper: so many working days.
    pub paper_working_days: u32,
}

/// A kind of document that a database replaces.
#[derive(Debug)]
#[non_exhaustive]
pub struct DocumentKind {
    /// Its name here, e.g. `birth_certificate`.
    pub code: DocumentCode,
    /// Its name in Vietnamese.
    pub title_vi: String,
    /// Its name in English.
    pub title_en: String,
    /// Where its content is held.
    pub source: Source,
}

/// Where the content of a document is held.
#[derive(Debug, Clone)]
pub enum Source {
    /// In a dataset of this catalogue, whether published or not.
    Held(Held),
    /// In a database that is no dataset of this catalogue.
    NotPublished(Arc<Database>),
}

impl Source {
    /// The id under which the law's tables name the database.
    #[must_use]
    pub fn database(&self) -> &str {
        match self {
            Self::Held(held) => held.dataset.id.as_str(),
            Self::NotPublished(database) => database.id.as_str(),
        }
    }

    /// How it is had from a dataset that is published on this day in Việt Nam; `None` where it
    /// cannot be had from one.
    #[must_use]
    pub fn published(&self, day: Date) -> Option<&Held> {
        match self {
            Self::Held(held) if held.is_published(day) => Some(held),
            Self::Held(_) | Self::NotPublished(_) => None,
        }
    }

    /// The agency that answers for it.
    #[must_use]
    pub fn owner(&self) -> &AgencyCode {
        match self {
            Self::Held(held) => &held.dataset.owner,
            Self::NotPublished(database) => &database.owner,
        }
    }
}

/// How the content of a document is had from a dataset.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Held {
    /// The dataset.
    pub dataset: Arc<Dataset>,
    /// The method that is asked.
    pub method: Arc<Method>,
    /// The view that holds what the document shows.
    pub view: Arc<View>,
}

impl Held {
    /// Whether the dataset is published on this day in Việt Nam.
    #[must_use]
    pub fn is_published(&self, day: Date) -> bool {
        let published = self.dataset.readiness == Readiness::Published;
        published && self.dataset.published_at.is_some_and(|since| since <= day)
    }
}

/// A database that the law names and that is no dataset of this catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Database {
    /// Its id, as in the law's tables.
    pub id: DatabaseId,
    /// Its name in Vietnamese.
    pub title_vi: String,
    /// The agency that answers for it.
    pub owner: AgencyCode,
}

/// What a wording of the law names: the documents of which a database holds the content.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Meaning {
    /// The documents, each once. Never empty.
    pub documents: Vec<Arc<DocumentKind>>,
    /// Whether the law replaces only a part of what the wording names.
    pub partial: bool,
}

/// A wording as it is compared: Unicode NFC, small letters, single spaces. Nothing else is alike.
#[must_use]
pub fn normalised(wording: &str) -> String {
    let small = wording.chars().flat_map(char::to_lowercase);
    let composed: String = small.nfc().collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn wordings_are_alike_but_for_case_white_space_and_composition() {
        let written = normalised("Giấy  chứng\ntử ");
        assert_eq!(written, "giấy chứng tử");
        // The same with the marks apart.
        assert_eq!(
            normalised("GIA\u{302}\u{301}Y chu\u{31b}\u{301}ng tu\u{31b}\u{309}"),
            written
        );
        assert_ne!(normalised("Giấy chứng tử."), written);
        assert_ne!(normalised("Giay chung tu"), written);
    }
}
