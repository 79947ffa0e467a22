//! A supply of numbers to make descriptors, paths and messages of: the same ones in every run.

/// Where the supply ends, so does what is made of it.
pub(crate) struct Supply<'a>(std::slice::Iter<'a, u32>);

impl<'a> Supply<'a> {
    pub(crate) fn new(numbers: &'a [u32]) -> Supply<'a> {
        Supply(numbers.iter())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// The next number, below `limit`; 0 when there are no more.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0.next().map_or(0, |number| *number as usize % limit)
    }

    /// True one time in `times`; never when there are no more numbers.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 1
    }

    pub(crate) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

/// `count` numbers that `seed` decides (splitmix64).
pub(crate) fn numbers(seed: u64, count: usize) -> Vec<u32> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 32) as u32
    };
    std::iter::repeat_with(next).take(count).collect()
}
