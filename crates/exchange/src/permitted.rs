//! A permitted question, announced to the ledger, then put to the provider.

use std::time::Instant;

use motlan_audit::{AppendError, Durable, Ledger};
use motlan_policy::Permit;

use crate::answer::Answer;
use crate::provider::{Enquiry, Provider, ProviderFault};
use crate::question::Question;
use crate::record;

/// The ledger could not write, so nobody gets an answer.
#[derive(Debug, thiserror::Error)]
#[error("the ledger could not record the lookup")]
pub struct Unrecorded(#[source] pub AppendError);

/// A question with the permit to ask it.
#[must_use]
pub struct Permitted {
    question: Question,
    permit: Permit,
}

impl Permitted {
    pub(crate) fn new(question: Question, permit: Permit) -> Self {
        Self { question, permit }
    }

    /// Writes the question to the ledger; resolves once it is durable.
    ///
    /// # Errors
    /// [`Unrecorded`], upon which no provider may be asked.
    pub async fn announce(self, ledger: &Ledger) -> Result<Announced, Unrecorded> {
        // R31: the question is durable before the provider hears it.
        let entry = record::question(&self.question, &self.permit);
        let announcement = ledger.append(entry).await.map_err(Unrecorded)?;
        Ok(Announced {
            question: self.question,
            permit: self.permit,
            announcement,
        })
    }
}

/// A question that the ledger holds. Only this can be put to a provider.
#[must_use]
pub struct Announced {
    pub(crate) question: Question,
    pub(crate) permit: Permit,
    announcement: Durable,
}

impl Announced {
    /// Puts the question to the provider. Whatever comes back, or does not, is an [`Answer`].
    pub async fn fetch<P: Provider>(self, provider: &P) -> Answer {
        let enquiry = Enquiry::new(&self.question, &self.announcement);
        // R43: a question that came too late is not put to anyone.
        let fetched = if Instant::now() < enquiry.deadline {
            provider.ask(enquiry).await
        } else {
            Err(ProviderFault::TooLate)
        };
        Answer::new(self, fetched)
    }

    /// The index of the question's record.
    pub(crate) fn index(&self) -> u64 {
        self.announcement.index()
    }
}
