//! The number of a sealed part: where its key lies in the key tree. Each is used once.
//!
//! The opening is the size of the log when the ledger was opened. Two openings of one size used no
//! number in common that is in the log: what the first wrote would have made the log longer.

use crate::tree::sha256;

/// The length of an opening, and of a count, on disk.
const PART_BYTES: usize = 5;
const LABEL_BYTES: usize = 8;
/// The length of a number on disk: without its label, which the leaf tells.
pub(super) const NUMBER_BYTES: usize = 2 * PART_BYTES;
/// How many digits a path has.
pub(super) const DIGITS: usize = 2 * (LABEL_BYTES + NUMBER_BYTES);

/// What kind of record, and of which dataset: the first digits of the path, so that all keys of a
/// dataset can be destroyed at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Label([u8; LABEL_BYTES]);

impl Label {
    /// Of the records about a dataset.
    pub(crate) fn dataset(dataset: &str) -> Label {
        Label::of(&format!("dataset {dataset}"))
    }

    /// Of the records of erasures, which no erasure destroys.
    pub(crate) fn erasures() -> Label {
        Label::of("erasures")
    }

    /// Of the records of looks into the audit trail, whatever dataset was looked for.
    pub(crate) fn looks() -> Label {
        Label::of("looks")
    }

    /// Of the records of holds.
    pub(crate) fn holds() -> Label {
        Label::of("holds")
    }

    /// Of the records of links, whose sealed parts say nothing.
    pub(crate) fn links() -> Label {
        Label::of("links")
    }

    /// Of the records of changes, whose sealed parts say nothing.
    pub(crate) fn changes() -> Label {
        Label::of("changes")
    }

    fn of(name: &str) -> Label {
        let mut label = [0; LABEL_BYTES];
        let hash = sha256(format!("motlan sealing\n{name}\n").as_bytes());
        label.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Label(label)
    }

    /// The digits that all paths of the label begin with.
    pub(super) fn path(self) -> Vec<u8> {
        digits(&self.0).collect()
    }
}

/// The number of one sealed part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Number(pub(super) [u8; NUMBER_BYTES]);

impl Number {
    /// The `count`th number of an opening. `None` where there are no more.
    pub(super) fn new(opening: u64, count: u64) -> Option<Number> {
        let mut number = [0; NUMBER_BYTES];
        let (left, right) = number.split_at_mut(PART_BYTES);
        for (part, value) in [(left, opening), (right, count)] {
            let [over @ .., _, _, _, _, _] = value.to_be_bytes();
            if over != [0; 3] {
                return None;
            }
            part.copy_from_slice(value.to_be_bytes().get(3..)?);
        }
        Some(Number(number))
    }

    /// Its place in the key tree.
    pub(super) fn path(self, label: Label) -> [u8; DIGITS] {
        let mut path = [0; DIGITS];
        let bytes = digits(&label.0).chain(digits(&self.0));
        path.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        path
    }
}

fn digits(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_differ_lie_apart_and_those_of_a_dataset_together() {
        let (population, land) = (Label::dataset("population"), Label::dataset("land"));
        let number = Number::new(0x01_0203_0405, 0xa0).unwrap();
        let path = number.path(population);
        assert_eq!(
            path[16..],
            [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0xa, 0]
        );
        assert_eq!(path[..16], population.path());
        assert_ne!(population.path(), land.path());
        assert_ne!(Label::dataset("erasures").path(), Label::erasures().path());
        assert_ne!(Number::new(1, 0), Number::new(0, 1));
    }

    #[test]
    fn a_number_that_does_not_fit_is_none() {
        assert!(Number::new((1 << 40) - 1, (1 << 40) - 1).is_some());
        assert_eq!(Number::new(1 << 40, 0), None);
        assert_eq!(Number::new(0, 1 << 40), None);
    }
}
