//! What every row of the law comes to, with totals. No row is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use motlan_catalog::{Catalog, DocumentKind, Meaning, ProcedureRow, Source, VariantCode};
use serde::Serialize;

use crate::clause;
use crate::plan::{PlanError, variants};

/// All rows, and what they add up to.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// The rows of the annex, in its order.
    pub annex: Vec<CoverageRow>,
    /// The rows of Article 4, in its order.
    pub article4: Vec<CoverageRow>,
    /// What the rows of the annex add up to.
    pub totals: Totals,
}

/// One row of the law, and what it comes to.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CoverageRow {
    /// The name of the file.
    pub file: String,
    /// The line in it.
    pub line: usize,
    /// The clause, as it is cited.
    pub clause: String,
    /// The procedure's code; absent in Article 4, which is about every procedure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure: Option<String>,
    /// Which of the procedure's names the row has, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The body under whose heading it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector: Option<String>,
    /// The document in the words of the law.
    pub wording: String,
    /// Whether the law replaces only a part of it.
    pub partial: bool,
    /// The databases that the row names, by our ids.
    pub named: Vec<String>,
    /// The documents that it comes to. Never empty.
    pub documents: Vec<Resolved>,
    /// Databases that the row names, and none of its documents is held in.
    pub named_only: Vec<String>,
    /// Databases in which one of its documents is held, and that the row does not name.
    pub held_only: Vec<String>,
}

/// Where one document is held.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Resolved {
    /// The document's code.
    pub document: String,
    /// The database: a dataset's id where it is one.
    pub database: String,
    /// The agency that answers for it.
    pub owner: String,
    /// The method by which it is had; absent where the database is no dataset here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The view that shows what the document shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// Whether it may be relied on.
    pub readiness: Readiness,
}

/// Whether a database may be relied on in place of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// It is a dataset here, and published.
    Published,
    /// It is a dataset here, and not published yet.
    Pilot,
    /// It is no dataset here.
    NotPublished,
}

/// What rows add up to.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Rows.
    pub rows: usize,
    /// Different procedures.
    pub procedures: usize,
    /// Different wordings, but for case and white space.
    pub wordings: usize,
    /// Documents of rows: a row may name several.
    pub documents: usize,
    /// Those of them that a published dataset holds.
    pub published: usize,
    /// Rows of which only a part is replaced.
    pub partial: usize,
    /// Rows whose databases are not those that hold their documents.
    pub differing: usize,
    /// By the body under whose heading the rows stand.
    pub sectors: BTreeMap<String, OfSector>,
    /// By database, as the rows name it or as it holds their documents.
    pub databases: BTreeMap<String, OfDatabase>,
}

/// What the rows of one body add up to.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct OfSector {
    /// Rows.
    pub rows: usize,
    /// Different procedures.
    pub procedures: usize,
    /// Documents of rows.
    pub documents: usize,
    /// Those of them that a published dataset holds.
    pub published: usize,
}

/// What the rows say of one database.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct OfDatabase {
    /// Rows that name it.
    pub named: usize,
    /// Documents of rows that it holds.
    pub documents: usize,
    /// Whether it may be relied on; absent where no document is held there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Readiness>,
}

/// What every row of the law comes to.
///
/// # Errors
/// Where the catalogue has no `once/`.
pub fn coverage(catalog: &Catalog) -> Result<Coverage, PlanError> {
    let law = &catalog.once().ok_or(PlanError::NoLaw)?.law;
    let mut annex = Vec::new();
    for procedure in catalog.procedures() {
        let variants = variants(procedure);
        for row in &procedure.rows {
            let variant = variants.iter().find(|variant| variant.name == row.name);
            let clause = clause::of_annex(law, &row.number);
            annex.push(of_annex(
                row,
                clause,
                variant.map(|it| &it.code),
                &procedure.code,
            ));
        }
    }
    annex.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    let article4 = catalog.replaced_documents().iter().map(|replaced| {
        let clause = clause::of_article(law, &replaced.clause);
        let named = std::slice::from_ref(&replaced.database);
        let mut row = resolved(&replaced.document, named, replaced.meaning.as_deref());
        (row.file, row.line, row.clause) = (file_name(&replaced.file), replaced.line, clause);
        row
    });
    let article4 = article4.collect();
    let totals = totals(&annex);
    Ok(Coverage {
        annex,
        article4,
        totals,
    })
}

fn of_annex(
    row: &ProcedureRow,
    clause: String,
    variant: Option<&VariantCode>,
    procedure: &motlan_catalog::ProcedureCode,
) -> CoverageRow {
    let meaning = row.meaning.as_deref();
    CoverageRow {
        file: file_name(&row.file),
        line: row.line,
        clause,
        procedure: Some(procedure.to_string()),
        variant: variant.map(VariantCode::to_string),
        sector: Some(row.sector.clone()),
        ..resolved(&row.replaced_document, &row.databases, meaning)
    }
}

fn file_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What a wording comes to, wherever it stands.
fn resolved(wording: &str, named: &[String], meaning: Option<&Meaning>) -> CoverageRow {
    let kinds = meaning.map(|meaning| meaning.documents.as_slice());
    let documents: Vec<Resolved> = kinds
        .unwrap_or_default()
        .iter()
        .map(|it| held(it))
        .collect();
    let holding: BTreeSet<&str> = documents.iter().map(|it| it.database.as_str()).collect();
    let naming: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    let owned = |names: &mut dyn Iterator<Item = &&str>| names.map(|it| (*it).to_owned()).collect();
    CoverageRow {
        file: String::new(),
        line: 0,
        clause: String::new(),
        procedure: None,
        variant: None,
        sector: None,
        wording: wording.to_owned(),
        partial: meaning.is_some_and(|meaning| meaning.partial),
        named: named.to_vec(),
        named_only: owned(&mut naming.difference(&holding)),
        held_only: owned(&mut holding.difference(&naming)),
        documents,
    }
}

fn held(kind: &DocumentKind) -> Resolved {
    let (method, view, readiness) = match &kind.source {
        Source::NotPublished(_) => (None, None, Readiness::NotPublished),
        Source::Held(held) => {
            let published = held.dataset.readiness == motlan_catalog::Readiness::Published;
            let readiness = if published {
                Readiness::Published
            } else {
                Readiness::Pilot
            };
            let (method, view) = (held.method.name.clone(), held.view.name.to_string());
            (Some(method), Some(view), readiness)
        }
    };
    Resolved {
        document: kind.code.to_string(),
        database: kind.source.database().to_owned(),
        owner: kind.source.owner().to_string(),
        method,
        view,
        readiness,
    }
}

fn totals(rows: &[CoverageRow]) -> Totals {
    let mut totals = Totals {
        rows: rows.len(),
        ..Totals::default()
    };
    let mut procedures = BTreeSet::new();
    let mut of_sectors = BTreeSet::new();
    let mut wordings = BTreeSet::new();
    for row in rows {
        let sector = row.sector.as_deref().unwrap_or_default();
        procedures.insert(&row.procedure);
        of_sectors.insert((sector, &row.procedure));
        wordings.insert(row.wording.to_lowercase());
        let published = row
            .documents
            .iter()
            .filter(|it| it.readiness == Readiness::Published);
        let published = published.count();
        totals.documents += row.documents.len();
        totals.published += published;
        totals.partial += usize::from(row.partial);
        totals.differing += usize::from(!(row.named_only.is_empty() && row.held_only.is_empty()));
        let of_sector = totals.sectors.entry(sector.to_owned()).or_default();
        of_sector.rows += 1;
        of_sector.documents += row.documents.len();
        of_sector.published += published;
        for name in &row.named {
            totals.databases.entry(name.clone()).or_default().named += 1;
        }
        for document in &row.documents {
            let database = totals
                .databases
                .entry(document.database.clone())
                .or_default();
            database.documents += 1;
            database.readiness = Some(document.readiness);
        }
    }
    for (sector, _) in of_sectors {
        if let Some(of_sector) = totals.sectors.get_mut(sector) {
            of_sector.procedures += 1;
        }
    }
    totals.procedures = procedures.len();
    totals.wordings = wordings.len();
    totals
}
