//! A set of small numbers that needs no allocation as long as they are small enough.

const WORD: usize = u64::BITS as usize;
const INLINE_WORDS: usize = 4;
/// Room for numbers below 2,304 once one does not lie inline, so that it is made once.
const FAR_WORDS: usize = 32;

/// A set of numbers; below 256 they lie inline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    head: [u64; INLINE_WORDS],
    tail: Vec<u64>,
}

impl Bits {
    /// Adds `bit`.
    #[inline]
    pub(crate) fn insert(&mut self, bit: u32) {
        let (word, mask) = place(bit);
        if let Some(word) = self.head.get_mut(word) {
            *word |= mask;
        } else {
            self.insert_far(word.saturating_sub(INLINE_WORDS), mask);
        }
    }

    #[cold]
    fn insert_far(&mut self, word: usize, mask: u64) {
        if self.tail.len() <= word {
            if self.tail.is_empty() {
                self.tail.reserve(FAR_WORDS);
            }
            self.tail.resize(word.saturating_add(1), 0);
        }
        if let Some(word) = self.tail.get_mut(word) {
            *word |= mask;
        }
    }

    /// Whether `bit` is in the set.
    pub(crate) fn contains(&self, bit: u32) -> bool {
        let (word, mask) = place(bit);
        let far = || self.tail.get(word.saturating_sub(INLINE_WORDS));
        self.head
            .get(word)
            .or_else(far)
            .is_some_and(|word| word & mask != 0)
    }

    /// Adds everything that `other` holds.
    pub(crate) fn union(&mut self, other: &Bits) {
        for (mine, theirs) in self.head.iter_mut().zip(other.head) {
            *mine |= theirs;
        }
        if self.tail.len() < other.tail.len() {
            self.tail.resize(other.tail.len(), 0);
        }
        for (mine, theirs) in self.tail.iter_mut().zip(&other.tail) {
            *mine |= theirs;
        }
    }
}

fn place(bit: u32) -> (usize, u64) {
    let bit = bit as usize;
    (bit / WORD, 1 << (bit % WORD))
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn numbers_near_and_far_are_found_again_and_no_others() {
        let mut bits = Bits::default();
        let put = [0, 63, 64, 255, 256, 1000];
        for bit in put {
            bits.insert(bit);
        }
        for bit in 0..1100 {
            assert_eq!(bits.contains(bit), put.contains(&bit), "{bit}");
        }
    }

    #[test]
    fn a_union_holds_both_whichever_is_longer() {
        let (mut near, mut far) = (Bits::default(), Bits::default());
        near.insert(3);
        far.insert(300);
        let (mut one, mut other) = (near.clone(), far.clone());
        one.union(&far);
        other.union(&near);
        assert_eq!(one, other);
        assert!(one.contains(3) && one.contains(300) && !one.contains(4));
    }
}
