//! The descriptors that the tests run on, compiled from the protos in this folder.

use std::sync::LazyLock;

use bytes::Bytes;
use motlan_mask::{Mask, MaskError};
use prost_reflect::{DescriptorPool, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

struct Embedded;

impl FileResolver for Embedded {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let source = match name {
            "sample.proto" => include_str!("sample.proto"),
            "old.proto" => include_str!("old.proto"),
            _ => return Err(protox::Error::file_not_found(name)),
        };
        File::from_source(name, source)
    }
}

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut files = ChainFileResolver::new();
    files.add(Embedded);
    files.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(files);
    compiler
        .include_imports(true)
        .open_files(["sample.proto", "old.proto"])
        .unwrap();
    compiler.descriptor_pool()
});

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
