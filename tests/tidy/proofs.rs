//! Values that only a check can make: nobody copies one, and few state one without a check.

use super::finding::Finding;
use super::source::{Path, Source};

/// The proofs, each with the folder of its crate. `Fetched` and `Release` prove nothing.
const PROOFS: [(&str, &str); 17] = [
    ("policy", "Permit"),
    ("audit", "Durable"),
    ("audit", "Issued"),
    ("exchange", "Caller"),
    ("exchange", "Shown"),
    ("exchange", "Question"),
    ("exchange", "Permitted"),
    ("exchange", "Announced"),
    ("exchange", "Enquiry"),
    ("exchange", "Answer"),
    ("exchange", "Outcome"),
    ("exchange", "Recorded"),
    ("exchange", "Reply"),
    ("gateway", "Inquirer"),
    ("gateway", "Admitted"),
    ("gateway", "Unshown"),
    ("gateway", "Recorded"),
];

/// What would make two of one, one of nothing, or a print of what is inside.
const FORBIDDEN: [&str; 6] = [
    "Clone",
    "Copy",
    "Default",
    "Deserialize",
    "Serialize",
    "Debug",
];

/// Constructors that state what they cannot check, and where each may be called: in a file, or
/// anywhere in a folder.
const ASSERTIONS: [(&str, &str); 4] = [
    ("Caller", "crates/gateway/src/identity/token.rs"),
    ("Shown", "crates/gateway/src/identity/artefact.rs"),
    ("Ack", "crates/audit/src/store/"),
    ("Presented", "crates/gateway/src/listener.rs"),
];

/// What the proofs of a whole tree break.
pub(crate) fn sources(sources: &[Source<'_>]) -> Vec<Finding> {
    let mut findings: Vec<_> = sources.iter().flat_map(source).collect();
    for (folder, name) in PROOFS {
        let mut own = sources
            .iter()
            .filter(|source| source.crate_folder() == Some(folder));
        if !own.any(|source| !definitions(source, name).is_empty()) {
            let file = format!("crates/{folder}/src/lib.rs");
            findings.push(Finding::new(
                &file,
                1,
                format!("the proof `{name}` is not here"),
            ));
        }
    }
    findings
}

fn source(source: &Source<'_>) -> Vec<Finding> {
    let own = PROOFS
        .iter()
        .filter(|(folder, _)| source.crate_folder() == Some(folder));
    let mut findings: Vec<_> = own
        .flat_map(|(_, name)| [derived(source, name), implemented(source, name)].concat())
        .collect();
    findings.extend(assertions(source));
    findings
}

/// Where the type `name` is defined: the places of `struct` or `enum` among the tokens.
fn definitions(source: &Source<'_>, name: &str) -> Vec<usize> {
    let pairs = source.tokens.windows(2).enumerate();
    let found = pairs.filter(|(_, pair)| match pair {
        [keyword, it] => (keyword.is("struct") || keyword.is("enum")) && it.is(name),
        _ => false,
    });
    found.map(|(at, _)| at).collect()
}

fn derived(source: &Source<'_>, name: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in definitions(source, name) {
        let attributes = source.attributes_above(before_visibility(source, at));
        for attribute in attributes.iter().filter(|it| it.names("derive")) {
            for what in FORBIDDEN.iter().filter(|what| attribute.names(what)) {
                let what = format!("the proof `{name}` derives `{what}`");
                findings.push(Finding::new(source.path, attribute.line, what));
            }
        }
        if !attributes.iter().any(|it| it.starts_with("must_use")) {
            let line = source.tokens.get(at).map_or(1, |token| token.line);
            let what = format!("the proof `{name}` is not `#[must_use]`");
            findings.push(Finding::new(source.path, line, what));
        }
    }
    findings
}

/// Steps back from `struct` over `pub` or `pub(crate)`.
fn before_visibility(source: &Source<'_>, at: usize) -> usize {
    let before = source.tokens.get(..at).unwrap_or_default();
    let closed = before.last().is_some_and(|token| token.is(")"));
    let from = if closed {
        before.iter().rposition(|token| token.is("(")).unwrap_or(at)
    } else {
        at
    };
    let visible = from
        .checked_sub(1)
        .filter(|at| before.get(*at).is_some_and(|it| it.is("pub")));
    visible.unwrap_or(at)
}

/// `impl Clone for Permit`, however the two are written.
fn implemented(source: &Source<'_>, name: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let tokens = &source.tokens;
    for (at, token) in tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.is("for"))
    {
        let after = tokens.get(at + 1..).unwrap_or_default();
        let of: Vec<_> = after
            .iter()
            .take_while(|it| it.is_word() || it.is("::"))
            .collect();
        if !of.last().is_some_and(|it| it.is(name)) {
            continue;
        }
        let before = tokens.get(..at).unwrap_or_default();
        let Some(start) = before.iter().rposition(|it| it.is("impl")) else {
            continue;
        };
        let head = before.get(start..).unwrap_or_default();
        let of_what = |it: &&&str| head.iter().any(|token| token.is(it));
        if let Some(what) = FORBIDDEN.iter().find(of_what) {
            let what = format!("the proof `{name}` implements `{what}`");
            findings.push(Finding::new(source.path, token.line, what));
        }
    }
    findings
}

/// A use of an `assertion`, called or only named, outside tests and outside the list.
fn assertions(source: &Source<'_>) -> Vec<Finding> {
    if source.crate_folder().is_none() {
        return Vec::new();
    }
    let uses = source
        .paths()
        .into_iter()
        .filter(|path| path.segments.last() == Some(&"assertion"));
    uses.filter(|path| !source.is_test(path.line) && !is_listed(source, path))
        .filter(|path| path.segments.len() > 1 || !is_defined_at(source, path.line))
        .map(|path| {
            let what = path.segments.join("::");
            let what = format!("`{what}` is not among the callers in `tests/tidy/proofs.rs`");
            Finding::new(source.path, path.line, what)
        })
        .collect()
}

fn is_listed(source: &Source<'_>, path: &Path<'_>) -> bool {
    ASSERTIONS.iter().any(|(name, place)| {
        let here = if place.ends_with('/') {
            source.path.starts_with(place)
        } else {
            source.path == *place
        };
        here && path.holds(&[name, "assertion"])
    })
}

/// `fn assertion` itself, and not a bare use of it such as `<Caller>::assertion`.
fn is_defined_at(source: &Source<'_>, line: usize) -> bool {
    source.tokens.windows(2).any(|pair| match pair {
        [keyword, name] => keyword.is("fn") && name.is("assertion") && name.line == line,
        _ => false,
    })
}

mod tests;
