//! How a lookup ended, on its way through the ledger to the caller.

mod lack;

use std::sync::Arc;

use bytes::Bytes;
use motlan_audit::{Durable, Entry, Ledger, RecordId};
use motlan_catalog::{RequestFault, Revision};
use motlan_policy::Refusal;

use crate::backing::InVain;
use crate::duties::DutyFault;
use crate::limits::Exceeded;
use crate::permitted::{Announced, Unrecorded};
use crate::provider::ProviderFault;
use crate::question::Question;
use crate::record;

/// Why a lookup gives no answer, by whose fault it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The request is not what the contract says.
    #[error(transparent)]
    Request(RequestFault),
    /// The policy refuses.
    #[error(transparent)]
    Policy(Refusal),
    /// The policy refuses, and what was shown that others signed did not count.
    #[error("{refusal}{in_vain}")]
    Unbacked {
        /// The refusal.
        refusal: Refusal,
        /// Why it did not count.
        in_vain: InVain,
    },
    /// An earlier use stands in the way, or what the grant obliges to could not be done.
    #[error(transparent)]
    Duty(DutyFault),
    /// The grant was used as often as it may be.
    #[error(transparent)]
    Limit(Exceeded),
    /// The provider gave no answer that may leave.
    #[error(transparent)]
    Provider(ProviderFault),
}

impl Denial {
    /// The stable reason, as in `google.rpc.ErrorInfo.reason` and in the ledger.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Request(_) => "REQUEST_MALFORMED",
            Self::Policy(refusal) | Self::Unbacked { refusal, .. } => refusal.reason(),
            Self::Duty(fault) => fault.reason(),
            Self::Limit(exceeded) => exceeded.reason(),
            Self::Provider(fault) => fault.reason(),
        }
    }

    /// What it means for whoever needs the data: whether it is there to be had at all.
    #[must_use]
    pub fn lack(&self) -> Lack {
        match self {
            Self::Policy(refusal) | Self::Unbacked { refusal, .. } => lack::of_refusal(refusal),
            Self::Provider(fault) => lack::of_fault(fault),
            // The caller mends the request, waits for the limit, has the uses reviewed; the
            // operator sees to what the gateway could not do.
            Self::Request(_) | Self::Duty(_) | Self::Limit(_) => Lack::Own,
        }
    }
}

/// What it means for whoever needs the data that a lookup gave none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// No agreement gives it to this agency for this purpose, as far as this question goes: of
    /// several grants the nearest was told, of a cited one nothing but it. Whether another one
    /// would give it, with all that can be shown, is for `Rules::way` to say.
    NotShared,
    /// The dataset has no record of the subject.
    NotFound,
    /// The owner's system did not give it.
    Unavailable {
        /// Whether it may give it when it is asked again.
        again: bool,
    },
    /// The owner's system was not asked: there was no place or no time left. It may give it when it
    /// is asked.
    Unasked,
    /// The caller or the operator has to mend something: it is not known whether it can be had.
    Own,
}

/// What the caller gets.
pub struct Release {
    /// The masked messages, without their gRPC prefixes.
    pub messages: Vec<Bytes>,
    /// The fields that were present and did not leave.
    pub withheld: Vec<String>,
    /// The fields of whose values the agreement covers a part, present or not, sorted.
    pub covered: Vec<String>,
    /// As of when the answer holds, as RFC 3339.
    pub as_of: String,
    /// The first instant at which it may no longer be kept, in microseconds since the Unix epoch.
    pub keep_until_us: Option<i64>,
}

/// Something that opens only with the proof that its record is durable. Boxed: an outcome is also
/// the error of a decision.
struct Held<T>(Box<T>);

impl<T> Held<T> {
    fn open(self, _proof: &Durable) -> T {
        *self.0
    }
}

/// How a lookup ended. Nobody hears of it before it is recorded.
#[must_use]
pub struct Outcome {
    entry: Box<Entry>,
    result: Held<Result<Release, Denial>>,
    /// R96: lets no case of it be closed until the outcome is on record.
    under_way: Option<Arc<()>>,
}

impl Outcome {
    pub(crate) fn refused(question: Question, revision: Revision, denial: Denial) -> Self {
        let entry = Box::new(record::refused(&question, &revision, &denial));
        Self {
            entry,
            result: Held(Box::new(Err(denial))),
            under_way: None,
        }
    }

    pub(crate) fn failed(announced: Announced, denial: Denial) -> Self {
        let entry = Box::new(record::failed(&announced, &denial));
        Self {
            entry,
            result: Held(Box::new(Err(denial))),
            under_way: Some(announced.obliged.made.under_way),
        }
    }

    pub(crate) fn answered(announced: Announced, release: Release, released: Vec<String>) -> Self {
        let entry = Box::new(record::answered(&announced, &release, released));
        Self {
            entry,
            result: Held(Box::new(Ok(release))),
            under_way: Some(announced.obliged.made.under_way),
        }
    }

    /// Writes the outcome to the ledger; resolves once it is durable.
    ///
    /// # Errors
    /// [`Unrecorded`], upon which the caller gets no answer.
    pub async fn record(self, ledger: &Ledger) -> Result<Recorded, Unrecorded> {
        // R32: the outcome is durable before the caller hears it. R12: refusals and failures too.
        let proof = ledger.append(*self.entry).await.map_err(Unrecorded)?;
        drop(self.under_way);
        Ok(Recorded {
            proof,
            result: self.result,
        })
    }
}

/// An outcome that the ledger holds. Only this can be released.
#[must_use]
pub struct Recorded {
    proof: Durable,
    result: Held<Result<Release, Denial>>,
}

impl Recorded {
    /// Releases the outcome to the caller.
    pub fn release(self) -> Reply {
        let result = self.result.open(&self.proof);
        Reply {
            record: self.proof.id().clone(),
            index: self.proof.index(),
            result,
        }
    }
}

/// What the caller hears.
#[must_use]
#[non_exhaustive]
pub struct Reply {
    /// The record of the outcome, for `motlan-record`.
    pub record: RecordId,
    /// Its index in the log.
    pub index: u64,
    /// The answer, or why there is none.
    pub result: Result<Release, Denial>,
}
