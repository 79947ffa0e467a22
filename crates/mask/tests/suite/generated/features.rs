//! The features of editions: random ones where they may stand, and which of them are in force.

use super::proto::{Dialect, FeatureSet};
use crate::supply::Supply;

pub(crate) const FIELD_PRESENCE: u32 = 1;
pub(crate) const ENUM_TYPE: u32 = 2;
pub(crate) const REPEATED_FIELD_ENCODING: u32 = 3;
pub(crate) const UTF8_VALIDATION: u32 = 4;
pub(crate) const MESSAGE_ENCODING: u32 = 5;
const JSON_FORMAT: u32 = 6;

const EXPLICIT: u64 = 1;
pub(crate) const IMPLICIT: u64 = 2;
const REQUIRED: u64 = 3;
const OPEN: u64 = 1;
const CLOSED: u64 = 2;
const PACKED: u64 = 1;
const EXPANDED: u64 = 2;
const VERIFY: u64 = 2;
const UNVERIFIED: u64 = 3;
const LENGTH_PREFIXED: u64 = 1;
const DELIMITED: u64 = 2;

/// What is in force at some place in a file.
#[derive(Clone, Copy)]
pub(crate) struct InForce {
    pub(crate) is_implicit: bool,
    pub(crate) is_open: bool,
    pub(crate) is_verified: bool,
    pub(crate) is_delimited: bool,
}

impl InForce {
    pub(crate) fn of(dialect: Dialect) -> InForce {
        InForce {
            is_implicit: dialect == Dialect::Proto3,
            is_open: dialect != Dialect::Proto2,
            is_verified: dialect != Dialect::Proto2,
            is_delimited: false,
        }
    }

    /// What is in force beneath, where `set` is set.
    pub(crate) fn with(mut self, set: &FeatureSet) -> InForce {
        for (feature, value) in set {
            match *feature {
                FIELD_PRESENCE => self.is_implicit = *value == IMPLICIT,
                ENUM_TYPE => self.is_open = *value == OPEN,
                UTF8_VALIDATION => self.is_verified = *value == VERIFY,
                MESSAGE_ENCODING => self.is_delimited = *value == DELIMITED,
                _ => {}
            }
        }
        self
    }
}

/// Features for all that lies beneath a file or a message: each is set one time in four.
pub(crate) fn beneath(supply: &mut Supply<'_>) -> FeatureSet {
    let choices = [
        (FIELD_PRESENCE, [EXPLICIT, IMPLICIT]),
        (ENUM_TYPE, [OPEN, CLOSED]),
        (REPEATED_FIELD_ENCODING, [PACKED, EXPANDED]),
        (UTF8_VALIDATION, [VERIFY, UNVERIFIED]),
        (MESSAGE_ENCODING, [LENGTH_PREFIXED, DELIMITED]),
        (JSON_FORMAT, [1, 2]),
    ];
    let mut set = FeatureSet::new();
    for (feature, values) in choices {
        if supply.once_in(4) {
            set.push((feature, supply.one_of(&values)));
        }
    }
    set
}

/// One feature, set one time in `times`.
pub(crate) fn perhaps(feature: u32, times: usize, supply: &mut Supply<'_>) -> FeatureSet {
    let values = match feature {
        FIELD_PRESENCE => vec![EXPLICIT, EXPLICIT, IMPLICIT, IMPLICIT, REQUIRED],
        UTF8_VALIDATION => vec![VERIFY, UNVERIFIED],
        // Both are 1 or 2 with the others.
        _ => vec![1, 2],
    };
    match supply.once_in(times) {
        true => vec![(feature, supply.one_of(&values))],
        false => FeatureSet::new(),
    }
}
