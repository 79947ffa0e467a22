//! The rules as the gateway has them: the permit with its guards, and the one rule that it asks
//! first, which is joined from them by the gateway's own code.

use cedar_policy::{PolicySet, Schema};

use crate::joined;
use crate::texts;

/// Any rule that an owner can write.
const OWNERS: &str = "forbid (principal, action, resource) when { context.owner_says };";

/// Why rules cannot be joined.
#[derive(Debug)]
pub(crate) enum RulesError {
    /// What is wrong with them.
    Rules(String),
}

impl RulesError {
    pub(crate) fn rules(error: &dyn std::error::Error) -> Self {
        Self::Rules(error.to_string())
    }
}

/// What is claimed something of.
#[derive(Clone)]
pub(crate) struct Rules {
    /// The permit and the guards.
    pub(crate) whole: PolicySet,
    /// The rule that is asked first: what it allows is allowed.
    pub(crate) joined: PolicySet,
    /// The owner's.
    pub(crate) owners: PolicySet,
}

impl Rules {
    /// The rules of a text.
    pub(crate) fn of(text: &str, schema: &Schema) -> anyhow::Result<Self> {
        let whole = texts::parsed(text, schema)?;
        Ok(Self {
            joined: joined(&whole)?,
            owners: texts::parsed(OWNERS, schema)?,
            whole,
        })
    }
}

/// As the gateway joins them.
pub(crate) fn joined(whole: &PolicySet) -> anyhow::Result<PolicySet> {
    joined::permit(whole).map_err(|RulesError::Rules(what)| anyhow::anyhow!(what))
}
