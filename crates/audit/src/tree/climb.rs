//! The way from a leaf to the root, as both kinds of proof take it.

use super::Hash;

/// Goes up from node `at` of a level whose last node is `last`, and hands each hash of the proof
/// to `meet`, with whether it stands to the left. Whether the proof ends at the root (RFC 9162
/// sections 2.1.3.2 and 2.1.4.2).
pub(super) fn climb(
    mut at: u64,
    mut last: u64,
    proof: &[Hash],
    mut meet: impl FnMut(&Hash, bool),
) -> bool {
    for sibling in proof {
        if last == 0 {
            return false;
        }
        let is_left = at & 1 == 1 || at == last;
        meet(sibling, is_left);
        if is_left {
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0
}
