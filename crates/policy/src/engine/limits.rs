//! What an owner's rules may cost: checked in the text, before a parser sees it. A parser that goes
//! down for each bracket would else run out of stack, on a worker sooner than where rules are
//! tried.

/// Brackets within brackets.
pub const OWNER_DEPTH_MAX: usize = 16;
/// Words, texts and signs of one rule.
pub const OWNER_TOKENS_MAX: usize = 512;
/// `if`s of one rule.
const IFS_MAX: usize = 8;

/// A text that is beyond what owners may write, at a line counted from 1.
pub(super) struct Beyond {
    pub(super) line: usize,
    pub(super) what: String,
    pub(super) remedy: &'static str,
}

/// The line in which each rule begins.
pub(super) fn lines_of_rules(text: &str) -> Result<Vec<usize>, Beyond> {
    let mut starts = Vec::new();
    let (mut line, mut depth, mut tokens, mut ifs) = (1_usize, 0_usize, 0_usize, 0_usize);
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\n' => line = line.saturating_add(1),
            letter if letter.is_whitespace() => {}
            '/' if rest.peek() == Some(&'/') => {
                while rest.next_if(|next| *next != '\n').is_some() {}
            }
            _ => {
                if tokens == 0 {
                    starts.push(line);
                }
                tokens = tokens.saturating_add(1);
                match letter {
                    '(' | '[' | '{' => depth = depth.saturating_add(1),
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    ';' => (tokens, depth, ifs) = (0, 0, 0),
                    '"' => {
                        while let Some(next) = rest.next_if(|next| *next != '"') {
                            if next == '\\' {
                                rest.next();
                            }
                            line = line.saturating_add(usize::from(next == '\n'));
                        }
                        rest.next();
                    }
                    letter if is_word(letter) => {
                        let mut word = String::from(letter);
                        while let Some(next) = rest.next_if(|next| is_word(*next)) {
                            word.push(next);
                        }
                        ifs = ifs.saturating_add(usize::from(word == "if"));
                    }
                    _ => {}
                }
                check(line, depth, tokens, ifs)?;
            }
        }
    }
    Ok(starts)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn check(line: usize, depth: usize, tokens: usize, ifs: usize) -> Result<(), Beyond> {
    let (what, remedy) = if depth > OWNER_DEPTH_MAX {
        let what = format!("has brackets nested deeper than {OWNER_DEPTH_MAX}");
        (what, "write it flatter")
    } else if tokens > OWNER_TOKENS_MAX {
        let what = format!("has a rule of more than {OWNER_TOKENS_MAX} words and signs");
        (what, "make it shorter, or two rules of it")
    } else if ifs > IFS_MAX {
        let what = format!("has a rule with more than {IFS_MAX} `if`s");
        (what, "write conditions with `&&` and `||`")
    } else {
        return Ok(());
    };
    Err(Beyond { line, what, remedy })
}
