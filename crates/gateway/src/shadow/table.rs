//! Differences, those that are alike counted together.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Asked, Difference};

/// Differences that are told apart; further ones are only counted.
pub const ROWS_MAX: usize = 1000;

/// What was compared, and what differed: by caller, method, procedure and difference. Nothing of a
/// person stands in it.
#[derive(Debug, Clone, Default)]
pub struct Table {
    compared: u64,
    rows: BTreeMap<Row, Told>,
    others: u64,
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Row {
    /// The calling system.
    pub caller: String,
    /// The method asked, by its path.
    pub method: String,
    /// The procedure that the official named.
    pub procedure: String,
    /// How the decisions differ.
    pub difference: Difference,
}

/// How often, and where it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// How often.
    pub count: u64,
    /// The first: its record, or its time.
    pub first: String,
    /// The last.
    pub last: String,
}

impl Table {
    /// Counts one question that was compared; `place` is where it was seen.
    pub fn add(&mut self, asked: &Asked, difference: Option<&Difference>, place: &str) {
        self.compared = self.compared.saturating_add(1);
        let Some(difference) = difference else { return };
        let row = Row {
            caller: asked.system.to_string(),
            method: asked.method.clone(),
            procedure: asked.procedure.to_string(),
            difference: difference.clone(),
        };
        if let Some(told) = self.rows.get_mut(&row) {
            told.count = told.count.saturating_add(1);
            place.clone_into(&mut told.last);
        } else if self.rows.len() < ROWS_MAX {
            let (first, last) = (place.to_owned(), place.to_owned());
            self.rows.insert(
                row,
                Told {
                    count: 1,
                    first,
                    last,
                },
            );
        } else {
            self.others = self.others.saturating_add(1);
        }
    }

    /// How many were compared.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// How many of them differ.
    #[must_use]
    pub fn differ(&self) -> u64 {
        let counts = self.rows.values().map(|told| told.count);
        counts.fold(self.others, u64::saturating_add)
    }

    /// How many of them differ in ways that there was no room to tell apart.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// The differences.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (&Row, &Told)> {
        self.rows.iter()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differ = self.differ();
        let alike = self.compared.saturating_sub(differ);
        writeln!(
            f,
            "{} compared, {alike} alike, {differ} different",
            self.compared
        )?;
        for (row, told) in &self.rows {
            let Row {
                caller,
                method,
                procedure,
                difference,
            } = row;
            let (method, kind) = (method.trim_start_matches('/'), difference.kind());
            writeln!(
                f,
                "\n{} {kind}: {caller} {method} for {procedure}",
                told.count
            )?;
            write!(f, "{difference}")?;
            match told.first == told.last {
                true => writeln!(f, "  seen      {}", told.first)?,
                false => writeln!(f, "  seen      {} to {}", told.first, told.last)?,
            }
        }
        match self.others {
            0 => Ok(()),
            others => writeln!(f, "\n{others} more, of further kinds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use motlan_policy::Moment;

    use super::super::Decided;
    use super::*;

    fn asked(procedure: usize) -> Asked {
        Asked {
            system: "H26/one-stop".parse().unwrap(),
            method: "/vn.population.v1.PopulationRegistry/GetPerson".to_owned(),
            procedure: format!("1.{procedure:06}").parse().unwrap(),
            dossier: true,
            consented: None,
            approvals: 0,
            emergency: None,
            cited: None,
            fields: Vec::new(),
            at: Moment::from_unix_ms(0),
        }
    }

    fn refused(reason: &str) -> Decided {
        Decided::Refused {
            reason: reason.to_owned(),
        }
    }

    fn allowed(grant: &str, terms: Option<&str>, fields: &[&str]) -> Decided {
        Decided::Allowed {
            grant: grant.to_owned(),
            terms: terms.map(str::to_owned),
            view: fields.concat(),
            fields: Some(fields.iter().map(|field| (*field).to_owned()).collect()),
        }
    }

    #[test]
    fn what_two_sets_decide_alike_is_no_difference_and_each_other_kind_has_a_name() {
        let plain = || allowed("a/b", Some(""), &["x"]);
        for (was, is, kind) in [
            (plain(), plain(), None),
            (plain(), allowed("a/b", None, &["x"]), None),
            (refused("A"), refused("A"), None),
            (refused("A"), refused("B"), Some("reason")),
            (refused("A"), plain(), Some("allowed")),
            (plain(), refused("A"), Some("refused")),
            (plain(), allowed("a/c", Some(""), &["x"]), Some("grant")),
            (
                plain(),
                allowed("a/b", Some(", with consent"), &["x"]),
                Some("terms"),
            ),
            (plain(), allowed("a/c", Some(""), &["y"]), Some("fields")),
        ] {
            let difference = Difference::between(was, is);
            assert_eq!(difference.as_ref().map(Difference::kind), kind);
        }
    }

    #[test]
    fn differences_that_are_alike_are_counted_together_and_the_table_has_an_end() {
        let mut table = Table::default();
        let difference = Difference::between(refused("A"), allowed("a/b", None, &["x", "y"]));
        for number in 0..ROWS_MAX + 3 {
            let place = format!("record {number}");
            table.add(&asked(number), difference.as_ref(), &place);
            table.add(&asked(number), None, &place);
        }
        table.add(&asked(0), difference.as_ref(), "the last");
        assert_eq!((table.rows().len(), table.others()), (ROWS_MAX, 3));
        assert_eq!(table.differ(), ROWS_MAX as u64 + 4);
        assert_eq!(table.compared(), 2 * (ROWS_MAX as u64 + 3) + 1);
        let (_, told) = table.rows().next().unwrap();
        assert_eq!(
            (told.count, told.first.as_str(), told.last.as_str()),
            (2, "record 0", "the last")
        );
        let text = table.to_string();
        assert!(
            text.starts_with("2007 compared, 1003 alike, 1004 different\n"),
            "{text}"
        );
        let first = "2 allowed: H26/one-stop vn.population.v1.PopulationRegistry/GetPerson for \
                     1.000000\n  was       refused, A\n  would be  allowed by a/b, xy\n  \
                     gains     x y\n  seen      record 0 to the last\n";
        assert!(text.contains(first), "{text}");
        assert!(text.ends_with("\n3 more, of further kinds\n"), "{text}");
    }
}
