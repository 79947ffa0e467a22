//! One Rust file, and the shapes in it that checks ask for.

use std::ops::RangeInclusive;

use super::lexer::{Token, lex};

pub(crate) struct Source<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    pub(crate) tokens: Vec<Token<'a>>,
    tests: Vec<RangeInclusive<usize>>,
}

/// A function with a body.
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    /// From `fn` to the closing brace.
    pub(crate) lines: RangeInclusive<usize>,
}

/// `a::b::c`, or one of the paths of `a::{b::c, d}`.
pub(crate) struct Path<'a> {
    pub(crate) line: usize,
    pub(crate) segments: Vec<&'a str>,
}

/// The inside of `#[…]` or `#![…]`.
pub(crate) struct Attribute<'t, 'a> {
    pub(crate) line: usize,
    pub(crate) inside: &'t [Token<'a>],
    /// Where its first token stands.
    start: usize,
    /// Where the token after it stands.
    next: usize,
}

impl<'a> Source<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        let tokens = lex(text);
        let tests = test_lines(&tokens);
        Self {
            path,
            text,
            tokens,
            tests,
        }
    }

    /// Whether `line` is only compiled for tests.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        is_test_file(self.path) || self.tests.iter().any(|lines| lines.contains(&line))
    }

    /// The folder under `crates/` that the file is the source of.
    pub(crate) fn crate_folder(&self) -> Option<&'a str> {
        let (folder, inside) = self.path.strip_prefix("crates/")?.split_once('/')?;
        inside.starts_with("src/").then_some(folder)
    }

    pub(crate) fn functions(&self) -> Vec<Function<'a>> {
        let starts = self.tokens.windows(2).enumerate();
        starts
            .filter_map(|(at, pair)| self.function(at, pair))
            .collect()
    }

    fn function(&self, at: usize, pair: &[Token<'a>]) -> Option<Function<'a>> {
        let [keyword, name] = pair else { return None };
        // `fn(` is a type; `fn $name` stands in a macro.
        if !keyword.is("fn") || !(name.is_word() || name.is("$")) {
            return None;
        }
        let end = self.tokens.get(item_end(&self.tokens, at)?)?;
        end.is("}").then_some(Function {
            name: name.text,
            lines: keyword.line..=end.line,
        })
    }

    pub(crate) fn attributes(&self) -> Vec<Attribute<'_, 'a>> {
        attributes(&self.tokens)
    }

    /// The attributes that stand directly before the token at `at`, nearest first.
    pub(crate) fn attributes_above(&self, at: usize) -> Vec<Attribute<'_, 'a>> {
        let mut above = Vec::new();
        let mut at = at;
        for attribute in self.attributes().into_iter().rev() {
            if attribute.next == at {
                at = attribute.start;
                above.push(attribute);
            }
        }
        above
    }

    pub(crate) fn paths(&self) -> Vec<Path<'a>> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            at = read_path(&self.tokens, at, &[], &mut found);
        }
        found
    }
}

impl Attribute<'_, '_> {
    pub(crate) fn names(&self, word: &str) -> bool {
        self.inside.iter().any(|token| token.is(word))
    }

    pub(crate) fn starts_with(&self, word: &str) -> bool {
        self.inside.first().is_some_and(|token| token.is(word))
    }
}

impl Path<'_> {
    /// Whether `segments` follow one another somewhere in the path.
    pub(crate) fn holds(&self, segments: &[&str]) -> bool {
        self.segments
            .windows(segments.len())
            .any(|window| window == segments)
    }
}

fn is_test_file(path: &str) -> bool {
    let folders = ["tests", "benches", "examples"];
    path.ends_with("/tests.rs") || path.split('/').any(|part| folders.contains(&part))
}

fn attributes<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<Attribute<'t, 'a>> {
    let mut found = Vec::new();
    for (start, token) in tokens.iter().enumerate().filter(|(_, token)| token.is("#")) {
        let bang = usize::from(tokens.get(start + 1).is_some_and(|token| token.is("!")));
        let open = start + 1 + bang;
        if !tokens.get(open).is_some_and(|token| token.is("[")) {
            continue;
        }
        let Some(close) = closing(tokens, open) else {
            continue;
        };
        let inside = tokens.get(open + 1..close).unwrap_or_default();
        found.push(Attribute {
            line: token.line,
            inside,
            start,
            next: close + 1,
        });
    }
    found
}

fn test_lines(tokens: &[Token<'_>]) -> Vec<RangeInclusive<usize>> {
    attributes(tokens)
        .into_iter()
        .filter(|it| it.starts_with("cfg") && it.names("test"))
        // `any(test, …)` and `not(test)` are compiled for others too.
        .filter(|it| !it.names("any") && !it.names("not"))
        .filter_map(|it| Some(it.line..=tokens.get(item_end(tokens, it.next)?)?.line))
        .collect()
}

/// Where the item that starts at `at` ends: at the brace of its body, or at its semicolon.
fn item_end(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        match tokens.get(at)?.text {
            "(" | "[" => at = closing(tokens, at)? + 1,
            "{" => return closing(tokens, at),
            ";" | "}" => return Some(at),
            _ => at += 1,
        }
    }
}

/// Where the bracket that opens at `open` closes.
fn closing(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Reads the path at `at`, if one starts there, and says where to go on.
fn read_path<'a>(
    tokens: &[Token<'a>],
    start: usize,
    prefix: &[&'a str],
    found: &mut Vec<Path<'a>>,
) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = start;
    let Some(line) = tokens.get(start).map(|token| token.line) else {
        return start + 1;
    };
    while let Some(token) = tokens.get(at) {
        if token.is("{") && at > start {
            let end = closing(tokens, at).unwrap_or(tokens.len());
            let mut inner = at + 1;
            while inner < end {
                inner = read_path(tokens, inner, &segments, found);
            }
            return end + 1;
        }
        if !token.is_word() {
            break;
        }
        segments.push(token.text);
        at += 1;
        if !tokens.get(at).is_some_and(|token| token.is("::")) {
            break;
        }
        at += 1;
    }
    if segments.len() > prefix.len() {
        found.push(Path { line, segments });
    }
    at.max(start + 1)
}

mod tests;
