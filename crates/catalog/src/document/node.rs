//! A document's values, each with its line, free of the text they were read from.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

/// A value and the line, counted from 1, in which it starts.
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) line: usize,
}

/// A key's line and what it stands for.
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) node: Node,
}

pub(super) type Entries = BTreeMap<String, Entry>;

pub(super) enum Value {
    Text(String),
    /// `None` where it is beyond 64 bits.
    Integer(Option<i64>),
    Float,
    Bool(bool),
    Moment(Datetime),
    List(Vec<Node>),
    Table(Entries),
}

impl Value {
    /// What a person calls it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float => "a number with a fraction",
            Self::Bool(_) => "`true` or `false`",
            Self::Moment(_) => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Turns byte offsets into lines.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = newlines.map(|(at, _)| at.saturating_add(1));
        Self(std::iter::once(0).chain(starts).collect())
    }

    /// The line, counted from 1, in which the byte `at` stands.
    pub(super) fn line(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }

    pub(super) fn entries(&self, table: &DeTable<'_>) -> Entries {
        let entries = table.iter().map(|(key, value)| {
            let line = self.line(key.span().start);
            (
                key.get_ref().to_string(),
                Entry {
                    line,
                    node: self.node(value),
                },
            )
        });
        entries.collect()
    }

    fn node(&self, spanned: &Spanned<DeValue<'_>>) -> Node {
        let value = match spanned.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Float(_) => Value::Float,
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(moment) => Value::Moment(*moment),
            DeValue::Array(items) => Value::List(items.iter().map(|v| self.node(v)).collect()),
            DeValue::Table(table) => Value::Table(self.entries(table)),
        };
        Node {
            value,
            line: self.line(spanned.span().start),
        }
    }
}

/// Gives the line of each key to `visit`, with the way to it.
pub(super) fn each_line(entries: &Entries, prefix: &str, visit: &mut dyn FnMut(String, usize)) {
    for (key, entry) in entries {
        let key = format!("{prefix}{key}");
        if let Value::Table(inner) = &entry.node.value {
            each_line(inner, &format!("{key}."), visit);
        }
        visit(key, entry.line);
    }
}
