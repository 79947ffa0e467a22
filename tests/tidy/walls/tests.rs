//! Planted breaches of the walls.

use super::*;
use crate::tidy::finding::printed;

/// What a member's `[dependencies]` break in a workspace whose tokio has `sync` and `net`.
fn found(folder: &str, dependencies: &str) -> Vec<String> {
    let root =
        "[workspace.dependencies]\ntokio = { version = \"1\", features = [\"sync\", \"net\"] }";
    let path = format!("crates/{folder}/Cargo.toml");
    let text = format!("[package]\nname = \"motlan-{folder}\"\n[dependencies]\n{dependencies}\n");
    printed(&manifest(&Manifest::parse(root), &path, &text))
}

fn named(folder: &str, text: &str) -> Vec<String> {
    printed(&source(&Source::new(
        &format!("crates/{folder}/src/a.rs"),
        text,
    )))
}

#[test]
fn a_crate_that_reaches_over_a_wall_is_found() {
    let what = "crates/mask/Cargo.toml:4: `mask` may not use `api`";
    assert_eq!(found("mask", "motlan-api.workspace = true"), [what]);
    let what = "crates/policy/Cargo.toml:5: `policy` may not use `audit`";
    assert_eq!(
        found(
            "policy",
            "bytes = \"1\"\nx = { package = \"motlan-audit\" }"
        ),
        [what]
    );
    let what = "crates/audit/Cargo.toml:5: `audit` may not use `testkit`";
    assert_eq!(
        found("audit", "[build-dependencies]\nmotlan-testkit = \"0\""),
        [what]
    );
    let what = "crates/auditor/Cargo.toml:4: `auditor` may not use `exchange`";
    assert_eq!(found("auditor", "motlan-exchange.workspace = true"), [what]);
    let what = "crates/testkit/Cargo.toml:4: `testkit` may not use `exchange`";
    assert_eq!(found("testkit", "motlan-exchange.workspace = true"), [what]);
}

#[test]
fn a_crate_under_the_alias_of_the_workspace_is_found() {
    let root = "[workspace.dependencies]\nledger = { package = \"motlan-audit\", version = \"0\" }";
    let text = "[package]\nname = \"motlan-policy\"\n[dependencies]\nledger.workspace = true\n";
    let found = manifest(&Manifest::parse(root), "crates/policy/Cargo.toml", text);
    let what = "crates/policy/Cargo.toml:4: `policy` may not use `audit`";
    assert_eq!(printed(&found), [what]);
}

#[test]
fn a_crate_that_keeps_to_its_wall_is_clean() {
    let ours = ["catalog", "policy", "mask", "audit"];
    let all = ours
        .map(|it| format!("motlan-{it}.workspace = true\n"))
        .concat();
    assert!(found("exchange", &all).is_empty());
    assert!(
        found(
            "policy",
            "[dev-dependencies]\nmotlan-testkit.workspace = true"
        )
        .is_empty()
    );
    assert!(found("gateway", "motlan-testkit.workspace = true\ntonic = \"0\"").is_empty());
    assert!(found("api", "tonic.workspace = true").is_empty());
}

#[test]
fn nothing_depends_on_the_gateway_not_even_for_tests() {
    let text = "[dev-dependencies]\nmotlan-gateway.workspace = true";
    let what = "crates/exchange/Cargo.toml:5: `exchange` depends on `gateway`: only `tests` may";
    assert_eq!(found("exchange", text), [what]);
    let text = "motlan-auditor.workspace = true";
    let what = "crates/gateway/Cargo.toml:4: `gateway` depends on `auditor`: only `tests` may";
    assert_eq!(found("gateway", text), [what]);
}

#[test]
fn a_socket_behind_a_wall_is_found() {
    let what = "crates/audit/Cargo.toml:4: `audit` may not use `hyper-util`: it has no sockets";
    assert_eq!(found("audit", "hyper-util.workspace = true"), [what]);
    let what = "crates/exchange/Cargo.toml:4: `exchange` may not use `tonic`: it has no sockets";
    assert_eq!(found("exchange", "tonic = \"0.14\""), [what]);
    assert!(found("audit", "hyperloglog = \"1\"\nthiserror = \"2\"").is_empty());
    assert!(found("exchange", "[dev-dependencies]\ntower.workspace = true").is_empty());
}

#[test]
fn tokio_behind_a_wall_has_only_sync() {
    let what = "crates/audit/Cargo.toml:4: `audit` uses `tokio` with the features, its own and the \
                workspace's, `net`: only `sync` is allowed";
    assert_eq!(found("audit", "tokio.workspace = true"), [what]);
    let what = "crates/audit/Cargo.toml:4: `audit` uses `tokio` with the features `time`: only \
                `sync` is allowed";
    assert_eq!(
        found(
            "audit",
            "tokio = { version = \"1\", features = [\"time\"] }"
        ),
        [what]
    );
    assert!(
        found(
            "audit",
            "tokio = { version = \"1\", features = [\"sync\"] }"
        )
        .is_empty()
    );
    assert!(found("exchange", "[dev-dependencies]\ntokio.workspace = true").is_empty());
    let what =
        "crates/policy/Cargo.toml:4: `policy` may not use `tokio`: it has no I/O, clock or async";
    assert_eq!(
        found(
            "policy",
            "tokio = { version = \"1\", features = [\"sync\"] }"
        ),
        [what]
    );
}

#[test]
fn a_crate_without_a_wall_or_with_an_empty_name_is_found() {
    let found = found("common", "");
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with("crates/common/Cargo.toml:1: `common` is no name for a crate"));
    assert!(found[1].starts_with("crates/common/Cargo.toml:1: no wall around `common`"));
}

#[test]
fn a_crate_under_another_name_is_found() {
    let text = "[package]\nname = \"motlan-mask2\"\n";
    let found = manifest(&Manifest::default(), "crates/mask/Cargo.toml", text);
    let what =
        "crates/mask/Cargo.toml:1: package `motlan-mask2` in folder `mask`: name it `motlan-mask`";
    assert_eq!(printed(&found), [what]);
}

#[test]
fn a_wall_without_its_crate_is_found() {
    let found = printed(&manifests(&Manifest::default(), &[]));
    assert_eq!(found.len(), WALLS.len());
    assert_eq!(
        found[0],
        "crates/api/Cargo.toml:1: the walls name a crate that is not there"
    );
}

#[test]
fn the_judge_that_looks_at_the_clock_is_found() {
    let text = "use std::{\n    fmt,\n    fs,\n};\nfn now() {\n\
                    \x20   let a = std::time::SystemTime::now();\n\
                    let b = Instant::now();\n}\nasync fn f() {}\n";
    let places: Vec<_> = named("policy", text)
        .iter()
        .map(|it| it.replace("crates/policy/src/a.rs", ""))
        .collect();
    let what = [
        ":3: `policy` may not name `std::fs`",
        ":6: `policy` may not name `SystemTime`",
        ":7: `policy` may not name `Instant::now`",
        ":9: `policy` may not name `async`",
    ];
    assert_eq!(places, what);
}

#[test]
fn a_clerk_that_opens_a_socket_is_found() {
    let what = "crates/audit/src/a.rs:1: `audit` may not name `std::net`";
    assert_eq!(named("audit", "use std::net::TcpStream;"), [what]);
    let what = "crates/exchange/src/a.rs:2: `exchange` may not name `tokio::net`";
    assert_eq!(
        named(
            "exchange",
            "use tokio::{\n    net::TcpStream, sync::oneshot};"
        ),
        [what]
    );
}

#[test]
fn a_judge_who_only_speaks_of_clocks_is_clean() {
    let text = "// std::fs\nfn f() -> &'static str { \"Instant::now()\" }\n\
                #[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    assert!(named("policy", text).is_empty());
    assert!(named("audit", "use std::fs::File;\nasync fn append() {}").is_empty());
    assert!(named("gateway", "use std::net::TcpStream;").is_empty());
}
