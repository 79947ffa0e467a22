//! Owners' systems that take their time.

use std::time::{Duration, Instant};

use motlan_audit::wire::Result as Ended;
use motlan_testkit::provider::Misbehaviour;
use tonic::Code;

use crate::system::question::{
    GET_PERSON, LIST_HOUSEHOLD, Question, enterprise, household, person,
};
use crate::system::refused::refused_on_record;
use crate::system::running::{Laid, Running};

/// The caller's patience in these tests, and the gateway's where the caller names none.
const SHORT: Duration = Duration::from_millis(300);
/// Far more than a slow machine adds, and far less than the other of the two.
const FAR: Duration = Duration::from_secs(20);
/// What is not to take effect.
const LONG_MS: u32 = 60_000;

/// Asks, and checks that the question ends about when its deadline passes.
async fn assert_silent(running: &Running, question: &Question) -> String {
    let asked = Instant::now();
    let reply = running.ask(question).await;
    let took = asked.elapsed();
    // Some of a caller's time is kept back, so that the reason comes before it gives up.
    assert!((SHORT * 3 / 4..FAR).contains(&took), "{took:?}");
    // R42: also if some of the answer was there.
    refused_on_record(&reply, Code::DeadlineExceeded, "PROVIDER_SILENT")
}

/// Each way in which an owner's system can let the deadline pass.
async fn assert_all_silent(running: Running, wait: impl Fn(Question) -> Question) {
    let roles = running.roles();
    let population = running.provider("population");
    let mut records = Vec::new();
    for how in [
        Misbehaviour::Silent,
        Misbehaviour::SilentAfterHeaders,
        Misbehaviour::Slow(FAR),
        // The first messages come in time, the last one does not.
        Misbehaviour::Trickle(SHORT / 3),
    ] {
        for path in [GET_PERSON, LIST_HOUSEHOLD] {
            population.misbehave(path, None, how.clone());
        }
        records.push(assert_silent(&running, &wait(household(&roles.person))).await);
        // Another dataset is not held up by this one.
        let other = running.ask(&enterprise(&roles.enterprise)).await;
        assert_eq!(other.code(), Code::Ok, "{:?}", other.status);
    }
    population.behave();
    let well = running.ask(&wait(person(&roles.person))).await;
    assert_eq!(well.code(), Code::Ok, "{:?}", well.status);
    let past = running.stop().await;
    for record in records {
        let outcome = past.assert_failed(&record, Ended::Failed, "PROVIDER_SILENT");
        assert_eq!(outcome.record.provider_status, None);
        assert!(Duration::from_micros(outcome.record.elapsed_us) >= SHORT * 3 / 4);
    }
}

#[tokio::test]
async fn a_silent_owner_is_waited_for_no_longer_than_the_caller_says() {
    // R43: the caller's deadline is shorter than the limit.
    let limits = format!("[limits]\nlookup_ms_max = {LONG_MS}");
    let running = Laid::out().await.configured(&limits).start().await;
    assert_all_silent(running, |question| question.with("grpc-timeout", "300m")).await;
}

#[tokio::test]
async fn a_silent_owner_is_waited_for_no_longer_than_the_limit() {
    // R43: the limit is shorter than the caller's deadline.
    let limits = format!("[limits]\nlookup_ms_max = {}", SHORT.as_millis());
    let running = Laid::out().await.configured(&limits).start().await;
    assert_all_silent(running, |question| question.with("grpc-timeout", "1M")).await;
}

#[tokio::test]
async fn an_owner_that_is_slow_but_in_time_is_heard() {
    let running = Running::start().await;
    let roles = running.roles();
    let population = running.provider("population");
    population.misbehave(GET_PERSON, None, Misbehaviour::Slow(SHORT));
    population.misbehave(LIST_HOUSEHOLD, None, Misbehaviour::Trickle(SHORT / 10));
    let asked = Instant::now();
    let one = running.ask(&person(&roles.person)).await;
    assert_eq!(one.code(), Code::Ok, "{:?}", one.status);
    assert!(asked.elapsed() >= SHORT);
    let all = running.ask(&household(&roles.person)).await;
    assert_eq!(all.code(), Code::Ok, "{:?}", all.status);
    let members = &running.world().sample().households[0];
    assert_eq!(all.messages().unwrap().len(), members.len());
    running.stop().await;
}
