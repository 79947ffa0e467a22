//! Corrections over openings.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::{KEY_BYTES, STAMP, StateError, VERSION, VERSION_BEFORE, stamp};
use super::*;

const START_US: i64 = 1_795_305_600_000_000;
const SUBJECT: &str = "001099012345";

struct Kept {
    _folder: TempDir,
    file: PathBuf,
    catalog: Catalog,
}

impl Kept {
    fn open(&self) -> State {
        State::open(&self.file).unwrap()
    }

    fn of(&self, agency: &str) -> (AgencyCode, &Catalog) {
        (agency.parse().unwrap(), &self.catalog)
    }

    fn listed(&self, agency: &str, after: u64, most: usize) -> Vec<Correction> {
        let (agency, catalog) = self.of(agency);
        let agency = &agency;
        let owned = Owned { agency, catalog };
        let state = self.open();
        state.corrections(&owned, None, after, most).unwrap()
    }
}

fn kept() -> Kept {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("state.redb");
    State::init(&file).unwrap();
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/catalog");
    Kept {
        _folder: folder,
        file,
        catalog: Catalog::load(&reference).unwrap(),
    }
}

fn ticket(dataset: &str, fields: &[&str], index: u64) -> Ticket {
    Ticket {
        owner: "G01".parse().unwrap(),
        dataset: dataset.parse().unwrap(),
        method: "/a.B/C".to_owned(),
        outcome: GroundOutcome::Incomplete,
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
        subject: SUBJECT.to_owned(),
        record: format!("hn1-2026q4-{index}").parse().unwrap(),
    }
}

fn numbers(corrections: &[Correction]) -> Vec<u64> {
    corrections.iter().map(|it| it.number).collect()
}

/// R103.
#[test]
fn what_is_met_again_is_counted_and_stands_until_it_is_closed() {
    let kept = kept();
    let meet = |ticket: &Ticket| kept.open().correct(ticket, START_US + 1).unwrap();
    let first = ticket("population", &["sex"], 7);
    assert_eq!(kept.open().correct(&first, START_US).unwrap(), 1);
    // Other fields make nothing else of it, nor how its subject is written.
    let mut again = ticket("population", &["sex", "full_name"], 8);
    again.subject = format!(" {SUBJECT} ");
    assert_eq!(meet(&again), 1);
    let differs = |change: fn(&mut Ticket)| {
        let mut other = first.clone();
        change(&mut other);
        meet(&other)
    };
    assert_eq!(differs(|it| it.outcome = GroundOutcome::Mismatch), 2);
    assert_eq!(differs(|it| it.subject = "001099012346".to_owned()), 3);
    assert_eq!(differs(|it| it.method = "/a.B/D".to_owned()), 4);

    let listed = kept.listed("G01", 0, 10);
    let opened = Correction {
        number: 1,
        dataset: "population".to_owned(),
        method: "/a.B/C".to_owned(),
        outcome: GroundOutcome::Incomplete.into(),
        fields: vec!["full_name".to_owned(), "sex".to_owned()],
        opened_us: START_US,
        times: 2,
        record: "hn1-2026q4-8".to_owned(),
    };
    assert_eq!(listed[0], opened);
    assert_eq!(numbers(&listed), [1, 2, 3, 4]);
    assert_eq!(numbers(&kept.listed("G01", 1, 2)), [2, 3]);

    let state = kept.open();
    state.close_correction(&opened).unwrap();
    state.close_correction(&opened).unwrap();
    drop(state);
    assert_eq!(numbers(&kept.listed("G01", 0, 10)), [2, 3, 4]);
    // Met once more, it is open once more, under a number of its own.
    assert_eq!(meet(&first), 5);
    let listed = kept.listed("G01", 4, 10);
    assert_eq!(
        (listed[0].times, listed[0].record.as_str()),
        (1, "hn1-2026q4-7")
    );
    assert_eq!(listed[0].fields, ["sex"]);
}

/// R103.
#[test]
fn the_fields_of_one_ticket_are_limited_and_those_that_stand_in_it_stay() {
    let kept = kept();
    let state = kept.open();
    let many: Vec<_> = (0..FIELDS_MAX).map(|field| format!("g{field}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    state
        .correct(&ticket("population", &["z"], 1), START_US)
        .unwrap();
    state
        .correct(&ticket("population", &many, 2), START_US)
        .unwrap();
    state
        .correct(&ticket("population", &["a"], 3), START_US)
        .unwrap();
    drop(state);
    let only = kept.listed("G01", 0, 10).remove(0);
    assert_eq!((only.fields.len(), only.times), (FIELDS_MAX, 3));
    assert_eq!(only.fields.last().map(String::as_str), Some("z"));
    assert_eq!(only.fields.first().map(String::as_str), Some("g0"));
}

/// R103.
#[test]
fn an_agency_has_what_its_datasets_have_now_and_what_was_its_own_of_those_that_are_gone() {
    let kept = kept();
    // In the catalogue G15 owns it, whoever did when the ticket was opened.
    let moved = ticket("civil_status", &["state"], 1);
    let own = ticket("population", &["sex"], 2);
    let gone = ticket("old_register", &["sex"], 3);
    let mut not_ours = ticket("old_register", &["name"], 4);
    not_ours.owner = "G15".parse().unwrap();
    not_ours.subject = "001099012346".to_owned();
    let state = kept.open();
    for ticket in [&moved, &own, &gone, &not_ours] {
        state.correct(ticket, START_US).unwrap();
    }
    drop(state);
    assert_eq!(numbers(&kept.listed("G01", 0, 10)), [2, 3]);
    assert_eq!(numbers(&kept.listed("G15", 0, 10)), [1, 4]);
    assert_eq!(numbers(&kept.listed("G15", 0, 1)), [1]);
    assert!(kept.listed("H26", 0, 10).is_empty());

    let state = kept.open();
    let (agency, catalog) = kept.of("G01");
    let agency = &agency;
    let owned = Owned { agency, catalog };
    let of = |dataset| numbers(&state.corrections(&owned, Some(dataset), 0, 10).unwrap());
    assert_eq!(of("population"), [2]);
    assert!(of("civil_status").is_empty());
    let found = |number| state.correction(&owned, number).unwrap();
    assert_eq!(
        found(3).map(|found| found.record),
        Some("hn1-2026q4-3".to_owned())
    );
    for not_theirs in [1, 4, 5] {
        assert_eq!(found(not_theirs), None);
    }
}

/// R103: an owner that closes nothing keeps nobody else's tickets out.
#[test]
fn so_many_of_one_dataset_are_open_and_no_more() {
    let kept = kept();
    let state = kept.open();
    let known = ticket("population", &["sex"], 1);
    state.correct(&known, START_US).unwrap();
    let nearly = |writing: &WriteTransaction| {
        let mut backlog = writing.open_table(BACKLOG)?;
        backlog.insert("population", CORRECTIONS_MAX - 1)?;
        Ok(())
    };
    state.write(nearly).unwrap();
    let correct = |ticket: &Ticket| state.correct(ticket, START_US);
    let about = |subject: &str, index| Ticket {
        subject: subject.to_owned(),
        ..ticket("population", &["sex"], index)
    };
    assert_eq!(correct(&about("001099012346", 2)).unwrap(), 2);
    let more = about("001099012347", 3);
    assert!(matches!(correct(&more), Err(CorrectError::Full(_))));
    // One subject takes no more room, in however many fields it is met.
    let fields = ticket("population", &["full_name"], 4);
    assert_eq!(correct(&fields).unwrap(), 1);
    assert_eq!(correct(&ticket("civil_status", &["state"], 4)).unwrap(), 3);
    let (agency, catalog) = kept.of("G01");
    let agency = &agency;
    let closed = state.correction(&Owned { agency, catalog }, 1).unwrap();
    state.close_correction(&closed.unwrap()).unwrap();
    assert_eq!(correct(&more).unwrap(), 4);
}

/// R103.
#[test]
fn nobody_whose_data_is_to_be_corrected_stands_in_the_file() {
    let kept = kept();
    let state = kept.open();
    state
        .correct(&ticket("population", &["sex"], 1), START_US)
        .unwrap();
    drop(state);
    let bytes = fs::read(&kept.file).unwrap();
    let mut parts = bytes.windows(SUBJECT.len());
    assert!(!parts.any(|part| part == SUBJECT.as_bytes()));
    assert_eq!(format!("{:?}", ticket("population", &[], 1)), "Ticket(..)");
}

#[test]
fn a_state_of_the_version_before_is_brought_up_with_what_it_holds() {
    let kept = kept();
    let state = kept.open();
    state.revoke("G01/id", "consent-1", START_US).unwrap();
    let before = |writing: &WriteTransaction| {
        writing.delete_table(CORRECTIONS)?;
        writing.delete_table(MET)?;
        writing.delete_table(TIMES)?;
        writing.delete_table(BACKLOG)?;
        writing.delete_table(TICKETS)?;
        let mut table = writing.open_table(STAMP)?;
        let key = table.get(())?.unwrap().value().1.to_owned();
        table.insert((), (VERSION_BEFORE, key.as_slice()))?;
        Ok(())
    };
    state.write(before).unwrap();
    drop(state);

    let state = kept.open();
    assert!(state.is_revoked("G01/id", "consent-1").unwrap());
    let (version, key) = stamp(&state.0.database).unwrap();
    assert_eq!((version, key.len()), (VERSION, KEY_BYTES));
    let number = state.correct(&ticket("population", &["sex"], 1), START_US);
    assert_eq!(number.unwrap(), 1);
    drop(state);
    assert_eq!(numbers(&kept.listed("G01", 0, 10)), [1]);

    // The one before that is no state of ours.
    let older = |writing: &WriteTransaction| {
        let mut table = writing.open_table(STAMP)?;
        table.insert((), (VERSION_BEFORE - 1, [0_u8; KEY_BYTES].as_slice()))?;
        Ok(())
    };
    kept.open().write(older).unwrap();
    assert!(matches!(
        State::open(&kept.file),
        Err(StateError::Version { version: 1, .. })
    ));
}

/// R103: no ground is given without.
#[tokio::test]
async fn without_a_state_nobody_is_asked_for_a_correction() {
    let asked = Upkeep::new(None)
        .correct(ticket("population", &["sex"], 1))
        .await;
    assert!(matches!(asked, Err(CorrectError::Absent)));
}
