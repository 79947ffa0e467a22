//! R111: every key of the configuration, described once. Out of this come
//! `docs/operator/CONFIGURATION.md`, the file that `motlan init` writes, and the schema for
//! editors. The bounds and what is usual are those of the loader; tests hold the rest against it,
//! key by key.

mod keys;
mod page;
mod schema;
mod template;

use super::limits;
use super::{FREE_BYTES_MIN, QUARTERS_MAX, RESERVE_BYTES, WATCH_MS, WATCH_MS_MAX};
use crate::witnesses::{EVERY_MS, EVERY_MS_MAX};
pub use page::configuration_page;
pub use schema::configuration_schema;
pub use template::configuration_template;

/// One key.
struct Key {
    name: String,
    what: &'static str,
    kind: Kind,
    /// What to write; of a key that may be left out, for instance.
    example: String,
    /// What holds where it is left out; `None` where it must be there.
    usual: Option<String>,
}

/// What a key's value is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// A file or a folder.
    Path,
    /// An address of this machine with a port.
    Address,
    /// A whole number.
    Number {
        min: i64,
        max: i64,
    },
}

/// How often a table may be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Often {
    /// The keys outside all tables.
    Root,
    Once,
    AtMostOnce,
    /// A table of a list.
    Many,
}

/// One table.
struct Section {
    name: &'static str,
    what: &'static str,
    often: Often,
    keys: Vec<Key>,
}

impl Section {
    /// How its heading is written.
    fn heading(&self) -> String {
        match self.often {
            Often::Root => String::new(),
            Often::Once | Often::AtMostOnce => format!("[{}]", self.name),
            Often::Many => format!("[[{}]]", self.name),
        }
    }
}

impl Key {
    fn of(name: &str, kind: Kind, what: &'static str, example: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            what,
            kind,
            example: example.into(),
            usual: None,
        }
    }

    fn text(name: &str, what: &'static str, example: &str) -> Self {
        Self::of(name, Kind::Text, what, format!("\"{example}\""))
    }

    fn path(name: &str, what: &'static str, example: &str) -> Self {
        Self::of(name, Kind::Path, what, format!("\"{example}\""))
    }

    fn address(name: &str, what: &'static str, example: &str) -> Self {
        Self::of(name, Kind::Address, what, format!("\"{example}\""))
    }

    fn number(name: &str, what: &'static str, (min, max): (i64, i64), usual: i64) -> Self {
        let key = Self::of(name, Kind::Number { min, max }, what, usual.to_string());
        key.usually(&usual.to_string())
    }

    fn usually(mut self, usual: &str) -> Self {
        self.usual = Some(usual.to_owned());
        self
    }

    /// Its bounds, for people.
    fn bounds(&self) -> Option<String> {
        match self.kind {
            Kind::Number { min, max: i64::MAX } => Some(format!("from {min}")),
            Kind::Number { min, max } => Some(format!("{min} to {max}")),
            Kind::Text | Kind::Path | Kind::Address => None,
        }
    }
}

fn limits_section() -> Section {
    let keys = limits::ALL.iter().map(|limit| {
        let (max, usual) = (i64::from(limit.max), i64::from(limit.usual));
        Key::number(limit.key, limit.what, (1, max), usual)
    });
    Section {
        name: "limits",
        what: "How much of everything.",
        often: Often::AtMostOnce,
        keys: keys.collect(),
    }
}

#[cfg(test)]
mod tests;
