//! Emergencies, reviews and notices: what a use leaves behind, and who cares for it.

use std::sync::Arc;
use std::time::Duration;

use motlan_api::audit::v1::{EndHoldRequest, EraseRequest, PlaceHoldRequest};
use motlan_api::policy::v1::{
    CloseReviewRequest, CloseReviewResponse, ListNoticesRequest, ListNoticesResponse,
    ListReviewsRequest, ListReviewsResponse, Notice, Review, RevokeConsentRequest,
    RevokeConsentResponse, TakeNoticeRequest, TakeNoticeResponse,
};
use motlan_exchange::{Duties as _, Emergency, Use};
use motlan_gateway::state::{State, Upkeep};
use motlan_testkit::client::{Call, Reply};
use motlan_testkit::provider::Misbehaviour;
use motlan_testkit::world::OFFICIAL;
use prost::Message;
use tonic::Code;

use super::desk::{
    GRANT, MINISTRY, NATIONAL_ID, agreement, ask, consent, lay, now_s, question, signed, start,
};
use crate::system::question::{DOSSIER, GET_PERSON, RESIDENCE};
use crate::system::refused::{refused, refused_on_record, turned_away};
use crate::system::running::Running;
use crate::system::until::until;
use crate::trail::asking::{AUDITOR, PORTAL, PROTECTOR, get, token};

/// So long an owner takes, and much longer than the calls that are made meanwhile.
const SLOW: Duration = Duration::from_secs(4);
const INCIDENT: &str = "flood-2026-11";
const EMERGENCY: &str = "[grant.break_glass]\nofficials = [\"official-0001\"]\n\
                         relaxes = [\"OUTSIDE_HOURS\"]\nminutes = 30\nreview_hours = 24\n";
const EMERGENCY_SHOWN: &str = "emergency = \"official-0001\"\n";

/// A call of the service.
async fn call<R: Message + Default>(
    running: &Running,
    system: &str,
    method: &str,
    request: &impl Message,
) -> Result<R, Reply> {
    let path = format!("/motlan.policy.v1.Agreements/{method}");
    let token = token(running.world().system(system).unwrap());
    let call = Call::new(&path, &request.encode_to_vec()).unwrap();
    let call = call.bearer(&token).unwrap();
    let reply = running.client(system).await.call(&call).await.unwrap();
    match reply.code() {
        Code::Ok => Ok(R::decode(reply.messages().unwrap().remove(0)).unwrap()),
        _ => Err(reply),
    }
}

async fn reviews(running: &Running) -> Vec<Review> {
    let request = ListReviewsRequest::default();
    let listed = call::<ListReviewsResponse>(running, PROTECTOR, "ListReviews", &request).await;
    listed.unwrap().reviews
}

async fn close(running: &Running, review: u64) -> Result<CloseReviewResponse, Reply> {
    let ground = "reviewed with the duty officer".to_owned();
    let request = CloseReviewRequest { review, ground };
    call(running, PROTECTOR, "CloseReview", &request).await
}

async fn notices(running: &Running) -> Vec<Notice> {
    let request = ListNoticesRequest::default();
    let listed = call::<ListNoticesResponse>(running, PORTAL, "ListNotices", &request).await;
    listed.unwrap().notices
}

/// Asks in an emergency, with the incident in header and token as given.
async fn declare(
    running: &Running,
    (header, claim): (Option<&str>, Option<&str>),
    official: &str,
) -> Reply {
    let system = running.world().system(MINISTRY).unwrap();
    let token = system
        .token(RESIDENCE)
        .unwrap()
        .dossier(DOSSIER)
        .official(official);
    let token = match claim {
        Some(incident) => token.incident(incident),
        None => token,
    };
    let question = match header {
        Some(incident) => question(running).with("motlan-emergency", incident),
        None => question(running),
    };
    let call = question.bearing(&system.sign(&token).unwrap());
    running.client(MINISTRY).await.call(&call).await.unwrap()
}

async fn emergency(running: &Running, incident: &str) -> Reply {
    declare(running, (Some(incident), Some(incident)), OFFICIAL).await
}

fn record_of(reply: &Reply) -> String {
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    reply.metadata("motlan-record").unwrap().to_owned()
}

/// Begins an emergency some minutes ago, as a gateway did then.
async fn began(file: &std::path::Path, incident: &str, minutes_ago: i64, review_minutes: i64) {
    let minute_us = 60_000_000;
    let made = Use {
        grant: GRANT.parse().unwrap(),
        method: GET_PERSON.to_owned(),
        provider: "G01".parse().unwrap(),
        emergency: Some(Emergency {
            incident: incident.to_owned(),
            lasts_us: 30 * minute_us,
            review_us: review_minutes * minute_us,
        }),
        review_by_us: None,
        now_us: now_s() * 1_000_000 - minutes_ago * minute_us,
        under_way: Arc::new(()),
    };
    let upkeep = Upkeep::new(Some(State::open(file).unwrap()));
    upkeep.admit(&made).await.unwrap();
}

/// R94: a named official, an incident in header and token, nothing else; and a case of it.
#[tokio::test]
async fn an_emergency_is_answered_recorded_and_to_be_reviewed() {
    let running = start(EMERGENCY, EMERGENCY_SHOWN).await;
    let without = ask(&running, &[]).await;
    refused_on_record(&without, Code::PermissionDenied, "BREAK_GLASS_ONLY");
    let both = (Some(INCIDENT), Some(INCIDENT));
    let other = declare(&running, both, "official-0002").await;
    refused_on_record(&other, Code::PermissionDenied, "OFFICIAL_NOT_NAMED");
    let spaced = Some("two words");
    for (header, claim) in [
        (Some(INCIDENT), None),
        (None, Some(INCIDENT)),
        (Some(INCIDENT), Some("flood-2026-12")),
        (spaced, Some(INCIDENT)),
    ] {
        let reply = declare(&running, (header, claim), OFFICIAL).await;
        turned_away(&reply, Code::InvalidArgument, "METADATA_MALFORMED");
    }
    assert!(reviews(&running).await.is_empty());
    assert_eq!(running.heard(), 0);
    let records = [
        record_of(&emergency(&running, INCIDENT).await),
        record_of(&emergency(&running, INCIDENT).await),
    ];
    let listed = reviews(&running).await;
    let [case] = listed.as_slice() else {
        panic!("{listed:?}")
    };
    assert_eq!((case.grant.as_str(), case.records.len()), (GRANT, 2));
    // 30 minutes and 24 hours after its first use.
    assert_eq!(case.due_us - case.opened_us, (24 * 60 + 30) * 60_000_000);
    let early = close(&running, case.review).await.unwrap_err();
    refused_on_record(&early, Code::FailedPrecondition, "EMERGENCY_NOT_OVER");
    let past = running.stop().await;
    for (record, asked) in records.iter().zip(&case.records) {
        let (question, outcome) = past.lookup(record);
        assert_eq!(question.id.to_string(), *asked);
        for entry in [question, outcome] {
            assert!(entry.record.emergency);
            assert_eq!(entry.sealed.incident, INCIDENT);
        }
    }
    let leaves = past
        .entries
        .iter()
        .map(|entry| entry.record.encode_to_vec());
    let named = |leaf: Vec<u8>| {
        leaf.windows(INCIDENT.len())
            .any(|it| it == INCIDENT.as_bytes())
    };
    assert!(!leaves.into_iter().any(named));
}

/// R94: a short life, of which no restart makes a new one.
#[tokio::test]
async fn an_emergency_that_is_over_is_not_used_on_and_its_name_is_used_up() {
    let laid = lay(EMERGENCY, EMERGENCY_SHOWN).await;
    let running = laid.start().await;
    record_of(&emergency(&running, "another").await);
    let file = running.world().dir().join("state.redb");
    let begin = async || began(&file, INCIDENT, 31, 24 * 60).await;
    let running = running.again_after(begin).await;
    let before = running.heard();
    let reply = emergency(&running, INCIDENT).await;
    refused_on_record(&reply, Code::FailedPrecondition, "EMERGENCY_OVER");
    let running = running.again().await;
    let reply = emergency(&running, INCIDENT).await;
    let record = refused_on_record(&reply, Code::FailedPrecondition, "EMERGENCY_OVER");
    assert_eq!(running.heard(), before);
    record_of(&emergency(&running, "another").await);
    let past = running.stop().await;
    past.assert_refused(&record, "EMERGENCY_OVER");
}

/// R93, R94: what a limit refuses is no use, and begins nothing.
#[tokio::test]
async fn an_emergency_that_a_limit_refuses_does_not_begin() {
    let terms = format!("quota = {{ official = 1 }}\n{EMERGENCY}");
    let running = start(&terms, EMERGENCY_SHOWN).await;
    record_of(&emergency(&running, "incident-1").await);
    for incident in ["incident-2", "incident-3", "incident-1"] {
        let reply = emergency(&running, incident).await;
        refused_on_record(&reply, Code::ResourceExhausted, "QUOTA_EXCEEDED");
    }
    let cases = reviews(&running).await;
    assert_eq!((cases.len(), cases[0].uses), (1, 1));
    running.stop().await;
}

/// R96: what nobody reviewed suspends the grant, over every restart, until somebody does.
#[tokio::test]
async fn an_emergency_that_nobody_reviews_suspends_the_grant_until_it_is_reviewed() {
    let running = lay(EMERGENCY, EMERGENCY_SHOWN).await.start().await;
    let file = running.world().dir().join("state.redb");
    let begin = async || began(&file, INCIDENT, 120, 60).await;
    let running = running.again_after(begin).await;
    for _ in 0..2 {
        let reply = emergency(&running, "a-new-one").await;
        let record = refused_on_record(&reply, Code::FailedPrecondition, "GRANT_SUSPENDED");
        assert!(!record.is_empty() && reply.status.message().contains(GRANT));
    }
    let running = running.again().await;
    let reply = emergency(&running, "a-new-one").await;
    refused_on_record(&reply, Code::FailedPrecondition, "GRANT_SUSPENDED");
    assert_eq!(running.heard(), 0);
    let case = reviews(&running).await.remove(0);
    let wrong = close(&running, case.review + 1).await.unwrap_err();
    refused_on_record(&wrong, Code::NotFound, "REVIEW_NOT_FOUND");
    let closed = close(&running, case.review).await.unwrap();
    assert!(reviews(&running).await.is_empty());
    record_of(&emergency(&running, "a-new-one").await);
    let running = running.again().await;
    record_of(&emergency(&running, "a-new-one").await);
    let past = running.stop().await;
    let closing = past.entry(&closed.record);
    let request = CloseReviewRequest::decode(closing.sealed.query.as_slice()).unwrap();
    assert_eq!(
        (request.review, request.ground.is_empty()),
        (case.review, false)
    );
}

/// R96: each use is a case by itself.
#[tokio::test]
async fn a_use_that_is_to_be_reviewed_opens_a_case_before_it_is_answered() {
    let running = start("[grant.obligations]\nreview_days = 3\n", "").await;
    let records = [
        record_of(&ask(&running, &[]).await),
        record_of(&ask(&running, &[]).await),
    ];
    let running = running.again().await;
    let cases = reviews(&running).await;
    assert_eq!(cases.len(), 2);
    let day_us = 86_400_000_000;
    for case in &cases {
        assert!((3 * day_us..=4 * day_us).contains(&(case.due_us - case.opened_us)));
    }
    // Midnight in Việt Nam.
    assert_eq!((cases[0].due_us + 7 * 3_600_000_000) % day_us, 0);
    close(&running, cases[0].review).await.unwrap();
    assert_eq!(reviews(&running).await.len(), 1);
    let past = running.stop().await;
    for (record, case) in records.iter().zip(&cases) {
        assert_eq!(case.records, [past.lookup(record).0.id.to_string()]);
    }
}

/// R96: a suspension is lifted by a review, not by other terms.
#[tokio::test]
async fn a_reload_that_takes_the_review_from_the_terms_lifts_no_suspension() {
    let running = lay(EMERGENCY, EMERGENCY_SHOWN).await.start().await;
    let file = running.world().dir().join("state.redb");
    let begin = async || began(&file, INCIDENT, 120, 60).await;
    let running = running.again_after(begin).await;
    let plain = agreement("", "");
    running
        .world()
        .write("catalog/agreements/backed.toml", &plain)
        .unwrap();
    running.reload().await.unwrap();
    let reply = ask(&running, &[]).await;
    refused_on_record(&reply, Code::FailedPrecondition, "GRANT_SUSPENDED");
    assert_eq!(running.heard(), 0);
    close(&running, reviews(&running).await[0].review)
        .await
        .unwrap();
    record_of(&ask(&running, &[]).await);
    running.stop().await;
}

/// R96: whoever closes a case has seen how its uses ended, however slow the owner is.
#[tokio::test]
async fn a_case_is_not_closed_before_its_use_has_an_outcome() {
    let running = start("[grant.obligations]\nreview_days = 3\n", "").await;
    let owner = running.provider("population");
    owner.misbehave(GET_PERSON, None, Misbehaviour::Slow(SLOW));
    let asking = ask(&running, &[]);
    let closing = async {
        let heard = async || (owner.calls() == 1).then_some(());
        until("the question at the owner", heard).await;
        let case = reviews(&running).await.remove(0);
        let early = close(&running, case.review).await.unwrap_err();
        refused_on_record(&early, Code::FailedPrecondition, "REVIEW_TOO_EARLY");
        case.review
    };
    let (reply, review) = tokio::join!(asking, closing);
    record_of(&reply);
    close(&running, review).await.unwrap();
    assert!(reviews(&running).await.is_empty());
    running.stop().await;
}

/// R97: kept before the answer leaves, over a restart, until it is taken.
#[tokio::test]
async fn a_subject_is_to_be_told_until_the_portal_takes_the_notice() {
    let running = start("[grant.obligations]\nnotify_subject = true\n", "").await;
    let record = record_of(&ask(&running, &[]).await);
    let running = running.again().await;
    let notice = notices(&running).await.remove(0);
    assert_eq!(notice.subject, running.roles().person);
    let request = TakeNoticeRequest {
        record: notice.record.clone(),
    };
    let take = || call::<TakeNoticeResponse>(&running, PORTAL, "TakeNotice", &request);
    take().await.unwrap();
    assert!(notices(&running).await.is_empty());
    let again = take().await.unwrap_err();
    refused_on_record(&again, Code::NotFound, "NOTICE_NOT_FOUND");
    let past = running.stop().await;
    assert_eq!(past.lookup(&record).0.id.to_string(), notice.record);
}

/// R97: a hold keeps the notice back, and what was erased names nobody.
#[tokio::test]
async fn a_notice_waits_for_a_hold_to_end_and_names_nobody_after_an_erasure() {
    let running = start("[grant.obligations]\nnotify_subject = true\n", "").await;
    record_of(&ask(&running, &[]).await);
    assert_eq!(notices(&running).await.len(), 1);
    let ground = "decision 12/QD-2026".to_owned();
    let hold = PlaceHoldRequest {
        caller: MINISTRY.to_owned(),
        ground: ground.clone(),
        until_us: (now_s() + 3600) * 1_000_000,
        ..PlaceHoldRequest::default()
    };
    let record = notices(&running).await.remove(0).record;
    let take = TakeNoticeRequest { record };
    let take = || call::<TakeNoticeResponse>(&running, PORTAL, "TakeNotice", &take);
    let hold = get(&running, PROTECTOR, &hold).await.hold;
    assert!(notices(&running).await.is_empty());
    // Whether there is one is not to be found out by taking it, and nothing is lost by trying.
    let held = take().await.unwrap_err();
    refused_on_record(&held, Code::NotFound, "NOTICE_NOT_FOUND");
    let end = EndHoldRequest {
        hold,
        ground: ground.clone(),
    };
    get(&running, PROTECTOR, &end).await;
    let subject = running.roles().person;
    assert_eq!(notices(&running).await[0].subject, subject);
    let erase = EraseRequest {
        subject,
        ground,
        ..EraseRequest::default()
    };
    assert!(!get(&running, PROTECTOR, &erase).await.records.is_empty());
    assert_eq!(notices(&running).await[0].subject, "");
    take().await.unwrap();
    assert!(notices(&running).await.is_empty());
    running.stop().await;
}

/// R97: nobody is told of an answer that never left.
#[tokio::test]
async fn there_is_no_notice_where_the_provider_gave_nothing() {
    let running = start("[grant.obligations]\nnotify_subject = true\n", "").await;
    let unknown = crate::system::question::person(&running.roles().unknown_person);
    let reply = running.ask_as(MINISTRY, &unknown).await;
    refused_on_record(&reply, Code::NotFound, "SUBJECT_NOT_FOUND");
    assert!(notices(&running).await.is_empty());
}

/// R95: until when it may be kept, in the answer and on record.
#[tokio::test]
async fn the_consumer_is_told_until_when_it_may_keep_what_it_got() {
    let running = start("[grant.obligations]\nkeep_days = 30\nlog = \"info\"\n", "").await;
    let reply = ask(&running, &[]).await;
    let record = record_of(&reply);
    let told = reply.metadata("motlan-keep-until").unwrap().to_owned();
    let past = running.stop().await;
    let (question, outcome) = past.lookup(&record);
    let until_us = outcome.record.keep_until_us;
    let day_us = 86_400_000_000;
    let local = |us: i64| (us + 7 * 3_600_000_000).div_euclid(day_us);
    assert_eq!((until_us + 7 * 3_600_000_000) % day_us, 0);
    // The last day is 30 days after today.
    assert_eq!(local(until_us - 1) - local(question.record.time_us), 30);
    assert_eq!(
        (told.len(), told.as_bytes()[4], told.as_bytes()[7]),
        (10, b'-', b'-')
    );
    let days = |date: &str| {
        let mut parts = date.split('-').map(|part| part.parse::<i64>().unwrap());
        let (year, month, day) = (parts.next().unwrap(), parts.next().unwrap(), parts.next());
        let shifted = if month <= 2 { year - 1 } else { year };
        let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day.unwrap() - 1;
        shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + of_year - 719_468
    };
    assert_eq!(days(&told), local(until_us - 1));
}

/// R96: a set that leaves something behind is not taken in force where there is nowhere to keep it.
#[tokio::test]
async fn a_reload_brings_in_no_grant_that_needs_a_state_which_is_not_there() {
    let running = Running::start().await;
    let text = agreement("[grant.obligations]\nnotify_subject = true\n", "");
    let file = "catalog/agreements/backed.toml";
    running.world().write(file, &text).unwrap();
    let problems = running.reload().await.unwrap_err().to_string();
    assert!(
        problems.contains("`g01-g15-backed/one` needs a state"),
        "{problems}"
    );
    let reply = ask(&running, &[]).await;
    refused_on_record(&reply, Code::PermissionDenied, "NO_AGREEMENT");
    let plain = agreement("[grant.obligations]\nkeep_days = 3\n", "");
    running.world().write(file, &plain).unwrap();
    running.reload().await.unwrap();
    record_of(&ask(&running, &[]).await);
    let request = ListReviewsRequest::default();
    let reply = call::<ListReviewsResponse>(&running, PROTECTOR, "ListReviews", &request).await;
    refused(
        &reply.unwrap_err(),
        Code::FailedPrecondition,
        "STATE_ABSENT",
    );
}

/// R29: a consent that was taken back counts for nothing, over a restart; only its signer can.
#[tokio::test]
async fn a_consent_that_was_revoked_counts_for_nothing() {
    let running = start("consent = \"required\"", "consent = true\n").await;
    let one = signed(&running, NATIONAL_ID, &consent(&running).id("consent-1"));
    let two = signed(&running, NATIONAL_ID, &consent(&running).id("consent-2"));
    record_of(&ask(&running, &[("motlan-consent", one.clone())]).await);
    let request = RevokeConsentRequest {
        consent: "consent-1".to_owned(),
    };
    for system in [PORTAL, PROTECTOR, MINISTRY] {
        let other = call::<RevokeConsentResponse>(&running, system, "RevokeConsent", &request);
        let other = other.await.unwrap_err();
        refused_on_record(&other, Code::PermissionDenied, "ROLE_NOT_HELD");
    }
    record_of(&ask(&running, &[("motlan-consent", one.clone())]).await);
    for first in [true, false] {
        let revoked =
            call::<RevokeConsentResponse>(&running, NATIONAL_ID, "RevokeConsent", &request);
        assert_eq!(revoked.await.unwrap().revoked, first);
    }
    let running = running.again().await;
    let reply = ask(&running, &[("motlan-consent", one)]).await;
    refused_on_record(&reply, Code::PermissionDenied, "CONSENT_REQUIRED");
    assert!(
        reply.status.message().contains("revoked"),
        "{:?}",
        reply.status
    );
    record_of(&ask(&running, &[("motlan-consent", two)]).await);
    running.stop().await;
}

/// R96, R97: each call takes its role.
#[tokio::test]
async fn reviews_and_notices_are_for_those_with_the_role() {
    let running = start(EMERGENCY, EMERGENCY_SHOWN).await;
    record_of(&emergency(&running, INCIDENT).await);
    let one = CloseReviewRequest {
        review: 1,
        ground: "none".to_owned(),
    };
    for system in [AUDITOR, PORTAL, MINISTRY] {
        let request = ListReviewsRequest::default();
        let reply = call::<ListReviewsResponse>(&running, system, "ListReviews", &request);
        let reply = reply.await.unwrap_err();
        refused_on_record(&reply, Code::PermissionDenied, "ROLE_NOT_HELD");
        let reply = call::<CloseReviewResponse>(&running, system, "CloseReview", &one);
        let reply = reply.await.unwrap_err();
        refused_on_record(&reply, Code::PermissionDenied, "ROLE_NOT_HELD");
    }
    for system in [AUDITOR, PROTECTOR, MINISTRY] {
        let request = ListNoticesRequest::default();
        let reply = call::<ListNoticesResponse>(&running, system, "ListNotices", &request);
        let reply = reply.await.unwrap_err();
        refused_on_record(&reply, Code::PermissionDenied, "ROLE_NOT_HELD");
    }
    let nothing = CloseReviewRequest {
        review: 1,
        ground: " ".to_owned(),
    };
    let reply = call::<CloseReviewResponse>(&running, PROTECTOR, "CloseReview", &nothing).await;
    refused(
        &reply.unwrap_err(),
        Code::InvalidArgument,
        "REQUEST_MALFORMED",
    );
    assert_eq!(reviews(&running).await.len(), 1);
}
