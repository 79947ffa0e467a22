//! Makes the stubs from the contracts, without `protoc`.
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let contracts = std::env::var("PROTO")?;
    let files = protox::compile(["vn/population/v1/population.proto"], [&contracts])?;
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds(files)?;
    println!("cargo:rerun-if-changed={contracts}");
    Ok(())
}
