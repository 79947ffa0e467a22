//! The compiler of the rules, and all that it brings, stays out of what is shipped.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// What a package is built from, a line each.
fn tree(package: &str, format: &str) -> Result<Vec<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "--edges", "normal,build"]);
    cargo.args(["--prefix", "none", "--package", package, "--format", format]);
    let told = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    let errors = String::from_utf8_lossy(&told.stderr);
    ensure!(told.status.success(), "{errors}");
    let text = String::from_utf8(told.stdout)?;
    let mut lines: Vec<String> = text.lines().map(|line| line.replace(" (*)", "")).collect();
    lines.sort();
    lines.dedup();
    Ok(lines)
}

fn named<'a>(lines: &'a [String], name: &str) -> Vec<&'a str> {
    let lines = lines.iter().map(String::as_str);
    lines
        .filter(|line| line.split(' ').next() == Some(name))
        .collect()
}

// R90.
#[test]
fn nothing_that_is_shipped_is_built_from_the_compiler_of_the_rules() -> Result<()> {
    const COMPILER: &str = "cedar-policy-symcc";
    let proof = tree("motlan-proof", "{p}")?;
    ensure!(
        named(&proof, COMPILER).len() == 1,
        "the check looks for what is nowhere"
    );
    for package in ["motlan-gateway", "motlan-auditor"] {
        let shipped = tree(package, "{p}")?;
        ensure!(shipped.len() > 50, "{package}: {shipped:?}");
        for strange in [COMPILER, "motlan-proof"] {
            let found = named(&shipped, strange);
            ensure!(found.is_empty(), "{package} is built from {found:?}");
        }
    }
    Ok(())
}

#[test]
fn what_is_proved_is_said_of_the_engine_that_the_gateway_runs() -> Result<()> {
    const ENGINE: &str = "cedar-policy-core";
    let proof = tree("motlan-proof", "{p}")?;
    let gateway = tree("motlan-gateway", "{p}")?;
    let [version] = named(&proof, ENGINE)[..] else {
        anyhow::bail!("{:?}", named(&proof, ENGINE));
    };
    ensure!(
        named(&gateway, ENGINE) == [version],
        "{:?}",
        named(&gateway, ENGINE)
    );
    // An owner's rule has no functions of extensions; here the compiler brings them in.
    let features = tree("motlan-gateway", "{p} {f}")?;
    let [engine] = named(&features, "cedar-policy")[..] else {
        anyhow::bail!("the gateway has no engine");
    };
    let features = engine.split(' ').nth(2).context("no features")?;
    ensure!(features.is_empty(), "{engine}");
    Ok(())
}
