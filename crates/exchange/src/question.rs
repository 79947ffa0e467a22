//! What is asked, and whether it may be.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use motlan_catalog::{Method, RequestFault, Subject};
use motlan_policy::{Moment, Query, Rules};

use crate::backing::{Shown, Weighed};
use crate::caller::Caller;
use crate::outcome::{Denial, Outcome};
use crate::permitted::Permitted;

/// When a question arrived: on the wall clock, and on the clock that only goes forward.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Microseconds since the Unix epoch.
    pub unix_us: i64,
    /// The same instant.
    pub instant: Instant,
}

impl Arrival {
    /// Now, as the policy sees it: a caller that takes its time with the message does not stretch
    /// the hours of a grant.
    fn moment(self) -> Moment {
        Moment::from_unix_ms(self.now_us().div_euclid(1000))
    }

    /// Microseconds since the arrival.
    pub(crate) fn elapsed_us(self) -> u64 {
        u64::try_from(self.instant.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Now, in microseconds since the Unix epoch, never before the arrival.
    pub(crate) fn now_us(self) -> i64 {
        self.unix_us.saturating_add_unsigned(self.elapsed_us())
    }
}

/// What a caller sends, parsed at the edge.
pub struct Ask {
    /// The method asked.
    pub method: Arc<Method>,
    /// The encoded request message, without its gRPC prefix.
    pub request: Bytes,
    /// The grant cited in `motlan-grant`.
    pub cited: Option<String>,
    /// The fields asked for in `motlan-fields`; empty where the caller named none.
    pub fields: Vec<String>,
    /// What the caller shows that others have signed.
    pub shown: Shown,
    /// The `traceparent` to pass on.
    pub trace_parent: Option<String>,
    /// The W3C trace id; empty where there is none.
    pub trace_id: Vec<u8>,
    /// When it arrived.
    pub arrived: Arrival,
    /// When the caller stops waiting.
    pub deadline: Instant,
}

/// A known caller's question, not yet decided.
#[must_use]
pub struct Question {
    pub(crate) caller: Caller,
    pub(crate) ask: Ask,
    pub(crate) subject: Result<Subject, RequestFault>,
    /// What of it fits.
    pub(crate) weighed: Weighed,
}

impl Question {
    pub(crate) fn new(caller: Caller, ask: Ask) -> Self {
        let subject = ask.method.subject(&ask.request);
        let now_us = ask.arrived.now_us();
        let weighed = match &subject {
            Ok(subject) => ask.shown.weighed(&caller, &ask, subject.expose(), now_us),
            Err(_) => Weighed::default(),
        };
        Self {
            caller,
            ask,
            subject,
            weighed,
        }
    }

    /// What the rules see of it.
    #[must_use]
    pub fn query(&self) -> Query<'_> {
        Query {
            system: &self.caller.system,
            method: &self.ask.method,
            procedure: &self.caller.statement.procedure,
            dossier: self.caller.statement.dossier.is_some(),
            backing: self.weighed.backing(self.emergency()),
            cited: self.ask.cited.as_deref(),
            fields: &self.ask.fields,
        }
    }

    /// When it is decided: now.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.ask.arrived.moment()
    }

    /// Decides whether it may be asked.
    ///
    /// # Errors
    /// The refusal, as an [`Outcome`] that still has to be recorded.
    pub fn decide(mut self, rules: &Rules) -> Result<Permitted, Outcome> {
        let decided = match &self.subject {
            Err(fault) => Err(Denial::Request(fault.clone())),
            Ok(_) => {
                let decided = rules.decide(&self.query(), self.moment());
                decided.map_err(|refusal| self.weighed.denial(refusal))
            }
        };
        if !rules.knows_cited(&self.query()) {
            // The caller's own text: not for the ledger.
            self.ask.cited = None;
        }
        match decided {
            Ok(permit) => Ok(Permitted::new(self, permit)),
            Err(denial) => Err(Outcome::refused(self, rules.revision().clone(), denial)),
        }
    }

    /// The official, where one declares an emergency.
    fn emergency(&self) -> Option<&str> {
        let statement = &self.caller.statement;
        statement.incident.as_ref()?;
        Some(statement.official.expose())
    }
}
