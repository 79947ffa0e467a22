//! Answers that are not what the contract says: nothing of them leaves, and each is on record.

use bytes::Bytes;
use motlan_audit::wire::Result as Ended;
use motlan_testkit::contracts;
use motlan_testkit::provider::{CHATTER, CHATTER_HEADER, Holdings, Misbehaviour};
use motlan_testkit::sample::SECRET_NOTE;
use tonic::Code;

use crate::system::question::{
    GET_PERSON, LIST_HOUSEHOLD, Question, enterprise, household, person,
};
use crate::system::refused::refused_on_record;
use crate::system::running::{Laid, Running};

const ANSWER_BYTES_MAX: usize = 8192;
/// Fewer than the first household has.
const ANSWER_MESSAGES_MAX: usize = 4;
/// The population database holds two persons under this number,
const TWO: &str = "two";
/// and no message, but no error either, under this one.
const NONE: &str = "none";

async fn start() -> Running {
    let mut laid = Laid::out().await;
    let held = laid.world.sample().held();
    let service = "vn.population.v1.PopulationRegistry";
    let of_person = held.iter().find(|one| one.path == GET_PERSON).unwrap();
    let twice: Vec<Bytes> = [of_person.messages.clone(), of_person.messages.clone()].concat();
    let holdings = Holdings::of(&contracts::pool().unwrap())
        .only(service)
        .stock(&held)
        .hold(GET_PERSON, TWO, twice)
        .unwrap()
        .hold(GET_PERSON, NONE, [])
        .unwrap();
    let replaced = laid.world.add_provider("population", service, holdings);
    replaced.await.unwrap();
    let limits = format!(
        "[limits]\n\
         answer_bytes_max = {ANSWER_BYTES_MAX}\n\
         answer_messages_max = {ANSWER_MESSAGES_MAX}"
    );
    laid.configured(&limits).start().await
}

/// How a lookup must end.
struct End {
    code: Code,
    ended: Ended,
    reason: &'static str,
    /// The owner's own gRPC status, where it gave one that counts.
    status: Option<u32>,
}

const fn failed(code: Code, reason: &'static str) -> End {
    End {
        code,
        ended: Ended::Failed,
        reason,
        status: None,
    }
}

const MALFORMED: End = failed(Code::DataLoss, "PROVIDER_MALFORMED");
const OVERSIZED: End = failed(Code::DataLoss, "PROVIDER_OVERSIZED");
const BROKE_OFF: End = failed(Code::Unavailable, "PROVIDER_BROKE_OFF");

/// How a lookup must end when the owner answers with this status.
fn end_of(status: Code) -> End {
    match status {
        Code::Ok => MALFORMED,
        Code::NotFound => End {
            ended: Ended::NotFound,
            status: Some(5),
            ..failed(Code::NotFound, "SUBJECT_NOT_FOUND")
        },
        Code::DeadlineExceeded => failed(Code::DeadlineExceeded, "PROVIDER_SILENT"),
        // What may pass by itself; clients repeat a call that was unavailable.
        passing @ (Code::Unknown
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable) => End {
            status: Some(passing as u32),
            ..failed(Code::Unavailable, "PROVIDER_FAILED")
        },
        other => End {
            status: Some(other as u32),
            ..failed(Code::FailedPrecondition, "PROVIDER_FAILED")
        },
    }
}

/// Has the population database misbehave at each question, asks it, and checks reply and record.
async fn assert_ends(running: Running, cases: Vec<(Question, Option<Misbehaviour>, End)>) {
    let roles = running.roles();
    let name = running.world().sample().people[0].full_name.clone();
    let mut records = Vec::new();
    for (question, how, end) in &cases {
        let population = running.provider("population");
        population.behave();
        if let Some(how) = how {
            population.misbehave(question.path, None, how.clone());
        }
        let reply = running.ask(question).await;
        let reason = reply.reason();
        assert_eq!(
            reason.as_deref(),
            Some(end.reason),
            "{how:?}: {:?}",
            reply.status
        );
        records.push(refused_on_record(&reply, end.code, end.reason));
        // R41, R42: no word of the owner's, and no part of an answer.
        for private in [CHATTER, CHATTER_HEADER, SECRET_NOTE, &name, &roles.person] {
            assert!(!reply.contains(private), "{how:?}: {private}");
        }
        // Meanwhile, other datasets are as they were, and so is this one for other methods.
        let other = running.ask(&enterprise(&roles.enterprise)).await;
        assert_eq!(other.code(), Code::Ok, "{how:?}: {:?}", other.status);
    }
    running.provider("population").behave();
    let well = running.ask(&person(&roles.person)).await;
    assert_eq!(well.code(), Code::Ok, "{:?}", well.status);

    // R12: failures are recorded too.
    let past = running.stop().await;
    assert_eq!(past.entries.len(), 2 * (2 * cases.len() + 1));
    for ((question, how, end), record) in cases.iter().zip(&records) {
        let outcome = past.assert_failed(record, end.ended, end.reason);
        assert_eq!(outcome.record.method, question.path);
        assert_eq!(outcome.record.provider_status, end.status, "{how:?}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_trusted_does_not_leave() {
    let running = start().await;
    let roles = running.roles();
    let one = || person(&roles.person);
    let list = || household(&roles.person);
    let members = &running.world().sample().households[0];
    assert!(members.len() > ANSWER_MESSAGES_MAX);
    let cases = vec![
        (one(), Some(Misbehaviour::Garbage), MALFORMED),
        (list(), Some(Misbehaviour::Garbage), MALFORMED),
        (one(), Some(Misbehaviour::WrongLength(5)), MALFORMED),
        (one(), Some(Misbehaviour::WrongLength(-3)), MALFORMED),
        (one(), Some(Misbehaviour::WrongLength(-9)), MALFORMED),
        (one(), Some(Misbehaviour::WrongLength(i32::MAX)), OVERSIZED),
        (one(), Some(Misbehaviour::Compressed), MALFORMED),
        (list(), Some(Misbehaviour::Compressed), MALFORMED),
        (
            one(),
            Some(Misbehaviour::Oversized(ANSWER_BYTES_MAX)),
            OVERSIZED,
        ),
        (one(), Some(Misbehaviour::Oversized(1 << 20)), OVERSIZED),
        // More messages than may be.
        (list(), None, OVERSIZED),
        (list(), Some(Misbehaviour::Reset(0)), BROKE_OFF),
        (list(), Some(Misbehaviour::Reset(2)), BROKE_OFF),
        (one(), Some(Misbehaviour::Reset(1)), BROKE_OFF),
        (one(), Some(Misbehaviour::NoStatus), BROKE_OFF),
        (one(), Some(Misbehaviour::NotGrpc(200)), MALFORMED),
        (one(), Some(Misbehaviour::NotGrpc(503)), MALFORMED),
        (person(TWO), None, MALFORMED),
        (person(NONE), None, MALFORMED),
    ];
    assert_ends(running, cases).await;
}

#[tokio::test]
async fn an_error_of_the_owners_is_told_without_its_words() {
    let running = start().await;
    let roles = running.roles();
    let codes = (0..=16).map(Code::from_i32);
    let mut cases: Vec<_> = codes
        .map(|code| {
            let how = Misbehaviour::Status(code);
            (person(&roles.person), Some(how), end_of(code))
        })
        .collect();
    // R42: also where some of the answer came before the error.
    for after in 0..=3 {
        let how = Misbehaviour::Truncated(after);
        cases.push((household(&roles.person), Some(how), end_of(Code::Internal)));
    }
    assert_ends(running, cases).await;
}

#[tokio::test]
async fn what_a_talkative_owner_adds_to_an_answer_does_not_leave() {
    // R41.
    let running = start().await;
    let roles = running.roles();
    let population = running.provider("population");
    for path in [GET_PERSON, LIST_HOUSEHOLD] {
        population.misbehave(path, None, Misbehaviour::Chatty);
    }
    let reply = running.ask(&person(&roles.person)).await;
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    assert!(!reply.contains(CHATTER) && !reply.contains(CHATTER_HEADER));
    let mut names: Vec<&str> = reply.trailers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let ours = [
        "grpc-status",
        "motlan-as-of",
        "motlan-record",
        "motlan-withheld",
    ];
    assert_eq!(names, ours);
    let mut names: Vec<&str> = reply.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type"]);
    running.stop().await;
}
