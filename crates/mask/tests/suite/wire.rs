//! The wire format by hand.

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A varint with `padding` bytes more than it needs.
pub(crate) fn padded(value: u64, padding: usize) -> Vec<u8> {
    let mut out = varint(value);
    for _ in 0..padding {
        *out.last_mut().unwrap() |= 0x80;
        out.push(0);
    }
    out
}

pub(crate) fn tag(number: u32, wire: u32) -> Vec<u8> {
    varint(u64::from(number << 3 | wire))
}

pub(crate) fn int(number: u32, value: u64) -> Vec<u8> {
    [tag(number, 0), varint(value)].concat()
}

pub(crate) fn fixed32(number: u32, value: u32) -> Vec<u8> {
    [tag(number, 5), value.to_le_bytes().to_vec()].concat()
}

pub(crate) fn fixed64(number: u32, value: u64) -> Vec<u8> {
    [tag(number, 1), value.to_le_bytes().to_vec()].concat()
}

pub(crate) fn bytes(number: u32, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    [tag(number, 2), varint(body.len() as u64), body.to_vec()].concat()
}

pub(crate) fn group(number: u32, body: impl AsRef<[u8]>) -> Vec<u8> {
    [tag(number, 3), body.as_ref().to_vec(), tag(number, 4)].concat()
}
