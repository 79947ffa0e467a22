//! What is told of a candidate.

use std::fmt;
use std::sync::Arc;

use motlan_catalog::Revision;
use serde_json::json;

use super::Table;
use crate::enforced::Problems;

/// What is told of the candidate.
pub struct Report {
    /// Its revision; or all that is wrong with it.
    pub candidate: Result<Revision, Arc<Problems>>,
    /// The revision that it was compared with; none where no question came yet.
    pub in_force: Option<Revision>,
    /// The differences.
    pub table: Table,
    /// Lookups that could not be compared, by a fault of the gateway.
    pub broken_off: u64,
}

impl Report {
    /// For programs.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let revision = self.candidate.as_ref().ok().map(Revision::as_str);
        let problems = self.candidate.as_ref().err();
        let problems: Vec<String> = problems.iter().flat_map(|them| them.lines()).collect();
        let rows = self.table.rows().map(|(row, told)| {
            json!({
                "kind": row.difference.kind(), "caller": row.caller, "method": row.method,
                "procedure": row.procedure, "difference": row.difference, "count": told.count,
                "first": told.first, "last": told.last,
            })
        });
        json!({
            "candidate": revision,
            "faults": problems,
            "in_force": self.in_force.as_ref().map(Revision::as_str),
            "compared": self.table.compared(),
            "different": self.table.differ(),
            "others": self.table.others(),
            "broken_off": self.broken_off,
            "rows": rows.collect::<Vec<_>>(),
        })
    }
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.broken_off > 0 {
            let count = self.broken_off;
            writeln!(
                f,
                "{count} could not be compared, by a fault of the gateway; see its log"
            )?;
        }
        match &self.candidate {
            Ok(revision) => writeln!(f, "candidate {revision}")?,
            Err(problems) => return writeln!(f, "the candidate cannot be used:\n{problems}"),
        }
        if let Some(in_force) = &self.in_force {
            writeln!(f, "in force  {in_force}")?;
        }
        write!(f, "{}", self.table)
    }
}
