//! A permitted question that may be asked now, whatever was asked before.

use std::time::Instant;

use motlan_audit::Ledger;

use crate::duties::{Duties, Obliged};
use crate::limits::{Charge, Limits};
use crate::outcome::{Denial, Outcome};
use crate::permitted::{Announced, Permitted, Unrecorded};
use crate::record;

/// A permitted question for which everything that others have used up or left open was looked at.
#[must_use]
pub struct Reserved {
    permitted: Permitted,
    obliged: Obliged,
}

impl Permitted {
    /// Charges the limits that the grant sets, all of them or none; then looks whether earlier uses
    /// of the grant stand in the way, and begins an emergency at its first use. What is charged is
    /// not given back, whatever comes of the question.
    ///
    /// # Errors
    /// The refusal, as an [`Outcome`] that still has to be recorded.
    pub async fn reserve<D: Duties>(
        self,
        limits: &Limits,
        duties: &D,
    ) -> Result<Reserved, Outcome> {
        let obliged = Obliged::by(&self.question, &self.permit);
        // R93: before an emergency begins: no question that a limit refuses leaves a case behind.
        let reserved = match self.charge(limits) {
            // R94, R96: what nobody reviewed in time, and what is over, is not used on. The grant
            // is asked about also where its terms, as they are now, leave nothing to be reviewed.
            Ok(()) => duties.admit(&obliged.made).await.map_err(Denial::Duty),
            Err(denial) => Err(denial),
        };
        match reserved {
            Ok(()) => Ok(Reserved {
                permitted: self,
                obliged,
            }),
            Err(denial) => {
                let revision = self.permit.revision().clone();
                Err(Outcome::refused(self.question, revision, denial))
            }
        }
    }

    fn charge(&self, limits: &Limits) -> Result<(), Denial> {
        let Self { question, permit } = self;
        let subject = question.subject.as_ref();
        let one = Charge {
            grant: permit.grant(),
            consumer: &question.caller.system.agency,
            subject: subject
                .map_err(|fault| Denial::Request(fault.clone()))?
                .expose(),
            official: question.caller.statement.official.expose(),
        };
        let (moment, instant) = (question.moment(), Instant::now());
        let charged = limits.charge(&one, permit.terms(), moment, instant);
        charged.map_err(Denial::Limit)
    }
}

impl Reserved {
    /// Writes the question to the ledger; resolves once it is durable.
    ///
    /// # Errors
    /// [`Unrecorded`], upon which no provider may be asked.
    pub async fn announce(self, ledger: &Ledger) -> Result<Announced, Unrecorded> {
        let Permitted { question, permit } = self.permitted;
        // R31: the question is durable before the provider hears it.
        let entry = record::question(&question, &permit);
        let announcement = ledger.append(entry).await.map_err(Unrecorded)?;
        Ok(Announced {
            question,
            permit,
            obliged: self.obliged,
            announcement,
        })
    }
}
