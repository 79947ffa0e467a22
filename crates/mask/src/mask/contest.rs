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
    /// All has been seen, and what is lost is known.
    settled: bool,
    last_instance: u32,
    /// The instance of a singular field, by instance and number of the field around it.
    merged: HashMap<(u32, u32), u32>,
    /// Oneofs of which a denied member was seen, by instance and contest.
    over: HashSet<(u32, u32)>,
    /// Where the members stand that are lost, and how many of them have been passed.
    lost: Vec<u32>,
    passed: usize,
}

#[derive(Debug)]
struct Seen {
    instance: u32,
    contest: u32,
    kept: bool,
    /// A message has at most 2^31 - 1 bytes.
    at: u32,
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
        self.passed = 0;
        self.lost.shrink_to(kept_max);
        self.denied = false;
        self.settled = false;
        self.last_instance = OUTERMOST;
    }

    /// Which message an occurrence of field `number` belongs to.
    pub(super) fn instance(&mut self, around: u32, number: u32, repeated: bool) -> u32 {
        if self.settled {
            return OUTERMOST;
        }
        // A message of at most 2^31 bytes has fewer occurrences than 2^32.
        let next = self.last_instance.saturating_add(1);
        let instance = match repeated {
            true => next,
            false => *self.merged.entry((around, number)).or_insert(next),
        };
        self.last_instance = self.last_instance.max(instance);
        instance
    }

    /// Whether a later member is known to unset the one at `at`. Until all are settled it is noted,
    /// and after that asked in the same order.
    #[inline(never)]
    pub(super) fn is_lost(&mut self, instance: u32, contest: u32, kept: bool, at: usize) -> bool {
        let at = at as u32;
        if self.settled {
            return self.pass(at);
        }
        self.denied |= !kept;
        self.seen.push(Seen {
            instance,
            contest,
            kept,
            at,
        });
        false
    }

    /// Passes over all that are lost up to `at`: whether it is the last of them. Some are never
    /// asked for, since they lie within another one.
    fn pass(&mut self, at: u32) -> bool {
        let ahead = self.lost.get(self.passed..).unwrap_or_default();
        let here = ahead.iter().take_while(|lost| **lost <= at);
        let last = here.inspect(|_| self.passed += 1).last();
        last == Some(&at)
    }

    /// All has been seen: finds the kept members that a later denied one unset. Whether there are
    /// any.
    pub(super) fn settle(&mut self) -> bool {
        self.settled = true;
        if self.denied {
            // Members of one oneof mostly follow one another.
            let mut last = None;
            for seen in self.seen.drain(..).rev() {
                let contest = (seen.instance, seen.contest);
                let over = match last {
                    Some((last, over)) if last == contest => over,
                    _ => self.over.contains(&contest),
                };
                last = Some((contest, over || !seen.kept));
                if seen.kept && over {
                    self.lost.push(seen.at);
                } else if !seen.kept && !over {
                    self.over.insert(contest);
                }
            }
            // `is_lost` wants them in order.
            self.lost.reverse();
        }
        !self.lost.is_empty()
    }
}
