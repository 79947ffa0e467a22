//! What must come of a message: which of its parts leave, and what is reported of the others.

use std::collections::HashSet;

use super::walk::{Item, What};

/// What must come of a message without flaws.
pub(crate) struct Survey<'a> {
    /// What leaves, in order: fields, and the starts and ends of those that are messages.
    pub(crate) left: Vec<Item<'a>>,
    /// Of each name, whether its place was seen: dropped if it is denied, leaving if it is granted.
    pub(crate) seen: Vec<bool>,
    /// Whether anything was dropped that has no name.
    pub(crate) is_unnamed_cut: bool,
    /// Whether anything was dropped.
    pub(crate) is_cut: bool,
}

impl<'a> Survey<'a> {
    /// `items` are those of the whole message, and `names` are how many names there are.
    pub(crate) fn of(items: &[Item<'a>], names: usize) -> Survey<'a> {
        let unset = unset(items);
        let mut survey = Survey {
            left: Vec::with_capacity(items.len()),
            seen: vec![false; names],
            is_unnamed_cut: false,
            is_cut: !unset.is_empty(),
        };
        // How many messages deep within one that was unset.
        let mut lost = 0_usize;
        for (at, item) in items.iter().enumerate() {
            match item.what {
                What::Enter if lost > 0 || unset.contains(&at) => lost += 1,
                What::Leave if lost > 0 => lost -= 1,
                _ if lost > 0 => {}
                What::Leaf if unset.contains(&at) => {}
                _ => survey.note(item),
            }
        }
        survey
    }

    fn note(&mut self, item: &Item<'a>) {
        if let Some(seen) = item.name.and_then(|name| self.seen.get_mut(name)) {
            *seen = true;
        }
        match item.what {
            What::Leaf | What::Enter | What::Leave => self.left.push(*item),
            What::Denied | What::Opaque | What::Unknown => {
                self.is_cut = true;
                self.is_unnamed_cut |= item.name.is_none();
            }
        }
    }
}

impl Item<'_> {
    /// Whether it is known, and not granted: it unsets the members of its oneof before it.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self.what, What::Denied | What::Opaque)
    }
}

/// The granted members of oneofs after which a denied one of the same merged message comes.
fn unset(items: &[Item<'_>]) -> HashSet<usize> {
    let mut over = HashSet::new();
    let mut unset = HashSet::new();
    for (at, item) in items.iter().enumerate().rev() {
        let Some(oneof) = item.oneof else { continue };
        if item.is_denied() {
            over.insert(oneof);
        } else if over.contains(&oneof) {
            unset.insert(at);
        }
    }
    unset
}
