//! What is measured.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Contender {
    /// The owner's system itself.
    Direct,
    /// A bare tonic pass-through: no policy, no mask, no ledger.
    PassThrough,
    /// nginx with `grpc_pass`.
    Nginx,
    /// HAProxy.
    Haproxy,
    /// `motlan serve` with everything on.
    Gateway,
}

impl Contender {
    /// All, the gateway last.
    pub(crate) const ALL: [Self; 5] = [
        Self::Direct,
        Self::PassThrough,
        Self::Nginx,
        Self::Haproxy,
        Self::Gateway,
    ];

    /// How it can be had on Debian, where it is not part of the bench.
    pub(crate) fn package(self) -> Option<&'static str> {
        match self {
            Self::Nginx => Some("nginx"),
            Self::Haproxy => Some("haproxy"),
            Self::Direct | Self::PassThrough | Self::Gateway => None,
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Direct => "direct",
            Self::PassThrough => "pass-through",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Gateway => "gateway",
        })
    }
}
