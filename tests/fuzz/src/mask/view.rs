//! What a reader makes of a message: the rule about unset members of oneofs, checked from the
//! reader's side and without looking at positions.

use std::collections::BTreeMap;

use super::walk::{Item, What};

/// A message with all its parts merged.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct View<'i> {
    /// The member that each oneof is set to.
    members: BTreeMap<usize, u32>,
    /// Of each field that is no message, what stands on the wire: the last only, if it is singular.
    leaves: BTreeMap<u32, Vec<&'i [u8]>>,
    singles: BTreeMap<u32, View<'i>>,
    lists: BTreeMap<u32, Vec<View<'i>>>,
}

/// How what leaves differs from what came, for a reader who may know of no denied field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// A oneof is set to this member, and should be set to another one, or to none.
    Resurrected(u32),
    /// A oneof should be set to this member.
    Unset(u32),
    /// This field holds something else.
    Content(u32),
}

impl<'i> View<'i> {
    /// A oneof that ends with a denied member counts as unset.
    pub(crate) fn of(items: &[Item<'i>]) -> View<'i> {
        let mut view = View::default();
        view.read(&mut items.iter());
        view
    }

    fn read<'a>(&mut self, items: &mut impl Iterator<Item = &'a Item<'i>>)
    where
        'i: 'a,
    {
        while let Some(item) = items.next() {
            if let Some((_, oneof)) = item.oneof {
                self.set(oneof, item);
            }
            match item.what {
                What::Leave => return,
                What::Leaf => {
                    let values = self.leaves.entry(item.number).or_default();
                    if !item.repeated {
                        values.clear();
                    }
                    values.push(item.bytes);
                }
                What::Enter if item.repeated => {
                    let mut element = View::default();
                    element.read(items);
                    self.lists.entry(item.number).or_default().push(element);
                }
                // A part of the message that earlier parts began, if they did.
                What::Enter => self.singles.entry(item.number).or_default().read(items),
                What::Denied | What::Opaque | What::Unknown => {}
            }
        }
    }

    fn set(&mut self, oneof: usize, item: &Item<'_>) {
        let before = match item.is_denied() {
            true => self.members.remove(&oneof),
            false => self.members.insert(oneof, item.number),
        };
        // What another member held is gone, also if that member comes again.
        if let Some(before) = before.filter(|before| item.is_denied() || *before != item.number) {
            self.singles.remove(&before);
            self.leaves.remove(&before);
        }
    }

    /// The first difference of `left` from what it should be, which is `self`.
    pub(crate) fn difference(&self, left: &View<'_>) -> Option<Difference> {
        for (oneof, member) in &left.members {
            if self.members.get(oneof) != Some(member) {
                return Some(Difference::Resurrected(*member));
            }
        }
        for (oneof, member) in &self.members {
            if !left.members.contains_key(oneof) {
                return Some(Difference::Unset(*member));
            }
        }
        let singles = self.singles.iter().filter_map(|(number, inner)| {
            let left = left.singles.get(number)?;
            inner.difference(left)
        });
        let lists = self.lists.iter().filter_map(|(number, elements)| {
            let left = left.lists.get(number)?;
            let mut pairs = elements.iter().zip(left);
            pairs.find_map(|(element, left)| element.difference(left))
        });
        singles.chain(lists).next().or_else(|| self.content(left))
    }

    /// The first field that holds something else, where all oneofs are alike.
    fn content(&self, left: &View<'_>) -> Option<Difference> {
        let differs = |number: &&u32| {
            self.leaves.get(*number) != left.leaves.get(*number)
                || self.singles.get(*number) != left.singles.get(*number)
                || self.lists.get(*number) != left.lists.get(*number)
        };
        let mine = self.leaves.keys().chain(self.singles.keys());
        let theirs = left.leaves.keys().chain(left.singles.keys());
        let all = mine.chain(self.lists.keys()).chain(theirs);
        let mut all = all.chain(left.lists.keys());
        all.find(differs).map(|number| Difference::Content(*number))
    }
}
