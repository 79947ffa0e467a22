//! An agency's form: the procedure it belongs to, and what it asks the applicant.
//!
//! ```toml
//! procedure = "1.014177"
//! title = "Tờ khai đề nghị hưởng mai táng phí"
//!
//! [[question]]
//! ask = "Ngày chết"
//! concept = "death.date"          # a concept of the shared dictionary, or one of:
//! # field = "civil_status/GetDeath/died_on"
//! # document = "death_certificate", or the law's own wording
//! # own = "why only the applicant can say"
//! ```

mod verdict;

use std::path::Path;

use motlan_catalog::document::{Document, Located, Table};
use motlan_catalog::{Faults, ProcedureCode, VariantCode};

pub use verdict::{Answered, Judged, Open, Verdict, judge};

/// The most questions of one form.
pub const QUESTIONS_MAX: usize = 1_000;

/// The keys of which a question has exactly one.
const ABOUT: [&str; 4] = ["concept", "field", "document", "own"];

/// A form as its agency wrote it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Form {
    /// The procedure whose form it is.
    pub procedure: ProcedureCode,
    /// The variant, where it is the form of only one.
    pub variant: Option<VariantCode>,
    /// What stands at its head.
    pub title: String,
    /// What it asks, in its order. Never empty.
    pub questions: Vec<Question>,
}

/// One question of a form.
#[derive(Debug)]
#[non_exhaustive]
pub struct Question {
    /// Its line in the file, counted from 1.
    pub line: usize,
    /// The question in the form's own words.
    pub ask: String,
    /// What it is about.
    pub about: About,
}

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A concept of the shared dictionary.
    Concept(String),
    /// A field of an answer: dataset, method and path.
    Field(String),
    /// A paper to be handed in: a document's code, or a wording of the law.
    Document(String),
    /// Something that nobody but the applicant knows, and why.
    Own(String),
}

impl Form {
    /// Reads a form. `None`, with at least one fault, where something is wrong with it.
    pub fn read(file: &Path, faults: &mut Faults) -> Option<Self> {
        let document = Document::read(file, faults)?;
        let mut root = document.root();
        let procedure = root.parsed::<ProcedureCode>("procedure", faults);
        let variant = root.opt_parsed::<VariantCode>("variant", faults);
        let title = root.string("title", faults);
        let tables = root.tables("question", faults);
        if tables.is_empty() || tables.len() > QUESTIONS_MAX {
            let what = format!("asks {} questions", tables.len());
            let remedy = format!("write from 1 to {QUESTIONS_MAX} tables headed `[[question]]`");
            root.fault(None, what, remedy, faults);
        }
        let questions: Vec<Question> = tables
            .into_iter()
            .filter_map(|table| question(table, faults))
            .collect();
        root.finish(faults);
        let form = Self {
            procedure: procedure?.value,
            variant: variant.map(|variant| variant.value),
            title: title?.value,
            questions,
        };
        faults.is_empty().then_some(form)
    }
}

fn question(mut table: Table<'_>, faults: &mut Faults) -> Option<Question> {
    let line = table.line().unwrap_or_default();
    let ask = table.string("ask", faults);
    let mut abouts: Vec<Located<About>> = Vec::new();
    for key in ABOUT {
        if let Some(found) = table.opt_string(key, faults) {
            abouts.push(Located {
                value: about(key, found.value),
                line: found.line,
            });
        }
    }
    let about = match <[Located<About>; 1]>::try_from(abouts) {
        Ok([about]) => Some(about.value),
        Err(abouts) => {
            let what = format!("the question is said to be about {} things", abouts.len());
            let remedy = "write exactly one of `concept`, `field`, `document` and `own`";
            table.fault(abouts.get(1).map(|it| it.line), what, remedy, faults);
            None
        }
    };
    table.finish(faults);
    Some(Question {
        line,
        ask: ask?.value,
        about: about?,
    })
}

fn about(key: &str, value: String) -> About {
    match key {
        "concept" => About::Concept(value),
        "field" => About::Field(value),
        "document" => About::Document(value),
        _ => About::Own(value),
    }
}
