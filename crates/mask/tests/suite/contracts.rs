//! The descriptors that the tests run on, compiled from the protos in this folder.

use std::sync::LazyLock;

use bytes::Bytes;
use motlan_mask::{Mask, MaskError};
use prost_reflect::{DescriptorPool, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// What a case needs to know of a contract.
pub(crate) struct Contract {
    /// The message as the mask sees it.
    pub(crate) mask: MessageDescriptor,
    /// And as its twin does: with `bytes` for each `string` that need not be UTF-8, because
    /// prost-reflect always wants UTF-8.
    pub(crate) twin: MessageDescriptor,
    /// The files as their owner has them, each encoded and after those that it imports.
    pub(crate) files: Vec<Vec<u8>>,
}

/// The contracts that were written for their traps.
pub(crate) const WRITTEN: [&str; 5] = [
    "sample.Scalars",
    "sample.Lists",
    "sample.Person",
    "sample.Choice",
    "old.Record",
];

pub(crate) fn written(name: &str) -> Contract {
    Contract {
        mask: message(name),
        twin: TWIN_POOL.get_message_by_name(name).unwrap(),
        files: POOL.files().map(|file| file.encode_to_vec()).collect(),
    }
}

struct Embedded {
    for_twin: bool,
}

impl FileResolver for Embedded {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let source = match name {
            "sample.proto" => include_str!("sample.proto"),
            "old.proto" => include_str!("old.proto"),
            _ => return Err(protox::Error::file_not_found(name)),
        };
        match self.for_twin && name == "old.proto" {
            true => {
                let lenient = source.replace("optional string", "optional bytes");
                File::from_source(name, &lenient.replace("string word", "bytes word"))
            }
            false => File::from_source(name, source),
        }
    }
}

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| compile(Embedded { for_twin: false }));
static TWIN_POOL: LazyLock<DescriptorPool> = LazyLock::new(|| compile(Embedded { for_twin: true }));

fn compile(embedded: Embedded) -> DescriptorPool {
    let mut files = ChainFileResolver::new();
    files.add(embedded);
    files.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(files);
    compiler
        .include_imports(true)
        .open_files(["sample.proto", "old.proto"])
        .unwrap();
    compiler.descriptor_pool()
}

pub(crate) fn message(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(name).unwrap()
}

pub(crate) fn mask(name: &str, paths: &[&str]) -> Mask {
    Mask::compile(&message(name), paths.iter().copied()).unwrap()
}

/// What of `input`, a message `name`, leaves through `paths`.
pub(crate) fn through(name: &str, paths: &[&str], input: &[u8]) -> Result<Vec<u8>, MaskError> {
    let masked = mask(name, paths).apply(&Bytes::copy_from_slice(input))?;
    Ok(masked.bytes.to_vec())
}
