//! What a mask kept back.

use crate::bits::Bits;

/// The bit that stands for all that has no path: unknown fields, extensions, unnamed `Any`s.
pub(crate) const UNNAMED: u32 = 0;

/// What a mask kept back from one message, or from a stream of them: numbers, not names, so that it
/// costs nothing to gather. [`Mask::dropped`](crate::Mask::dropped) and
/// [`Mask::absent`](crate::Mask::absent) give the names; only the mask it came from can.
///
/// The default has seen nothing: of an empty stream, every granted path was absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Withheld {
    pub(crate) bits: Bits,
}

impl Withheld {
    /// Adds what was withheld from a further message of the same stream: a path is dropped if it
    /// was in any message, and absent if it was in none.
    pub fn merge(&mut self, further: &Withheld) {
        self.bits.union(&further.bits);
    }
}
