//! `motlan once coverage`: every row of the law, and what it comes to.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use motlan_once::{Coverage, CoverageRow, Readiness, Resolved, Totals, coverage};

use super::{Where, tell};

/// Show for every row of the law what it comes to in the catalogue, with totals.
#[derive(clap::Args)]
pub(in crate::command) struct CoverageOf {
    #[command(flatten)]
    place: Where,
    /// Print everything as one JSON document.
    #[arg(long)]
    json: bool,
    /// Leave the rows out.
    #[arg(long, conflicts_with = "json")]
    totals: bool,
}

impl CoverageOf {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let catalog = match self.place.load() {
            Ok(catalog) => catalog,
            Err(faults) => {
                tell(&faults);
                return Ok(ExitCode::FAILURE);
            }
        };
        let coverage = coverage(&catalog)?;
        let text = if self.json {
            serde_json::to_string_pretty(&coverage)?
        } else {
            printed(&coverage, self.totals)?
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", text.trim_end()).context("standard output is closed")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn printed(coverage: &Coverage, totals_only: bool) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    if !totals_only {
        for row in coverage.annex.iter().chain(&coverage.article4) {
            lines(&mut text, row)?;
        }
        text.push('\n');
    }
    totals(&mut text, &coverage.totals)?;
    Ok(text)
}

/// A line for each document of a row.
fn lines(text: &mut String, row: &CoverageRow) -> std::fmt::Result {
    let procedure = row.procedure.as_deref().unwrap_or("every");
    let variant = row.variant.as_deref().unwrap_or("-");
    let names = |names: &[String]| names.join("`, `");
    for document in &row.documents {
        let (file, line, code) = (&row.file, row.line, &document.document);
        write!(text, "{file}:{line} {procedure} {variant} {code}")?;
        if row.partial {
            text.push_str(" in part");
        }
        write!(text, " -> {}", held(document))?;
        if !row.named_only.is_empty() {
            write!(text, "; the law names `{}`", names(&row.named_only))?;
        }
        if row.held_only.contains(&document.database) {
            write!(text, "; the law does not name `{}`", document.database)?;
        }
        text.push('\n');
    }
    Ok(())
}

fn held(document: &Resolved) -> String {
    let (database, owner) = (&document.database, &document.owner);
    let readiness = match document.readiness {
        Readiness::Published => "",
        Readiness::Pilot => " not published yet",
        Readiness::NotPublished => return format!("{owner} {database} not published"),
    };
    let method = document.method.as_deref().unwrap_or_default();
    let view = document.view.as_deref().unwrap_or_default();
    format!("{owner} {database}/{method} {view}{readiness}")
}

fn totals(text: &mut String, totals: &Totals) -> std::fmt::Result {
    let Totals {
        rows,
        procedures,
        wordings,
        documents,
        published,
        partial,
        differing,
        ..
    } = totals;
    writeln!(
        text,
        "{rows} rows, {procedures} procedures, {wordings} wordings"
    )?;
    writeln!(
        text,
        "{documents} documents of rows, {published} held by a published dataset"
    )?;
    writeln!(text, "{partial} rows replaced in part")?;
    writeln!(
        text,
        "{differing} rows name other databases than those that hold their documents"
    )?;
    writeln!(text, "\n rows  procedures  documents  published")?;
    for (sector, of) in &totals.sectors {
        let (rows, procedures) = (of.rows, of.procedures);
        let (documents, published) = (of.documents, of.published);
        writeln!(
            text,
            "{rows:>5}  {procedures:>10}  {documents:>9}  {published:>9}  {sector}"
        )?;
    }
    writeln!(text, "\nnamed  documents  database")?;
    for (database, of) in &totals.databases {
        let readiness = match of.readiness {
            Some(Readiness::Published) => "published",
            Some(Readiness::Pilot) => "not published yet",
            Some(Readiness::NotPublished) => "not published",
            None => "holds no document of these rows",
        };
        let (named, documents) = (of.named, of.documents);
        writeln!(text, "{named:>5}  {documents:>9}  {database}: {readiness}")?;
    }
    Ok(())
}
