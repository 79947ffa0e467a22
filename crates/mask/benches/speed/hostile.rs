//! Messages made to be slow. Each comes in two sizes: where time is linear, both take the same per
//! byte.

use std::path::Path;

use bytes::Bytes;
use motlan_mask::Mask;
use prost::encoding::encode_varint;
use prost_reflect::DescriptorPool;

/// A mask, and what repeats in the messages that it meets.
pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    pub(crate) mask: Mask,
    unit: Vec<u8>,
    around: fn(Vec<u8>) -> Vec<u8>,
}

impl Hostile {
    /// A message of about `bytes_max` bytes.
    pub(crate) fn message(&self, bytes_max: usize) -> Bytes {
        (self.around)(self.unit.repeat(bytes_max / self.unit.len())).into()
    }

    fn around(self, around: fn(Vec<u8>) -> Vec<u8>) -> Hostile {
        Hostile { around, ..self }
    }
}

/// All shapes, over the messages of the test suite.
pub(crate) fn shapes() -> Vec<Hostile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let set = protox::compile(["sample.proto"], [folder]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(set).unwrap();
    let shapes = [persons(&pool), lists(&pool), choices(&pool), oneofs(&pool)];
    shapes.into_iter().flatten().collect()
}

/// A mask over `message`, made to meet what is in `units`.
fn masked<const N: usize>(
    pool: &DescriptorPool,
    message: &str,
    paths: &[&str],
    units: [(&'static str, Vec<u8>); N],
) -> Vec<Hostile> {
    let message = pool.get_message_by_name(message).unwrap();
    let shape = |(name, unit)| Hostile {
        name,
        mask: Mask::compile(&message, paths.iter().copied()).unwrap(),
        unit,
        around: |body| body,
    };
    units.into_iter().map(shape).collect()
}

fn persons(pool: &DescriptorPool) -> Vec<Hostile> {
    let paths = ["personal_id", "relatives.relation", "homes.street"];
    let in_turn = [field(1, "a"), field(3, "a")].concat();
    let deep = nest(99, Vec::new(), |body| group(50, body));
    let units = [
        ("empty sub-messages", field(31, "")),
        ("sub-messages that lose all", field(31, field(2, ""))),
        ("kept and dropped in turn", in_turn),
        ("unknown fields", int(15, 1)),
        ("unknown groups, 99 deep", deep),
        ("map entries without a value", field(12, "")),
    ];
    masked(pool, "sample.Person", &paths, units)
}

fn lists(pool: &DescriptorPool) -> Vec<Hostile> {
    let paths = ["i64", "text"];
    let units = [
        ("ten-byte varints", int(3, u64::MAX)),
        (
            "text of three-byte letters",
            field(9, "\u{1ea1}".repeat(300)),
        ),
    ];
    let packed = masked(
        pool,
        "sample.Lists",
        &paths,
        [("packed varints", vec![0x80, 0x01])],
    );
    let packed = packed
        .into_iter()
        .map(|shape| shape.around(|body| field(3, body)));
    packed
        .chain(masked(pool, "sample.Lists", &paths, units))
        .collect()
}

/// A message within itself, with something to drop at each depth.
fn choices(pool: &DescriptorPool) -> Vec<Hostile> {
    let paths = ["one", "next", "list"];
    let lossy = |body| field(6, [field(4, ""), body].concat());
    let both = [field(1, "a"), int(2, 1)].concat();
    let units = [("100 deep, a loss in each", nest(99, field(4, ""), lossy))];
    let mut shapes = masked(pool, "sample.Choice", &paths, units);
    let around = masked(
        pool,
        "sample.Choice",
        &paths,
        [("100 deep around all", both)],
    );
    let deep = |body| nest(99, body, |body| field(5, body));
    shapes.extend(around.into_iter().map(|shape| shape.around(deep)));
    shapes
}

/// A `oneof` with a kept member and a denied one, which unsets it.
fn oneofs(pool: &DescriptorPool) -> Vec<Hostile> {
    let (kept, denied) = (field(1, "a"), int(2, 1));
    let both = [kept.clone(), denied.clone()].concat();
    let parts = [field(5, &kept), field(5, denied)].concat();
    let deep = nest(99, both.clone(), |body| {
        field(6, [both.clone(), body].concat())
    });
    let units = [
        ("a contested oneof", both.clone()),
        ("a oneof in each of a list", field(6, &both)),
        ("a oneof in parts of one message", parts),
        ("oneofs 100 deep", deep),
        ("oneofs that are never denied", field(6, kept)),
    ];
    masked(pool, "sample.Choice", &["one", "next", "list"], units)
}

fn nest(depth: usize, inmost: Vec<u8>, around: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    (0..depth).fold(inmost, |body, _| around(body))
}

fn tag(number: u32, wire: u32) -> Vec<u8> {
    varint(u64::from(number << 3 | wire))
}

fn varint(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    encode_varint(value, &mut out);
    out
}

fn int(number: u32, value: u64) -> Vec<u8> {
    [tag(number, 0), varint(value)].concat()
}

fn field(number: u32, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    [tag(number, 2), varint(body.len() as u64), body.to_vec()].concat()
}

fn group(number: u32, body: impl AsRef<[u8]>) -> Vec<u8> {
    [tag(number, 3), body.as_ref().to_vec(), tag(number, 4)].concat()
}
