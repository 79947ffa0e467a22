//! What is asked, and the proof that it may be.

use std::sync::Arc;

use motlan_catalog::{GrantId, Method, ProcedureCode, Revision, System, View, ViewName};
use motlan_mask::Mask;

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
    /// The grant cited in `motlan-grant`, if any.
    pub cited: Option<&'a str>,
    /// The fields asked for in `motlan-fields`; empty asks for what the view gives.
    pub fields: &'a [String],
}

/// Proof that [`Rules::decide`](crate::Rules::decide) allowed one lookup: one permit, one lookup.
#[must_use]
pub struct Permit {
    pub(super) grant: GrantId,
    pub(super) view: Arc<View>,
    pub(super) mask: Arc<Mask>,
    /// The fields asked for; empty where the view as a whole was.
    pub(super) narrowed: Vec<String>,
    pub(super) revision: Revision,
}

impl Permit {
    /// The grant that allowed it.
    pub fn grant(&self) -> &GrantId {
        &self.grant
    }

    /// The view that the grant gives.
    pub fn view(&self) -> &ViewName {
        &self.view.name
    }

    /// What may leave: the view, or the part of it that was asked for.
    pub fn mask(&self) -> &Arc<Mask> {
        &self.mask
    }

    /// The paths that the mask lets through.
    pub fn paths(&self) -> &[String] {
        if self.narrowed.is_empty() {
            &self.view.paths
        } else {
            &self.narrowed
        }
    }

    /// The same with every message opened, sorted: what people read and compare.
    #[must_use]
    pub fn leaves(&self) -> Vec<String> {
        self.view.leaves_of(self.paths())
    }

    /// The revision of the catalogue that decided.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }
}
