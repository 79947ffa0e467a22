//! Nothing in the repository knows the machine that it was written on, nor where that machine
//! fetches packages from.

use super::finding::Finding;

/// In two halves each, so that this file is clean.
const TRACES: [&str; 8] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("crates.io", "-index"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("pypi", ".org"),
    concat!("files.python", "hosted.org"),
    concat!("registry.", "npmjs.org"),
];

/// How Cargo writes in a lock file that a package is of the public registry, wherever it came from.
const PUBLIC: &str = concat!(
    "registry+https://github.com/rust-lang/",
    "crates.io",
    "-index"
);

pub(crate) fn file(path: &str, text: &str) -> Vec<Finding> {
    let lock = path == "Cargo.lock" || path.ends_with("/Cargo.lock");
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = if lock {
            line.replace(PUBLIC, "")
        } else {
            line.to_owned()
        };
        for trace in TRACES.iter().filter(|trace| line.contains(*trace)) {
            findings.push(Finding::new(
                path,
                at + 1,
                format!("names `{trace}`, of some machine"),
            ));
        }
    }
    findings
}

mod tests {
    use super::*;
    use crate::tidy::finding::printed;

    #[test]
    fn every_trace_of_a_machine_is_found() {
        for trace in TRACES {
            let found = file("docs/a.md", &format!("clean\nsee https://{trace}x\n"));
            assert_eq!(
                printed(&found),
                [format!("docs/a.md:2: names `{trace}`, of some machine")]
            );
        }
    }

    #[test]
    fn the_public_registry_is_clean_in_a_lock_file_only() {
        let line = format!("source = \"{PUBLIC}\"\n");
        assert!(file("Cargo.lock", &line).is_empty());
        assert_eq!(file("docs/a.md", &line).len(), 1);
        assert_eq!(
            file(
                "Cargo.lock",
                &line.replace("https://github.com", "sparse+https://a")
            )
            .len(),
            1
        );
    }

    #[test]
    fn folders_of_the_repository_are_clean() {
        assert!(
            file(
                "docs/a.md",
                "tests/work.rs, framework/x, https://crates.io/crates/moka\n"
            )
            .is_empty()
        );
    }
}
