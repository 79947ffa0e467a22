//! What is asked, and the proof that it may be.

use std::sync::Arc;

use motlan_catalog::{Grant, GrantId, Method, ProcedureCode, Revision, System, Terms, ViewName};
use motlan_mask::Mask;

/// What others have signed for one question, verified before it is decided. The default is nothing.
#[derive(Clone, Copy, Default)]
pub struct Backing<'a> {
    /// What the person consented to, where the consent is for this caller, dataset, procedure and
    /// subject at this time. Empty is all that a view gives.
    pub consented: Option<&'a [String]>,
    /// How many approve: distinct people, none of them the official who asks.
    pub approvals: u8,
    /// The official, where one declares an emergency.
    pub emergency: Option<&'a str>,
}

impl Backing<'_> {
    /// Whether nothing was signed.
    pub(crate) fn is_none(&self) -> bool {
        self.consented.is_none() && self.approvals == 0 && self.emergency.is_none()
    }
}

/// What is asked: by which system, of which method, for which procedure.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The calling system.
    pub system: &'a System,
    /// The method asked.
    pub method: &'a Method,
    /// The procedure that the official named.
    pub procedure: &'a ProcedureCode,
    /// Whether the official named the dossier that the lookup serves.
    pub dossier: bool,
    /// What others have signed for it.
    pub backing: Backing<'a>,
    /// The grant cited in `motlan-grant`, if any.
    pub cited: Option<&'a str>,
    /// The fields asked for in `motlan-fields`; empty asks for what the view gives.
    pub fields: &'a [String],
}

/// Proof that [`Rules::decide`](crate::Rules::decide) allowed one lookup: one permit, one lookup.
#[must_use]
pub struct Permit {
    pub(super) grant: Arc<Grant>,
    pub(super) mask: Arc<Mask>,
    /// The fields asked for; empty where the view as a whole was.
    pub(super) narrowed: Vec<String>,
    pub(super) revision: Revision,
}

impl Permit {
    /// The grant that allowed it.
    pub fn grant(&self) -> &GrantId {
        &self.grant.id
    }

    /// What the grant demands and brings with it.
    pub fn terms(&self) -> &Terms {
        &self.grant.terms
    }

    /// The view that the grant gives.
    pub fn view(&self) -> &ViewName {
        &self.grant.view.name
    }

    /// What may leave: the view, or the part of it that was asked for.
    pub fn mask(&self) -> &Arc<Mask> {
        &self.mask
    }

    /// The paths that the mask lets through.
    pub fn paths(&self) -> &[String] {
        if self.narrowed.is_empty() {
            &self.grant.view.paths
        } else {
            &self.narrowed
        }
    }

    /// The same with every message opened, sorted: what people read and compare.
    #[must_use]
    pub fn leaves(&self) -> Vec<String> {
        self.grant.view.leaves_of(self.paths())
    }

    /// The revision of the catalogue that decided.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }
}
