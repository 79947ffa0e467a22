//! Callers that do not wait for the answer.

use std::time::Duration;

use motlan_audit::wire::{RecordKind, Result as Ended};
use motlan_testkit::provider::Misbehaviour;

use crate::system::question::{DESK, GET_PERSON, person};
use crate::system::running::Running;
use crate::system::until::until;

/// How long the owner's system takes in these tests.
const SLOW: Duration = Duration::from_secs(1);

/// Waits until the ledger holds so many records.
async fn recorded(running: &Running, records: u64) {
    until("the outcome is recorded", async || {
        (running.admin.records().await >= records).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_resets_its_call_still_gets_its_outcome_recorded() {
    // R34.
    let running = Running::start().await;
    let roles = running.roles();
    let population = running.provider("population");
    population.misbehave(GET_PERSON, None, Misbehaviour::Slow(SLOW));
    let call = person(&roles.person).by(running.world().system(DESK).unwrap());
    tokio::select! {
        biased;
        () = until("the provider is asked", async || {
            (running.heard() == 1).then_some(())
        }) => {}
        _ = running.desk.call(&call) => panic!("answered before the provider was asked"),
    }
    // The call is dropped: its stream is reset, while the provider has yet to answer.
    recorded(&running, 2).await;
    let past = running.stop().await;
    let [question, outcome] = past.entries.as_slice() else {
        panic!("{} records", past.entries.len());
    };
    assert_eq!(question.record.kind(), RecordKind::Question);
    assert_eq!(outcome.record.question, Some(question.id.index()));
    assert_eq!(outcome.record.result(), Ended::Released);
}

#[tokio::test]
async fn a_caller_whose_connection_breaks_still_gets_its_outcomes_recorded() {
    // R34.
    const CALLS: u64 = 5;
    let running = Running::start().await;
    let roles = running.roles();
    let population = running.provider("population");
    population.misbehave(GET_PERSON, None, Misbehaviour::Slow(SLOW));
    let call = person(&roles.person).by(running.world().system(DESK).unwrap());
    let mut calling = tokio::task::JoinSet::new();
    let client = running.client(DESK).await;
    for _ in 0..CALLS {
        let (client, call) = (client.clone(), call.clone());
        calling.spawn(async move { client.call(&call).await.map(|reply| reply.code()) });
    }
    drop(client);
    until("the provider is asked", async || {
        (running.heard() == CALLS).then_some(())
    })
    .await;
    calling.shutdown().await;
    recorded(&running, 2 * CALLS).await;
    let past = running.stop().await;
    let outcomes = past.entries.iter().filter(|entry| {
        entry.record.kind() == RecordKind::Outcome && entry.record.result() == Ended::Released
    });
    assert_eq!(outcomes.count() as u64, CALLS);
}
