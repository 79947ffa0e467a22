//! The file that an operator begins with.

use std::fmt::Write as _;

use super::keys::sections;
use super::{Key, Often, Section};

/// Longer lines are broken.
const COLUMNS: usize = 98;

const HEAD: &str = "\
# A gateway's configuration. Paths are relative to this file. What is commented out may be left out:
# then what stands there holds, or nothing does. `motlan check` tells what is still missing.
";

/// A configuration with every key in it: what must be there, and commented out what may be.
#[must_use]
pub fn configuration_template() -> String {
    let mut text = HEAD.to_owned();
    for section in sections() {
        write_section(&mut text, &section);
    }
    text
}

fn write_section(text: &mut String, section: &Section) {
    let optional = matches!(section.often, Often::AtMostOnce | Often::Many);
    let mark = if optional { "# " } else { "" };
    text.push('\n');
    comment(text, section.what);
    if section.often != Often::Root {
        // Writing into a string cannot fail.
        let _written = writeln!(text, "{mark}{}", section.heading());
    }
    for key in &section.keys {
        comment(text, &told(key));
        let left_out = optional || key.usual.is_some();
        let mark = if left_out { "# " } else { "" };
        let _written = writeln!(text, "{mark}{} = {}", key.name, key.example);
    }
}

fn told(key: &Key) -> String {
    let mut told = format!("`{}`: {}", key.name, key.what);
    if let Some(bounds) = key.bounds() {
        told.push_str(&format!("; {bounds}"));
    }
    match &key.usual {
        Some(usual) => told.push_str(&format!(". Left out: {usual}.")),
        None => told.push('.'),
    }
    told
}

/// Breaks a sentence into lines of comment, links in it reduced to their words.
fn comment(text: &mut String, sentence: &str) {
    let mut line = "#".to_owned();
    for word in unlinked(sentence).split(' ') {
        if line.chars().count().saturating_add(word.chars().count()) >= COLUMNS {
            text.push_str(&line);
            text.push('\n');
            line = "#".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

fn unlinked(sentence: &str) -> String {
    let mut parts = sentence.split("](");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    text.replace('[', "")
}
