//! Rust as words and marks: comments are gone, and of a literal only its place is left.
//!
//! In scope: what a file of ours may hold. Out of scope: telling a wrong file from a right one; the
//! compiler does that.

/// A word, a mark or a literal, and the line that it starts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) line: usize,
    /// Of a literal only the first quote; of a lifetime only the tick.
    pub(crate) text: &'a str,
}

impl Token<'_> {
    pub(crate) fn is(&self, text: &str) -> bool {
        self.text == text
    }

    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(starts_word)
    }
}

/// Marks of two characters that are read as one.
const PAIRS: [&str; 3] = ["::", "->", "=>"];

pub(crate) fn lex(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(piece) = next(rest) {
        if let Some(text) = piece.token {
            tokens.push(Token { line, text });
        }
        let (read, left) = rest.split_at_checked(piece.length).unwrap_or((rest, ""));
        line += read.matches('\n').count();
        rest = left;
    }
    tokens
}

/// What stands first in a text: its length in bytes, and the token that it makes, if any.
struct Piece<'a> {
    length: usize,
    token: Option<&'a str>,
}

fn next(rest: &str) -> Option<Piece<'_>> {
    let first = rest.chars().next()?;
    let piece = |length: usize, shown: usize| Piece {
        length,
        token: rest.get(..shown),
    };
    let silent = |length: usize| Piece {
        length,
        token: None,
    };
    Some(if first.is_whitespace() {
        silent(first.len_utf8())
    } else if rest.starts_with("//") {
        silent(rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        silent(comment_length(rest))
    } else if let Some(length) = raw_string_length(rest) {
        piece(length, 1)
    } else if first == '"' {
        piece(string_length(rest), 1)
    } else if first == '\'' {
        piece(tick_length(rest), 1)
    } else if starts_word(first) || first.is_ascii_digit() {
        let length = word_length(rest);
        piece(length, length)
    } else if PAIRS.iter().any(|pair| rest.starts_with(pair)) {
        piece(2, 2)
    } else {
        piece(first.len_utf8(), first.len_utf8())
    })
}

/// Comments nest.
fn comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(left) = rest.get(at..).filter(|left| !left.is_empty()) {
        let step = if left.starts_with("/*") {
            depth += 1;
            2
        } else if left.starts_with("*/") {
            depth -= 1;
            2
        } else {
            left.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

/// Of `r"…"`, `r#"…"#` and their `b` and `c` forms; none where `rest` starts otherwise.
fn raw_string_length(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        rest.strip_prefix(prefix)
            .is_some_and(|left| left.starts_with(['#', '"']))
    })?;
    let hashes = rest
        .get(prefix.len()..)?
        .bytes()
        .take_while(|byte| *byte == b'#')
        .count();
    let opening = prefix.len() + hashes;
    let inside = rest.get(opening..)?.strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let end = inside
        .find(&closing)
        .map_or(inside.len(), |at| at + closing.len());
    Some(opening + 1 + end)
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A tick opens a character or a lifetime. `'a'` is the one, `'a` the other.
fn tick_length(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    let Some((_, first)) = letters.next() else {
        return rest.len();
    };
    if first == '\\' {
        let closing = letters.skip(1).find(|(_, letter)| *letter == '\'');
        return closing.map_or(rest.len(), |(at, _)| at + 1);
    }
    match letters.next() {
        Some((at, '\'')) => at + 1,
        _ => 1 + rest.get(1..).map_or(0, word_length),
    }
}

/// `r#fn` is one word, and not the keyword.
fn word_length(rest: &str) -> usize {
    let raw = if rest
        .strip_prefix("r#")
        .is_some_and(|left| left.starts_with(starts_word))
    {
        2
    } else {
        0
    };
    let word = rest.get(raw..).unwrap_or_default();
    raw + word
        .find(|letter| !continues_word(letter))
        .unwrap_or(word.len())
}

fn starts_word(letter: char) -> bool {
    letter.is_alphabetic() || letter == '_'
}

fn continues_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        lex(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_are_no_code() {
        assert_eq!(
            texts("a // fn b() {\nc /* { /* fn */ } */ d /// fn\n"),
            ["a", "c", "d"]
        );
    }

    #[test]
    fn strings_are_no_code() {
        assert_eq!(
            texts(r#"f("fn g() { \" }", b"{", c"}")"#).concat(),
            r#"f(",b",c")"#
        );
        assert_eq!(texts("\"never closed {"), ["\""]);
    }

    #[test]
    fn raw_strings_end_at_their_own_hashes() {
        assert_eq!(
            texts(r####"r#"fn " { "# + r"\" + br##"}"#"## + z"####).concat(),
            "r+r+b+z"
        );
    }

    #[test]
    fn a_raw_word_is_no_keyword() {
        assert_eq!(texts("r#fn r#type bar"), ["r#fn", "r#type", "bar"]);
    }

    #[test]
    fn characters_are_no_braces_and_lifetimes_are_no_characters() {
        assert_eq!(
            texts(r"'{' '\'' '}' b'{' '\u{7b}' 'đ' '\\' x").concat(),
            "'''b''''x"
        );
        assert_eq!(
            texts("fn f<'a,'b>(x: &'a str, y: Q<'_>) {}").concat(),
            "fnf<','>(x:&'str,y:Q<'>){}"
        );
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let tokens = lex("a\n/* 2\n3 */ b\n\"4\n5\" c");
        let lines: Vec<_> = tokens
            .iter()
            .map(|token| (token.line, token.text))
            .collect();
        assert_eq!(lines, [(1, "a"), (3, "b"), (4, "\""), (5, "c")]);
    }
}
