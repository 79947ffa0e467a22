//! The mask under fire: any bytes are a case and a message, and what the mask makes of them is
//! compared with what an oracle of our own says must come of them.
//!
//! The oracle shares no code with the mask. It walks through message and answer with a table of
//! types and a table of granted places ([`Fault`] lists what it can find), and a reader of its own
//! merges split messages to see what is left where a denied member unset another one.
//!
//! It takes the same for well-formed as the mask, no more and no less. By design, the two are
//! lenient in five ways: the content of a field that is dropped is not looked into, but for the
//! frames of its groups; `bool`s, `enum`s and 32-bit numbers may be any varint; a tag or a length
//! may be written longer than needed; a `string` of proto2 need not be UTF-8; and required fields
//! may be missing.

mod contracts;
mod generate;
mod grants;
mod judge;
mod memory;
mod mutate;
mod parts;
mod survey;
mod types;
mod view;
mod walk;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use motlan_mask::{Mask, MaskError, Masked};

pub use self::contracts::{Case, ContractError};
pub use self::judge::{Answer, Fault};
use self::memory::{bound, bound_again, is_modest};
pub use self::mutate::Mutator;
use self::walk::{Walk, What};
pub use self::wire::Flaw;
use crate::rng::mix;

/// How many bytes before the message choose its case.
const HEAD_BYTES: usize = 2;

/// Checks inputs against the mask. Made once, as it compiles all contracts and masks.
#[derive(Debug)]
pub struct Harness {
    contracts: contracts::Contracts,
}

/// What came of an input, with nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whether the message was well-formed.
    pub is_accepted: bool,
    /// Marks of what the message holds, as numbers spread over 32 bits: an input with a mark that
    /// no other one had does something new.
    pub marks: Vec<u32>,
}

impl Harness {
    /// Compiles the contracts and their masks.
    ///
    /// # Errors
    ///
    /// A contract or a path does not compile.
    pub fn new() -> Result<Harness, ContractError> {
        let contracts = contracts::Contracts::compile()?;
        Ok(Harness { contracts })
    }

    /// What an input stands for: the first byte chooses the message type, the second one the paths,
    /// and the rest is the message. `None` if it is too short.
    #[must_use]
    pub fn case<'i>(&self, input: &'i [u8]) -> Option<(&Case, &'i [u8])> {
        let ([message, paths], rest) = input.split_first_chunk::<HEAD_BYTES>()?;
        Some((self.contracts.case(*message, *paths)?, rest))
    }

    /// A case for the message type of this full name, with paths of one's own.
    ///
    /// # Errors
    ///
    /// There is no such type or path.
    pub fn case_with(&self, message: &str, paths: &[&str]) -> Result<Case, ContractError> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        self.contracts
            .case_with(&contracts::pool()?, message, paths)
    }

    /// Applies the mask to the message of `input` and checks all that comes of it. What is too
    /// short to be an input is nothing to check.
    ///
    /// # Errors
    ///
    /// The first fault of the mask, panics included.
    pub fn check(&self, input: &[u8]) -> Result<Checked, Fault> {
        let checked = catch_unwind(AssertUnwindSafe(|| self.check_case(input)));
        checked.unwrap_or(Err(Fault::Panicked))
    }

    /// As [`Harness::check`], on a thread for which the mask has no scratch space yet.
    ///
    /// # Errors
    ///
    /// As [`Harness::check`].
    pub fn check_afresh(&self, input: &[u8]) -> Result<Checked, Fault> {
        let checked = std::thread::scope(|scope| scope.spawn(|| self.check(input)).join());
        checked.unwrap_or(Err(Fault::Panicked))
    }

    /// Judges an `answer` to the message of `case` that the mask may not have given.
    ///
    /// # Errors
    ///
    /// The first fault of the answer.
    pub fn judge(&self, case: &Case, message: &Bytes, answer: &Answer<'_>) -> Result<(), Fault> {
        let walk = Walk::through(&self.contracts.types, case, message);
        judge::judge(&self.contracts.types, case, (message, &walk), answer)
    }

    fn check_case(&self, input: &[u8]) -> Result<Checked, Fault> {
        let Some((case, message)) = self.case(input) else {
            return Ok(Checked {
                is_accepted: false,
                marks: Vec::new(),
            });
        };
        let message = Bytes::copy_from_slice(message);
        let (first, first_cost) = case.apply(&message)?;
        let (answer, cost) = case.apply(&message)?;
        if first != answer {
            return Err(Fault::Unsteady);
        }
        let walk = Walk::through(&self.contracts.types, case, &message);
        let given = case.answer(&answer);
        judge::judge(&self.contracts.types, case, (&message, &walk), &given)?;
        is_modest(&message, &first_cost, bound(&message))?;
        is_modest(&message, &cost, bound_again(case, &message, &answer))?;
        if let Ok(masked) = &answer {
            case.is_settled(masked)?;
        }
        Ok(Checked {
            is_accepted: answer.is_ok(),
            marks: marks(case, &walk),
        })
    }
}

impl Case {
    /// The mask of these paths.
    #[must_use]
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// Applies the mask, and says what that allocated.
    fn apply(&self, message: &Bytes) -> Result<(Result<Masked, MaskError>, AllocationInfo), Fault> {
        let mut answer = None;
        let cost = measure(|| answer = Some(self.mask.apply(message)));
        Ok((answer.ok_or(Fault::Panicked)?, cost))
    }

    fn answer(&self, answer: &Result<Masked, MaskError>) -> Answer<'_> {
        match answer {
            Err(error) => Answer::Refused(*error),
            Ok(masked) => Answer::Masked {
                left: masked.bytes.clone(),
                dropped: self.mask.dropped(&masked.withheld).collect(),
                absent: self.mask.absent(&masked.withheld).collect(),
            },
        }
    }

    /// Whether what left passes as it is when it is masked again.
    fn is_settled(&self, masked: &Masked) -> Result<(), Fault> {
        let Ok(again) = self.mask.apply(&masked.bytes) else {
            return Err(Fault::NotSettled);
        };
        let is_itself = again.bytes.as_ptr() == masked.bytes.as_ptr()
            && again.bytes.len() == masked.bytes.len();
        let drops = self.mask.dropped(&again.withheld).next().is_some();
        let absent = self.mask.absent(&again.withheld);
        let is_settled = is_itself && !drops && absent.eq(self.mask.absent(&masked.withheld));
        is_settled.then_some(()).ok_or(Fault::NotSettled)
    }
}

/// What stands where, after what; and which flaw.
fn marks(case: &Case, walk: &Walk<'_>) -> Vec<u32> {
    let fold = |mark: u64| (mix(mark) >> 32) as u32;
    let mut before = case.root as u64;
    let mut marks = Vec::with_capacity(walk.items.len() + 1);
    for item in &walk.items {
        let number = match item.what {
            What::Unknown => 0,
            _ => item.number,
        };
        let this = (item.within as u64) << 40 | (item.what as u64) << 32 | u64::from(number);
        marks.push(fold(before.rotate_left(20) ^ this));
        before = this;
    }
    if let Err(flaw) = walk.end {
        marks.push(fold(before.rotate_left(20) ^ u64::MAX ^ flaw as u64));
    }
    marks
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use motlan_mask::{Masked, Withheld};

    use super::{Fault, Harness};

    #[test]
    fn an_answer_that_is_masked_further_when_masked_again_is_found() {
        let harness = Harness::new().unwrap();
        let case = harness.case_with("sample.Person", &["full_name"]).unwrap();
        for left in [&b"\x12\x01L\x1a\x01x"[..], b"\x12\x02L", b"\x12\x01L"] {
            let masked = Masked {
                bytes: Bytes::from_static(left),
                // Says that the name was absent.
                withheld: Withheld::default(),
            };
            assert_eq!(case.is_settled(&masked), Err(Fault::NotSettled));
        }
        let (answer, _) = case.apply(&Bytes::from_static(b"\x12\x01L")).unwrap();
        assert_eq!(case.is_settled(&answer.unwrap()), Ok(()));
    }
}
