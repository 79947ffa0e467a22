//! Callers whose connections are open while a set is taken in force.

use std::fs;

use motlan_gateway::enforced::Reloaded;
use motlan_testkit::client::Reply;
use motlan_testkit::provider::Misbehaviour;
use motlan_testkit::token::{KeyType, SigningKey};
use motlan_testkit::world::TOKEN_KID;
use tonic::Code;

use crate::system::question::{DESK, GET_PERSON, OTHER_DESK, person};
use crate::system::running::{Laid, Running};
use crate::system::until::until;

const PROVINCES: &str = "catalog/systems/provinces.toml";
const AGREEMENT: &str = "catalog/agreements/g01-h26-population.toml";

/// Takes the set in force in which a text of a file is another.
async fn change(running: &Running, path: &str, from: &str, to: &str) {
    let text = fs::read_to_string(running.world().dir().join(path)).unwrap();
    assert!(text.contains(from), "{text}");
    running
        .world()
        .write(path, &text.replace(from, to))
        .unwrap();
    let reloaded = running.reload().await;
    assert!(matches!(reloaded, Ok(Reloaded::Taken(_))), "{reloaded:?}");
}

async fn health(running: &Running) -> Reply {
    let call = motlan_testkit::client::Call::new("/grpc.health.v1.Health/Check", &[]).unwrap();
    running.desk.call(&call).await.unwrap()
}

#[tokio::test]
async fn a_system_that_is_suspended_is_refused_on_the_connection_that_it_has_open() {
    // R87, R24.
    let running = Running::start().await;
    let question = person(&running.roles().person);
    assert_eq!(running.ask(&question).await.code(), Code::Ok);
    assert_eq!(health(&running).await.code(), Code::Ok);
    let name = "id = \"H26/one-stop\"";
    let suspended = "id = \"H26/one-stop\"\nsuspended = true";
    change(&running, PROVINCES, name, suspended).await;
    let reply = running.ask(&question).await;
    assert_eq!(reply.reason().as_deref(), Some("SYSTEM_SUSPENDED"));
    assert_eq!(
        health(&running).await.reason().as_deref(),
        Some("SYSTEM_SUSPENDED")
    );
    assert_eq!(running.heard(), 1);
    // And back again, over the same connection.
    change(&running, PROVINCES, suspended, name).await;
    assert_eq!(running.ask(&question).await.code(), Code::Ok);
    assert!(!running.desk.is_closed());
    running.stop().await;
}

#[tokio::test]
async fn a_system_that_is_registered_no_more_is_a_stranger_on_the_connection_that_it_has_open() {
    // R87, R2.
    let running = Running::start().await;
    let client = running.client(OTHER_DESK).await;
    let system = running.world().system(OTHER_DESK).unwrap();
    let call = person(&running.roles().person).by(system);
    let reply = client.call(&call).await.unwrap();
    assert_eq!(reply.reason().as_deref(), Some("NO_AGREEMENT"));
    let keys = running.world().dir().join("catalog/keys").join(OTHER_DESK);
    let kept = running.world().dir().join("gone");
    fs::rename(&keys, &kept).unwrap();
    let text = fs::read_to_string(running.world().dir().join(PROVINCES)).unwrap();
    let (without, _) = text.split_once("# Registered, but without").unwrap();
    change(&running, PROVINCES, &text, without).await;
    let records = running.admin.records().await;
    let reply = client.call(&call).await.unwrap();
    assert_eq!(reply.reason().as_deref(), Some("SYSTEM_UNREGISTERED"));
    assert_eq!(running.admin.records().await, records);
    // Whoever is registered by a set needs no new connection either.
    fs::rename(&kept, &keys).unwrap();
    change(&running, PROVINCES, without, &text).await;
    let reply = client.call(&call).await.unwrap();
    assert_eq!(reply.reason().as_deref(), Some("NO_AGREEMENT"));
    running.stop().await;
}

#[tokio::test]
async fn a_token_that_was_verified_before_is_worth_nothing_once_its_key_is_gone() {
    // R87, R14.
    let running = Running::start().await;
    let system = running.world().system(DESK).unwrap();
    let call = person(&running.roles().person).by(system);
    assert_eq!(running.desk.call(&call).await.unwrap().code(), Code::Ok);
    let other = SigningKey::generate(TOKEN_KID, KeyType::Es256).unwrap();
    let file = format!("catalog/keys/{DESK}/{TOKEN_KID}.pem");
    let text = fs::read_to_string(running.world().dir().join(&file)).unwrap();
    change(&running, &file, &text, other.public_pem()).await;
    let reply = running.desk.call(&call).await.unwrap();
    let reason = reply.reason().unwrap();
    assert!(
        ["TOKEN_SIGNATURE", "TOKEN_ALGORITHM"].contains(&reason.as_str()),
        "{reason}"
    );
    assert_eq!(running.heard(), 1);
    running.stop().await;
}

#[tokio::test]
async fn places_that_are_taken_stay_taken_whatever_is_taken_in_force() {
    // R87, R4.
    let laid = Laid::out()
        .await
        .configured("[limits]\nin_flight_per_system_max = 1");
    let running = laid.start().await;
    let roles = running.roles();
    let population = running.provider("population");
    population.misbehave(GET_PERSON, Some(&roles.person), Misbehaviour::Silent);
    let desk = running.world().system(DESK).unwrap();
    let held = person(&roles.person).with("grpc-timeout", "5S").by(desk);
    let client = running.desk.clone();
    let holding = tokio::spawn(async move { client.call(&held).await });
    until("the first is under way", async || {
        (running.heard() == 1).then_some(())
    })
    .await;
    change(&running, AGREEMENT, "title = \"", "title = \"Mới: ").await;
    let reply = running.ask(&person(&roles.spouse)).await;
    assert_eq!(reply.reason().as_deref(), Some("GATEWAY_BUSY"));
    // The one that was under way ends as it would have.
    let first = holding.await.unwrap().unwrap();
    assert_eq!(first.code(), Code::DeadlineExceeded);
    assert_eq!(running.ask(&person(&roles.spouse)).await.code(), Code::Ok);
    running.stop().await;
}
