//! A `Cargo.toml`, as far as the walls ask: its package and what it depends on.
//!
//! In scope: every way Cargo has of naming a dependency. Out of scope: whether the file is valid
//! TOML, because Cargo tells, and strings of several lines, because nobody writes a version in one.

/// A manifest's name and dependencies.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) package: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One named dependency, with the keys of it that matter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
    /// The name that the package itself has, as far as this manifest tells.
    pub(crate) package: String,
    pub(crate) features: Vec<String>,
    /// Whether the workspace's features come on top.
    pub(crate) inherits: bool,
    /// What it is called here.
    pub(crate) key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
    /// Of the root manifest: only names what members may inherit.
    Workspace,
}

impl Manifest {
    pub(crate) fn parse(text: &str) -> Self {
        let mut manifest = Self::default();
        let mut section = String::new();
        for (line, entry) in entries(text) {
            if let Some(header) = entry.strip_prefix('[') {
                section = header.trim_end_matches(']').trim().to_owned();
            } else if let Some((key, value)) = entry.split_once('=') {
                manifest.read(line, &section, key.trim(), value.trim());
            }
        }
        manifest
    }

    fn read(&mut self, line: usize, section: &str, key: &str, value: &str) {
        if section == "package" && key == "name" {
            self.package = Some(unquoted(value).to_owned());
        } else if let Some(kind) = kind(section) {
            // `tokio.features = […]`
            let (name, inner) = key.split_once('.').unwrap_or((key, ""));
            self.set(line, kind, name, inner, value);
        } else if let Some((table, name)) = section.rsplit_once('.')
            && let Some(kind) = kind(table)
        {
            self.set(line, kind, name, key, value);
        }
    }

    /// Sets one key of the dependency `name`, which is added where `line` is the first to name it.
    fn set(&mut self, line: usize, kind: Kind, name: &str, key: &str, value: &str) {
        let name = unquoted(name);
        let same = |it: &Dependency| it.kind == kind && it.key == name;
        if !self.dependencies.iter().any(same) {
            self.dependencies.push(Dependency::new(line, kind, name));
        }
        if let Some(dependency) = self.dependencies.iter_mut().find(|it| same(it)) {
            dependency.set(key, value);
        }
    }
}

impl Dependency {
    fn new(line: usize, kind: Kind, key: &str) -> Self {
        let (package, features) = (key.to_owned(), Vec::new());
        Self {
            line,
            kind,
            package,
            features,
            inherits: false,
            key: key.to_owned(),
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        match key {
            "" => {
                for (key, value) in pairs(value) {
                    self.set(key, value);
                }
            }
            "package" => self.package = unquoted(value).to_owned(),
            "workspace" => self.inherits = value == "true",
            "features" => {
                let inside = value.trim_start_matches('[').trim_end_matches(']');
                self.features = inside
                    .split(',')
                    .map(|it| unquoted(it).to_owned())
                    .collect();
                self.features.retain(|feature| !feature.is_empty());
            }
            _ => {}
        }
    }
}

fn kind(section: &str) -> Option<Kind> {
    let target = section.starts_with("target.");
    let table = if target {
        section.rsplit('.').next().unwrap_or_default()
    } else {
        section
    };
    match table {
        "dependencies" => Some(Kind::Normal),
        "dev-dependencies" | "dev_dependencies" => Some(Kind::Dev),
        "build-dependencies" | "build_dependencies" => Some(Kind::Build),
        "workspace.dependencies" => Some(Kind::Workspace),
        _ => None,
    }
}

/// The headers and entries of a file without comments, each on one line however it was written.
fn entries(text: &str) -> Vec<(usize, String)> {
    let mut entries: Vec<(usize, String)> = Vec::new();
    let mut open = 0_i32;
    for (at, raw) in text.lines().enumerate() {
        let line = bare(raw);
        match entries.last_mut() {
            Some((_, entry)) if open > 0 => entry.push_str(&line),
            _ if line.is_empty() => continue,
            _ => entries.push((at + 1, line.clone())),
        }
        open += depth_change(&line);
    }
    entries
}

/// A line without its comment.
fn bare(line: &str) -> String {
    let mut quote = None;
    let end = line.char_indices().find(|(_, letter)| {
        quote = quoted(quote, *letter);
        quote.is_none() && *letter == '#'
    });
    let kept = end.and_then(|(at, _)| line.get(..at)).unwrap_or(line);
    kept.trim().to_owned()
}

fn depth_change(line: &str) -> i32 {
    let mut quote = None;
    let change = line.chars().map(|letter| {
        quote = quoted(quote, letter);
        match letter {
            '[' | '{' if quote.is_none() => 1,
            ']' | '}' if quote.is_none() => -1,
            _ => 0,
        }
    });
    change.sum()
}

/// The quote that is open after `letter`, where `quote` was open before.
fn quoted(quote: Option<char>, letter: char) -> Option<char> {
    match quote {
        Some(open) => (open != letter).then_some(open),
        None => matches!(letter, '"' | '\'').then_some(letter),
    }
}

/// The keys and values of an inline table; none of anything else.
fn pairs(value: &str) -> Vec<(&str, &str)> {
    let table = value
        .strip_prefix('{')
        .and_then(|inside| inside.strip_suffix('}'));
    let mut rest = table.unwrap_or_default();
    let mut pairs = Vec::new();
    while let Some((key, left)) = rest.split_once('=') {
        let mut depth = 0;
        let comma = left.char_indices().find(|(_, letter)| {
            depth += depth_change(&letter.to_string());
            depth == 0 && *letter == ','
        });
        let (value, after) = comma.map_or((left, ""), |(at, _)| left.split_at(at));
        pairs.push((key.trim(), value.trim()));
        rest = after.trim_start_matches(',');
    }
    pairs
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

mod tests {
    use super::*;

    fn named(text: &str) -> Vec<(usize, Kind, String, Vec<String>, bool)> {
        let all = Manifest::parse(text).dependencies.into_iter();
        all.map(|it| (it.line, it.kind, it.package, it.features, it.inherits))
            .collect()
    }

    #[test]
    fn every_way_of_naming_a_dependency_is_read() {
        let text = r#"
[package]
name = "motlan-a" # not "motlan-b"
[dependencies]
one = "1" # { features = ["no"] }
two.workspace = true
three = { version = "3", features = ["x", "y"], package = "drei" }
"four" = { workspace = true, default-features = false, features = [
  "p", # why
  "q",
] }
five.version = "5"
five.features = ["z"]
[build-dependencies.six]
features = ["b"]
[target.'cfg(unix)'.dev-dependencies]
seven = { path = "../seven" }
[target."cfg(a.b)".dependencies.eight]
workspace = true
"#;
        let manifest = Manifest::parse(text);
        assert_eq!(manifest.package.as_deref(), Some("motlan-a"));
        let features = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            named(text),
            [
                (5, Kind::Normal, "one".to_owned(), features(&[]), false),
                (6, Kind::Normal, "two".to_owned(), features(&[]), true),
                (
                    7,
                    Kind::Normal,
                    "drei".to_owned(),
                    features(&["x", "y"]),
                    false
                ),
                (
                    8,
                    Kind::Normal,
                    "four".to_owned(),
                    features(&["p", "q"]),
                    true
                ),
                (12, Kind::Normal, "five".to_owned(), features(&["z"]), false),
                (15, Kind::Build, "six".to_owned(), features(&["b"]), false),
                (17, Kind::Dev, "seven".to_owned(), features(&[]), false),
                (19, Kind::Normal, "eight".to_owned(), features(&[]), true),
            ]
        );
    }

    #[test]
    fn what_the_workspace_offers_is_kept_apart() {
        let text = "[workspace.dependencies]\ntokio = { version = \"1\", features = [\"net\"] }\n";
        let features = vec!["net".to_owned()];
        assert_eq!(
            named(text),
            [(2, Kind::Workspace, "tokio".to_owned(), features, false)]
        );
    }

    #[test]
    fn other_tables_are_no_dependencies() {
        assert_eq!(
            named("[lints]\nworkspace = true\n[features]\ndependencies = []\n"),
            []
        );
    }
}
