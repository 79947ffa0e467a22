//! What is searched for, and what is found.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use motlan_api::audit::v1::{RecordKind, Result as Ended};
use thiserror::Error;

use super::error::IndexError;
use super::field::Field;
use crate::ledger::ReadError;
use crate::sealing::{Sealing, Tag};
use crate::tree::sha256;
use crate::verify::ReadEntry;

/// The longest value of a filter.
const VALUE_BYTES_MAX: usize = 4096;
/// So many records are shown where no limit is given.
const LIMIT_DEFAULT: usize = 50;
const PAGE_VERSION: u8 = 1;
const SUM_BYTES: usize = 16;

/// What to search for: records that fit all that is given; newest first.
#[derive(Clone, Default)]
pub struct Query {
    /// Whom it is about. Spaces around it and the case of letters do not count.
    pub subject: Option<String>,
    /// The dossier.
    pub dossier: Option<String>,
    /// The official.
    pub official: Option<String>,
    /// The calling system.
    pub caller: Option<String>,
    /// The dataset.
    pub dataset: Option<String>,
    /// The gRPC path.
    pub method: Option<String>,
    /// The procedure.
    pub procedure: Option<String>,
    /// The grant.
    pub grant: Option<String>,
    /// The reason of a refusal or failure.
    pub reason: Option<String>,
    /// What the record tells.
    pub kind: Option<RecordKind>,
    /// How a lookup ended.
    pub result: Option<Ended>,
    /// Made then or later, in microseconds since the Unix epoch.
    pub since_us: Option<i64>,
    /// Made before.
    pub until_us: Option<i64>,
    /// How many records at most; 0 for 50; 1,000 is the most.
    pub limit: usize,
    /// [`Page::next`] of the same query, for what comes after that page.
    pub page: Option<String>,
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Field::PLAIN
            .into_iter()
            .map(|field| (field, self.plain(field)));
        f.debug_map()
            .entries(plain.filter(|(_, value)| value.is_some()))
            .entries(self.keyed().map(|(field, _)| (field, "..")))
            .entry(&"times", &(self.since_us, self.until_us))
            .finish()
    }
}

impl Query {
    /// The most records that are given at once.
    pub const LIMIT_MAX: usize = 1000;

    /// What is asked of a plain field.
    pub(super) fn plain(&self, field: Field) -> Option<&str> {
        match field {
            Field::Kind => self.kind.as_ref().map(RecordKind::as_str_name),
            Field::Caller => self.caller.as_deref(),
            Field::Dataset => self.dataset.as_deref(),
            Field::Method => self.method.as_deref(),
            Field::Procedure => self.procedure.as_deref(),
            Field::Grant => self.grant.as_deref(),
            Field::Result => self.result.as_ref().map(Ended::as_str_name),
            Field::Reason => self.reason.as_deref(),
            Field::Subject | Field::Dossier | Field::Official => None,
        }
    }

    /// What is asked of the keyed fields.
    pub(super) fn keyed(&self) -> impl Iterator<Item = (Field, &str)> {
        let asked = [&self.subject, &self.dossier, &self.official];
        let asked = Field::KEYED.into_iter().zip(asked);
        asked.filter_map(|(field, value)| Some((field, value.as_deref()?)))
    }

    /// Checks what can be checked without an index, and makes it ready.
    pub(super) fn plan(&self, sealing: Option<&Sealing>) -> Result<Plan, SearchError> {
        let limit = match self.limit {
            0 => LIMIT_DEFAULT,
            limit if limit > Query::LIMIT_MAX => return Err(SearchError::Limit { limit }),
            limit => limit,
        };
        let times = (
            self.since_us.unwrap_or(i64::MIN),
            self.until_us
                .map_or(i64::MAX, |until| until.saturating_sub(1)),
        );
        if self.until_us.is_some_and(|until| times.0 >= until) {
            return Err(SearchError::Times);
        }
        let plain = Field::PLAIN.into_iter();
        let plain = plain.filter_map(|field| Some((field, self.plain(field)?.to_owned())));
        let plain: Vec<_> = plain.collect();
        let keyed: Vec<_> = self.keyed().collect();
        let values = plain.iter().map(|(field, value)| (*field, value.as_str()));
        for (field, value) in values.chain(keyed.iter().copied()) {
            if value.trim().is_empty() || value.len() > VALUE_BYTES_MAX {
                return Err(SearchError::Filter { field });
            }
        }
        let tags = match (keyed.as_slice(), sealing) {
            ([], _) => Vec::new(),
            (_, None) => return Err(SearchError::Unkeyed),
            (keyed, Some(sealing)) => {
                let tag = |(field, value): &(Field, &str)| (*field, field.tag(sealing, value));
                keyed.iter().map(tag).collect()
            }
        };
        let mut plan = Plan {
            plain,
            tags,
            times,
            limit,
            from: None,
        };
        plan.from = self
            .page
            .as_deref()
            .map(|page| plan.open_page(page))
            .transpose()?;
        Ok(plan)
    }
}

/// A query that is ready to be answered.
pub(super) struct Plan {
    pub(super) plain: Vec<(Field, String)>,
    pub(super) tags: Vec<(Field, Tag)>,
    /// The first and the last time that fit.
    pub(super) times: (i64, i64),
    pub(super) limit: usize,
    /// Of a later page: for how many records the first one speaks, and before which record this one
    /// begins.
    pub(super) from: Option<(u64, u64)>,
}

impl Plan {
    /// Tells what was asked for from anything else. Nothing can be guessed from it without the
    /// sealing file.
    fn sum(&self) -> [u8; SUM_BYTES] {
        let mut text = Vec::new();
        for (field, value) in &self.plain {
            text.push(field.code());
            text.extend_from_slice(&(value.len() as u64).to_be_bytes());
            text.extend_from_slice(value.as_bytes());
        }
        for (field, tag) in &self.tags {
            text.push(field.code());
            text.extend_from_slice(&tag.0);
        }
        text.extend_from_slice(&self.times.0.to_be_bytes());
        text.extend_from_slice(&self.times.1.to_be_bytes());
        let mut sum = [0; SUM_BYTES];
        sum.iter_mut()
            .zip(sha256(&text))
            .for_each(|(to, from)| *to = from);
        sum
    }

    /// The token of the page before record `index`.
    pub(super) fn page(&self, size: u64, index: u64) -> String {
        let parts: [&[u8]; 4] = [
            &[PAGE_VERSION],
            &size.to_be_bytes(),
            &index.to_be_bytes(),
            &self.sum(),
        ];
        URL_SAFE_NO_PAD.encode(parts.concat())
    }

    fn open_page(&self, page: &str) -> Result<(u64, u64), SearchError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(page)
            .map_err(|_| SearchError::Page)?;
        let parts = || {
            let (version, rest) = bytes.split_first()?;
            let (size, rest) = rest.split_first_chunk()?;
            let (index, sum) = rest.split_first_chunk()?;
            let place = (u64::from_be_bytes(*size), u64::from_be_bytes(*index));
            let fits = *version == PAGE_VERSION && place.1 <= place.0;
            (fits && sum.len() == SUM_BYTES).then_some((place, sum))
        };
        let (place, sum) = parts().ok_or(SearchError::Page)?;
        match sum == self.sum() {
            true => Ok(place),
            false => Err(SearchError::OtherPage),
        }
    }
}

/// Some of what was found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Page {
    /// The records, newest first, that is in the reverse order of the log. Each was compared with
    /// the query after it was read.
    pub records: Vec<ReadEntry>,
    /// How many records of the log, from the first on, the answer speaks for; the same on all pages
    /// of a query.
    pub indexed_to: u64,
    /// Where there is more: what to give as [`Query::page`].
    pub next: Option<String>,
}

/// Why nothing was searched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The caller's: too many records at once.
    #[error(
        "{limit} records are too many at once: {} is the most, and pages lead on",
        Query::LIMIT_MAX
    )]
    Limit {
        /// How many were asked for.
        limit: usize,
    },
    /// The caller's: a filter without a value, or with too long a one.
    #[error("the filter `{}` needs a value of 1 to {VALUE_BYTES_MAX} bytes", field.name())]
    Filter {
        /// Which.
        field: Field,
    },
    /// The caller's: no time fits.
    #[error("the search begins when it ends, or later: no record can fit")]
    Times,
    /// The caller's: this is no token of a page.
    #[error("this is no token of a page: give the one that came with the page before, whole")]
    Page,
    /// The caller's: the token is of another query.
    #[error("this token is of a page of another query: repeat that query's filters with it")]
    OtherPage,
    /// No sealing file, or an index that was made without.
    #[error(
        "subjects, dossiers and officials are found only with the log's sealing file, and by an \
         index that was made with it"
    )]
    Unkeyed,
    /// The index is not there yet.
    #[error(
        "the index speaks for {indexed_to} of {size} records so far: ask again when it has caught \
         up"
    )]
    Behind {
        /// How far it is.
        indexed_to: u64,
        /// How many records there are.
        size: u64,
    },
    /// The index cannot be used.
    #[error("the index cannot be used")]
    Index(#[source] Arc<IndexError>),
    /// The log could not be read.
    #[error("the log could not be read")]
    Read(#[from] ReadError),
    /// The index names a record that does not fit.
    #[error("the index is wrong about record {index}: `motlan-audit index rebuild` makes it anew")]
    Wrong {
        /// Which.
        index: u64,
    },
}

impl SearchError {
    /// Whether the one who asked can mend it.
    pub fn is_callers(&self) -> bool {
        match self {
            SearchError::Limit { .. }
            | SearchError::Filter { .. }
            | SearchError::Times
            | SearchError::Page
            | SearchError::OtherPage => true,
            SearchError::Unkeyed
            | SearchError::Behind { .. }
            | SearchError::Index(_)
            | SearchError::Read(_)
            | SearchError::Wrong { .. } => false,
        }
    }
}
