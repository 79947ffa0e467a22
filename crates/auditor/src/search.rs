//! `motlan-audit search`.

mod table;

use std::fmt::Display;
use std::io::{self, Read as _, Write};
use std::str::FromStr;

use clap::Args;
use motlan_api::audit::v1::{RecordKind, Result as Ended};
use motlan_audit::{Field, Index, IndexError, Page, Query, SearchError};
use thiserror::Error;

use crate::index::{self, Place, with_progress};
use crate::moment::Moment;
use crate::show;

/// The longest subject that is read.
const SUBJECT_BYTES_MAX: u64 = 4096;
/// How many names that are like one are given.
const NEAR_MAX: usize = 3;
/// From here on two names are alike (Jaro and Winkler).
const ALIKE: f64 = 0.8;

/// Finds records by the index: those that fit all that is given, newest first.
#[derive(Debug, Args)]
pub(crate) struct Search {
    #[command(flatten)]
    place: Place,
    /// Whom records are about: `-`, and the identifier on standard input. It is no argument, since
    /// those stand in the list of processes and in the shell's history.
    #[arg(long, value_name = "-", allow_hyphen_values = true)]
    subject: Option<FromInput>,
    /// The dossier.
    #[arg(long, value_name = "NAME")]
    dossier: Option<String>,
    /// The official who asked.
    #[arg(long, value_name = "NAME")]
    official: Option<String>,
    /// The calling system, e.g. `H26/one-stop`.
    #[arg(long, value_name = "SYSTEM")]
    caller: Option<String>,
    /// The dataset, e.g. `population`.
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// The gRPC path.
    #[arg(long, value_name = "PATH")]
    method: Option<String>,
    /// The procedure, e.g. `1.004222`.
    #[arg(long, value_name = "CODE")]
    procedure: Option<String>,
    /// The grant, as `agreement/grant`.
    #[arg(long, value_name = "GRANT")]
    grant: Option<String>,
    /// What the record tells: `question`, `outcome`, `erasure`, `look`, `hold`, `link`,
    /// `component`.
    #[arg(long, value_name = "KIND")]
    kind: Option<Named<RecordKind>>,
    /// How the lookup ended: `released`, `refused`, `failed` or `not_found`.
    #[arg(long, value_name = "RESULT")]
    result: Option<Named<Ended>>,
    /// The reason of a refusal or failure, e.g. `NO_AGREEMENT`.
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Made at this time or later: `2026-10-01` (from midnight in Viet Nam) or
    /// `2026-10-01T08:00:00+07:00`.
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Made before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// How many records at once; 1,000 is the most.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// Goes on behind a page: the token that stood under it, with the same filters.
    #[arg(long, value_name = "TOKEN")]
    page: Option<String>,
    /// One JSON object on each line; the last one tells how far the answer goes.
    #[arg(long)]
    json: bool,
}

/// `-`, and nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FromInput;

impl FromStr for FromInput {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<FromInput, Self::Err> {
        match text {
            "-" => Ok(FromInput),
            _ => Err(
                "a subject does not belong into the list of processes: give `--subject -` and \
                      the identifier on standard input",
            ),
        }
    }
}

/// One of a contract's names, without what all of them begin with, in any case of letters.
#[derive(Clone, Copy, Debug)]
struct Named<T>(T);

/// Names that a contract lists.
trait Listed: Sized {
    const PREFIX: &'static str;
    fn listed(name: &str) -> Option<Self>;
    fn names() -> Vec<String>;
}

impl Listed for RecordKind {
    const PREFIX: &'static str = "RECORD_KIND_";

    fn listed(name: &str) -> Option<RecordKind> {
        RecordKind::from_str_name(name)
    }

    fn names() -> Vec<String> {
        let kinds = (1..).map_while(|number| RecordKind::try_from(number).ok());
        kinds
            .map(|kind| short::<RecordKind>(kind.as_str_name()))
            .collect()
    }
}

impl Listed for Ended {
    const PREFIX: &'static str = "RESULT_";

    fn listed(name: &str) -> Option<Ended> {
        Ended::from_str_name(name)
    }

    fn names() -> Vec<String> {
        let results = (1..).map_while(|number| Ended::try_from(number).ok());
        results
            .map(|result| short::<Ended>(result.as_str_name()))
            .collect()
    }
}

fn short<T: Listed>(name: &str) -> String {
    name.trim_start_matches(T::PREFIX).to_lowercase()
}

impl<T: Listed> FromStr for Named<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Named<T>, String> {
        let names = T::names();
        let text = text.to_lowercase().replace([' ', '-'], "_");
        if names.contains(&text) {
            let name = format!("{}{}", T::PREFIX, text.to_uppercase());
            if let Some(named) = T::listed(&name) {
                return Ok(Named(named));
            }
        }
        Err(format!("it is one of {}", names.join(", ")))
    }
}

/// Why nothing was searched.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("`{0}` needs the log's sealing file as well: give it by `--sealing FILE`")]
    NoSealing(&'static str),
    #[error("standard input must hold one subject, on one line")]
    Subject,
    #[error(transparent)]
    Place(#[from] index::Error),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// Searches. Finding nothing is no fault.
pub(crate) fn search(search: &Search, out: &mut dyn Write) -> Result<(), Error> {
    search.must_be_answerable()?;
    let query = search.query()?;
    let (file, log) = search.place.open()?;
    let index = Index::open(log, &file)?;
    match with_progress(|progress| index.update(progress)) {
        // It speaks for what it holds then, and says so.
        Err(IndexError::Sealing { .. }) => {}
        updated => updated?,
    }
    let page = index.search(&query)?;
    if index.lag() > 0 {
        let (indexed_to, lag) = (page.indexed_to, index.lag());
        eprintln!(
            "motlan-audit: {lag} records after the first {indexed_to} are not searched: give \
             --sealing, so that the index can go on"
        );
    }
    match search.json {
        true => write_json(&page, search.place.sealing.is_some(), out)?,
        false => table::write(&page, search.place.sealing.is_some(), out)?,
    }
    if page.records.is_empty() {
        tell_near(&index, &query)?;
    }
    Ok(())
}

impl Search {
    /// Refuses at once what cannot be found without the secrets.
    fn must_be_answerable(&self) -> Result<(), Error> {
        let asked = [
            ("--subject", self.subject.is_some()),
            ("--dossier", self.dossier.is_some()),
            ("--official", self.official.is_some()),
        ];
        match asked.iter().find(|(_, is_asked)| *is_asked) {
            Some((name, _)) if self.place.sealing.is_none() => Err(Error::NoSealing(name)),
            _ => Ok(()),
        }
    }

    fn query(&self) -> Result<Query, Error> {
        Ok(Query {
            subject: self
                .subject
                .map(|FromInput| subject().ok_or(Error::Subject))
                .transpose()?,
            dossier: self.dossier.clone(),
            official: self.official.clone(),
            caller: self.caller.clone(),
            dataset: self.dataset.clone(),
            method: self.method.clone(),
            procedure: self.procedure.clone(),
            grant: self.grant.clone(),
            reason: self.reason.clone(),
            kind: self.kind.map(|Named(kind)| kind),
            result: self.result.map(|Named(result)| result),
            since_us: self.since.map(|moment| moment.time_us),
            until_us: self.until.map(|moment| moment.time_us),
            limit: self.limit,
            page: self.page.clone(),
        })
    }
}

/// The one subject on standard input.
pub(crate) fn subject() -> Option<String> {
    let mut text = String::new();
    let read = io::stdin()
        .take(SUBJECT_BYTES_MAX)
        .read_to_string(&mut text);
    let subject = text.trim();
    let is_one = subject.lines().count() == 1 && (text.len() as u64) < SUBJECT_BYTES_MAX;
    (read.is_ok() && is_one).then(|| subject.to_owned())
}

fn write_json(page: &Page, with_sealed: bool, out: &mut dyn Write) -> io::Result<()> {
    for entry in &page.records {
        let value = show::entry_json(entry, with_sealed);
        writeln!(out, "{}", show::plain_json(&value))?;
    }
    let end = serde_json::json!({ "indexed_to": page.indexed_to, "next": page.next });
    writeln!(out, "{end}")
}

/// Where nothing was found: which of the values are not on record at all, and what is like them.
fn tell_near(index: &Index, query: &Query) -> Result<(), Error> {
    let asked = [
        (Field::Caller, &query.caller),
        (Field::Dataset, &query.dataset),
        (Field::Method, &query.method),
        (Field::Procedure, &query.procedure),
        (Field::Grant, &query.grant),
        (Field::Reason, &query.reason),
    ];
    for (field, value) in asked {
        let Some(value) = value else { continue };
        let values = index.values(field)?;
        if values.contains(value) {
            continue;
        }
        let near = near(value, values.iter());
        let hint = match near.as_slice() {
            [] => String::new(),
            near => format!("; did you mean {}?", near.join(" or ")),
        };
        let name = field.name();
        eprintln!(
            "motlan-audit: no record has the {name} `{}`{hint}",
            show::plain(value)
        );
    }
    Ok(())
}

/// The values most like this one, quoted.
fn near<'v>(value: &str, values: impl Iterator<Item = &'v String>) -> Vec<String> {
    let like = |one: &String| strsim::jaro_winkler(&one.to_lowercase(), &value.to_lowercase());
    let mut near: Vec<(f64, &String)> = values.map(|one| (like(one), one)).collect();
    near.retain(|(like, _)| *like >= ALIKE);
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let quoted = |text: &dyn Display| format!("`{text}`");
    near.iter()
        .take(NEAR_MAX)
        .map(|(_, one)| quoted(&show::plain(one)))
        .collect()
}
