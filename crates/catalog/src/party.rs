//! Who takes part: agencies and their systems.

use std::collections::BTreeSet;
use std::fmt;

use crate::name::{AgencyCode, SystemId};

/// An agency of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agency {
    /// Its electronic identifier.
    pub code: AgencyCode,
    /// Its name in Vietnamese.
    pub name_vi: String,
    /// Whether it still exists.
    pub standing: Standing,
    /// Whether the row was read in a source; otherwise it is provisional, and to be shown as such.
    pub checked: bool,
    /// What else is known of it.
    pub note: String,
}

/// Whether an agency still exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It exists.
    Current,
    /// It was abolished in this year, and can be no party to an agreement.
    Abolished {
        /// The year.
        year: u16,
    },
}

/// A system of an agency: what calls the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct System {
    /// Its name.
    pub id: SystemId,
    /// The agency it belongs to.
    pub agency: AgencyCode,
    /// What it is, in Vietnamese.
    pub title_vi: String,
    /// Whether it may not ask for the time being. Then its roles are of no use either.
    pub suspended: bool,
    /// What it may do beside its lookups.
    pub roles: BTreeSet<Role>,
    /// What its client certificate carries as URI:
    /// `spiffe://<trust domain>/agency/H26/system/one-stop`.
    pub uri: String,
    /// The keys with which its tokens may be signed, by their ids.
    pub token_keys: Vec<TokenKey>,
}

/// What a system may do beside its lookups: with the audit trail, with what others sign, and with
/// what became of components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Searches the audit trail, personal parts included.
    Auditor,
    /// Shows a person or enterprise who looked them up.
    CitizenView,
    /// Places and ends holds, and erases. Never together with [`Role::Auditor`]: nobody removes
    /// what they were found by.
    DataProtection,
    /// Attests that a person consented.
    Consent,
    /// Attests that officials of its own agency approved of what another of its systems asks.
    Approval,
    /// Sees what is missing or differs in datasets of its own agency, and closes it.
    Correction,
    /// Sees what became of components of dossiers, in figures.
    Report,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 7] = [
        Role::Auditor,
        Role::CitizenView,
        Role::DataProtection,
        Role::Consent,
        Role::Approval,
        Role::Correction,
        Role::Report,
    ];

    /// The role as it stands in a catalogue.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Auditor => "auditor",
            Role::CitizenView => "citizen_view",
            Role::DataProtection => "data_protection",
            Role::Consent => "consent",
            Role::Approval => "approval",
            Role::Correction => "correction",
            Role::Report => "report",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key with which the tokens of one system may be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenKey {
    /// Its name: the `kid` of tokens.
    pub kid: String,
    /// The only algorithm it may be used with, pinned by the key's own type.
    pub algorithm: TokenAlgorithm,
    /// The public key, as SPKI in PEM.
    pub pem: String,
}

/// How a token may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}
