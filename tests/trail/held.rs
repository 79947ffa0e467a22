//! Holds: what an investigation keeps out of its subject's view, for a time, on record.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use motlan_api::audit::v1::{
    EndHoldRequest, PlaceHoldRequest, RecordKind, SearchRequest, SubjectAccessesRequest,
    SubjectAccessesResponse,
};
use tonic::Code;

use super::asking::{AUDITOR, BASIS, PORTAL, PROTECTOR, about, ask, get, indices};
use crate::system::question::{DESK, DOSSIER, FUNERAL, OTHER_DESK, person};
use crate::system::refused::{refused_on_record, turned_away};
use crate::system::running::Running;
use crate::system::until::until;

const GROUND: &str = "decision 12/QD-2026 of the investigating body";
const HOUR: Duration = Duration::from_secs(3600);
/// Long enough to see that it holds.
const SHORT: Duration = Duration::from_secs(3);

pub(crate) fn in_us(time: Duration) -> i64 {
    let then = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + time;
    i64::try_from(then.as_micros()).unwrap()
}

fn hold(caller: &str, time: Duration) -> PlaceHoldRequest {
    PlaceHoldRequest {
        caller: caller.to_owned(),
        ground: GROUND.to_owned(),
        until_us: in_us(time),
        ..PlaceHoldRequest::default()
    }
}

fn end(hold: &str) -> EndHoldRequest {
    EndHoldRequest {
        hold: hold.to_owned(),
        ground: "the body has lifted it".to_owned(),
    }
}

/// The lookups that are shown, by their callers; looks left out.
fn lookups(shown: &SubjectAccessesResponse) -> Vec<&str> {
    let lookups = shown
        .accesses
        .iter()
        .filter(|access| !access.dataset.is_empty());
    lookups.map(|access| access.caller.as_str()).collect()
}

#[tokio::test]
async fn what_is_held_is_hidden_from_its_subject_alone_until_the_hold_ends() {
    // R75.
    let running = Running::start().await;
    let subject = running.roles().person;
    running.ask(&person(&subject)).await;
    running.ask_as(OTHER_DESK, &person(&subject)).await;
    let view = async || get(&running, PORTAL, &about(&subject)).await;
    assert_eq!(lookups(&view().await), [OTHER_DESK, DESK]);
    let placed = get(&running, PROTECTOR, &hold(DESK, HOUR)).await;
    assert_eq!(lookups(&view().await), [OTHER_DESK]);
    // What comes later is held too, and the hold itself never shown.
    running.ask(&person(&subject)).await;
    assert_eq!(lookups(&view().await), [OTHER_DESK]);
    let search = SearchRequest {
        subject: subject.clone(),
        kind: RecordKind::Outcome.into(),
        ..SearchRequest::default()
    };
    let found = get(&running, AUDITOR, &search).await;
    assert_eq!(found.records.len(), 3);

    let ended = get(&running, PROTECTOR, &end(&placed.hold)).await;
    assert_eq!(lookups(&view().await), [DESK, OTHER_DESK, DESK]);
    for again in [&placed.hold, &ended.record, "demo-2026q4-0", "nonsense"] {
        let reply = ask(&running, PROTECTOR, &end(again)).await;
        let (code, reason) = match *again == placed.hold {
            true => (Code::FailedPrecondition, "HOLD_ENDED"),
            false => (Code::NotFound, "HOLD_NOT_FOUND"),
        };
        turned_away(&reply, code, reason);
    }
    let past = running.stop().await;
    let placed = past.entry(&placed.hold);
    assert_eq!(placed.record.kind(), RecordKind::Hold);
    assert_eq!(placed.record.hold.as_ref().unwrap().ground, GROUND);
    assert_eq!(placed.sealed.held.as_ref().unwrap().caller, DESK);
    assert_eq!(placed.sealed.basis, BASIS);
    let ended = past.entry(&ended.record);
    let told = ended.record.hold.as_ref().unwrap();
    assert_eq!(
        (told.ends.as_str(), told.until_us),
        (placed.id.to_string().as_str(), 0)
    );
}

#[tokio::test]
async fn a_hold_ends_by_itself() {
    // R75.
    let running = Running::start().await;
    let subject = running.roles().person;
    running.ask(&person(&subject)).await;
    let placed = get(&running, PROTECTOR, &hold(DESK, SHORT)).await;
    // The looks that this takes are left out.
    let before = SubjectAccessesRequest {
        until_us: Some(in_us(Duration::ZERO)),
        ..about(&subject)
    };
    let view = async || get(&running, PORTAL, &before).await;
    assert!(lookups(&view().await).is_empty());
    until("the hold has ended", async || {
        (lookups(&view().await) == [DESK]).then_some(())
    })
    .await;
    let reply = ask(&running, PROTECTOR, &end(&placed.hold)).await;
    turned_away(&reply, Code::FailedPrecondition, "HOLD_ENDED");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_outlives_its_quarter_and_can_be_ended_from_the_next() {
    // R75.
    let running = Running::start().await;
    let subject = running.roles().person;
    running.ask(&person(&subject)).await;
    let placed = get(&running, PROTECTOR, &hold(DESK, HOUR)).await;
    assert!(running.turn(running.newest().after(1)).await.unwrap());
    running.ask(&person(&subject)).await;
    let view = async || get(&running, PORTAL, &about(&subject)).await;
    assert!(lookups(&view().await).is_empty());
    get(&running, PROTECTOR, &end(&placed.hold)).await;
    assert_eq!(lookups(&view().await), [DESK, DESK]);
    let reply = ask(&running, PROTECTOR, &end(&placed.hold)).await;
    turned_away(&reply, Code::FailedPrecondition, "HOLD_ENDED");
    let report = running.stop_and_verify().await;
    assert!(report.is_sound(), "{report:#?}");
}

#[tokio::test]
async fn a_hold_covers_what_fits_all_that_it_names() {
    // R75.
    let running = Running::start().await;
    let roles = running.roles();
    running.ask(&person(&roles.person)).await;
    running.ask(&person(&roles.person).procedure(FUNERAL)).await;
    running.ask(&person(&roles.spouse)).await;
    let count = async |subject: &str| lookups(&get(&running, PORTAL, &about(subject)).await).len();
    let official = motlan_testkit::world::OFFICIAL.to_owned();
    let nowhere = PlaceHoldRequest {
        dossier: "another".into(),
        official: official.clone(),
        ..hold("", HOUR)
    };
    get(&running, PROTECTOR, &nowhere).await;
    let elsewhere = PlaceHoldRequest {
        dossier: DOSSIER.into(),
        ..hold(OTHER_DESK, HOUR)
    };
    get(&running, PROTECTOR, &elsewhere).await;
    assert_eq!(
        (count(&roles.person).await, count(&roles.spouse).await),
        (2, 1)
    );
    let subject = format!(" {} ", roles.person);
    let here = PlaceHoldRequest {
        subject,
        dossier: DOSSIER.into(),
        official,
        ..hold(DESK, HOUR)
    };
    get(&running, PROTECTOR, &here).await;
    assert_eq!(
        (count(&roles.person).await, count(&roles.spouse).await),
        (0, 1)
    );
    let all = PlaceHoldRequest {
        dossier: DOSSIER.into(),
        ..hold("", HOUR)
    };
    get(&running, PROTECTOR, &all).await;
    assert_eq!(count(&roles.spouse).await, 0);
    // A page that shows nothing ends all the same.
    let shown = get(&running, AUDITOR, &about(&roles.spouse)).await;
    assert_eq!(shown.next_page_token, "");
    running.stop().await;
}

#[tokio::test]
async fn what_is_held_changes_nothing_about_the_shape_of_pages() {
    // R75: no token leads to what is held, and none that leads elsewhere names it.
    let running = Running::start().await;
    let roles = running.roles();
    // With and without a lookup that is held: behind the last one told, and between two.
    for subject in [&roles.person, &roles.spouse] {
        let is_held = *subject == roles.person;
        if is_held {
            running.ask_as(OTHER_DESK, &person(subject)).await;
        }
        running.ask(&person(subject)).await;
        if is_held {
            running.ask_as(OTHER_DESK, &person(subject)).await;
        }
    }
    for caller in [OTHER_DESK, PORTAL] {
        get(&running, PROTECTOR, &hold(caller, HOUR)).await;
    }
    let page = async |subject: &str, page_token: &str| {
        let request = SubjectAccessesRequest {
            page_size: 1,
            page_token: page_token.to_owned(),
            ..about(subject)
        };
        get(&running, PORTAL, &request).await
    };
    for subject in [&roles.person, &roles.spouse] {
        let only = page(subject, "").await;
        assert_eq!(lookups(&only), [DESK]);
        assert_eq!(only.next_page_token, "", "nothing that is told follows");
    }
    let mut tokens = Vec::new();
    for subject in [&roles.person, &roles.spouse] {
        running.ask(&person(subject)).await;
        let first = page(subject, "").await;
        assert_eq!(lookups(&first), [DESK]);
        let last = page(subject, &first.next_page_token).await;
        assert_eq!(lookups(&last), [DESK]);
        assert_ne!(first.accesses, last.accesses);
        assert_eq!(last.next_page_token, "");
        tokens.push(first.next_page_token);
    }
    assert_eq!(tokens[0].len(), tokens[1].len());
    running.stop().await;
}

#[tokio::test]
async fn an_official_of_as_many_letters_as_a_token_takes_can_be_held() {
    let running = Running::start().await;
    let request = PlaceHoldRequest {
        official: "đ".repeat(128),
        ..hold("", HOUR)
    };
    get(&running, PROTECTOR, &request).await;
    running.stop().await;
}

#[tokio::test]
async fn a_hold_that_cannot_be_is_refused_by_the_name_of_the_field() {
    let running = Running::start().await;
    let right = || hold(DESK, HOUR);
    let year = Duration::from_secs(366 * 86_400);
    let wrong = [
        ("caller", hold("", HOUR)),
        ("caller", hold("H26/one-stpo", HOUR)),
        ("until_us", hold(DESK, year)),
        (
            "until_us",
            PlaceHoldRequest {
                until_us: in_us(Duration::ZERO) - 1,
                ..right()
            },
        ),
        (
            "until_us",
            PlaceHoldRequest {
                until_us: 0,
                ..right()
            },
        ),
        (
            "ground",
            PlaceHoldRequest {
                ground: " ".into(),
                ..right()
            },
        ),
        (
            "ground",
            PlaceHoldRequest {
                ground: "two\nlines".into(),
                ..right()
            },
        ),
        (
            "ground",
            PlaceHoldRequest {
                ground: "x".repeat(201),
                ..right()
            },
        ),
        (
            "official",
            PlaceHoldRequest {
                official: "x".repeat(513),
                ..right()
            },
        ),
    ];
    for (field, request) in wrong {
        let reply = ask(&running, PROTECTOR, &request).await;
        turned_away(&reply, Code::InvalidArgument, "REQUEST_MALFORMED");
        assert_eq!(reply.error_info().unwrap().metadata["field"], field);
    }
    let search = get(&running, AUDITOR, &SearchRequest::default()).await;
    assert_eq!(indices(&search.records), [0; 0]);
    running.stop().await;
}

#[tokio::test]
async fn a_blank_text_does_not_widen_a_hold() {
    // R75.
    let running = Running::start().await;
    let right = || hold(DESK, HOUR);
    let mut blank = [right(), right(), right(), hold(" ", HOUR)];
    blank[0].subject = " ".into();
    blank[1].dossier = "\u{a0}".into();
    blank[2].official = "\t".into();
    let fields = ["subject", "dossier", "official", "caller"];
    for (field, request) in fields.into_iter().zip(blank) {
        let reply = ask(&running, PROTECTOR, &request).await;
        turned_away(&reply, Code::InvalidArgument, "REQUEST_MALFORMED");
        assert_eq!(reply.error_info().unwrap().metadata["field"], field);
    }
    assert!(running.stop().await.entries.is_empty());
}

#[tokio::test]
async fn a_ground_that_names_somebody_is_refused() {
    let running = Running::start().await;
    let right = || hold(DESK, HOUR);
    let subject = running.roles().person;
    let personal = [
        PlaceHoldRequest {
            ground: format!("about {subject}"),
            subject: subject.clone(),
            ..right()
        },
        PlaceHoldRequest {
            ground: format!("about {}-{}", &subject[..4], &subject[4..]),
            subject,
            ..right()
        },
        PlaceHoldRequest {
            ground: "case abc-7".into(),
            dossier: "ABC-7".into(),
            ..right()
        },
        PlaceHoldRequest {
            ground: "who is o-1".into(),
            official: "O-1".into(),
            ..right()
        },
    ];
    for request in personal {
        let reply = ask(&running, PROTECTOR, &request).await;
        turned_away(&reply, Code::InvalidArgument, "GROUND_PERSONAL");
    }
    // A short name counts as a word: `O-1` is not in this one.
    let official = "O-1".to_owned();
    let placed = PlaceHoldRequest {
        official,
        ground: "decision 120-12".into(),
        ..right()
    };
    let placed = get(&running, PROTECTOR, &placed).await;
    let ground = "it was o-1".to_owned();
    let naming = EndHoldRequest {
        ground,
        ..end(&placed.hold)
    };
    let reply = ask(&running, PROTECTOR, &naming).await;
    // Whoever guesses whom a hold names is on record.
    let record = refused_on_record(&reply, Code::InvalidArgument, "GROUND_PERSONAL");
    let past = running.stop().await;
    assert_eq!(past.entries.len(), 2);
    assert_eq!(past.entry(&record).record.kind(), RecordKind::Look);
}
