//! What is measured.

use std::fmt;

use serde::Serialize;

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Contender {
    /// The owner's system itself.
    Direct,
    /// A bare tonic pass-through: no policy, no mask, no ledger.
    PassThrough,
    /// `motlan serve` with everything on.
    Gateway,
}

impl Contender {
    /// All, from the least work to the most.
    pub(crate) const ALL: [Self; 3] = [Self::Direct, Self::PassThrough, Self::Gateway];
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Direct => "direct",
            Self::PassThrough => "pass-through",
            Self::Gateway => "gateway",
        })
    }
}
