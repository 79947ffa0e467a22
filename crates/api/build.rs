//! Compiles motlan's own protocol definitions with protox, so that no `protoc` is needed.
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proto = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let files = [
        "motlan/contract/v1/contract.proto",
        "motlan/audit/v1/record.proto",
        "motlan/audit/v1/audit.proto",
        "motlan/policy/v1/agreements.proto",
        "motlan/once/v1/once.proto",
    ];
    println!("cargo:rerun-if-changed={}", proto.join("motlan").display());
    let mut compiler = protox::Compiler::new([&proto])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(files)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(
        out.join("motlan.binpb"),
        compiler.encode_file_descriptor_set(),
    )?;
    // What is personal does not print: `src/lib.rs` says how it prints instead.
    let generator = tonic_prost_build::configure().skip_debug([
        ".motlan.audit.v1.Sealed",
        ".motlan.audit.v1.Held",
        ".motlan.audit.v1.SearchRequest",
        ".motlan.audit.v1.SubjectAccessesRequest",
        ".motlan.audit.v1.PlaceHoldRequest",
        ".motlan.audit.v1.EraseRequest",
        ".motlan.policy.v1.Notice",
        ".motlan.once.v1.CollectRequest",
        ".motlan.once.v1.Wanted",
        ".motlan.once.v1.CollectResponse",
        ".motlan.once.v1.Evidence",
        ".motlan.once.v1.Ground",
        ".motlan.once.v1.Correction",
        ".motlan.once.v1.CloseCorrectionRequest",
    ]);
    generator.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
