//! The oneofs with kept and denied members. A denied member unsets the members before it; if it
//! were only dropped, they would come back.
//!
//! Occurrences of a singular sub-message merge into one message, so a `oneof` can begin in one of
//! them and end in another: what counts is the merged message, here called an instance.

use std::collections::{HashMap, HashSet};

/// The outermost message.
pub(super) const OUTERMOST: u32 = 0;

/// What was seen of contested oneofs.
#[derive(Debug, Default)]
pub(super) struct Contests {
    seen: Vec<Seen>,
    denied: bool,
    last_instance: u32,
    /// The instance of a singular field, by instance and number of the field around it.
    merged: HashMap<(u32, u32), u32>,
    /// Oneofs of which a denied member was seen, by instance and contest.
    over: HashSet<(u32, u32)>,
    lost: Vec<usize>,
}

#[derive(Debug)]
struct Seen {
    instance: u32,
    contest: u32,
    kept: bool,
    at: usize,
}

impl Contests {
    /// Forgets everything but the room, unless that is for more than `kept_max` members.
    pub(super) fn clear(&mut self, kept_max: usize) {
        self.seen.clear();
        self.seen.shrink_to(kept_max);
        self.merged.clear();
        self.merged.shrink_to(kept_max);
        self.over.clear();
        self.over.shrink_to(kept_max);
        self.lost.clear();
        self.lost.shrink_to(kept_max);
        self.denied = false;
        self.last_instance = OUTERMOST;
    }

    /// Which message an occurrence of field `number` belongs to.
    pub(super) fn instance(&mut self, around: u32, number: u32, repeated: bool) -> u32 {
        // A message of at most 2^31 bytes has fewer occurrences than 2^32.
        let next = self.last_instance.saturating_add(1);
        let instance = match repeated {
            true => next,
            false => *self.merged.entry((around, number)).or_insert(next),
        };
        self.last_instance = self.last_instance.max(instance);
        instance
    }

    /// A member stands at `at`.
    pub(super) fn see(&mut self, instance: u32, contest: u32, kept: bool, at: usize) {
        self.denied |= !kept;
        self.seen.push(Seen {
            instance,
            contest,
            kept,
            at,
        });
    }

    /// Where the kept members stand that a later denied one unset, in order. Empties what was seen.
    pub(super) fn settle(&mut self) -> &[usize] {
        if self.denied {
            for seen in self.seen.drain(..).rev() {
                let contest = (seen.instance, seen.contest);
                if !seen.kept {
                    self.over.insert(contest);
                } else if self.over.contains(&contest) {
                    self.lost.push(seen.at);
                }
            }
            self.lost.reverse();
        }
        &self.lost
    }
}
