//! What records are found by.

use motlan_api::audit::v1::{Record, Sealed};

use crate::sealing::{Sealing, Tag};

/// A part of a record that the index finds it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Field {
    /// What the record tells: question, outcome and so on.
    Kind,
    /// The calling system.
    Caller,
    /// The dataset.
    Dataset,
    /// The gRPC path.
    Method,
    /// The procedure.
    Procedure,
    /// The grant.
    Grant,
    /// How a lookup ended.
    Result,
    /// The reason of a refusal or failure.
    Reason,
    /// Whom it is about. Held as a keyed tag.
    Subject,
    /// The dossier. Held as a keyed tag.
    Dossier,
    /// The official. Held as a keyed tag.
    Official,
}

impl Field {
    /// Those whose values stand in the index as they are.
    pub(super) const PLAIN: [Field; 8] = [
        Field::Kind,
        Field::Caller,
        Field::Dataset,
        Field::Method,
        Field::Procedure,
        Field::Grant,
        Field::Result,
        Field::Reason,
    ];
    /// Those of which the index holds keyed tags only.
    pub(super) const KEYED: [Field; 3] = [Field::Subject, Field::Dossier, Field::Official];

    /// As it stands in the file; never 0.
    pub(super) fn code(self) -> u8 {
        match self {
            Field::Kind => 1,
            Field::Caller => 2,
            Field::Dataset => 3,
            Field::Method => 4,
            Field::Procedure => 5,
            Field::Grant => 6,
            Field::Result => 7,
            Field::Reason => 8,
            Field::Subject => 9,
            Field::Dossier => 10,
            Field::Official => 11,
        }
    }

    pub(super) fn of_code(code: u8) -> Option<Field> {
        let mut fields = Field::PLAIN.into_iter().chain(Field::KEYED);
        fields.find(|field| field.code() == code)
    }

    /// Its name, as in a query.
    pub fn name(self) -> &'static str {
        match self {
            Field::Kind => "kind",
            Field::Caller => "caller",
            Field::Dataset => "dataset",
            Field::Method => "method",
            Field::Procedure => "procedure",
            Field::Grant => "grant",
            Field::Result => "result",
            Field::Reason => "reason",
            Field::Subject => "subject",
            Field::Dossier => "dossier",
            Field::Official => "official",
        }
    }

    /// The value of a plain field; empty where the record has none.
    pub(super) fn plain(self, record: &Record) -> &str {
        match self {
            Field::Kind => record.kind().as_str_name(),
            Field::Caller => &record.caller,
            Field::Dataset => &record.dataset,
            Field::Method => &record.method,
            Field::Procedure => &record.procedure,
            Field::Grant => &record.grant,
            Field::Result if record.result == 0 => "",
            Field::Result => record.result().as_str_name(),
            Field::Reason => &record.reason,
            Field::Subject | Field::Dossier | Field::Official => "",
        }
    }

    /// The value of a keyed field; empty where the record has none.
    pub(super) fn sealed(self, sealed: &Sealed) -> &str {
        match self {
            Field::Subject => &sealed.subject,
            Field::Dossier => &sealed.dossier,
            Field::Official => &sealed.official,
            _ => "",
        }
    }

    /// The tag of a value of a keyed field.
    pub(super) fn tag(self, sealing: &Sealing, value: &str) -> Tag {
        match self {
            Field::Dossier => sealing.dossier_tag(value),
            Field::Official => sealing.official_tag(value),
            _ => sealing.subject_tag(value),
        }
    }
}
