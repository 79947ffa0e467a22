//! What a lookup asked, apart from the set that decided it.

use motlan_catalog::{Catalog, ProcedureCode, SystemId};
use motlan_policy::{Backing, Moment, Query, Rules};

use super::Decided;

/// What was asked, by names. May hold an official: does not print.
pub struct Asked {
    /// The calling system.
    pub system: SystemId,
    /// The method asked, by its path.
    pub method: String,
    /// The procedure that the official named.
    pub procedure: ProcedureCode,
    /// Whether the official named a dossier.
    pub dossier: bool,
    /// The fields consented to, where there was a consent; empty is all that a view gives.
    pub consented: Option<Vec<String>>,
    /// How many approved.
    pub approvals: u8,
    /// The official, where one declared an emergency.
    pub emergency: Option<String>,
    /// The grant cited.
    pub cited: Option<String>,
    /// The fields asked for.
    pub fields: Vec<String>,
    /// When.
    pub at: Moment,
}

impl Asked {
    /// Copies a question.
    #[must_use]
    pub fn of(query: &Query<'_>, at: Moment) -> Self {
        let backing = &query.backing;
        Self {
            system: query.system.id.clone(),
            method: query.method.path.clone(),
            procedure: query.procedure.clone(),
            dossier: query.dossier,
            consented: backing.consented.map(<[String]>::to_vec),
            approvals: backing.approvals,
            emergency: backing.emergency.map(str::to_owned),
            cited: query.cited.map(str::to_owned),
            fields: query.fields.to_vec(),
            at,
        }
    }

    /// The question as `catalog` knows it, to be put to its rules; or why that does not know who
    /// asks, or what is asked.
    ///
    /// # Errors
    /// The reason that a caller would be told.
    pub fn query<'a>(&'a self, catalog: &'a Catalog) -> Result<Query<'a>, &'static str> {
        let system = catalog.system(&self.system).ok_or("SYSTEM_UNREGISTERED")?;
        let method = catalog.method(&self.method).ok_or("METHOD_UNKNOWN")?;
        Ok(Query {
            system,
            method,
            procedure: &self.procedure,
            dossier: self.dossier,
            backing: Backing {
                consented: self.consented.as_deref(),
                approvals: self.approvals,
                emergency: self.emergency.as_deref(),
            },
            cited: self.cited.as_deref(),
            fields: &self.fields,
        })
    }

    /// What the rules of `catalog` decide.
    pub fn decided(&self, catalog: &Catalog, rules: &Rules) -> Decided {
        match self.query(catalog) {
            Ok(query) => Decided::of(rules.decide(&query, self.at)),
            Err(reason) => Decided::Refused {
                reason: reason.to_owned(),
            },
        }
    }
}
