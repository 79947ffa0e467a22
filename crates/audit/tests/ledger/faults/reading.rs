//! Every reading of the ledger's files goes wrong once: whoever asked is told which file, nothing
//! on the disk is changed by that, and a second try goes well. `reads.txt` is the table of what
//! came of it: review its diff.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use motlan_testkit::disk::{Operation, Trouble};
use tempfile::TempDir;

use super::bench::Bench;
use super::is_as_reviewed;
use super::reader::{Files, Reader, Step, steps};
use super::script::Script;

const LEGEND: &str = "\
# What comes of one reading that goes wrong. Written by `tests/ledger/faults/reading.rs`; run it
# with MOTLAN_WRITE_TABLE=1 to write it anew, and review the diff.
#
# lost     an error
# short    less than was asked for; the rest when it is asked for again
# ends     half of it, then as though the file ended there
#
# fails: the error names the file, nothing on the disk was changed by it, and the second try went
# well. no difference: what was asked for was given, as without the fault.
#
# lies: a reading that gives zeroes and says that all went well. refused: something failed. caught:
# an answer was another than it should have been, or a file was changed; no line above led to that.
";

/// What comes of a reading where nobody can tell.
const HARMLESS: &str = "no difference";

/// So many readings of one file, one after the other, are tried of a long one.
const OF_A_KIND_MAX: usize = 3;

/// What the steps gave, and what files there were after each.
struct Well {
    steps: Vec<(Step, String, Files)>,
    readings: Vec<Operation>,
}

/// What may not come of a reading that goes wrong.
enum Wrong {
    /// The error does not say which file.
    Unnamed(String),
    /// Another answer, a second failure, a changed file.
    Harm(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Unnamed(why) => write!(f, "does not say where: {why}"),
            Wrong::Harm(why) => f.write_str(why),
        }
    }
}

/// What a ledger is read from.
struct Shelf {
    script: Script,
    base: TempDir,
    key: Arc<TempDir>,
}

impl Shelf {
    async fn new(script: Script) -> Shelf {
        let bench = Bench::new(script).await;
        let key = Arc::clone(&bench.key);
        let base = match script {
            // With the tile.
            Script::Tile => bench.run(&[]).await.root,
            _ => bench.base,
        };
        Shelf { script, base, key }
    }

    fn read_well(&self) -> Well {
        let mut reader = Reader::new(self.base.path(), &self.key);
        let mut taken = Vec::new();
        for step in steps(self.script) {
            let answer = reader.take(step).unwrap();
            taken.push((step, answer, reader.files()));
        }
        let readings = reader.disk.readings();
        Well {
            steps: taken,
            readings,
        }
    }

    /// Goes through all steps with one reading going wrong, and tells which of them failed.
    fn read(&self, well: &Well, nth: usize, trouble: Trouble) -> Result<String, Wrong> {
        let mut reader = Reader::new(self.base.path(), &self.key);
        reader.disk.plan_reading(nth, trouble);
        let mut failed = None;
        for (step, due, files_due) in &well.steps {
            let before = reader.files();
            let mut answer = reader.take(*step);
            if let Err(why) = &answer {
                if let Some(failed) = failed.replace(*step) {
                    let what = format!("{failed} fails, and so does {step}: {why}");
                    return Err(Wrong::Harm(what));
                }
                let file = well.readings[nth].path.file_name().unwrap();
                if !why.contains(file.to_str().unwrap()) {
                    return Err(Wrong::Unnamed(format!("{step}: {why}")));
                }
                if let Some(file) = changed(&before, &reader.files(), files_due) {
                    let what = format!("{step} fails and changes `{}`", file.display());
                    return Err(Wrong::Harm(what));
                }
                answer = reader.take(*step);
            }
            if answer.as_ref() != Ok(due) {
                let what = format!("{step} gives {answer:?}, and {due} is due");
                return Err(Wrong::Harm(what));
            }
        }
        Ok(match failed {
            Some(step) => format!("{step} fails"),
            None => HARMLESS.to_owned(),
        })
    }
}

/// A file that is not what it was, nor what it would have become.
fn changed(before: &Files, after: &Files, due: &Files) -> Option<PathBuf> {
    let mut names: BTreeSet<_> = before.keys().collect();
    names.extend(after.keys());
    let changed = names.into_iter().find(|name| {
        let is = after.get(*name);
        is != before.get(*name) && is != due.get(*name)
    });
    changed.cloned()
}

/// Whether a reading is tried: of the larger ledgers only what the others have not.
fn is_tried(script: Script, nth: usize, readings: &[Operation]) -> bool {
    let reading = &readings[nth];
    match script {
        Script::Tile => reading.path.starts_with("ledger/tile"),
        Script::Long => {
            let before = readings[..nth].iter().rev().take(OF_A_KIND_MAX);
            before.filter(|other| *other == reading).count() < OF_A_KIND_MAX
        }
        _ => true,
    }
}

/// What comes of one reading, on one line.
fn line(shelf: &Shelf, well: &Well, nth: usize) -> String {
    let operation = &well.readings[nth];
    let mut ends: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for trouble in Trouble::HONEST_TO_READERS {
        if !trouble.can_befall(operation) {
            continue;
        }
        let what = shelf
            .read(well, nth, trouble)
            .unwrap_or_else(|why| panic!("{nth} {operation:?} {trouble}: {why}"));
        ends.entry(what).or_default().push(trouble.to_string());
    }
    let ends = ends
        .iter()
        .map(|(what, troubles)| format!("{}: {what}", troubles.join(", ")));
    let ends = ends.collect::<Vec<_>>().join("; ");
    let (verb, name) = (operation.verb, operation.path.display());
    format!("{verb:<13} {name:<26} {ends}")
}

/// What comes of the lies: how many were refused, how many caught, how many harmless.
#[derive(Default)]
struct Lies {
    refused: u32,
    caught: u32,
    harmless: u32,
}

impl Lies {
    fn tell(&mut self, shelf: &Shelf, well: &Well, nth: usize) {
        if !Trouble::Blank.can_befall(&well.readings[nth]) {
            return;
        }
        match shelf.read(well, nth, Trouble::Blank) {
            Ok(what) if what == HARMLESS => self.harmless += 1,
            Ok(_) | Err(Wrong::Unnamed(_)) => self.refused += 1,
            Err(Wrong::Harm(_)) => self.caught += 1,
        }
    }
}

impl fmt::Display for Lies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lies {
            refused,
            caught,
            harmless,
        } = self;
        write!(
            f,
            "{refused} refused, {caught} caught, {harmless} {HARMLESS}"
        )
    }
}

#[tokio::test]
async fn a_reading_that_fails_is_told_of_and_changes_nothing() {
    let mut table = LEGEND.to_owned();
    let mut caught = 0;
    let scripts = [Script::Torn, Script::Long, Script::Unsettled, Script::Tile];
    for script in scripts {
        let shelf = Shelf::new(script).await;
        let well = shelf.read_well();
        let count = well.readings.len();
        writeln!(table, "\n[{script}] {count} readings\n").unwrap();
        let mut lies = Lies::default();
        let mut lines: Vec<(usize, usize, String)> = Vec::new();
        for nth in 0..count {
            if !is_tried(script, nth, &well.readings) {
                continue;
            }
            lies.tell(&shelf, &well, nth);
            let line = line(&shelf, &well, nth);
            match lines.last_mut() {
                Some((_, last, same)) if *same == line && *last + 1 == nth => *last = nth,
                _ => lines.push((nth, nth, line)),
            }
        }
        for (first, last, line) in lines {
            match first == last {
                true => writeln!(table, "{first:>7} {line}").unwrap(),
                false => writeln!(table, "{:>7} {line}", format!("{first}-{last}")).unwrap(),
            }
        }
        writeln!(table, "\nlies: {lies}").unwrap();
        caught += lies.caught;
    }
    // The control: a wrong answer would have been seen.
    assert!(caught > 0);
    is_as_reviewed("reads.txt", &table);
}
