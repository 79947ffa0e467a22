//! Who asks, and on whose statement.

use std::sync::Arc;

use motlan_catalog::{ProcedureCode, System, SystemId};

use crate::question::{Ask, Question};

/// The official on whose behalf a system asks. Personal: prints `Official(..)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Official(String);

impl Official {
    /// An official, as the calling system names them.
    #[must_use]
    pub fn new(name: String) -> Self {
        Self(name)
    }

    /// The name, for the sealed part of a record.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Official {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Official(..)")
    }
}

/// The official's signed statement of why: the claims of a verified token. Holds personal data, so
/// it does not print.
pub struct Statement {
    /// The official (`sub`).
    pub official: Official,
    /// The procedure that the lookup serves (`purpose.procedure`).
    pub procedure: ProcedureCode,
    /// The variant of the procedure (`purpose.variant`).
    pub variant: Option<String>,
    /// The dossier that the lookup serves (`purpose.dossier`).
    pub dossier: Option<String>,
    /// The legal basis (`purpose.basis`), in the caller's words.
    pub basis: Option<String>,
    /// The incident, where the official declares an emergency (`purpose.incident`).
    pub incident: Option<String>,
    /// The token's identifier (`jti`).
    pub token_id: String,
    /// The token itself, which the provider gets as `motlan-token`.
    pub token: Arc<str>,
}

/// A registered system whose certificate and token were verified, for one lookup.
#[must_use]
pub struct Caller {
    pub(crate) system: Arc<System>,
    pub(crate) statement: Arc<Statement>,
}

impl Caller {
    /// States that `system` proved itself by its certificate and that `statement` is what its
    /// token, bound to that certificate, says. This crate cannot check either; `tests/tidy.rs`
    /// lists who may state it.
    pub fn assertion(system: Arc<System>, statement: Arc<Statement>) -> Self {
        Self { system, statement }
    }

    /// The system that asks.
    #[must_use]
    pub fn system(&self) -> &SystemId {
        &self.system.id
    }

    /// The incident, where the official declares an emergency.
    #[must_use]
    pub fn incident(&self) -> Option<&str> {
        self.statement.incident.as_deref()
    }

    /// Asks.
    pub fn ask(self, ask: Ask) -> Question {
        Question::new(self, ask)
    }
}
