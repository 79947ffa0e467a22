//! Certificates and revocation lists that change while the gateway runs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use motlan_api::audit::v1::{Change, RecordKind};
use motlan_gateway::enforced::Reloaded;
use motlan_testkit::World;
use motlan_testkit::pki::{Identity, Leaf};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::system::past::Past;
use crate::system::question::DESK;
use crate::system::running::{Laid, Running};

/// Long enough for a list that shall not go out of date.
pub(super) const DAY: Duration = Duration::from_secs(86_400);
const LISTS: &str = "pki/clients.crl";

/// A deployment that holds callers' certificates against a revocation list, on which nobody is.
pub(super) async fn listed() -> Laid {
    let laid = Laid::out().await;
    let config = laid.world.config();
    let text = std::fs::read_to_string(config).unwrap();
    let authority = "client_ca = \"pki/ca.pem\"\n";
    assert!(text.contains(authority), "{text}");
    let text = text.replace(authority, &format!("{authority}client_crl = \"{LISTS}\"\n"));
    laid.world.write("motlan.toml", &text).unwrap();
    revoke(&laid.world, &[], DAY);
    laid
}

/// Puts another list there, which counts for so long.
pub(super) fn revoke(world: &World, revoked: &[&Identity], left: Duration) {
    let until = SystemTime::now() + left;
    let list = world.authority().revocation_list(revoked, until).unwrap();
    world.write(LISTS, &list).unwrap();
}

/// Has everything loaded anew, of which only what callers meet may be another.
pub(super) async fn take_server(running: &Running) -> String {
    let reloads = running.reload_all().await;
    assert!(matches!(reloads.catalog, Ok(Reloaded::Unchanged(_))));
    assert!(matches!(reloads.client_tls, Ok(Reloaded::Unchanged(_))));
    match reloads.server_tls {
        Ok(Reloaded::Taken(digest)) => digest,
        other => panic!("{other:?}"),
    }
}

/// Lays a new certificate with its key for one side: `gateway` or `gateway-client`.
pub(super) fn rotate(world: &World, side: &str) -> Identity {
    let leaf = match side {
        "gateway" => Leaf::server(side),
        _ => Leaf::system(world.trust_domain(), side),
    };
    let identity = world.authority().issue(&leaf).unwrap();
    lay(world, side, &identity);
    identity
}

pub(super) fn lay(world: &World, side: &str, identity: &Identity) {
    let (certificate, key) = (format!("pki/{side}.pem"), format!("pki/{side}.key"));
    world
        .write(&certificate, &identity.certificate_pem)
        .unwrap();
    world.write(&key, &identity.key_pem).unwrap();
}

/// What the gateway shows to whoever connects now.
pub(super) async fn shown(running: &Running) -> CertificateDer<'static> {
    let tls: Arc<rustls::ClientConfig> = running.world().client_config(DESK).unwrap();
    let tcp = TcpStream::connect(&running.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(tls).connect(name, tcp).await.unwrap();
    let chain = tls.get_ref().1.peer_certificates().unwrap();
    chain[0].clone().into_owned()
}

/// The changes on record, in order.
pub(super) fn changes(past: &Past) -> Vec<Change> {
    let changes = past
        .entries
        .iter()
        .filter(|entry| entry.record.kind() == RecordKind::Change);
    changes
        .map(|entry| entry.record.change.clone().unwrap())
        .collect()
}

/// The value of a line of `/readyz?verbose`, the first that begins with `name`.
pub(super) async fn told(running: &Running, name: &str) -> Option<String> {
    let (_, text) = running.admin.page("/readyz?verbose").await;
    let mut lines = text.lines().map(str::trim_start);
    let line = lines.find_map(|line| line.strip_prefix(name));
    line.map(|rest| rest.trim().to_owned())
}
