//! Just enough of protobuf's wire format to find a subject.

/// A varint has at most this many bytes.
const VARINT_BYTES_MAX: usize = 10;

/// The text at a path of field numbers, or none where it is absent, malformed or not UTF-8. The
/// last occurrence counts, as in every protobuf parser.
pub(super) fn text<'a>(message: &'a [u8], path: &[u32]) -> Option<&'a str> {
    let mut content = message;
    for number in path {
        content = last_of(content, *number)?;
    }
    std::str::from_utf8(content).ok()
}

/// The content of the last length-delimited field with this number.
fn last_of(message: &[u8], number: u32) -> Option<&[u8]> {
    let mut rest = message;
    let mut found = None;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        match key & 7 {
            0 => {
                varint(&mut rest)?;
            }
            1 => rest = rest.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (content, after) = rest.split_at_checked(length)?;
                if key >> 3 == u64::from(number) {
                    found = Some(content);
                }
                rest = after;
            }
            5 => rest = rest.get(4..)?,
            _ => return None,
        }
    }
    found
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for position in 0..VARINT_BYTES_MAX {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(position).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
