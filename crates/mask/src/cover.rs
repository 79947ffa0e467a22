//! Values of which a part is covered before they leave.

/// A string of which only a part may leave: the rest is replaced by `*`, one for each character.
///
/// A character is a Unicode scalar value. A value that has no more characters than are kept is
/// covered whole: otherwise a short one would leave as it stands. How many characters a value has
/// can always be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// The field: a `string`, be it repeated, or a map whose values are strings and whose keys
    /// leave as they stand. It is covered at this path only, also where messages of its type lie
    /// within each other.
    pub path: String,
    /// What is left of it.
    pub keep: Keep,
}

/// Which characters of a covered value leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The first so many.
    First(u16),
    /// The last so many.
    Last(u16),
}

/// The part of a value that is covered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    /// Its first byte.
    pub(crate) from: usize,
    /// The byte after its last one.
    pub(crate) to: usize,
    /// How many characters it has: no more than bytes.
    pub(crate) characters: usize,
}

impl Keep {
    /// What of `text` is covered.
    pub(crate) fn covered(self, text: &str) -> Covered {
        let characters = text.chars().count();
        let (kept, first) = match self {
            Keep::First(kept) => (usize::from(kept), true),
            Keep::Last(kept) => (usize::from(kept), false),
        };
        if characters <= kept {
            return Covered {
                from: 0,
                to: text.len(),
                characters,
            };
        }
        let covered = characters.saturating_sub(kept);
        let starts_at = |position: usize| {
            let start = text.char_indices().nth(position);
            start.map_or(text.len(), |(at, _)| at)
        };
        let (from, to) = match first {
            true => (starts_at(kept), text.len()),
            false => (0, starts_at(covered)),
        };
        Covered {
            from,
            to,
            characters: covered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Keep;

    /// What a reader would see.
    fn shown(keep: Keep, text: &str) -> String {
        let covered = keep.covered(text);
        let (before, after) = (&text[..covered.from], &text[covered.to..]);
        format!("{before}{}{after}", "*".repeat(covered.characters))
    }

    #[test]
    fn what_is_kept_is_counted_in_characters_and_not_in_bytes() {
        assert_eq!(shown(Keep::Last(4), "001099012345"), "********2345");
        assert_eq!(shown(Keep::First(3), "001099012345"), "001*********");
        assert_eq!(shown(Keep::Last(3), "Trần Thị Đậu"), "*********Đậu");
        assert_eq!(shown(Keep::First(4), "Trần Thị Đậu"), "Trần********");
        assert_eq!(shown(Keep::Last(1), "a\u{10ffff}"), "*\u{10ffff}");
    }

    #[test]
    fn a_value_no_longer_than_what_is_kept_is_covered_whole() {
        for keep in [Keep::First(4), Keep::Last(4)] {
            assert_eq!(shown(keep, "Đậu"), "***");
            assert_eq!(shown(keep, "Trần"), "****");
            assert_eq!(shown(keep, ""), "");
            assert_ne!(shown(keep, "Trầng"), "*****");
        }
    }

    #[test]
    fn to_keep_none_covers_all() {
        for keep in [Keep::First(0), Keep::Last(0)] {
            assert_eq!(shown(keep, "Đậu"), "***");
            assert_eq!(shown(keep, ""), "");
        }
    }
}
