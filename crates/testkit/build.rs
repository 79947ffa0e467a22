//! Compiles the reference contracts with protox: to messages for the samples, and to descriptors
//! for the stand-in providers.
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let proto = root.join("proto");
    // Both folders are embedded as well, and `include_dir!` does not watch them.
    println!("cargo:rerun-if-changed={}", proto.display());
    println!(
        "cargo:rerun-if-changed={}",
        root.join("deploy/catalog").display()
    );
    println!("cargo:rerun-if-changed=build.rs");
    let files = [
        "vn/population/v1/population.proto",
        "vn/civil_status/v1/civil_status.proto",
        "vn/business/v1/business.proto",
        "vn/land/v1/land.proto",
    ];
    let mut compiler = protox::Compiler::new([&proto])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(files)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(
        out.join("contracts.binpb"),
        compiler.encode_file_descriptor_set(),
    )?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
