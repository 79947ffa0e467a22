//! Owners' systems that cannot be reached, or are not who they should be.

use std::time::{Duration, Instant};

use motlan_audit::wire::Result as Ended;
use motlan_testkit::Provider;
use motlan_testkit::contracts;
use motlan_testkit::pki::{Authority, Leaf};
use motlan_testkit::provider::{Holdings, Misbehaviour};
use tokio::net::TcpListener;
use tonic::Code;

use crate::system::question::{DESK, GET_PERSON, death, enterprise, parcel, person};
use crate::system::refused::refused_on_record;
use crate::system::running::{Laid, Running};
use crate::system::until::until;

#[tokio::test]
async fn an_address_that_never_answers_costs_at_most_one_lookup() {
    // R43: two addresses, of which one takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let laid = Laid::out().await;
    let addresses: Vec<String> = laid
        .world
        .providers()
        .map(|(id, provider)| match id {
            "population" => format!(
                "[{id}]\naddresses = [\"{}\", \"{}\"]\n",
                silent.local_addr().unwrap(),
                provider.address()
            ),
            _ => format!("[{id}]\naddresses = [\"{}\"]\n", provider.address()),
        })
        .collect();
    laid.world
        .write("catalog/endpoints.toml", &addresses.concat())
        .unwrap();
    let dial = "dial_ms_max = 2000\nprovider_connections = 4";
    let running = laid.configured(&format!("[limits]\n{dial}")).start().await;
    let question = person(&running.roles().person);
    let began = Instant::now();
    for _ in 0..6 {
        assert_eq!(running.ask(&question).await.code(), Code::Ok);
    }
    // One wait, not one for each lookup or each connection.
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    running.stop().await;
}

#[tokio::test]
async fn an_owner_that_is_down_fails_alone_and_is_heard_again_when_it_is_back() {
    let mut running = Running::start().await;
    let roles = running.roles();
    let question = person(&roles.person);
    assert_eq!(running.ask(&question).await.code(), Code::Ok);

    let population = running.world_mut().provider_mut("population");
    population.unwrap().stop().await.unwrap();
    let mut down = Vec::new();
    until("the owner is found to be down", async || {
        let reply = running.ask(&question).await;
        let reason = reply.reason().unwrap();
        // The connection that stood until now may first have to break.
        let known = ["PROVIDER_UNREACHABLE", "PROVIDER_BROKE_OFF"].contains(&reason.as_str());
        assert!(known, "{reason}");
        let record = refused_on_record(&reply, Code::Unavailable, &reason);
        let unreachable = reason == "PROVIDER_UNREACHABLE";
        down.push((record, reason));
        unreachable.then_some(())
    })
    .await;
    let other = running.ask(&enterprise(&roles.enterprise)).await;
    assert_eq!(other.code(), Code::Ok, "{:?}", other.status);

    let population = running.world_mut().provider_mut("population");
    population.unwrap().start_again().await.unwrap();
    until("the owner is heard again", async || {
        let reply = running.ask(&question).await;
        if reply.code() == Code::Ok {
            return Some(());
        }
        let reason = "PROVIDER_UNREACHABLE".to_owned();
        down.push((
            refused_on_record(&reply, Code::Unavailable, &reason),
            reason,
        ));
        None
    })
    .await;
    let past = running.stop().await;
    for (record, reason) in down {
        past.assert_failed(&record, Ended::Failed, &reason);
    }
}

#[tokio::test]
async fn an_owner_that_goes_down_while_it_is_asked_breaks_off() {
    let mut running = Running::start().await;
    let roles = running.roles();
    let population = running.provider("population");
    population.misbehave(GET_PERSON, None, Misbehaviour::Silent);
    let call = person(&roles.person).by(running.world().system(DESK).unwrap());
    let client = running.desk.clone();
    let asking = tokio::spawn(async move { client.call(&call).await });
    until("the owner is asked", async || {
        (running.heard() == 1).then_some(())
    })
    .await;
    let population = running.world_mut().provider_mut("population");
    population.unwrap().stop().await.unwrap();
    let reply = asking.await.unwrap().unwrap();
    let record = refused_on_record(&reply, Code::Unavailable, "PROVIDER_BROKE_OFF");
    let past = running.stop().await;
    past.assert_failed(&record, Ended::Failed, "PROVIDER_BROKE_OFF");
}

#[tokio::test]
async fn an_owner_is_not_asked_more_at_once_than_the_limit() {
    // R4.
    let limits = "[limits]\nprovider_connections = 1\nprovider_streams_max = 1";
    let running = Laid::out().await.configured(limits).start().await;
    let roles = running.roles();
    let population = running.provider("population");
    population.misbehave(GET_PERSON, Some(&roles.person), Misbehaviour::Silent);
    let held = person(&roles.person).with("grpc-timeout", "3S");
    let call = held.by(running.world().system(DESK).unwrap());
    let client = running.desk.clone();
    let holding = tokio::spawn(async move { client.call(&call).await });
    until("the first is under way", async || {
        (running.heard() == 1).then_some(())
    })
    .await;
    let reply = running.ask(&person(&roles.spouse)).await;
    let busy = refused_on_record(&reply, Code::ResourceExhausted, "PROVIDER_BUSY");
    assert_eq!(running.heard(), 1);
    assert_eq!(
        holding.await.unwrap().unwrap().code(),
        Code::DeadlineExceeded
    );
    assert_eq!(running.ask(&person(&roles.spouse)).await.code(), Code::Ok);
    let past = running.stop().await;
    past.assert_failed(&busy, Ended::Failed, "PROVIDER_BUSY");
}

#[tokio::test]
async fn an_impostor_of_an_owner_hears_nothing() {
    // R1: the owner's certificate is checked as a caller's is.
    let laid = Laid::out().await;
    let roles = laid.world.sample().roles.clone();
    let authority = laid.world.authority();
    let another = Authority::new("Another authority").unwrap();
    let server = Leaf::server("owner");
    let elsewhere = server.clone().names(vec!["elsewhere.example".to_owned()]);
    let systems = [
        ("population", another.issue(&server), person(&roles.person)),
        (
            "land",
            authority.issue(&elsewhere),
            parcel(&roles.certificate),
        ),
        (
            "civil_status",
            authority.issue(&server.clone().expired()),
            death(&roles.deceased),
        ),
        // This one is as it should be: the others fail for what they are.
        (
            "business_registration",
            authority.issue(&server),
            enterprise(&roles.enterprise),
        ),
    ];
    let (pool, held) = (contracts::pool().unwrap(), laid.world.sample().held());
    let mut endpoints = String::new();
    let mut standing = Vec::new();
    for (dataset, identity, question) in systems {
        // It lets everybody in whom the right authority knows, the gateway included.
        let tls = authority.server_config(&identity.unwrap()).unwrap();
        let holdings = Holdings::of(&pool).stock(&held);
        let system = Provider::start(tls, holdings).await.unwrap();
        let address = system.address();
        endpoints += &format!("[{dataset}]\naddresses = [\"{address}\"]\n");
        standing.push((dataset, system, question));
    }
    laid.world
        .write("catalog/endpoints.toml", &endpoints)
        .unwrap();
    let running = laid.start().await;
    let (_, right, question) = standing.pop().unwrap();
    assert_eq!(running.ask(&question).await.code(), Code::Ok);
    assert_eq!(right.calls(), 1);
    let mut records = Vec::new();
    for (dataset, impostor, question) in &standing {
        let reply = running.ask(question).await;
        records.push(refused_on_record(
            &reply,
            Code::Unavailable,
            "PROVIDER_UNREACHABLE",
        ));
        assert_eq!(impostor.calls(), 0, "{dataset}");
    }
    let past = running.stop().await;
    for record in records {
        past.assert_failed(&record, Ended::Failed, "PROVIDER_UNREACHABLE");
    }
}
