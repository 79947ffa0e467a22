//! New certificates of the gateway, on both sides.

use std::time::SystemTime;

use motlan_gateway::enforced::Reloaded;
use motlan_testkit::pki::{Authority, Leaf};
use motlan_testkit::provider::Misbehaviour;
use tonic::Code;

use super::certificates::{DAY, lay, rotate, shown, take_server, told};
use crate::system::question::{DESK, GET_PERSON, person};
use crate::system::running::{Laid, Running};
use crate::system::until::until;

#[tokio::test]
async fn half_a_rotation_is_refused_whole_and_the_old_certificate_goes_on() {
    // R105.
    let running = Running::start().await;
    let world = running.world();
    let old = shown(&running).await;
    let digest = told(&running, "server_tls").await.unwrap();
    let new = world.authority().issue(&Leaf::server("gateway")).unwrap();
    world
        .write("pki/gateway.pem", &new.certificate_pem)
        .unwrap();
    let reloads = running.reload_all().await;
    let refused = reloads.server_tls.unwrap_err().to_string();
    assert!(refused.contains("gateway.pem` and its key"), "{refused}");
    assert_eq!(shown(&running).await, old);
    assert_eq!(told(&running, "server_tls").await.as_ref(), Some(&digest));
    let (_, page) = running.admin.page("/readyz?verbose").await;
    assert!(
        page.contains("refused") && page.contains("and its key"),
        "{page}"
    );
    let (name, label) = ("motlan_reloads_total", "result=\"refused\"");
    assert_eq!(running.admin.counter(name, label).await, 1);

    lay(world, "gateway", &new);
    let taken = take_server(&running).await;
    assert_ne!(taken, digest);
    assert_eq!(shown(&running).await, new.certificate().unwrap());
    assert_eq!(told(&running, "server_tls").await, Some(taken));
    assert_eq!(told(&running, "refused").await, None);
    // Whoever was connected stays.
    let reply = running.ask(&person(&running.roles().person)).await;
    assert_eq!(reply.code(), Code::Ok);
    running.stop().await;
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_now_is_not_taken() {
    // R105.
    let running = Running::start().await;
    let (world, old) = (running.world(), shown(&running).await);
    let leaf = Leaf::server("gateway");
    for (leaf, due) in [
        (leaf.clone().expired(), "expired at"),
        (leaf.clone().not_yet_valid(), "is not valid before"),
    ] {
        lay(world, "gateway", &world.authority().issue(&leaf).unwrap());
        let refused = running.reload_all().await.server_tls.unwrap_err();
        assert!(refused.to_string().contains(due), "{refused}");
    }
    assert_eq!(shown(&running).await, old);
    // One that expires before long is taken, and told of.
    let now = SystemTime::now();
    let soon = leaf.valid(now - DAY, now + DAY * 5 / 2);
    lay(world, "gateway", &world.authority().issue(&soon).unwrap());
    take_server(&running).await;
    let told = told(&running, "server_certificate").await.unwrap();
    assert!(told.contains(" 2 days left: "), "{told}");
    let (_, metrics) = running.admin.page("/metrics").await;
    for what in [
        "server_certificate",
        "client_certificate",
        "client_ca",
        "provider_ca",
    ] {
        let line = format!("motlan_credentials_expiry_seconds{{what=\"{what}\"");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    for what in ["server_tls", "client_tls"] {
        let line = format!("motlan_credentials_taken_seconds{{what=\"{what}\"");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    running.stop().await;
}

#[tokio::test]
async fn owners_are_asked_over_new_connections_and_what_is_under_way_ends_on_the_old() {
    // R105.
    let laid = Laid::out().await;
    let own = laid.world.authority().certificate_pem().to_owned();
    let config = std::fs::read_to_string(laid.world.config()).unwrap();
    let config = config.replace("\nca = \"pki/ca.pem\"", "\nca = \"pki/owners.pem\"");
    laid.world.write("motlan.toml", &config).unwrap();
    laid.world.write("pki/owners.pem", &own).unwrap();
    let running = laid.start().await;
    let (world, roles) = (running.world(), running.roles());
    let population = running.provider("population");
    assert_eq!(running.ask(&person(&roles.person)).await.code(), Code::Ok);
    // One is under way, and waits for its owner.
    population.misbehave(GET_PERSON, Some(&roles.spouse), Misbehaviour::Silent);
    let held = person(&roles.spouse).with("grpc-timeout", "5S");
    let held = held.by(world.system(DESK).unwrap());
    let client = running.desk.clone();
    let holding = tokio::spawn(async move { client.call(&held).await });
    until("it is under way", async || {
        (running.heard() == 2).then_some(())
    })
    .await;

    // No owner shows a certificate of this authority.
    let other = Authority::new("another authority").unwrap();
    world
        .write("pki/owners.pem", other.certificate_pem())
        .unwrap();
    let reloads = running.reload_all().await;
    assert!(matches!(reloads.client_tls, Ok(Reloaded::Taken(_))));
    let reply = running.ask(&person(&roles.person)).await;
    assert_eq!(reply.reason().as_deref(), Some("PROVIDER_UNREACHABLE"));
    world.write("pki/owners.pem", &own).unwrap();
    rotate(world, "gateway-client");
    let reloads = running.reload_all().await;
    assert!(matches!(reloads.client_tls, Ok(Reloaded::Taken(_))));
    assert_eq!(running.ask(&person(&roles.person)).await.code(), Code::Ok);
    let ended = holding.await.unwrap().unwrap();
    assert_eq!(ended.reason().as_deref(), Some("PROVIDER_SILENT"));
    running.stop().await;
}
