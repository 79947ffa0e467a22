//! The state with a clock that is passed in, over openings.

use std::fs::{self, Permissions};

use motlan_audit::RecordId;
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
        under_way: Arc::new(()),
    }
}

fn record(index: u64) -> RecordId {
    format!("hn1-2026q4-{index}").parse().unwrap()
}

fn open(state: &State, made: &Use, index: u64) -> Result<(), DutyFault> {
    state.open_case(made, &record(index)).unwrap()
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
    for (made, index) in [(&one, 1), (&one, 2), (&other, 3)] {
        assert_eq!(state.admit(made).unwrap(), Ok(()));
        open(&state, made, index).unwrap();
    }
    drop((one, other));
    let at = |grant, now_us| state.admit(&reviewed(grant, Some(0), now_us)).unwrap();
    assert_eq!(at(GRANT, due_us - 1), Ok(()));
    assert_eq!(at(GRANT, due_us), suspended());
    assert_eq!(at(OTHER, due_us), Ok(()));
    let cases = state.cases(OWNER, 0, 10).unwrap();
    let of = |case: &Case| (case.grant.clone(), case.records.join(","));
    assert_eq!(
        cases.iter().map(of).collect::<Vec<_>>(),
        [(GRANT, 1), (GRANT, 2), (OTHER, 3)]
            .map(|(grant, index)| (grant.to_owned(), record(index).to_string()))
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
    for index in [10, 2, 2] {
        open(&state, &made, index).unwrap();
    }
    drop(made);
    let case = state.cases(OWNER, 0, 10).unwrap().remove(0);
    assert_eq!(case.records, [2, 10].map(|index| record(index).to_string()));
    assert_eq!(case.uses, 2);
    let close = |now_us| state.closable(OWNER, case.number, now_us);
    assert!(matches!(
        close(START_US + HOUR_US - 1),
        Err(CloseError::NotOver)
    ));
    close(START_US + HOUR_US).unwrap();
}

/// R96: whoever closes a case has seen how each of its uses ended.
#[test]
fn a_case_is_not_closed_while_a_use_of_it_is_under_way() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    let slow = reviewed(GRANT, Some(START_US + HOUR_US), START_US);
    open(&state, &slow, 1).unwrap();
    let early = in_emergency("one", START_US);
    state.admit(&early).unwrap().unwrap();
    let over_us = START_US + HOUR_US;
    let [first, second] = [1, 2].map(|number| state.closable(OWNER, number, over_us));
    assert!(matches!(first, Err(CloseError::TooEarly)), "{first:?}");
    second.unwrap();
    // One that was admitted before the end comes between the look and the close.
    open(&state, &early, 2).unwrap();
    for number in [1, 2] {
        let closed = state.close(number);
        assert!(matches!(closed, Err(CloseError::TooEarly)), "{closed:?}");
    }
    drop(slow);
    state.closable(OWNER, 1, over_us).unwrap();
    state.close(1).unwrap();
    assert!(state.close(2).is_err());
    // No other process is there: after a kill nothing is under way.
    drop(state);
    let state = State::open(&kept.file).unwrap();
    state.close(2).unwrap();
    assert!(state.cases(OWNER, 0, 10).unwrap().is_empty());
}

/// R96: nothing is answered in a case that nobody will look at.
#[test]
fn no_use_joins_an_emergency_whose_case_is_closed() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    let made = Use {
        review_by_us: Some(START_US + 9 * HOUR_US),
        ..in_emergency("one", START_US)
    };
    state.admit(&made).unwrap().unwrap();
    state.close(1).unwrap();
    assert_eq!(open(&state, &made, 1), Err(DutyFault::EmergencyOver));
    let admitted = state.admit(&made).unwrap();
    assert_eq!(admitted, Err(DutyFault::EmergencyOver));
    // Of what is refused no case is opened either, and nothing is left.
    assert!(state.cases(OWNER, 0, 10).unwrap().is_empty());
    let left = state.0.database.begin_read().unwrap();
    let left = left.open_table(cases::USES).unwrap();
    assert_eq!(redb::ReadableTableMetadata::len(&left).unwrap(), 0);
}

/// R96: what nobody has looked at does not grow beyond what somebody can look at.
#[test]
fn so_many_emergencies_of_one_grant_wait_for_a_review_and_no_more() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    let pending = |grant: &str| {
        Err(DutyFault::ReviewsPending {
            grant: grant.parse().unwrap(),
        })
    };
    let begin = |incident: u64| {
        let made = in_emergency(&incident.to_string(), START_US);
        state.admit(&made).unwrap()
    };
    for incident in 0..cases::EMERGENCIES_OPEN_MAX {
        assert_eq!(begin(incident), Ok(()));
    }
    assert_eq!(begin(1000), pending(GRANT));
    assert_eq!(begin(0), Ok(()));
    let most = usize::try_from(cases::EMERGENCIES_OPEN_MAX).unwrap();
    assert_eq!(state.cases(OWNER, 0, most + 1).unwrap().len(), most);
    // Other grants, and the same grant's other uses, go on.
    let elsewhere = Use {
        grant: OTHER.parse().unwrap(),
        ..in_emergency("1000", START_US)
    };
    assert_eq!(state.admit(&elsewhere).unwrap(), Ok(()));
    let single = reviewed(GRANT, Some(START_US + HOUR_US), START_US);
    assert_eq!(state.admit(&single).unwrap(), Ok(()));
    state.close(7).unwrap();
    assert_eq!(begin(1000), Ok(()));
    assert_eq!(begin(1001), pending(GRANT));
}

/// R96.
#[test]
fn so_many_single_uses_and_uses_of_an_emergency_wait_and_no_more() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    let pending = Err(DutyFault::ReviewsPending {
        grant: GRANT.parse().unwrap(),
    });
    let single = || reviewed(GRANT, Some(START_US + HOUR_US), START_US);
    let urgent = in_emergency("one", START_US);
    state.admit(&urgent).unwrap().unwrap();
    // As after all but one of them.
    let nearly = |writing: &WriteTransaction| {
        let most = (1, cases::REVIEWS_OPEN_MAX - 1);
        writing.open_table(cases::OPEN)?.insert(GRANT, most)?;
        let mut used = writing.open_table(cases::USED)?;
        used.insert(1, cases::USES_MAX - 1)?;
        Ok(())
    };
    state.write(nearly).unwrap();
    for made in [&single(), &urgent] {
        assert_eq!(state.admit(made).unwrap(), Ok(()));
    }
    assert_eq!(open(&state, &single(), 1), Ok(()));
    assert_eq!(open(&state, &urgent, 2), Ok(()));
    for made in [&single(), &urgent] {
        assert_eq!(state.admit(made).unwrap(), pending);
        assert_eq!(open(&state, made, 3), pending);
    }
    let open_cases = state.cases(OWNER, 0, 10).unwrap();
    assert_eq!(open_cases.len(), 2);
    assert_eq!(open_cases[0].uses, cases::USES_MAX);
    assert_eq!(open_cases[0].records, [record(2).to_string()]);
    // A use that nobody reviews is not kept back.
    let plain = reviewed(GRANT, None, START_US);
    assert_eq!(state.admit(&plain).unwrap(), Ok(()));
    state.close(2).unwrap();
    assert_eq!(state.admit(&single()).unwrap(), Ok(()));
}

/// R96: the first ones, as they were asked, and how many there are.
#[test]
fn of_many_uses_the_first_are_named_and_all_are_counted() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    let made = in_emergency("one", START_US);
    state.admit(&made).unwrap().unwrap();
    for index in (2..=110).rev() {
        open(&state, &made, index).unwrap();
    }
    let case = state.cases(OWNER, 0, 10).unwrap().remove(0);
    let first: Vec<String> = (2..102).map(|index| record(index).to_string()).collect();
    assert_eq!((case.records, case.uses), (first, 109));
}

#[test]
fn a_full_state_says_that_it_is_full() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    state.notify("r-1", START_US).unwrap();
    let full = |writing: &WriteTransaction| room(&writing.open_table(NOTICES)?, 1);
    let error = state.write(full).unwrap_err();
    assert!(is_full(&error) && !is_full(&damaged("it is torn")));
    let told = error.to_string();
    assert!(told.contains("as much as it may"), "{told}");
    assert!(!told.contains("orrupt"), "{told}");
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
    let error = State::open(&kept.file).err().unwrap();
    assert!(matches!(error, StateError::Version { version, .. } if version == VERSION + 1));
    assert!(
        error.to_string().contains("written by a newer motlan"),
        "{error}"
    );
}

/// R96: a reload that takes the review from a grant's terms lifts no suspension.
#[tokio::test]
async fn a_grant_stays_suspended_where_its_terms_oblige_to_no_review_any_more() {
    let kept = kept();
    let state = State::open(&kept.file).unwrap();
    let due_us = START_US + HOUR_US;
    open(&state, &reviewed(GRANT, Some(due_us), START_US), 1).unwrap();
    let upkeep = Upkeep::new(Some(state));
    let plain = |grant, now_us| reviewed(grant, None, now_us);
    assert_eq!(upkeep.admit(&plain(GRANT, due_us - 1)).await, Ok(()));
    assert_eq!(upkeep.admit(&plain(GRANT, due_us)).await, suspended());
    assert_eq!(upkeep.admit(&plain(OTHER, due_us)).await, Ok(()));
    let nowhere = Upkeep::new(None);
    assert_eq!(nowhere.admit(&plain(GRANT, due_us)).await, Ok(()));
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
