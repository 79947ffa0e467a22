//! The cases: two records, three views of each, and one with covers.

use std::path::Path;

use bytes::Bytes;
use motlan_mask::{Cover, Keep, Mask};
use prost::Message;
use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::records::{Parcel, Person, parcel, person};
use crate::reflect::{Clearing, KEPT};

/// Different persons, so that the processor cannot learn one by heart.
const PERSONS: u64 = 64;
const PARCELS: u64 = 8;

/// What the population contract's own view `household` grants: half the fields.
const HOUSEHOLD: [&str; 11] = [
    "personal_id",
    "full_name",
    "date_of_birth",
    "sex",
    "permanent_residence",
    "current_address",
    "household_code",
    "relation_to_head",
    "relatives.relation",
    "relatives.personal_id",
    "relatives.full_name",
];

/// Of these, of everybody in the household.
const IDS: [&str; 2] = ["personal_id", "relatives.personal_id"];

/// Half the fields of a parcel, of its holders and of their addresses.
const HOLDERS: [&str; 9] = [
    "certificate_no",
    "commune_code",
    "sheet_no",
    "parcel_no",
    "area_dm2",
    "use_form",
    "holders.full_name",
    "holders.contact_address.commune_name",
    "holders.contact_address.province_name",
];

/// Messages of one type and a mask over them; and how the contenders deal with them.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) messages: Vec<Bytes>,
    pub(crate) mask: Mask,
    pub(crate) clearing: Clearing,
    /// Decodes with prost, into structs.
    pub(crate) decode: fn(&Bytes),
    /// Decodes and encodes with prost.
    pub(crate) recode: fn(&Bytes) -> Vec<u8>,
}

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    let pool = pool();
    let message = |name| pool.get_message_by_name(name).unwrap();
    let (one, other) = (
        message("vn.population.v1.Person"),
        message("vn.land.v1.Parcel"),
    );
    let persons: Vec<_> = (0..PERSONS).map(|seed| bytes(&person(seed))).collect();
    let parcels: Vec<_> = (0..PARCELS).map(|seed| bytes(&parcel(seed))).collect();
    let whole = |message: &MessageDescriptor| -> Vec<String> {
        message
            .fields()
            .map(|field| field.name().to_owned())
            .collect()
    };
    let (whole_one, whole_other) = (whole(&one), whole(&other));
    vec![
        case::<Person>("person, half granted", &one, &persons, &HOUSEHOLD),
        covering::<Person>("person, half granted, ids covered", &one, &persons, &IDS),
        case::<Person>("person, nothing dropped", &one, &persons, &whole_one),
        case::<Person>("person, all dropped", &one, &persons, &[""; 0]),
        case::<Parcel>("200 children, half granted", &other, &parcels, &HOLDERS),
        case::<Parcel>(
            "200 children, nothing dropped",
            &other,
            &parcels,
            &whole_other,
        ),
        case::<Parcel>("200 children, all dropped", &other, &parcels, &[""; 0]),
    ]
}

fn case<M: Message + Default>(
    name: &'static str,
    message: &MessageDescriptor,
    messages: &[Bytes],
    paths: &[impl AsRef<str>],
) -> Case {
    let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
    Case {
        name,
        messages: messages.to_vec(),
        mask: Mask::compile(message, paths.iter().copied()).unwrap(),
        clearing: Clearing::new(message.clone(), &paths, &[]),
        decode: |message| {
            std::hint::black_box(M::decode(&**message).unwrap());
        },
        recode: |message| M::decode(&**message).unwrap().encode_to_vec(),
    }
}

/// Of what [`HOUSEHOLD`] grants, but for the last characters of some.
fn covering<M: Message + Default>(
    name: &'static str,
    message: &MessageDescriptor,
    messages: &[Bytes],
    covered: &[&str],
) -> Case {
    let covers = covered.iter().map(|path| Cover {
        path: (*path).to_owned(),
        keep: Keep::Last(KEPT),
    });
    let covers: Vec<_> = covers.collect();
    Case {
        mask: Mask::compile_with(message, HOUSEHOLD, &covers).unwrap(),
        clearing: Clearing::new(message.clone(), &HOUSEHOLD, covered),
        ..case::<M>(name, message, messages, &HOUSEHOLD)
    }
}

fn bytes(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

/// The reference contracts, as they stand in the repository.
fn pool() -> DescriptorPool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let files = ["vn/population/v1/population.proto", "vn/land/v1/land.proto"];
    let set = protox::compile(files, [root]).unwrap();
    DescriptorPool::from_file_descriptor_set(set).unwrap()
}
