//! Which crate may use what: the table of `docs/ARCHITECTURE.md`, held as data.

use super::finding::Finding;
use super::manifest::{Dependency, Kind, Manifest};
use super::source::Source;

/// What one crate under `crates/` may name.
struct Wall {
    folder: &'static str,
    /// Folders of those of ours that it may depend on.
    ours: &'static [&'static str],
    reach: Reach,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// No I/O, no clock, no async.
    Pure,
    /// No sockets; of tokio only [`SOCKETLESS_TOKIO`].
    Socketless,
    /// No wall towards third parties.
    Open,
}

const WALLS: [Wall; 10] = [
    // Open, because what tonic generates names tonic.
    Wall {
        folder: "api",
        ours: &[],
        reach: Reach::Open,
    },
    Wall {
        folder: "mask",
        ours: &[],
        reach: Reach::Pure,
    },
    Wall {
        folder: "catalog",
        ours: &["api", "mask"],
        reach: Reach::Socketless,
    },
    // With mask, because a permit carries the compiled mask.
    Wall {
        folder: "policy",
        ours: &["catalog", "mask"],
        reach: Reach::Pure,
    },
    Wall {
        folder: "audit",
        ours: &["api"],
        reach: Reach::Socketless,
    },
    Wall {
        folder: "exchange",
        ours: &["catalog", "policy", "mask", "audit"],
        reach: Reach::Socketless,
    },
    Wall {
        folder: "once",
        ours: &["catalog", "exchange"],
        reach: Reach::Socketless,
    },
    Wall {
        folder: "gateway",
        // With testkit, because of the demo.
        ours: &[
            "api", "mask", "catalog", "policy", "audit", "exchange", "once", "testkit",
        ],
        reach: Reach::Open,
    },
    Wall {
        folder: "auditor",
        ours: &["audit", "api", "catalog"],
        reach: Reach::Open,
    },
    Wall {
        folder: "testkit",
        ours: &["api", "mask", "catalog", "policy", "audit"],
        reach: Reach::Open,
    },
];

/// Crates that nothing under `crates/` depends on, not even for its tests.
const ROOFS: [&str; 2] = ["gateway", "auditor"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["common", "util", "utils", "core", "types", "shared", "misc"];

/// Crates that bring sockets, each with the family that carries its name (`hyper-util`).
const SOCKETS: [&str; 9] = [
    "axum",
    "h2",
    "hyper",
    "quinn",
    "reqwest",
    "rustls",
    "tokio-rustls",
    "tonic",
    "tower",
];

const SOCKETLESS_TOKIO: [&str; 1] = ["sync"];

/// Paths that the source of a pure crate never names.
const IMPURE: [&[&str]; 8] = [
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
    &["std", "process"],
    &["std", "thread"],
    &["SystemTime"],
    &["Instant", "now"],
    &["tokio"],
];

/// Paths that the source of a crate without sockets never names. Mere addresses are in `core::net`.
const NETWORK: [&[&str]; 2] = [&["std", "net"], &["tokio", "net"]];

/// What the manifests of the crates break: `manifests` are paths with texts, `root` is the
/// workspace's.
pub(crate) fn manifests(root: &Manifest, manifests: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for wall in &WALLS {
        let path = format!("crates/{}/Cargo.toml", wall.folder);
        if !manifests.iter().any(|(it, _)| *it == path) {
            findings.push(Finding::new(
                &path,
                1,
                "the walls name a crate that is not there",
            ));
        }
    }
    for (path, text) in manifests {
        findings.extend(manifest(root, path, text));
    }
    findings
}

fn manifest(root: &Manifest, path: &str, text: &str) -> Vec<Finding> {
    let manifest = Manifest::parse(text);
    let name = manifest.package.as_deref().unwrap_or_default();
    let folder = path
        .strip_prefix("crates/")
        .and_then(|path| path.strip_suffix("/Cargo.toml"));
    let Some(folder) = folder else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut breach = |line, what: String| findings.push(Finding::new(path, line, what));
    if EMPTY_NAMES.contains(&folder) {
        breach(
            1,
            format!("`{folder}` is no name for a crate: it says nothing about what is inside"),
        );
    }
    if name != format!("motlan-{folder}") {
        breach(
            1,
            format!("package `{name}` in folder `{folder}`: name it `motlan-{folder}`"),
        );
    }
    let Some(wall) = WALLS.iter().find(|wall| wall.folder == folder) else {
        breach(
            1,
            format!("no wall around `{folder}`: add it to `tests/tidy/walls.rs`"),
        );
        return findings;
    };
    for dependency in &manifest.dependencies {
        let offered = offered(dependency, root);
        let package = offered.unwrap_or(dependency).package.as_str();
        let what = match package.strip_prefix("motlan-") {
            Some(ours) => own(wall, dependency.kind, ours),
            None => foreign(wall, package, dependency, offered),
        };
        if let Some(what) = what {
            breach(dependency.line, what);
        }
    }
    findings
}

fn own(wall: &Wall, kind: Kind, ours: &str) -> Option<String> {
    let folder = wall.folder;
    if ROOFS.contains(&ours) {
        return Some(format!("`{folder}` depends on `{ours}`: only `tests` may"));
    }
    (kind != Kind::Dev && !wall.ours.contains(&ours))
        .then(|| format!("`{folder}` may not use `{ours}`"))
}

fn foreign(
    wall: &Wall,
    package: &str,
    dependency: &Dependency,
    offered: Option<&Dependency>,
) -> Option<String> {
    let folder = wall.folder;
    if wall.reach == Reach::Open || dependency.kind == Kind::Dev {
        return None;
    }
    if SOCKETS.iter().any(|socket| is_of_family(package, socket)) {
        return Some(format!(
            "`{folder}` may not use `{package}`: it has no sockets"
        ));
    }
    if package != "tokio" {
        return None;
    }
    if wall.reach == Reach::Pure {
        return Some(format!(
            "`{folder}` may not use `tokio`: it has no I/O, clock or async"
        ));
    }
    let features = offered
        .into_iter()
        .chain([dependency])
        .flat_map(|it| &it.features);
    let wide: Vec<_> = features
        .map(String::as_str)
        .filter(|it| !SOCKETLESS_TOKIO.contains(it))
        .collect();
    let from = if offered.is_some() {
        ", its own and the workspace's,"
    } else {
        ""
    };
    (!wide.is_empty()).then(|| {
        let wide = wide.join("`, `");
        format!("`{folder}` uses `tokio` with the features{from} `{wide}`: only `sync` is allowed")
    })
}

fn is_of_family(package: &str, family: &str) -> bool {
    package
        .strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The dependency of the workspace that a member inherits: its package, with features to add to.
fn offered<'a>(dependency: &Dependency, root: &'a Manifest) -> Option<&'a Dependency> {
    let mut offered = root
        .dependencies
        .iter()
        .filter(|it| it.kind == Kind::Workspace);
    offered.find(|it| dependency.inherits && it.key == dependency.key)
}

/// What the source of a crate names and may not. Tests may: they read catalogues from disk.
pub(crate) fn source(source: &Source<'_>) -> Vec<Finding> {
    let Some(folder) = source.crate_folder() else {
        return Vec::new();
    };
    let Some(wall) = WALLS.iter().find(|wall| wall.folder == folder) else {
        return Vec::new();
    };
    let forbidden: &[&[&str]] = match wall.reach {
        Reach::Pure => &IMPURE,
        Reach::Socketless => &NETWORK,
        Reach::Open => return Vec::new(),
    };
    let mut findings = Vec::new();
    let mut breach = |line: usize, what: &str| {
        if !source.is_test(line) {
            let what = format!("`{folder}` may not name `{what}`");
            findings.push(Finding::new(source.path, line, what));
        }
    };
    for path in source.paths() {
        if let Some(what) = forbidden.iter().find(|what| path.holds(what)) {
            breach(path.line, &what.join("::"));
        }
    }
    if wall.reach == Reach::Pure {
        let words = source
            .tokens
            .iter()
            .filter(|token| token.is("async") || token.is("await"));
        words.for_each(|token| breach(token.line, token.text));
    }
    findings
}

mod tests;
