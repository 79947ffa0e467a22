//! A permitted question, and one that the ledger holds, which is put to the provider.

use std::time::Instant;

use motlan_audit::{AppendError, Durable};
use motlan_policy::Permit;

use crate::answer::Answer;
use crate::duties::{Duties, Obliged};
use crate::outcome::Denial;
use crate::provider::{Enquiry, Provider, ProviderFault};
use crate::question::Question;

/// The ledger could not write, so nobody gets an answer.
#[derive(Debug, thiserror::Error)]
#[error("the ledger could not record the lookup")]
pub struct Unrecorded(#[source] pub AppendError);

/// A question with the permit to ask it.
#[must_use]
pub struct Permitted {
    pub(crate) question: Question,
    pub(crate) permit: Permit,
}

impl Permitted {
    pub(crate) fn new(question: Question, permit: Permit) -> Self {
        Self { question, permit }
    }
}

/// A question that the ledger holds. Only this can be put to a provider.
#[must_use]
pub struct Announced {
    pub(crate) question: Question,
    pub(crate) permit: Permit,
    pub(crate) obliged: Obliged,
    pub(crate) announcement: Durable,
}

impl Announced {
    /// Puts the question to the provider, once the use is where somebody reviews it. Whatever comes
    /// back, or does not, is an [`Answer`].
    pub async fn fetch<P: Provider, D: Duties>(self, provider: &P, duties: &D) -> Answer {
        let made = &self.obliged.made;
        // R96: the case is open before the provider hears of it.
        let opened = match made.is_reviewed() {
            true => duties.open(made, self.announcement.id()).await,
            false => Ok(()),
        };
        if let Err(fault) = opened {
            return Answer::new(self, Err(Denial::Duty(fault)));
        }
        if let Some(level) = self.obliged.log {
            duties.log(level, made, self.announcement.id());
        }
        let enquiry = Enquiry::new(&self.question, &self.announcement);
        // R43: a question that came too late is not put to anyone.
        let fetched = if Instant::now() < enquiry.deadline {
            provider.ask(enquiry).await
        } else {
            Err(ProviderFault::TooLate)
        };
        Answer::new(self, fetched.map_err(Denial::Provider))
    }

    /// The index of the question's record.
    pub(crate) fn index(&self) -> u64 {
        self.announcement.index()
    }
}
