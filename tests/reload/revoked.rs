//! Certificates that stand no more, on connections that were made while they did.

use std::time::Duration;

use motlan_testkit::client::{Call, Client, Reply};
use motlan_testkit::pki::Authority;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_types::StatusExt as _;

use super::certificates::{DAY, listed, revoke, take_server};
use super::open::{Open, framed};
use crate::system::question::{DESK, OTHER_DESK, person};
use crate::system::running::Running;
use crate::system::until::{PATIENCE, until};

async fn health(running: &Running) -> Reply {
    let call = Call::new("/grpc.health.v1.Health/Check", &[]).unwrap();
    running.desk.call(&call).await.unwrap()
}

fn assert_fallen(reply: &Reply, reason: &str) {
    assert_eq!(
        reply.reason().as_deref(),
        Some(reason),
        "{:?}",
        reply.status
    );
    assert_eq!(reply.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_certificate_that_is_revoked_is_refused_on_its_open_connection_at_the_next_call() {
    // R105.
    let running = listed().await.start().await;
    let question = person(&running.roles().person);
    let other = running.client(OTHER_DESK).await;
    let others = question.by(running.world().system(OTHER_DESK).unwrap());
    assert_eq!(running.ask(&question).await.code(), Code::Ok);
    assert_eq!(health(&running).await.code(), Code::Ok);
    let watching = Open::call(&running, "/grpc.health.v1.Health/Watch").await;
    let request = framed(&HealthCheckRequest::default());
    watching.say.send(request).unwrap();
    let mut watched = watching.answer_to_all().await;
    assert!(!watched.next().await.unwrap().is_empty());

    let desk = &running.world().system(DESK).unwrap().identity;
    revoke(running.world(), &[desk], DAY);
    take_server(&running).await;
    let records = running.admin.records().await;
    assert_fallen(&running.ask(&question).await, "CERTIFICATE_REVOKED");
    assert_fallen(&health(&running).await, "CERTIFICATE_REVOKED");
    assert!(!running.desk.is_closed());
    // Nobody hears of it, and it is counted.
    assert_eq!(
        (running.heard(), running.admin.records().await),
        (1, records)
    );
    assert_eq!(running.admin.turned_away("CERTIFICATE_REVOKED").await, 2);
    // What was under way is told no more.
    let ended = async {
        loop {
            if let Err(headers) = watched.next().await {
                break Status::from_header_map(&headers).unwrap();
            }
        }
    };
    let status = tokio::time::timeout(PATIENCE, ended).await.unwrap();
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.reason, "CERTIFICATE_REVOKED");

    // No new connection either; who is not on the list goes on.
    let tls = running.world().client_config(DESK).unwrap();
    assert!(Client::connect(&running.address, tls).await.is_err());
    until("the handshake is counted", async || {
        (running.admin.refused("revoked").await == 1).then_some(())
    })
    .await;
    let reply = other.call(&others).await.unwrap();
    assert_eq!(reply.reason().as_deref(), Some("NO_AGREEMENT"));

    // Taken off the list, it is good again, on the same connection.
    revoke(running.world(), &[], DAY);
    take_server(&running).await;
    assert_eq!(running.ask(&question).await.code(), Code::Ok);
    running.stop().await;
}

#[tokio::test]
async fn a_list_that_goes_out_of_date_lets_nobody_in_until_there_is_a_newer_one() {
    // R105.
    let running = listed().await.start().await;
    let question = person(&running.roles().person);
    assert_eq!(running.ask(&question).await.code(), Code::Ok);
    revoke(running.world(), &[], Duration::from_secs(4));
    take_server(&running).await;
    // Which it does by itself, with nothing loaded again.
    until("the list is out of date", async || {
        let reply = running.ask(&question).await;
        (reply.code() != Code::Ok).then(|| assert_fallen(&reply, "REVOCATION_LIST_EXPIRED"))
    })
    .await;
    let tls = || running.world().client_config(DESK).unwrap();
    assert!(Client::connect(&running.address, tls()).await.is_err());
    until("the handshake is counted", async || {
        (running.admin.refused("crl_expired").await == 1).then_some(())
    })
    .await;
    let reloads = running.reload_all().await;
    let refused = reloads.server_tls.unwrap_err().to_string();
    assert!(refused.contains("clients.crl` expired at"), "{refused}");
    let heard = running.heard();
    assert_fallen(&running.ask(&question).await, "REVOCATION_LIST_EXPIRED");
    assert_eq!(running.heard(), heard);

    revoke(running.world(), &[], DAY);
    take_server(&running).await;
    assert_eq!(running.ask(&question).await.code(), Code::Ok);
    assert!(Client::connect(&running.address, tls()).await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn whom_an_authority_let_in_leaves_with_it_and_each_authority_needs_its_list() {
    // R105.
    let running = Running::start().await;
    let question = person(&running.roles().person);
    assert_eq!(running.ask(&question).await.code(), Code::Ok);
    let world = running.world();
    let other = Authority::new("another authority").unwrap();
    let own = world.authority().certificate_pem().to_owned();
    world.write("pki/ca.pem", other.certificate_pem()).unwrap();
    let reloads = running.reload_all().await;
    assert!(reloads.server_tls.is_ok() && reloads.client_tls.is_ok());
    assert_fallen(&running.ask(&question).await, "CERTIFICATE_UNTRUSTED");
    let both = format!("{own}{}", other.certificate_pem());
    world.write("pki/ca.pem", &both).unwrap();
    let reloads = running.reload_all().await;
    assert!(reloads.server_tls.is_ok() && reloads.client_tls.is_ok());
    assert_eq!(running.ask(&question).await.code(), Code::Ok);
    running.stop().await;

    let running = listed().await.start().await;
    let file = running.world().dir().join("pki/clients.crl");
    let list = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{list}{list}")).unwrap();
    let refused = running.reload_all().await.server_tls.unwrap_err();
    assert!(refused.to_string().contains("leave the newest"));
    std::fs::write(&file, list).unwrap();

    let own = running.world().authority().certificate_pem();
    let both = format!("{own}{}", other.certificate_pem());
    running.world().write("pki/ca.pem", &both).unwrap();
    let refused = running.reload_all().await.server_tls.unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("is signed by the authority `CN="),
        "{refused}"
    );
    assert_eq!(
        running.ask(&person(&running.roles().person)).await.code(),
        Code::Ok
    );
    running.stop().await;
}
