//! The logs of this gateway with their indexes. What is read here is shown only by way of
//! [`Unshown`](super::look::Unshown).

use std::collections::BTreeSet;

use motlan_api::audit::v1::Receipt;
use motlan_audit::{
    AppendError, Durable, Entry, Field, Index, Ledger, Page, Quarter, Query, RecordId, SearchError,
    Shards,
};
use tonic::Code;

use super::failure::Failure;
use crate::index::Indexes;
use crate::lookup::WireError;

/// The logs of this gateway. Cheap to clone.
#[derive(Clone)]
pub struct Trails {
    shards: Shards,
    indexes: Indexes,
}

impl Trails {
    /// Of all logs that are kept, with the indexes that follow them.
    #[must_use]
    pub fn new(shards: Shards, indexes: Indexes) -> Self {
        Self { shards, indexes }
    }

    /// Records a look or a hold in the log that is being written.
    pub(super) async fn append(&self, mut entry: Entry) -> Result<Durable, AppendError> {
        let shard = self.shards.current().await;
        let own = shard.ledger().origin().quarter().to_string();
        // Known only now: the quarter may have turned since it was looked.
        if let Some(look) = entry.record.look.as_mut().filter(|it| it.quarter == own) {
            look.quarter.clear();
        }
        shard.ledger().append(entry).await
    }

    /// The log that is being written.
    pub(super) fn current(&self) -> Result<Trail, Failure> {
        self.trail(self.shards.newest())
    }

    /// The log of a quarter; the one that is being written where none is named.
    pub(super) fn of(&self, quarter: &str) -> Result<Trail, Failure> {
        if quarter.is_empty() {
            return self.current();
        }
        let kept = self.shards.quarters();
        let known = quarter.parse().ok().filter(|it| kept.contains(it));
        let known = known.ok_or_else(|| {
            let known = self.quarters().join("`, `");
            let message = format!("there is no log of that quarter; there are `{known}`");
            let error = WireError::new(Code::NotFound, "QUARTER_NOT_FOUND", message);
            Failure::from(error.of_field("quarter"))
        })?;
        self.opened(known)
    }

    /// All logs that are kept, the newest first. All or none: nobody is to take a part for the
    /// whole.
    pub(super) fn all(&self) -> Result<Vec<Trail>, Failure> {
        let kept = self.shards.quarters().into_iter();
        kept.map(|quarter| self.opened(quarter)).collect()
    }

    /// Their quarters.
    pub(super) fn quarters(&self) -> Vec<String> {
        let kept = self.shards.quarters();
        kept.iter().map(ToString::to_string).collect()
    }

    /// The log that a record must be in; `None` where there is none of its quarter.
    pub(crate) fn ledger_of(&self, record: &RecordId) -> Result<Option<Ledger>, WireError> {
        let quarter = record.quarter();
        let quarter = quarter.filter(|it| self.shards.quarters().contains(it));
        quarter.map(|it| self.opened_ledger(it)).transpose()
    }

    fn opened_ledger(&self, quarter: Quarter) -> Result<Ledger, WireError> {
        self.shards.opened(quarter).ok_or_else(|| {
            let message = format!("the log of `{quarter}` is being opened; try again later");
            WireError::new(Code::Unavailable, "LEDGER_UNAVAILABLE", message)
        })
    }

    fn opened(&self, quarter: Quarter) -> Result<Trail, Failure> {
        self.trail(self.opened_ledger(quarter)?)
    }

    fn trail(&self, ledger: Ledger) -> Result<Trail, Failure> {
        let index = self.indexes.of(&ledger).map_err(|error| {
            tracing::error!(%error, "a search index does not follow its log");
            let message = "the search index cannot be used; tell the operator";
            WireError::new(Code::Unavailable, "INDEX_UNAVAILABLE", message)
        })?;
        Ok(Trail { ledger, index })
    }
}

/// One log with its index. All methods block.
#[derive(Clone)]
pub(super) struct Trail {
    ledger: Ledger,
    index: Index,
}

impl Trail {
    /// Its quarter, e.g. "2026q4".
    pub(super) fn quarter(&self) -> String {
        self.ledger.origin().quarter().to_string()
    }

    pub(super) fn search(&self, query: &Query) -> Result<Page, Failure> {
        self.index
            .search(query)
            .map_err(|error| Failure::search(&error))
    }

    /// Waits some seconds until the index has met all that is on record. Whether it has.
    pub(super) fn is_met(&self) -> Result<bool, SearchError> {
        let any = Query {
            limit: 1,
            ..Query::default()
        };
        match self.index.search(&any) {
            Ok(_) => Ok(true),
            Err(SearchError::Behind { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a value of a plain field is on record.
    pub(super) fn knows(&self, field: Field, value: &str) -> Result<bool, Failure> {
        Ok(self.values(field)?.contains(value))
    }

    /// All values of a plain field that are on record.
    pub(super) fn values(&self, field: Field) -> Result<BTreeSet<String>, Failure> {
        let values = self.index.values(field);
        values.map_err(|error| Failure::search(&error))
    }

    pub(super) fn receipt(&self, index: u64) -> Result<Receipt, Failure> {
        self.ledger
            .receipt(index)
            .map_err(|error| Failure::unreadable(&error))
    }

    /// Whether two texts name the same subject.
    pub(super) fn is_same_subject(&self, one: &str, other: &str) -> bool {
        let tag = |subject| self.ledger.sealing().subject_tag(subject);
        tag(one) == tag(other)
    }

    /// The log itself, for an erasure.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
