//! What citizens ask for: administrative procedures, and the documents that a database replaces in
//! them.

use std::path::Path;
use std::sync::Arc;

use crate::name::ProcedureCode;
use crate::once::Meaning;

/// A procedure, with all rows of the law's annex that carry its code: one code may cover several
/// variants of the procedure, and one variant several documents.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Procedure {
    /// Its code.
    pub code: ProcedureCode,
    /// Its rows, in the order of the annex. Never empty.
    pub rows: Vec<ProcedureRow>,
}

impl Procedure {
    /// The names under which the procedure goes, each once, in the order of the annex. Each is a
    /// variant.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().enumerate().filter_map(|(index, row)| {
            let before = self.rows.iter().take(index);
            before
                .clone()
                .all(|other| other.name != row.name)
                .then_some(row.name.as_str())
        })
    }
}

/// One row of the annex: a document that is replaced in one variant of a procedure.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProcedureRow {
    /// The file it stands in.
    pub file: Arc<Path>,
    /// Its line in the file, counted from 1.
    pub line: usize,
    /// Its number in the annex. Several rows may share one.
    pub number: String,
    /// The body under whose heading it stands.
    pub sector: String,
    /// The name of this variant.
    pub name: String,
    /// The document that is no longer asked for.
    pub replaced_document: String,
    /// What that document is here. `None` exactly where the catalogue has no `once/`.
    pub meaning: Option<Arc<Meaning>>,
    /// The databases that hold its content, by our own ids. Not all of them are datasets yet.
    pub databases: Vec<String>,
    /// The same in the words of the annex.
    pub database: String,
    /// Who owns them, in the words of the annex.
    pub database_owner: String,
    /// The instrument that asked for the document.
    pub legal_instrument: String,
    /// Where in it.
    pub article: String,
}

/// A document that a database replaces in every procedure, listed or not.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReplacedDocument {
    /// The file it stands in.
    pub file: Arc<Path>,
    /// Its line in the file, counted from 1.
    pub line: usize,
    /// The document.
    pub document: String,
    /// What that document is here. `None` exactly where the catalogue has no `once/`.
    pub meaning: Option<Arc<Meaning>>,
    /// The database, by our own id.
    pub database: String,
    /// The clause that says so.
    pub clause: String,
}
