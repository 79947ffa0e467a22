//! Components are collected at once, and none holds up, fails or hides another.

use std::time::Duration;

use bytes::Bytes;
use motlan_api::audit::v1::{GroundOutcome, RecordKind};
use motlan_api::once::v1::CollectResponse;
use motlan_api::once::v1::collect_response::Result as Told;
use motlan_audit::wire::Result as Ended;
use motlan_testkit::provider::{Meeting, Misbehaviour};
use prost::Message as _;
use tonic::Code;

use super::asking::{
    UNLISTED, ask, call, collect, evidence, ground, lay, refusal, request, start, wanted,
};
use crate::system::question::{GET_PERSON, person};
use crate::system::running::Running;
use crate::system::until::until;
use crate::trail::unrecorded::block_writing;

const GET_MARRIAGE: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetMarriage";
const GET_MARITAL_STATUS: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetMaritalStatus";

/// The components of a reply, in the order in which they came.
fn told(messages: &[Bytes]) -> Vec<(u32, Told)> {
    let decode = |message: &Bytes| {
        let response = CollectResponse::decode(message.clone()).unwrap();
        (response.component, response.result.unwrap())
    };
    messages.iter().map(decode).collect()
}

#[tokio::test]
async fn six_components_are_under_way_at_once() {
    let running = start().await;
    let roles = running.roles();
    // No owner's system answers before all six questions have come.
    let all = Meeting::of(6);
    for (dataset, path) in [
        ("population", GET_PERSON),
        ("civil_status", GET_MARRIAGE),
        ("civil_status", GET_MARITAL_STATUS),
    ] {
        let meets = Misbehaviour::Meets(all.clone());
        running.provider(dataset).misbehave(path, None, meets);
    }
    let told = collect(
        &running,
        &request(vec![
            wanted("identity_paper", &roles.person),
            wanted("identity_paper", &roles.spouse),
            wanted("identity_paper", &roles.child),
            wanted("marriage_certificate", &roles.person),
            wanted("marriage_certificate", &roles.spouse),
            wanted("marital_status_certificate", &roles.person),
        ]),
    )
    .await;
    told.iter().for_each(|one| {
        evidence(one);
    });
    assert_eq!(running.heard(), 6);
    let label = "outcome=\"EVIDENCE\"";
    let counted = running
        .admin
        .counter("motlan_components_total", label)
        .await;
    assert_eq!(counted, 6);
    running.stop().await;
}

#[tokio::test]
async fn a_provider_that_hangs_holds_up_nobody_and_one_that_stumbles_is_asked_again() {
    let laid = lay().await.configured("[limits]\nlookup_ms_max = 1000");
    let running = laid.start().await;
    let roles = running.roles();
    let stumbles = Misbehaviour::Once(Box::new(Misbehaviour::Status(Code::Unavailable)));
    let population = running.provider("population");
    population.misbehave(GET_PERSON, Some(&roles.person), stumbles);
    let civil = running.provider("civil_status");
    civil.misbehave(GET_MARRIAGE, None, Misbehaviour::Silent);
    let reply = ask(
        &running,
        &request(vec![
            wanted("marriage_certificate", &roles.person),
            wanted("identity_paper", &roles.person),
            wanted("marital_status_certificate", &roles.person),
        ]),
    )
    .await;
    assert_eq!(reply.code(), Code::Ok);
    let told = told(&reply.messages().unwrap());
    // In the order in which they end.
    assert_eq!(told[2].0, 0);
    assert_eq!(ground(&told[2].1).outcome(), GroundOutcome::Unavailable);
    let stumbled = told.iter().find(|(component, _)| *component == 1).unwrap();
    let record = evidence(&stumbled.1).record.clone();
    told[..2].iter().for_each(|(_, one)| {
        evidence(one);
    });

    let past = running.stop().await;
    // R12: each attempt is a lookup of its own.
    let of_person = past.entries.iter().filter(|entry| {
        entry.record.method == GET_PERSON && entry.record.kind() == RecordKind::Outcome
    });
    let ended: Vec<(Ended, &str)> = of_person
        .map(|entry| (entry.record.result(), entry.record.reason.as_str()))
        .collect();
    assert_eq!(
        ended,
        [(Ended::Failed, "PROVIDER_FAILED"), (Ended::Released, "")]
    );
    let (_, outcome) = past.lookup(&record);
    assert_eq!(outcome.record.result(), Ended::Released);
}

#[tokio::test]
async fn a_desk_that_hangs_up_stops_no_record() {
    // R34.
    let running = start().await;
    let roles = running.roles();
    let population = running.provider("population");
    let meeting = Meeting::of(2);
    population.misbehave(GET_PERSON, None, Misbehaviour::Meets(meeting));
    let collecting = request(vec![wanted("identity_paper", &roles.person)]);
    let collecting = call(&running, &collecting);
    tokio::select! {
        biased;
        () = until("the provider is asked", async || {
            (running.heard() == 1).then_some(())
        }) => {}
        _ = running.desk.call(&collecting) => panic!("answered before the provider was"),
    }
    // The desk has hung up; only now does the provider answer.
    let other = running.ask(&person(&roles.spouse)).await;
    assert_eq!(other.code(), Code::Ok);
    until("the component is recorded", async || {
        (running.admin.records().await == 5).then_some(())
    })
    .await;
    let past = running.stop().await;
    let mut entries = past.entries.iter();
    let component = entries.find(|entry| entry.record.kind() == RecordKind::Component);
    let component = component.unwrap();
    assert_eq!(component.sealed.subject, roles.person);
    let told = component.record.component.as_ref().unwrap();
    assert_eq!(told.outcome(), GroundOutcome::Unspecified);
}

#[tokio::test]
async fn nobody_hears_of_a_component_that_cannot_be_recorded() {
    // R33, R102.
    let running = start().await;
    let unlisted = motlan_api::once::v1::CollectRequest {
        procedure: UNLISTED.to_owned(),
        variant: String::new(),
        ..request(vec![wanted("health_insurance_card", "")])
    };
    ground(&collect(&running, &unlisted).await[0]);
    let paper = request(vec![wanted("identity_paper", &running.roles().person)]);
    evidence(&collect(&running, &paper).await[0]);
    let heard = running.heard();
    block_writing(&running.world().dir().join("ledger"));
    for request in [unlisted, paper] {
        let reply = ask(&running, &request).await;
        assert_eq!(reply.code(), Code::Unavailable);
        assert_eq!(reply.reason().as_deref(), Some("LEDGER_UNAVAILABLE"));
        assert!(reply.body.is_empty());
    }
    assert_eq!(running.heard(), heard);
}

/// Has one place taken until the answer.
async fn with_the_place_taken<T>(running: &Running, then: impl AsyncFnOnce() -> T) -> T {
    let holder = person(&running.roles().spouse);
    let heard = running.heard();
    tokio::select! {
        biased;
        done = async {
            until("the place is taken", async || {
                (running.heard() > heard).then_some(())
            })
            .await;
            then().await
        } => done,
        _ = running.ask(&holder) => panic!("the place was given back"),
    }
}

#[tokio::test]
async fn components_wait_for_a_place_and_are_told_where_there_is_none() {
    // R4, R101.
    let laid = lay()
        .await
        .configured("[limits]\nin_flight_per_system_max = 1");
    let running = laid.start().await;
    let roles = running.roles();
    let three = request(vec![
        wanted("identity_paper", &roles.person),
        wanted("marriage_certificate", &roles.person),
        wanted("marital_status_certificate", &roles.person),
    ]);
    for one in &collect(&running, &three).await {
        evidence(one);
    }
    let population = running.provider("population");
    population.misbehave(GET_PERSON, Some(&roles.spouse), Misbehaviour::Silent);
    let one = request(vec![wanted("identity_paper", &roles.person)]);
    let one = call(&running, &one)
        .deadline(Duration::from_secs(2))
        .unwrap();
    let reply =
        with_the_place_taken(&running, async || running.desk.call(&one).await.unwrap()).await;
    let told = told(&reply.messages().unwrap());
    assert_eq!(refusal(&told[0].1).reason, "GATEWAY_BUSY");
}

#[tokio::test]
async fn an_owner_whom_the_gateway_never_asked_is_not_said_to_be_unavailable() {
    // R101: its one stream is taken all the while.
    let limits = "[limits]\nprovider_connections = 1\nprovider_streams_max = 1";
    let laid = lay().await.configured(limits);
    let running = laid.start().await;
    let roles = running.roles();
    let population = running.provider("population");
    population.misbehave(GET_PERSON, Some(&roles.spouse), Misbehaviour::Silent);
    let one = request(vec![wanted("identity_paper", &roles.person)]);
    let one = call(&running, &one)
        .deadline(Duration::from_secs(2))
        .unwrap();
    let reply =
        with_the_place_taken(&running, async || running.desk.call(&one).await.unwrap()).await;
    let told = told(&reply.messages().unwrap());
    assert_eq!(refusal(&told[0].1).reason, "PROVIDER_BUSY");
    assert_eq!(running.heard(), 1);
}
