//! How much memory the mask may take.

use allocation_counter::AllocationInfo;
use bytes::Bytes;
use motlan_mask::{MaskError, Masked};

use super::contracts::Case;
use super::judge::Fault;

/// A thread's first message may make the mask allocate this much for each byte of it, and
/// [`SPARE_BYTES`] besides: two bytes can be a member of a `oneof`, a message in the merging and a
/// cut, of each of which it takes note in a list that doubles as it grows.
const BYTES_PER_BYTE: u64 = 128;
const SPARE_BYTES: u64 = 4096;
/// The mask keeps its scratch space for messages up to this length, whatever they hold.
const SCRATCH_BYTES: usize = 4096;
/// A report of more names than this takes memory of its own, once.
const NAMES_INLINE: usize = 255;
const NAMES_FAR_MAX: u64 = 1;

/// The most bytes and allocations that the mask may need.
pub(crate) type Bound = (u64, u64);

/// Whatever the mask has done before.
pub(crate) fn bound(message: &Bytes) -> Bound {
    let bytes = message.len() as u64 * BYTES_PER_BYTE + SPARE_BYTES;
    (bytes, u64::MAX)
}

/// Once the thread has its scratch space, which this very message has seen to.
pub(crate) fn bound_again(
    case: &Case,
    message: &Bytes,
    answer: &Result<Masked, MaskError>,
) -> Bound {
    if message.len() > SCRATCH_BYTES {
        return bound(message);
    }
    let left = match answer {
        Ok(masked) if masked.bytes.as_ptr() != message.as_ptr() => masked.bytes.len() as u64,
        _ => 0,
    };
    let names = case.grants.names().len();
    let report = match names > NAMES_INLINE {
        true => (names as u64, NAMES_FAR_MAX),
        false => (0, 0),
    };
    (left + report.0, u64::from(left > 0) + report.1)
}

pub(crate) fn is_modest(
    message: &Bytes,
    cost: &AllocationInfo,
    (bytes, count): Bound,
) -> Result<(), Fault> {
    if cost.bytes_total <= bytes && cost.count_total <= count {
        return Ok(());
    }
    Err(Fault::Allocated {
        bytes: cost.bytes_total,
        count: cost.count_total,
        came: message.len(),
    })
}

#[cfg(test)]
mod tests {
    use allocation_counter::AllocationInfo;
    use bytes::Bytes;

    use super::{bound, bound_again, is_modest};
    use crate::mask::{Fault, Harness};

    fn cost(bytes_total: u64, count_total: u64) -> AllocationInfo {
        AllocationInfo {
            bytes_total,
            count_total,
            ..AllocationInfo::default()
        }
    }

    #[test]
    fn more_memory_than_a_message_warrants_is_found() {
        let harness = Harness::new().unwrap();
        let case = harness.case_with("sample.Person", &["full_name"]).unwrap();
        let messages: [(&[u8], u64, u64); 3] = [
            // Nothing is dropped, something is, and it is refused.
            (b"\x12\x01L", 0, 0),
            (b"\x12\x01L\x1a\x01x", 3, 1),
            (b"\x12\x02L", 0, 0),
        ];
        for (message, bytes, count) in messages {
            let message = Bytes::from_static(message);
            let (answer, _) = case.apply(&message).unwrap();
            let bound = bound_again(&case, &message, &answer);
            assert_eq!(bound, (bytes, count));
            assert_eq!(is_modest(&message, &cost(bytes, count), bound), Ok(()));
            for cost in [cost(bytes + 1, count), cost(bytes, count + 1)] {
                let fault = is_modest(&message, &cost, bound);
                assert!(matches!(fault, Err(Fault::Allocated { .. })), "{fault:?}");
            }
        }
        let message = Bytes::from(vec![0; 1000]);
        let fault = is_modest(&message, &cost(200_000, 1), bound(&message));
        assert!(matches!(fault, Err(Fault::Allocated { .. })), "{fault:?}");
    }
}
