//! What a log says of other logs: the one after it, the one before it, and those that were dropped.

use std::sync::PoisonError;

use motlan_api::audit::v1::{
    self as wire, ErasureScope, Link, LinkDirection, Record, RecordKind, Sealed,
};
use prost::Message as _;

use super::Ledger;
use super::append::{AppendError, Durable, Entry};
use super::erase::block_on;
use crate::format::is_leaf_of;

/// What a log says of other logs, as far as it is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// The log after it.
    pub(crate) successor: Option<Link>,
    /// The log before it, in which all lookups have ended.
    pub(crate) predecessor: Option<Link>,
    /// Logs that were dropped.
    pub(crate) dropped: Vec<Link>,
}

impl Links {
    /// Takes note of a leaf, if it speaks of another log.
    pub(super) fn note_leaf(&mut self, leaf: &[u8]) {
        // Of every format that is read: a link of an earlier one leads on as well.
        if (is_leaf_of(leaf, RecordKind::Link) || is_leaf_of(leaf, RecordKind::Erasure))
            && let Ok(record) = Record::decode(leaf)
        {
            self.note(&record);
        }
    }

    /// Takes note of a record, if it speaks of another log.
    pub(crate) fn note(&mut self, record: &Record) {
        if let Some(link) = &record.link {
            match link.direction() {
                LinkDirection::Successor => self.successor = Some(link.clone()),
                LinkDirection::Predecessor => self.predecessor = Some(link.clone()),
                LinkDirection::Unspecified => {}
            }
        }
        let dropped = record.erasure.as_ref().and_then(|it| it.log.as_ref());
        self.dropped.extend(dropped.cloned());
    }
}

impl Ledger {
    /// What it says of other logs.
    pub(crate) fn links(&self) -> Links {
        let links = self.0.links.lock();
        links.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it has named the log after it.
    pub(super) fn has_successor(&self) -> bool {
        let links = self.0.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.successor.is_some()
    }

    /// Records which log comes after it, or went before it. Blocking.
    pub(crate) fn append_link(&self, link: Link, time_us: i64) -> Result<Durable, AppendError> {
        self.append_of_logs(
            Record {
                kind: RecordKind::Link.into(),
                time_us,
                link: Some(link),
                ..Record::default()
            },
            Sealed::default(),
        )
    }

    /// Records that another log is dropped as a whole. Blocking.
    pub(crate) fn append_dropped(
        &self,
        log: Link,
        (ground, by): (&str, &str),
        time_us: i64,
    ) -> Result<Durable, AppendError> {
        let erasure = wire::Erasure {
            scope: ErasureScope::Log.into(),
            ground: ground.to_owned(),
            records: log.size,
            log: Some(log),
            ..wire::Erasure::default()
        };
        let record = Record {
            kind: RecordKind::Erasure.into(),
            time_us,
            erasure: Some(erasure),
            ..Record::default()
        };
        let official = by.to_owned();
        self.append_of_logs(
            record,
            Sealed {
                official,
                ..Sealed::default()
            },
        )
    }

    fn append_of_logs(&self, record: Record, sealed: Sealed) -> Result<Durable, AppendError> {
        let noted = record.clone();
        let durable = block_on(self.0.append(Entry { record, sealed }))?;
        let mut links = self.0.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.note(&noted);
        Ok(durable)
    }
}
