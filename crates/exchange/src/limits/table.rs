//! What is counted of each tag, and for whom there is room.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use motlan_catalog::AgencyCode;

use super::Tag;

/// No agency takes more than this part of the room: what one uses up is not missing to the others.
const PARTS: usize = 4;

/// The tags of all agencies that ask, each agency's by itself.
pub(super) struct Table<V> {
    of: HashMap<AgencyCode, HashMap<Tag, V>>,
    tags: usize,
    tags_max: usize,
}

impl<V> Table<V> {
    pub(super) fn new(tags_max: usize) -> Self {
        Self {
            of: HashMap::new(),
            tags: 0,
            tags_max,
        }
    }

    pub(super) fn of(&self, agency: &AgencyCode, tag: Tag) -> Option<&V> {
        self.of.get(agency)?.get(&tag)
    }

    /// How many more tags of `agency` there is room for.
    pub(super) fn room(&self, agency: &AgencyCode) -> usize {
        let used = self.of.get(agency).map_or(0, HashMap::len);
        let part = (self.tags_max / PARTS).saturating_sub(used);
        part.min(self.tags_max.saturating_sub(self.tags))
    }

    /// What stands for `tag`: `fresh` where nothing stood. Whether there is room is not looked at.
    pub(super) fn entry(&mut self, agency: &AgencyCode, tag: Tag, fresh: V) -> &mut V {
        match self.of.entry(agency.clone()).or_default().entry(tag) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                self.tags = self.tags.saturating_add(1);
                free.insert(fresh)
            }
        }
    }

    /// Forgets what need not be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.of.retain(|_, tags| {
            tags.retain(|_, value| keep(value));
            !tags.is_empty()
        });
        self.tags = self.of.values().map(HashMap::len).sum();
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}
