//! Contracts that nobody wrote: random proto files of every dialect, as owners hand them in.

mod author;
mod census;
mod features;
mod fields;
mod proto;

use std::sync::LazyLock;

use motlan_mask::editions;
use prost_reflect::{DescriptorPool, FileDescriptor, MessageDescriptor};

use self::proto::{File, View};
use crate::contracts::Contract;
use crate::supply::{Supply, numbers};

const SUPPLY: usize = 3000;

/// What every generated file imports, in a pool of its own.
static ANY: LazyLock<FileDescriptor> = LazyLock::new(|| {
    let known = DescriptorPool::global();
    let any = known.get_file_by_name("google/protobuf/any.proto").unwrap();
    let mut pool = DescriptorPool::new();
    pool.decode_file_descriptor_proto(any.encode_to_vec().as_slice())
        .unwrap();
    pool.get_file_by_name(any.name()).unwrap()
});

/// The contract that `seed` decides.
pub(crate) fn contract(seed: u64) -> Contract {
    let numbers = numbers(seed, SUPPLY);
    let (files, message) = author::write(&mut Supply::new(&numbers));
    let written = files.iter().map(|file| file.encode(View::Owner));
    Contract {
        files: std::iter::once(ANY.encode_to_vec())
            .chain(written)
            .collect(),
        mask: read(&files, View::Owner, &message),
        twin: read(&files, View::Twin, &message),
    }
}

fn read(files: &[File], view: View, message: &str) -> MessageDescriptor {
    let mut pool = ANY.parent_pool().clone();
    for file in files {
        let file = file.encode(view);
        let lowered = editions::lower(&file).unwrap();
        pool.decode_file_descriptor_proto(&*lowered).unwrap();
    }
    pool.get_message_by_name(message).unwrap()
}
