//! Decisions, and how two of them differ.

use std::collections::BTreeSet;
use std::fmt;

use motlan_policy::{Permit, Refusal};
use serde::Serialize;

/// What was decided, or would be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// It may be asked.
    Allowed {
        /// The grant that allows it.
        grant: String,
        /// What the grant demands and brings with it, as people read it; nothing where that is not
        /// known.
        terms: Option<String>,
        /// The fields that may leave, every message opened, sorted.
        fields: Vec<String>,
    },
    /// It may not.
    Refused {
        /// The stable reason.
        reason: String,
    },
}

impl Decided {
    /// What the rules gave.
    pub fn of(decision: Result<Permit, Refusal>) -> Self {
        match decision {
            Ok(permit) => Self::Allowed {
                grant: permit.grant().to_string(),
                terms: Some(permit.terms().to_string()),
                fields: permit.leaves(),
            },
            Err(refusal) => Self::Refused {
                reason: refusal.reason().to_owned(),
            },
        }
    }
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowed { grant, terms, .. } => {
                write!(
                    f,
                    "allowed by {grant}{}",
                    terms.as_deref().unwrap_or_default()
                )
            }
            Self::Refused { reason } => write!(f, "refused, {reason}"),
        }
    }
}

/// Two decisions of one question that are not alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// What the set in force decides, or did.
    was: Decided,
    /// What the candidate would.
    would_be: Decided,
    /// The fields that would leave and do not now.
    gained: Vec<String>,
    /// The fields that leave now and would not.
    lost: Vec<String>,
}

impl Difference {
    /// How they differ, if they do.
    #[must_use]
    pub fn between(was: Decided, would_be: Decided) -> Option<Self> {
        let alike = match (&was, &would_be) {
            (Decided::Refused { reason }, Decided::Refused { reason: other }) => reason == other,
            (
                Decided::Allowed {
                    grant,
                    terms,
                    fields,
                },
                Decided::Allowed {
                    grant: other,
                    terms: others,
                    fields: would,
                },
            ) => {
                let terms = terms.as_ref().zip(others.as_ref());
                grant == other && fields == would && terms.is_none_or(|(one, other)| one == other)
            }
            _ => false,
        };
        if alike {
            return None;
        }
        let set = |of: &Decided| match of {
            Decided::Allowed { fields, .. } => fields.iter().cloned().collect(),
            Decided::Refused { .. } => BTreeSet::new(),
        };
        let (before, after) = (set(&was), set(&would_be));
        Some(Self {
            gained: after.difference(&before).cloned().collect(),
            lost: before.difference(&after).cloned().collect(),
            was,
            would_be,
        })
    }

    /// What kind of difference it is: the first of these that it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match (&self.was, &self.would_be) {
            (Decided::Refused { .. }, Decided::Allowed { .. }) => "allowed",
            (Decided::Allowed { .. }, Decided::Refused { .. }) => "refused",
            (Decided::Refused { .. }, Decided::Refused { .. }) => "reason",
            (
                Decided::Allowed { fields, grant, .. },
                Decided::Allowed {
                    fields: would,
                    grant: other,
                    ..
                },
            ) => match (fields == would, grant == other) {
                (false, _) => "fields",
                (true, false) => "grant",
                (true, true) => "terms",
            },
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  was       {}", self.was)?;
        writeln!(f, "  would be  {}", self.would_be)?;
        for (what, fields) in [("gains", &self.gained), ("loses", &self.lost)] {
            if !fields.is_empty() {
                writeln!(f, "  {what}     {}", fields.join(" "))?;
            }
        }
        Ok(())
    }
}
