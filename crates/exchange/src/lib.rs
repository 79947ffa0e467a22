//! One lookup, stage by stage. This is the only crate that knows the order:
//!
//! [`Caller`] → ask → [`Question`] → decide → [`Permitted`] → reserve → [`Reserved`] → announce →
//! [`Announced`] → fetch → [`Answer`] → mask → [`Outcome`] → record → [`Recorded`] → release →
//! [`Reply`]
//!
//! Each stage is a value that only the step before can make, and each step consumes it. So a
//! question that was not permitted cannot reach a provider and an answer that was not recorded
//! cannot reach a caller: such programs do not compile (`tests/forge/`). A refusal, a silent
//! provider and a broken answer are [`Outcome`]s too, and take the same way through the ledger.
//!
//! In scope: the order of the steps and what each writes to the ledger. Out of scope: who the
//! caller is (stated by [`Caller::assertion`]), how bytes reach a provider (the [`Provider`]
//! trait), and how a reply looks on the wire. There are no sockets and no configuration here.

mod answer;
mod backing;
mod caller;
mod duties;
mod limits;
mod outcome;
mod permitted;
mod provider;
mod question;
mod record;
mod reserved;

pub use answer::Answer;
pub use backing::{Approval, Consent, InVain, Shown, Span};
pub use caller::{Caller, Official, Statement};
pub use duties::{Duties, DutyFault, Emergency, Use};
pub use limits::{Charge, Exceeded, Limits, NoRandomKey, TAGS_MAX, Whose};
pub use outcome::{Denial, Lack, Outcome, Recorded, Release, Reply};
pub use permitted::{Announced, Permitted, Unrecorded};
pub use provider::{Enquiry, Fetched, Provider, ProviderFault};
pub use question::{Arrival, Ask, Question};
pub use reserved::Reserved;
