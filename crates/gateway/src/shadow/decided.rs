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
        /// The view that it gives.
        view: String,
        /// The fields that may leave, every message opened, sorted; nothing where they are not
        /// known.
        fields: Option<Vec<String>>,
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
                view: permit.view().to_string(),
                fields: Some(permit.leaves()),
            },
            Err(refusal) => Self::Refused {
                reason: refusal.reason().to_owned(),
            },
        }
    }
}

impl Decided {
    /// The grant that allows it.
    #[must_use]
    pub fn grant(&self) -> Option<&str> {
        match self {
            Self::Allowed { grant, .. } => Some(grant),
            Self::Refused { .. } => None,
        }
    }
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowed {
                grant, terms, view, ..
            } => {
                let terms = terms.as_deref().unwrap_or_default();
                write!(f, "allowed by {grant}, {view}{terms}")
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
        // Nothing, where they are alike.
        kind(&was, &would_be)?;
        let set = |of: &Decided| match of {
            Decided::Allowed { fields, .. } => {
                let fields = fields.as_ref()?;
                Some(fields.iter().cloned().collect::<BTreeSet<_>>())
            }
            Decided::Refused { .. } => Some(BTreeSet::new()),
        };
        // Where the fields of one are not known, nothing is said of any.
        let (before, after) = set(&was).zip(set(&would_be)).unwrap_or_default();
        Some(Self {
            gained: after.difference(&before).cloned().collect(),
            lost: before.difference(&after).cloned().collect(),
            was,
            would_be,
        })
    }

    /// What kind of difference it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        kind(&self.was, &self.would_be).unwrap_or_default()
    }
}

/// What differs, as the first of these; what is not known of either does not.
fn kind(was: &Decided, would_be: &Decided) -> Option<&'static str> {
    use Decided::{Allowed, Refused};
    match (was, would_be) {
        (Refused { reason }, Refused { reason: other }) => (reason != other).then_some("reason"),
        (Refused { .. }, Allowed { .. }) => Some("allowed"),
        (Allowed { .. }, Refused { .. }) => Some("refused"),
        (
            Allowed {
                grant,
                terms,
                view,
                fields,
            },
            Allowed {
                grant: other,
                terms: others,
                view: given,
                fields: would,
            },
        ) => {
            let fields = match fields.as_ref().zip(would.as_ref()) {
                Some((fields, would)) => fields != would,
                None => view != given,
            };
            let terms = terms.as_ref().zip(others.as_ref());
            let terms = terms.is_some_and(|(terms, others)| terms != others);
            let kinds = [
                (fields, "fields"),
                (grant != other, "grant"),
                (terms, "terms"),
            ];
            let differ = kinds.into_iter().find(|(differ, _)| *differ);
            differ.map(|(_, kind)| kind)
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
