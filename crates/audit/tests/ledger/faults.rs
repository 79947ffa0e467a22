//! Every operation on the ledger's files goes wrong once, in every way; then the ledger is opened
//! again on what was left. `faults.txt` is the table of what came of it: review its diff.

mod bench;
mod heard;
mod liars;
mod reader;
mod reading;
mod script;
mod two;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use motlan_testkit::disk::Trouble;

use bench::Bench;
use script::Script;

const LEGEND: &str = "\
# What comes of one operation that goes wrong. Written by `tests/ledger/faults.rs`; run it with
# MOTLAN_WRITE_TABLE=1 to write it anew, and review the diff.
#
# lost     an error, and nothing happened
# kept     an error, and yet all of it happened
# cached   an error; the cache shows it, and the disk never had it
# front    an error, and only the first sectors were written; back: only the last ones
# stop     killed, or the power cut, before it happened; stop-front, stop-back: with only the first
#          or the last sectors written
#
# told: so many records were acknowledged. found: so many there are when it is opened again after a
# kill, or after a power cut that took any of what did not last yet; all that were told of are
# among them. none: there was no ledger yet, and it could be made.
#
# subject, dataset: erasures. What is found on record of them is done: those keys are gone, and no
# others. keys 1 stay: the first is said to be on record, and done when the ledger is next
# opened. open cannot erase: an erasure is on record, and the ledger does not open before it is
# done.
";

#[tokio::test]
async fn whatever_goes_wrong_once_all_that_was_acknowledged_is_found_again() {
    let mut table = LEGEND.to_owned();
    let mut cases = 0;
    for script in Script::ALL {
        let bench = Bench::new(script).await;
        let well = bench.run(&[]).await;
        assert_eq!(well.heard.ended, "all goes well");
        let operations = well.disk.operations();
        writeln!(table, "\n[{script}] {} operations\n", operations.len()).unwrap();
        for (nth, operation) in script.tried(&operations) {
            let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for trouble in Trouble::HONEST {
                if !trouble.can_befall(operation) {
                    continue;
                }
                let ran = bench.run(&[(nth, trouble)]).await;
                let found = ran
                    .examine()
                    .await
                    .unwrap_or_else(|why| panic!("{script}, {nth} {operation:?} {trouble}: {why}"));
                cases += found.states;
                let what = format!(
                    "{}; told {}, found {found}",
                    ran.heard.ended,
                    ran.heard.told.len()
                );
                lines.entry(what).or_default().push(trouble.to_string());
            }
            let name = operation.path.display();
            for (what, troubles) in lines {
                let troubles = troubles.join(", ");
                writeln!(
                    table,
                    "{nth:>3} {:<13} {name:<26} {troubles}: {what}",
                    operation.verb
                )
                .unwrap();
            }
        }
    }
    println!("{cases} states of a disk");
    is_as_reviewed("faults.txt", &table);
}

fn is_as_reviewed(name: &str, table: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger");
    let file = folder.join(name);
    if std::env::var_os("MOTLAN_WRITE_TABLE").is_some() {
        std::fs::write(&file, table).unwrap();
    }
    let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
    let (now, then) = (table.lines(), reviewed.lines());
    let other = now.zip(then).find(|(now, then)| now != then);
    assert!(other.is_none(), "`{name}` is another: {other:#?}");
    assert_eq!(table.lines().count(), reviewed.lines().count(), "{name}");
}
