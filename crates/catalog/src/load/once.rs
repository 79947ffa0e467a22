//! Once-only: the files in `once/`, and what every row of the law's tables means by them. The
//! folder is there as a whole or not at all.

mod calendar;
mod documents;
mod places;
mod wordings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::datasets::Draft;
use super::folder::Folder;
use super::tables::Procedures;
use crate::document::{Document, Located, Table};
use crate::fault::Faults;
use crate::name::{AgencyCode, DatasetId};
use crate::once::{Law, Notice, Once};
use crate::party::Agency;
use documents::Documents;
use wordings::Wordings;

const FOLDER: &str = "once";

/// The files of the folder. None may be left out.
const LAW: &str = "once/law.toml";
const DOCUMENTS: &str = "once/documents.toml";
const DATABASES: &str = "once/databases.toml";
const WORDINGS: &str = "once/wordings.toml";
const HOLIDAYS: &str = "once/holidays.toml";
const PLACES: &str = "once/personal_id_codes.csv";

/// The longest notice, in working hours or days.
const NOTICE_MAX: i64 = 240;

/// Who holds data.
pub(super) struct Holders<'a> {
    pub(super) agencies: &'a BTreeMap<AgencyCode, Agency>,
    pub(super) datasets: &'a BTreeMap<DatasetId, Draft>,
}

/// What `once/` says, with the meaning of every row put into `procedures`. `None` where there is no
/// such folder, or, with a fault, where too much of it is wrong to go on.
pub(super) fn once(
    folder: &mut Folder,
    holders: &Holders<'_>,
    procedures: &mut Procedures,
    faults: &mut Faults,
) -> Option<Once> {
    let there = folder.list_of(FOLDER, &["toml", "csv"], faults);
    if there.is_empty() {
        return None;
    }
    let parts = [LAW, DOCUMENTS, DATABASES, WORDINGS, HOLIDAYS, PLACES];
    for other in there.iter().filter(|name| !parts.contains(&name.as_str())) {
        let remedy = format!("remove it; known are `{}`", parts.join("`, `"));
        faults.push(&folder.path(other), None, "is no part of `once`", remedy);
    }
    let law = folder.document(LAW, faults);
    let databases = folder.document(DATABASES, faults);
    let documents = folder.document(DOCUMENTS, faults);
    let wordings = folder.document(WORDINGS, faults);
    let holidays = folder.document(HOLIDAYS, faults);
    let codes = places::codes(folder, PLACES, faults);

    let law = law.and_then(|file| self::law(&file, codes, faults));
    let calendar = holidays.and_then(|file| calendar::calendar(&file, faults));
    let databases = documents::databases(&databases?, holders, faults);
    let documents = Documents::read(&documents?, holders, &databases, faults);
    let mut wordings = Wordings::read(&wordings?, &documents, faults);
    for row in procedures
        .by_code
        .values_mut()
        .flat_map(|found| &mut found.rows)
    {
        let place = (&*row.file, row.line);
        row.meaning = wordings.meaning(&row.replaced_document, place, faults);
        let named = row.databases.iter().map(String::as_str);
        documents::check_named(named, place, holders, &databases, faults);
    }
    for row in &mut procedures.replaced {
        let place = (&*row.file, row.line);
        row.meaning = wordings.meaning(&row.document, place, faults);
        let named = std::iter::once(row.database.as_str());
        documents::check_named(named, place, holders, &databases, faults);
    }
    let meanings = wordings.finish(faults);
    Some(Once {
        law: law?,
        documents: documents.sound,
        databases: databases.sound,
        calendar: calendar?,
        meanings,
    })
}

fn law(document: &Document, codes: Option<BTreeSet<String>>, faults: &mut Faults) -> Option<Law> {
    let mut root = document.root();
    let instrument = text(&mut root, "instrument", faults);
    let annex = text(&mut root, "annex", faults);
    let article = text(&mut root, "article", faults);
    let from = root.date("valid_from", faults);
    let until = root.date("valid_until", faults);
    if let (Some(from), Some(until)) = (&from, &until)
        && until.value < from.value
    {
        let what = "`valid_until` is before `valid_from`";
        root.fault(until.line, what, "correct one of both", faults);
    }
    let notice = root.table("notice", faults).and_then(|mut notice| {
        let hours = notice.integer("online_working_hours", 1..=NOTICE_MAX, faults);
        let days = notice.integer("paper_working_days", 1..=NOTICE_MAX, faults);
        notice.finish(faults);
        Some(Notice {
            online_working_hours: u32::try_from(hours?.value).ok()?,
            paper_working_days: u32::try_from(days?.value).ok()?,
        })
    });
    root.finish(faults);
    Some(Law {
        instrument: instrument?,
        annex: annex?,
        article: article?,
        valid_from: from?.value,
        valid_until: until?.value,
        notice: notice?,
        personal_id_codes: codes?,
    })
}

fn text(table: &mut Table<'_>, key: &str, faults: &mut Faults) -> Option<String> {
    table.string(key, faults).map(|text| text.value)
}

/// Things of one kind by their names, where a name that is there twice is a fault.
struct Named<N, T> {
    sound: BTreeMap<N, Arc<T>>,
    lines: BTreeMap<N, usize>,
}

impl<N: Ord + Clone + std::fmt::Display, T> Named<N, T> {
    const fn new() -> Self {
        Self {
            sound: BTreeMap::new(),
            lines: BTreeMap::new(),
        }
    }

    /// Takes the name. `thing` is `None` where it has a fault of its own, which is told already.
    fn put(
        &mut self,
        what: &str,
        name: Located<N>,
        thing: Option<T>,
        table: &Table<'_>,
        faults: &mut Faults,
    ) {
        if let Some(first) = self.lines.get(&name.value) {
            let what = format!("the {what} `{}` stands in line {first} already", name.value);
            table.fault(name.line, what, "remove or rename one of both", faults);
            return;
        }
        if let Some(thing) = thing {
            self.sound.insert(name.value.clone(), Arc::new(thing));
        }
        self.lines.insert(name.value, name.line);
    }
}
