//! How `motlan` is linked for the image, which is to be small (R113).

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The options are those of `rust-lld`, the linker of this target: equal functions are kept
    // once, and relative relocations are packed. Neither changes what is executed.
    let is = |key: &str, value: &str| env::var(key).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("TARGET", "x86_64-unknown-linux-gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
