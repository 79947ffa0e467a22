//! The state with a clock that is passed in, over openings.

use std::fs::{self, Permissions};

use motlan_exchange::{Duties as _, DutyFault, Emergency, Use};
use tempfile::TempDir;

use super::*;

const GRANT: &str = "g01-h26/one";
const OTHER: &str = "g01-h26/other";
const OWNER: &str = "G01";
const HOUR_US: i64 = 3_600_000_000;
const START_US: i64 = 1_795_305_600_000_000;

struct Kept {
    _folder: TempDir,
    file: PathBuf,
}

fn kept() -> Kept {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("state.redb");
    State::init(&file).unwrap();
    Kept {
        _folder: folder,
        file,
    }
}

/// A use of a grant in an emergency that lasts an hour, and is to be reviewed within two more.
fn in_emergency(incident: &str, now_us: i64) -> Use {
    Use {
        emergency: Some(Emergency {
            incident: incident.to_owned(),
            lasts_us: HOUR_US,
            review_us: 2 * HOUR_US,
        }),
        ..reviewed(GRANT, None, now_us)
    }
}

fn reviewed(grant: &str, review_by_us: Option<i64>, now_us: i64) -> Use {
    Use {
        grant: grant.parse().unwrap(),
        method: "/a.B/C".to_owned(),
        provider: OWNER.parse().unwrap(),
        emergency: None,
        review_by_us,
        now_us,
    }
}

fn suspended() -> Result<(), DutyFault> {
    Err(DutyFault::GrantSuspended {
        grant: GRANT.parse().unwrap(),
    })
}

/// R94.
#[test]
fn an_emergency_lasts_from_its_first_use_and_no_opening_makes_it_longer() {
    let kept = kept();
    let admit = |incident: &str, after_us: i64| {
        let state = State::open(&kept.file).unwrap();
        state
            .admit(&in_emergency(incident, START_US + after_us))
            .unwrap()
    };
    assert_eq!(admit("one", 0), Ok(()));
    assert_eq!(admit("one", HOUR_US - 1), Ok(()));
    assert_eq!(admit("one", HOUR_US), Err(DutyFault::EmergencyOver));
    assert_eq!(admit("two", HOUR_US), Ok(()));
    // Two more hours, and the first one's case is overdue: nothing of the grant is used.
    assert_eq!(admit("three", 3 * HOUR_US - 1), Ok(()));
    assert_eq!(admit("three", 3 * HOUR_US), suspended());
    assert_eq!(admit("two", 3 * HOUR_US), suspended());
    let state = State::open(&kept.file).unwrap();
    let first = state.cases(OWNER, 0, 10).unwrap().remove(0);
    assert_eq!(
        (first.opened_us, first.due_us),
        (START_US, START_US + 3 * HOUR_US)
    );
    state.close(first.number).unwrap();
    drop(state);
    assert_eq!(admit("one", 3 * HOUR_US), Err(DutyFault::EmergencyOver));
    assert_eq!(admit("four", 3 * HOUR_US), Ok(()));
}

/// R96.
#[test]
fn a_case_that_is_overdue_suspends_its_own_grant_and_no_other() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    let due_us = START_US + HOUR_US;
    let one = reviewed(GRANT, Some(due_us), START_US);
    let other = reviewed(OTHER, Some(due_us + HOUR_US), START_US);
    for (made, record) in [(&one, "r-1"), (&one, "r-2"), (&other, "r-3")] {
        assert_eq!(state.admit(made).unwrap(), Ok(()));
        state.open_case(made, record).unwrap();
    }
    let at = |grant, now_us| state.admit(&reviewed(grant, Some(0), now_us)).unwrap();
    assert_eq!(at(GRANT, due_us - 1), Ok(()));
    assert_eq!(at(GRANT, due_us), suspended());
    assert_eq!(at(OTHER, due_us), Ok(()));
    let cases = state.cases(OWNER, 0, 10).unwrap();
    let of = |case: &Case| (case.grant.clone(), case.records.join(","));
    assert_eq!(
        cases.iter().map(of).collect::<Vec<_>>(),
        [(GRANT, "r-1"), (GRANT, "r-2"), (OTHER, "r-3")]
            .map(|(grant, record)| (grant.to_owned(), record.to_owned()))
    );
    assert!(state.cases("G15", 0, 10).unwrap().is_empty());
    assert_eq!(state.cases(OWNER, cases[1].number, 10).unwrap(), cases[2..]);
    assert_eq!(state.cases(OWNER, 0, 2).unwrap(), cases[..2]);
    let close = |provider| state.closable(provider, cases[0].number, due_us);
    assert!(matches!(close("G15"), Err(CloseError::Unknown)));
    close(OWNER).unwrap();
    state.close(cases[0].number).unwrap();
    assert!(matches!(close(OWNER), Err(CloseError::Unknown)));
    // The other case of the same grant is overdue still.
    assert_eq!(at(GRANT, due_us), suspended());
    state.close(cases[1].number).unwrap();
    assert_eq!(at(GRANT, due_us), Ok(()));
    let left = state.cases(OWNER, 0, 10).unwrap();
    assert_eq!(left, cases[2..]);
}

/// R96.
#[test]
fn an_emergency_that_is_not_over_cannot_have_been_reviewed() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    let made = in_emergency("one", START_US);
    state.admit(&made).unwrap().unwrap();
    for record in ["r-2", "r-1", "r-1"] {
        state.open_case(&made, record).unwrap();
    }
    let case = state.cases(OWNER, 0, 10).unwrap().remove(0);
    assert_eq!(case.records, ["r-1", "r-2"]);
    let close = |now_us| state.closable(OWNER, case.number, now_us);
    assert!(matches!(
        close(START_US + HOUR_US - 1),
        Err(CloseError::NotOver)
    ));
    close(START_US + HOUR_US).unwrap();
}

/// R29, R97.
#[test]
fn revoked_consents_and_notices_last() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    assert!(state.revoke("G01/id", "consent-1", START_US).unwrap());
    assert!(!state.revoke("G01/id", "consent-1", START_US).unwrap());
    for record in ["r-3", "r-1", "r-2"] {
        state.notify(record, START_US).unwrap();
    }
    assert!(state.take_notice("r-2").unwrap());
    assert!(!state.take_notice("r-2").unwrap());
    drop(state);
    let state = State::open(&kept.file).unwrap();
    assert!(state.is_revoked("G01/id", "consent-1").unwrap());
    assert!(!state.is_revoked("G01/id", "consent-2").unwrap());
    assert!(!state.is_revoked("G01/i", "dconsent-1").unwrap());
    assert_eq!(state.notices("", 10).unwrap(), ["r-1", "r-3"]);
    assert_eq!(state.notices("r-1", 10).unwrap(), ["r-3"]);
    assert_eq!(state.notices("", 1).unwrap(), ["r-1"]);
}

/// R94: the file holds no text of a caller's.
#[test]
fn no_incident_and_no_consent_stands_in_the_file() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    state
        .admit(&in_emergency("mother-of-nguyen-van-a", START_US))
        .unwrap()
        .unwrap();
    state
        .revoke("G01/id", "consent-of-nguyen-van-a", START_US)
        .unwrap();
    drop(state);
    let bytes = fs::read(&kept.file).unwrap();
    let holds = |text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(holds(GRANT) && !holds("nguyen-van-a"));
}

#[test]
fn a_state_is_never_made_twice_or_at_a_start_and_belongs_to_one_process() {
    let kept = kept();
    assert!(matches!(
        State::init(&kept.file),
        Err(StateError::Exists(_))
    ));
    let missing = kept.file.with_file_name("missing");
    assert!(matches!(State::open(&missing), Err(StateError::Missing(_))));
    assert!(matches!(
        State::check(&missing),
        Err(StateError::Missing(_))
    ));
    let state = State::open(&kept.file).unwrap();
    State::check(&kept.file).unwrap();
    assert!(matches!(
        State::open(&kept.file),
        Err(StateError::Locked(_))
    ));
    drop(state);
    fs::set_permissions(&kept.file, Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(State::open(&kept.file), Err(StateError::Open(_))));
    fs::set_permissions(&kept.file, Permissions::from_mode(0o600)).unwrap();
    fs::write(&kept.file, "no database").unwrap();
    assert!(matches!(
        State::open(&kept.file),
        Err(StateError::Database { .. })
    ));
}

#[test]
fn a_state_of_a_later_version_is_refused() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    let newer = |writing: &WriteTransaction| {
        let mut stamp = writing.open_table(STAMP)?;
        stamp.insert((), (VERSION + 1, [0_u8; 40].as_slice()))?;
        Ok(())
    };
    state.write(newer).unwrap();
    drop(state);
    assert!(matches!(
        State::open(&kept.file),
        Err(StateError::Version { version: 2, .. })
    ));
}

/// R95: what cannot be done is not taken for done.
#[tokio::test]
async fn without_a_state_nothing_is_performed() {
    let upkeep = Upkeep::new(None);
    let record = "hn1-2026q4-7".parse().unwrap();
    let made = in_emergency("one", START_US);
    assert_eq!(upkeep.admit(&made).await, Err(DutyFault::Failed));
    assert_eq!(upkeep.open(&made, &record).await, Err(DutyFault::Failed));
    assert_eq!(upkeep.notify(&record).await, Err(DutyFault::Failed));
}
