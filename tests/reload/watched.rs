//! Files that change with no signal sent.

use std::fs;
use std::os::unix::fs::symlink;

use motlan_api::audit::v1::ChangeSubject;
use tonic::Code;

use super::certificates::{changes, rotate, shown, told};
use super::sets::{AGREEMENT, Flavour};
use crate::system::question::person;
use crate::system::running::{Laid, Running};
use crate::system::until::until;

async fn watching() -> Laid {
    let laid = Laid::out().await;
    laid.configured("[reload]\nwatch_ms = 20")
}

async fn tries(running: &Running, what: &str, result: &str) -> u64 {
    let (_, text) = running.admin.page("/metrics").await;
    let lines = text.lines().filter(|line| {
        line.starts_with("motlan_reloads_total{")
            && line.contains(&format!("what=\"{what}\""))
            && line.contains(&format!("result=\"{result}\""))
    });
    let values = lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap());
    values.sum::<f64>() as u64
}

#[tokio::test]
async fn what_changes_is_taken_and_what_is_refused_is_tried_once() {
    // R105, R106.
    let running = watching().await.start().await;
    let world = running.world();
    let times = async |what: &str, result: &str, due: u64| {
        until("it is tried", async || {
            (tries(&running, what, result).await >= due).then_some(())
        })
        .await;
    };
    world.write("pki/gateway.key", "none").unwrap();
    times("server_tls", "refused", 1).await;
    // Looked at again and again meanwhile, and not tried again.
    rotate(world, "gateway-client");
    times("client_tls", "taken", 1).await;
    let identity = Flavour::Identity.agreement();
    world.write(AGREEMENT, "version = \"none\"").unwrap();
    times("catalog", "refused", 1).await;
    let new = rotate(world, "gateway");
    times("server_tls", "taken", 1).await;
    assert_eq!(shown(&running).await, new.certificate().unwrap());
    world.write(AGREEMENT, &identity).unwrap();
    times("catalog", "taken", 1).await;
    let reply = running.ask(&person(&running.roles().person)).await;
    assert_eq!(reply.code(), Code::Ok);
    for (what, refused) in [("server_tls", 1), ("client_tls", 0), ("catalog", 1)] {
        assert_eq!(tries(&running, what, "refused").await, refused, "{what}");
        assert_eq!(tries(&running, what, "taken").await, 1, "{what}");
        assert_eq!(tries(&running, what, "unchanged").await, 0, "{what}");
    }
    let revision = told(&running, "catalog").await.unwrap();
    let past = running.stop().await;
    let changes = changes(&past);
    let subjects = changes.iter().map(|it| (it.subject(), it.faults > 0));
    let due = [
        (ChangeSubject::ServerTls, true),
        (ChangeSubject::ClientTls, false),
        (ChangeSubject::Catalog, true),
        (ChangeSubject::ServerTls, false),
        (ChangeSubject::Catalog, false),
    ];
    assert_eq!(subjects.collect::<Vec<_>>(), due);
    assert_eq!(changes.last().unwrap().after, revision);
}

#[tokio::test]
async fn a_link_that_is_turned_to_another_folder_is_a_change() {
    // R105: as Kubernetes puts a secret in place of another.
    let laid = watching().await;
    let pki = laid.world.dir().join("pki");
    let mounted = laid.world.dir().join("mounted");
    fs::create_dir_all(mounted.join("one")).unwrap();
    for name in ["gateway.pem", "gateway.key"] {
        fs::rename(pki.join(name), mounted.join("one").join(name)).unwrap();
        symlink(mounted.join("data").join(name), pki.join(name)).unwrap();
    }
    symlink("one", mounted.join("data")).unwrap();
    let running = laid.start().await;
    let old = shown(&running).await;
    let (stay, world) = (pki.join("gateway.pem"), running.world());
    let leaf = motlan_testkit::pki::Leaf::server("gateway");
    let new = world.authority().issue(&leaf).unwrap();
    world
        .write("mounted/two/gateway.pem", &new.certificate_pem)
        .unwrap();
    world
        .write("mounted/two/gateway.key", &new.key_pem)
        .unwrap();
    symlink("two", mounted.join("turned")).unwrap();
    fs::rename(mounted.join("turned"), mounted.join("data")).unwrap();
    assert!(stay.is_symlink());
    until("it is taken", async || {
        (shown(&running).await != old).then_some(())
    })
    .await;
    assert_eq!(shown(&running).await, new.certificate().unwrap());
    assert_eq!(tries(&running, "server_tls", "refused").await, 0);
    running.stop().await;
}
