//! A reader over TOML that gathers every fault with its line: syntax, unknown and missing keys,
//! wrong types, values out of range, names that are none.
//!
//! ```
//! use motlan_catalog::{Faults, document::Document};
//!
//! let mut faults = Faults::new();
//! let text = "port = 80\nhots = \"a\"\n";
//! if let Some(document) = Document::parse("a.toml".as_ref(), text, &mut faults) {
//!     let mut table = document.root();
//!     let _host = table.string("host", &mut faults);
//!     let _port = table.integer("port", 1024..=65535, &mut faults);
//!     table.finish(&mut faults);
//! }
//! let lines: Vec<String> = faults.iter().map(|fault| fault.to_string()).collect();
//! assert_eq!(lines, [
//!     "a.toml: `host` is missing; add `host = \"…\"`",
//!     "a.toml:1: `port` is 80; give a number from 1024 to 65535",
//!     "a.toml:2: `hots` is not a known key; did you mean `host`?",
//! ]);
//! ```

mod near;
mod node;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::fault::Faults;
pub use near::nearest;
use node::{Entries, Lines};
pub use table::{ITEMS_MAX, Located, Table};

/// The largest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;

/// A TOML document whose syntax is in order.
pub struct Document {
    file: PathBuf,
    root: Entries,
}

impl Document {
    /// Reads `file`. `None`, with at least one fault, where there is no document to go on with.
    pub fn read(file: &Path, faults: &mut Faults) -> Option<Self> {
        let remedy = "check that the file exists and can be read";
        match crate::load::bounded(file, DOCUMENT_BYTES_MAX) {
            Ok(bytes) => Self::from_bytes(file, bytes, faults),
            Err(error) => {
                faults.push(file, None, format!("cannot be read: {error}"), remedy);
                None
            }
        }
    }

    pub(crate) fn from_bytes(file: &Path, bytes: Vec<u8>, faults: &mut Faults) -> Option<Self> {
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse(file, &text, faults),
            Err(error) => {
                let valid = error
                    .as_bytes()
                    .iter()
                    .take(error.utf8_error().valid_up_to());
                let line = valid
                    .filter(|byte| **byte == b'\n')
                    .count()
                    .saturating_add(1);
                faults.push(file, line, "is not UTF-8", "save the file as UTF-8");
                None
            }
        }
    }

    /// Reads `text` as the content of `file`. Every fault of syntax is reported; then there is no
    /// document, since what stands after a broken line may have been misread.
    pub fn parse(file: &Path, text: &str, faults: &mut Faults) -> Option<Self> {
        let lines = Lines::of(text);
        let told = faults.len();
        for (at, sign) in text
            .char_indices()
            .filter(|(at, sign)| is_unseen(*sign) && (*at, *sign) != (0, '\u{FEFF}'))
        {
            let what = format!(
                "holds U+{:04X}, which is not seen as it is read",
                u32::from(sign)
            );
            faults.push(file, lines.line(at), what, "remove it");
        }
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let line = error.span().map(|span| lines.line(span.start));
            let what = format!("is not valid TOML: {}", error.message().replace('\n', ", "));
            faults.push(file, line, what, "correct the syntax");
        }
        (faults.len() == told).then(|| Self {
            file: file.to_owned(),
            root: lines.entries(root.get_ref()),
        })
    }

    /// The file it was read from.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line of each key by the way to it, as `listen.gateway`: for faults that show only when
    /// what the keys name is looked at. What stands in lists is not among them.
    #[must_use]
    pub fn lines(&self) -> BTreeMap<String, usize> {
        let mut lines = BTreeMap::new();
        node::each_line(&self.root, "", &mut |key, line| {
            lines.insert(key, line);
        });
        lines
    }

    /// The document's outermost table.
    pub fn root(&self) -> Table<'_> {
        Table::new(self, &self.root, String::new(), None)
    }
}

/// Whether a sign breaks lines, turns the direction or takes no room, so that people read another
/// text than programs do (Unicode Technical Standard 55).
fn is_unseen(sign: char) -> bool {
    matches!(
        sign,
        '\u{85}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}'
    )
}

#[cfg(test)]
mod tests;
