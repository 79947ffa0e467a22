//! Sets of records: of a chunk of 65,536 records as a list or a bitmap, whichever is shorter; of a
//! run of 262,144 as a list of differences.

/// How many records a chunk has.
pub(super) const CHUNK: u64 = 1 << 16;
/// How many records a run has: four chunks.
pub(super) const RUN: u64 = 1 << 18;
/// A longer list is a bitmap.
const LISTED_MAX: usize = 4096;
const WORDS: usize = 1024;

const LIST: u8 = 0;
const BITMAP: u8 = 1;

/// Some records of one chunk, by their place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// Rising; at most [`LISTED_MAX`].
    List(Vec<u16>),
    /// One bit for each record; more than [`LISTED_MAX`] are set.
    Bits(Vec<u64>),
}

impl Default for Set {
    fn default() -> Set {
        Set::List(Vec::new())
    }
}

impl Set {
    /// The set of places that rise.
    pub(super) fn of(places: Vec<u16>) -> Set {
        if places.len() <= LISTED_MAX {
            return Set::List(places);
        }
        let mut bits = vec![0; WORDS];
        for place in places {
            put(&mut bits, place);
        }
        Set::Bits(bits)
    }

    /// All places below `end`.
    pub(super) fn below(end: u64) -> Set {
        Set::of(
            (0..=u16::MAX)
                .take_while(|at| u64::from(*at) < end)
                .collect(),
        )
    }

    /// Adds places that rise, all behind those that are there.
    pub(super) fn add(&mut self, places: &[u16]) {
        match self {
            Set::Bits(bits) => places.iter().for_each(|place| put(bits, *place)),
            Set::List(list) => {
                list.extend_from_slice(places);
                if list.len() > LISTED_MAX {
                    *self = Set::of(std::mem::take(list));
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Set::List(list) if list.is_empty())
    }

    pub(super) fn has(&self, place: u16) -> bool {
        match self {
            Set::List(list) => list.binary_search(&place).is_ok(),
            Set::Bits(bits) => {
                let word = bits.get(usize::from(place / 64)).copied().unwrap_or(0);
                word >> (place % 64) & 1 == 1
            }
        }
    }

    /// What is in both.
    pub(super) fn and(self, other: &Set) -> Set {
        match (self, other) {
            (Set::Bits(ours), Set::Bits(theirs)) => {
                Set::packed(ours.iter().zip(theirs).map(|(a, b)| a & b).collect())
            }
            (Set::List(mut list), other) => {
                list.retain(|place| other.has(*place));
                Set::List(list)
            }
            (ours, Set::List(list)) => {
                let both = list.iter().copied().filter(|place| ours.has(*place));
                Set::List(both.collect())
            }
        }
    }

    /// What is here and not in the other.
    pub(super) fn without(self, other: &Set) -> Set {
        Set::of(self.places().filter(|place| !other.has(*place)).collect())
    }

    /// The places, rising.
    pub(super) fn places(&self) -> Box<dyn DoubleEndedIterator<Item = u16> + '_> {
        match self {
            Set::List(list) => Box::new(list.iter().copied()),
            Set::Bits(_) => Box::new((0..=u16::MAX).filter(|place| self.has(*place))),
        }
    }

    fn packed(bits: Vec<u64>) -> Set {
        let count: u32 = bits.iter().map(|word| word.count_ones()).sum();
        let bits = Set::Bits(bits);
        match count as usize > LISTED_MAX {
            true => bits,
            false => Set::List(bits.places().collect()),
        }
    }

    /// As it stands in the file.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Set::List(list) => {
                let places = list.iter().flat_map(|place| place.to_le_bytes());
                [LIST].into_iter().chain(places).collect()
            }
            Set::Bits(bits) => {
                let words = bits.iter().flat_map(|word| word.to_le_bytes());
                [BITMAP].into_iter().chain(words).collect()
            }
        }
    }

    /// Reads what [`Set::encode`] wrote.
    pub(super) fn decode(bytes: &[u8]) -> Option<Set> {
        match bytes.split_first()? {
            (&LIST, places) => {
                let (places, rest) = places.as_chunks();
                let list: Vec<_> = places.iter().map(|two| u16::from_le_bytes(*two)).collect();
                let fits = rest.is_empty() && list.len() <= LISTED_MAX;
                (fits && list.is_sorted_by(|a, b| a < b)).then_some(Set::List(list))
            }
            (&BITMAP, words) => {
                let (words, rest) = words.as_chunks();
                let bits: Vec<_> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
                let fits = rest.is_empty() && bits.len() == WORDS;
                let set = Set::packed(bits);
                (fits && matches!(set, Set::Bits(_))).then_some(set)
            }
            _ => None,
        }
    }
}

fn put(bits: &mut [u64], place: u16) {
    if let Some(word) = bits.get_mut(usize::from(place / 64)) {
        *word |= 1 << (place % 64);
    }
}

/// Which chunk a record is in, and where in it.
pub(super) fn chunk_of(index: u64) -> (u32, u16) {
    let chunk = u32::try_from(index / CHUNK).unwrap_or(u32::MAX);
    (chunk, u16::try_from(index % CHUNK).unwrap_or(u16::MAX))
}

/// Which run a record is in, and where in it.
pub(super) fn run_of(index: u64) -> (u32, u32) {
    let part = |part: u64| u32::try_from(part).unwrap_or(u32::MAX);
    (part(index / RUN), part(index % RUN))
}

/// A list of places in a run that rise, as it stands in the file: the differences, in groups of
/// seven bits, the lowest first.
pub(super) fn encode_list(list: &[u32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.len() + 2);
    let mut last = 0;
    for place in list {
        put_number(&mut out, u64::from(place - last));
        last = *place;
    }
    out
}

/// Reads what [`encode_list`] wrote.
pub(super) fn decode_list(mut bytes: &[u8]) -> Option<Vec<u32>> {
    let (mut list, mut last) = (Vec::new(), 0_u64);
    while !bytes.is_empty() {
        let step = take_number(&mut bytes)?;
        if step == 0 && !list.is_empty() {
            return None;
        }
        last = last.checked_add(step).filter(|place| *place < RUN)?;
        list.push(u32::try_from(last).ok()?);
    }
    (!list.is_empty()).then_some(list)
}

/// Appends a number, in groups of seven bits.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        // The lowest seven bits.
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

/// Takes a number off the front.
pub(super) fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Few, about as many as change the form, and many: drawn with repeats: none is refused.
    fn places() -> impl Strategy<Value = BTreeSet<u16>> {
        let draws = prop_oneof![
            prop::collection::vec(any::<u16>(), 0..200),
            prop::collection::vec(0..9000_u16, 5300..5700),
            prop::collection::vec(0..12_000_u16, 8500..10_500),
        ];
        draws.prop_map(|draws| draws.into_iter().collect())
    }

    fn set(places: &BTreeSet<u16>) -> Set {
        Set::of(places.iter().copied().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn sets_do_what_the_standard_library_does(
            a in places(),
            b in places(),
            cut in any::<u16>(),
        ) {
            let both = a.intersection(&b).copied().collect();
            prop_assert_eq!(set(&a).and(&set(&b)), set(&both));
            let rest = a.difference(&b).copied().collect();
            prop_assert_eq!(set(&a).without(&set(&b)), set(&rest));
            prop_assert_eq!(Set::decode(&set(&a).encode()), Some(set(&a)));
            let (front, back): (Vec<u16>, Vec<u16>) = a.iter().partition(|place| **place < cut);
            let mut grown = Set::of(front);
            grown.add(&back);
            prop_assert_eq!(&grown, &set(&a));
            prop_assert!(grown.places().eq(a.iter().copied()));
        }

        #[test]
        fn lists_read_back(list in prop::collection::btree_set(0..RUN as u32, 1..300)) {
            let list: Vec<u32> = list.into_iter().collect();
            prop_assert_eq!(decode_list(&encode_list(&list)), Some(list));
        }

        #[test]
        fn any_bytes_are_taken_apart_without_harm(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let _ = (Set::decode(&bytes), decode_list(&bytes));
        }
    }

    #[test]
    fn all_places_below_an_end_are_that_many() {
        for end in [0, 1, 4096, 4097, CHUNK] {
            assert_eq!(Set::below(end).places().count() as u64, end);
        }
    }
}
