//! What comes as comma-separated values: agencies and procedures.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::folder::{FILE_BYTES_MAX, Folder};
use super::rows::{Row, header, rows};
use crate::fault::Faults;
use crate::name::{AgencyCode, ProcedureCode};
use crate::party::{Agency, Standing};
use crate::procedure::{Procedure, ProcedureRow, ReplacedDocument};

const AGENCY_COLUMNS: [&str; 5] = ["code", "name_vi", "status", "checked", "note"];

const PROCEDURE_COLUMNS: [&str; 10] = [
    "sector",
    "no",
    "procedure_code",
    "procedure_name",
    "replaced_document",
    "database_ids",
    "database",
    "database_owner",
    "legal_instrument",
    "article",
];

const REPLACED_COLUMNS: [&str; 3] = ["document", "database_id", "clause"];

/// The agencies of `agencies.csv`.
pub(super) fn agencies(folder: &mut Folder, faults: &mut Faults) -> BTreeMap<AgencyCode, Agency> {
    let mut agencies: BTreeMap<AgencyCode, Agency> = BTreeMap::new();
    let Some(content) = folder.read("agencies.csv", FILE_BYTES_MAX, faults) else {
        return agencies;
    };
    let file = folder.path("agencies.csv");
    for row in rows(&file, &content, &AGENCY_COLUMNS, faults) {
        let Some(agency) = agency(&file, &row, faults) else {
            continue;
        };
        if agencies.contains_key(&agency.code) {
            let what = format!("the agency `{}` stands here twice", agency.code);
            faults.push(&file, row.line, what, "remove one of the rows");
            continue;
        }
        agencies.insert(agency.code.clone(), agency);
    }
    if agencies.is_empty() {
        faults.push(&file, None, "names no agency", "add a row for each agency");
    }
    agencies
}

fn agency(file: &Path, row: &Row, faults: &mut Faults) -> Option<Agency> {
    let [code, name, status, checked, note] = row.cells();
    let code = match code.parse() {
        Ok(code) => Some(code),
        Err(error) => {
            faults.push(file, row.line, format!("`code`: {error}"), "correct it");
            None
        }
    };
    let abolished = status
        .strip_prefix("abolished_")
        .and_then(|year| year.parse().ok());
    let standing = match abolished {
        Some(year) => Some(Standing::Abolished { year }),
        None if status == "current" => Some(Standing::Current),
        None => {
            let what = format!("`status` is `{status}`");
            faults.push(
                file,
                row.line,
                what,
                "write `current` or `abolished_` with the year",
            );
            None
        }
    };
    if !matches!(checked, "yes" | "no") {
        faults.push(
            file,
            row.line,
            format!("`checked` is `{checked}`"),
            "write `yes` or `no`",
        );
    }
    if name.is_empty() {
        faults.push(file, row.line, "`name_vi` is empty", "fill it in");
    }
    Some(Agency {
        code: code?,
        name_vi: name.to_owned(),
        standing: standing?,
        checked: checked == "yes",
        note: note.to_owned(),
    })
}

/// What the files in `procedures/` say.
#[derive(Default)]
pub(super) struct Procedures {
    pub(super) by_code: BTreeMap<ProcedureCode, Procedure>,
    pub(super) replaced: Vec<ReplacedDocument>,
}

/// The procedures and the replaced documents. Which of both a file holds shows in its header.
pub(super) fn procedures(folder: &mut Folder, faults: &mut Faults) -> Procedures {
    let mut procedures = Procedures::default();
    for name in folder.list("procedures", "csv", faults) {
        let Some(content) = folder.read(&name, FILE_BYTES_MAX, faults) else {
            continue;
        };
        let file: Arc<Path> = Arc::from(folder.path(&name));
        if header(&content) == REPLACED_COLUMNS {
            for row in rows(&file, &content, &REPLACED_COLUMNS, faults) {
                procedures.replaced.extend(replaced(&file, &row, faults));
            }
            continue;
        }
        for row in rows(&file, &content, &PROCEDURE_COLUMNS, faults) {
            let Some((code, found)) = procedure(&file, &row, faults) else {
                continue;
            };
            let rows = procedures.by_code.entry(code.clone());
            rows.or_insert(Procedure {
                code,
                rows: Vec::new(),
            })
            .rows
            .push(found);
        }
    }
    procedures
}

fn procedure(
    file: &Arc<Path>,
    row: &Row,
    faults: &mut Faults,
) -> Option<(ProcedureCode, ProcedureRow)> {
    let [
        sector,
        number,
        code,
        name,
        document,
        databases,
        database,
        owner,
        instrument,
        article,
    ] = row.cells();
    let code = match code.parse() {
        Ok(code) => Some(code),
        Err(error) => {
            faults.push(
                file,
                row.line,
                format!("`procedure_code`: {error}"),
                "correct it",
            );
            None
        }
    };
    if name.is_empty() {
        faults.push(file, row.line, "`procedure_name` is empty", "fill it in");
    }
    if databases.split('|').any(str::is_empty) {
        let remedy = "write the ids of the databases with `|` between them";
        faults.push(file, row.line, "`database_ids` lacks an id", remedy);
    }
    let row = ProcedureRow {
        file: Arc::clone(file),
        line: row.line,
        number: number.to_owned(),
        sector: sector.to_owned(),
        name: name.to_owned(),
        replaced_document: document.to_owned(),
        meaning: None,
        databases: databases.split('|').map(str::to_owned).collect(),
        database: database.to_owned(),
        database_owner: owner.to_owned(),
        legal_instrument: instrument.to_owned(),
        article: article.to_owned(),
    };
    Some((code?, row))
}

fn replaced(file: &Arc<Path>, row: &Row, faults: &mut Faults) -> Option<ReplacedDocument> {
    let [document, database, clause] = row.cells();
    if document.is_empty() || database.is_empty() {
        let what = "`document` or `database_id` is empty";
        faults.push(file, row.line, what, "fill it in");
        return None;
    }
    Some(ReplacedDocument {
        file: Arc::clone(file),
        line: row.line,
        document: document.to_owned(),
        meaning: None,
        database: database.to_owned(),
        clause: clause.to_owned(),
    })
}
