//! One table of a document, and the values in it.

use std::fmt;
use std::ops::{Deref, RangeInclusive};
use std::path::PathBuf;
use std::str::FromStr;

use super::node::{Entries, Node, Value};
use super::{Document, nearest};
use crate::fault::Faults;
use jiff::civil::{Date, DateTime, Time};
use toml::value::Datetime;

/// The most items of a list, and the most tables of one name.
pub const ITEMS_MAX: usize = 4096;

/// A value with the line it stands in, for faults that show only later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its line, counted from 1.
    pub line: usize,
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Located<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located {
            value: change(self.value),
            line: self.line,
        }
    }
}

/// A table of a document. Every key is asked for by name; [`Table::finish`] then reports the keys
/// that nobody asked for. Each question that finds a fault reports it and answers `None`.
#[must_use = "`finish` reports the keys that are not known"]
pub struct Table<'d> {
    document: &'d Document,
    entries: &'d Entries,
    /// The way to this table, for messages: `listen.`, or nothing for the root.
    prefix: String,
    line: Option<usize>,
    known: Vec<String>,
}

impl<'d> Table<'d> {
    pub(super) fn new(
        document: &'d Document,
        entries: &'d Entries,
        prefix: String,
        line: Option<usize>,
    ) -> Self {
        Self {
            document,
            entries,
            prefix,
            line,
            known: Vec::new(),
        }
    }

    /// The line of the table's heading; `None` for the root, which has no heading.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// Reports a fault of the table as a whole, or of the value at `line`.
    pub fn fault(
        &self,
        line: impl Into<Option<usize>>,
        what: impl Into<String>,
        remedy: impl Into<String>,
        faults: &mut Faults,
    ) {
        faults.push(&self.document.file, line.into().or(self.line), what, remedy);
    }

    /// A text that must be there and not be empty.
    pub fn string(&mut self, key: &str, faults: &mut Faults) -> Option<Located<String>> {
        let found = self.require(key, "\"…\"", faults)?;
        self.text(key, found, faults)
    }

    /// A text that may be left out, but not be empty.
    pub fn opt_string(&mut self, key: &str, faults: &mut Faults) -> Option<Located<String>> {
        let found = self.find(key)?;
        self.text(key, found, faults)
    }

    /// A name, or anything else that can be read from a text and must be there.
    pub fn parsed<T>(&mut self, key: &str, faults: &mut Faults) -> Option<Located<T>>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.string(key, faults)?;
        self.read(key, text, faults)
    }

    /// Like [`Table::parsed`], but may be left out.
    pub fn opt_parsed<T>(&mut self, key: &str, faults: &mut Faults) -> Option<Located<T>>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.opt_string(key, faults)?;
        self.read(key, text, faults)
    }

    /// A list of texts, none empty. Left out, it is empty.
    pub fn strings(&mut self, key: &str, faults: &mut Faults) -> Vec<Located<String>> {
        let Some(found) = self.find(key) else {
            return Vec::new();
        };
        let Value::List(values) = &found.value else {
            self.wrong_type(key, found, "a list of texts, as in [\"…\", \"…\"]", faults);
            return Vec::new();
        };
        if self.is_too_long(key, found.line, values.len(), faults) {
            return Vec::new();
        }
        values
            .iter()
            .filter_map(|item| self.text(key, item, faults))
            .collect()
    }

    /// Like [`Table::parsed_list`], but `None` where it is left out, and a fault where it is empty:
    /// where leaving out means "all", an empty list would read as "none" and be taken for "all".
    pub fn opt_parsed_list<T>(&mut self, key: &str, faults: &mut Faults) -> Option<Vec<Located<T>>>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let found = self.find(key)?;
        if matches!(&found.value, Value::List(values) if values.is_empty()) {
            let what = format!("`{}{key}` names none", self.prefix);
            self.fault(found.line, what, "name some, or leave it out", faults);
        }
        Some(self.parsed_list(key, faults))
    }

    /// A list of names, or of anything else that can be read from texts. Left out, it is empty.
    pub fn parsed_list<T>(&mut self, key: &str, faults: &mut Faults) -> Vec<Located<T>>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let texts = self.strings(key, faults);
        texts
            .into_iter()
            .filter_map(|text| self.read(key, text, faults))
            .collect()
    }

    /// A path that must be there; a relative one starts from the document's folder.
    pub fn path(&mut self, key: &str, faults: &mut Faults) -> Option<Located<PathBuf>> {
        let text = self.string(key, faults)?;
        Some(self.relative(text))
    }

    /// Like [`Table::path`], but may be left out.
    pub fn opt_path(&mut self, key: &str, faults: &mut Faults) -> Option<Located<PathBuf>> {
        let text = self.opt_string(key, faults)?;
        Some(self.relative(text))
    }

    /// A whole number within `range` that must be there.
    pub fn integer(
        &mut self,
        key: &str,
        range: RangeInclusive<i64>,
        faults: &mut Faults,
    ) -> Option<Located<i64>> {
        let found = self.require(key, &range.start().to_string(), faults)?;
        self.number(key, found, range, faults)
    }

    /// A whole number within `range` that may be left out.
    pub fn opt_integer(
        &mut self,
        key: &str,
        range: RangeInclusive<i64>,
        faults: &mut Faults,
    ) -> Option<Located<i64>> {
        let found = self.find(key)?;
        self.number(key, found, range, faults)
    }

    /// `true` or `false`; may be left out.
    pub fn opt_bool(&mut self, key: &str, faults: &mut Faults) -> Option<Located<bool>> {
        let found = self.find(key)?;
        let Value::Bool(value) = found.value else {
            self.wrong_type(key, found, "`true` or `false`", faults);
            return None;
        };
        Some(Located {
            value,
            line: found.line,
        })
    }

    /// A day that must be there, written without quotes: `2026-01-01`.
    pub fn date(&mut self, key: &str, faults: &mut Faults) -> Option<Located<Date>> {
        let found = self.require(key, "2026-01-01", faults)?;
        let Value::Moment(Datetime {
            date: Some(date),
            time: None,
            offset: None,
        }) = found.value
        else {
            self.wrong_type(key, found, "a day without quotes, as in 2026-01-01", faults);
            return None;
        };
        let day = day_of(date);
        if day.is_none() {
            let what = format!("`{}{key}` is no day of the calendar", self.prefix);
            self.fault(found.line, what, "correct it", faults);
        }
        day.map(|value| Located {
            value,
            line: found.line,
        })
    }

    /// A day and a time of day that must be there, without quotes and without an offset:
    /// `2026-03-02T09:30:00`.
    pub fn local(&mut self, key: &str, faults: &mut Faults) -> Option<Located<DateTime>> {
        let example = "2026-03-02T09:30:00";
        let found = self.require(key, example, faults)?;
        let Value::Moment(Datetime {
            date: Some(date),
            time: Some(time),
            offset: None,
        }) = found.value
        else {
            let wanted = format!("a local time without quotes or offset, as in {example}");
            self.wrong_type(key, found, &wanted, faults);
            return None;
        };
        let moment = day_of(date).zip(time_of(time));
        if moment.is_none() {
            let what = format!("`{}{key}` is no time of the calendar", self.prefix);
            self.fault(found.line, what, "correct it", faults);
        }
        moment.map(|(day, time)| Located {
            value: day.to_datetime(time),
            line: found.line,
        })
    }

    /// The text at `key`, where something else is asked for: to tell who wrote an older form what
    /// to write now.
    pub fn older_text(&mut self, key: &str) -> Option<Located<&'d str>> {
        let found = self.find(key)?;
        match &found.value {
            Value::Text(text) => Some(Located {
                value: text.as_str(),
                line: found.line,
            }),
            _ => None,
        }
    }

    /// A table that must be there.
    pub fn table(&mut self, key: &str, faults: &mut Faults) -> Option<Table<'d>> {
        if self.find(key).is_none() {
            let what = format!("`[{}{key}]` is missing", self.prefix);
            self.fault(
                None,
                what,
                format!("add a table `[{}{key}]`", self.prefix),
                faults,
            );
            return None;
        }
        self.opt_table(key, faults)
    }

    /// A table that may be left out.
    pub fn opt_table(&mut self, key: &str, faults: &mut Faults) -> Option<Table<'d>> {
        let found = self.find(key)?;
        self.inner(key, found, faults)
    }

    /// Tables headed `[[key]]`. Left out, there is none.
    pub fn tables(&mut self, key: &str, faults: &mut Faults) -> Vec<Table<'d>> {
        let Some(found) = self.find(key) else {
            return Vec::new();
        };
        let Value::List(values) = &found.value else {
            self.wrong_type(key, found, &format!("tables headed `[[{key}]]`"), faults);
            return Vec::new();
        };
        if self.is_too_long(key, found.line, values.len(), faults) {
            return Vec::new();
        }
        values
            .iter()
            .filter_map(|item| self.inner(key, item, faults))
            .collect()
    }

    /// All keys of a table whose keys are names of the writer's choice, each with its table.
    pub fn entries(&mut self, faults: &mut Faults) -> Vec<(Located<String>, Table<'d>)> {
        let mut entries = Vec::new();
        for (key, entry) in self.entries {
            self.known.push(key.clone());
            if let Some(inner) = self.inner(key, &entry.node, faults) {
                entries.push((
                    Located {
                        value: key.clone(),
                        line: entry.line,
                    },
                    inner,
                ));
            }
        }
        entries
    }

    /// Reports the keys that nobody asked for, each with the nearest that somebody did.
    pub fn finish(self, faults: &mut Faults) {
        for (name, entry) in self.entries {
            if self.known.iter().any(|known| known == name) {
                continue;
            }
            let remedy = match nearest(name, self.known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{}{near}`?", self.prefix),
                None => format!("remove it; known are `{}`", self.known.join("`, `")),
            };
            let what = format!("`{}{name}` is not a known key", self.prefix);
            self.fault(entry.line, what, remedy, faults);
        }
    }

    fn find(&mut self, key: &str) -> Option<&'d Node> {
        if !self.known.iter().any(|known| known == key) {
            self.known.push(key.to_owned());
        }
        self.entries.get(key).map(|entry| &entry.node)
    }

    fn require(&mut self, key: &str, example: &str, faults: &mut Faults) -> Option<&'d Node> {
        let found = self.find(key);
        if found.is_none() {
            let what = format!("`{}{key}` is missing", self.prefix);
            self.fault(None, what, format!("add `{key} = {example}`"), faults);
        }
        found
    }

    fn text(&self, key: &str, found: &Node, faults: &mut Faults) -> Option<Located<String>> {
        let Value::Text(text) = &found.value else {
            self.wrong_type(key, found, "a text in quotes", faults);
            return None;
        };
        if text.trim().is_empty() {
            let what = format!("`{}{key}` is empty", self.prefix);
            self.fault(found.line, what, "fill it in", faults);
            return None;
        }
        Some(Located {
            value: text.to_owned(),
            line: found.line,
        })
    }

    fn read<T>(&self, key: &str, text: Located<String>, faults: &mut Faults) -> Option<Located<T>>
    where
        T: FromStr<Err: fmt::Display>,
    {
        match text.value.parse() {
            Ok(value) => Some(Located {
                value,
                line: text.line,
            }),
            Err(error) => {
                let what = format!("`{}{key}`: {error}", self.prefix);
                self.fault(text.line, what, "correct it", faults);
                None
            }
        }
    }

    fn number(
        &self,
        key: &str,
        found: &Node,
        range: RangeInclusive<i64>,
        faults: &mut Faults,
    ) -> Option<Located<i64>> {
        let Value::Integer(written) = found.value else {
            self.wrong_type(key, found, "a whole number", faults);
            return None;
        };
        let within = written.filter(|number| range.contains(number));
        if within.is_none() {
            let size = written.map_or("beyond 64 bits".to_owned(), |number| number.to_string());
            let what = format!("`{}{key}` is {size}", self.prefix);
            let remedy = format!("give a number from {} to {}", range.start(), range.end());
            self.fault(found.line, what, remedy, faults);
        }
        within.map(|value| Located {
            value,
            line: found.line,
        })
    }

    fn inner(&self, key: &str, found: &'d Node, faults: &mut Faults) -> Option<Table<'d>> {
        let Value::Table(entries) = &found.value else {
            self.wrong_type(
                key,
                found,
                &format!("a table `[{}{key}]`", self.prefix),
                faults,
            );
            return None;
        };
        let prefix = format!("{}{key}.", self.prefix);
        Some(Table::new(self.document, entries, prefix, Some(found.line)))
    }

    /// Whether a list has more items than any is read with; then that is told.
    fn is_too_long(&self, key: &str, line: usize, items: usize, faults: &mut Faults) -> bool {
        let is_too_long = items > ITEMS_MAX;
        if is_too_long {
            let what = format!("`{}{key}` has {items} items", self.prefix);
            self.fault(line, what, format!("keep at most {ITEMS_MAX}"), faults);
        }
        is_too_long
    }

    fn relative(&self, text: Located<String>) -> Located<PathBuf> {
        let folder = self
            .document
            .file
            .parent()
            .map(PathBuf::from)
            .unwrap_or_default();
        text.map(|text| folder.join(text))
    }

    fn wrong_type(&self, key: &str, found: &Node, wanted: &str, faults: &mut Faults) {
        let what = format!("`{}{key}` is {}", self.prefix, found.value.kind());
        self.fault(found.line, what, format!("give {wanted}"), faults);
    }
}

fn day_of(date: toml::value::Date) -> Option<Date> {
    let (year, month) = (
        i16::try_from(date.year).ok()?,
        i8::try_from(date.month).ok()?,
    );
    Date::new(year, month, i8::try_from(date.day).ok()?).ok()
}

fn time_of(time: toml::value::Time) -> Option<Time> {
    let (hour, minute) = (
        i8::try_from(time.hour).ok()?,
        i8::try_from(time.minute).ok()?,
    );
    let second = i8::try_from(time.second.unwrap_or_default()).ok()?;
    let nanosecond = i32::try_from(time.nanosecond.unwrap_or_default()).ok()?;
    Time::new(hour, minute, second, nanosecond).ok()
}
