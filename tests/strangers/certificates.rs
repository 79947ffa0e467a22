//! Certificates that are not a registered system's.

use std::collections::BTreeMap;
use std::sync::Arc;

use motlan_testkit::client::{Call, Client};
use motlan_testkit::pki::{Authority, Identity, Leaf, system_uri};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, ProtocolVersion, RootCertStore};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Code;

use super::assert_stranger;
use crate::system::question::{DESK, person};
use crate::system::running::Running;
use crate::system::until::until;

fn desk_leaf(running: &Running) -> Leaf {
    Leaf::system(running.world().trust_domain(), DESK)
}

/// A client that speaks TLS 1.2 and nothing newer.
fn tls_1_2(running: &Running) -> Arc<ClientConfig> {
    let authority = running.world().authority().certificate_pem();
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority).unwrap();
    let desk = &running.world().system(DESK).unwrap().identity;
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![desk.certificate().unwrap()], desk.key().unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_gets_no_connection() {
    // R1, R3.
    let running = Running::start().await;
    let authority = running.world().authority();
    let config = |identity: Option<&Identity>| authority.client_config(identity).unwrap();
    let issued = |leaf: &Leaf| config(Some(&authority.issue(leaf).unwrap()));
    let leaf = desk_leaf(&running);
    let other_authority = Authority::new("Another authority").unwrap();
    // Of the same name as the right one.
    let namesake = Authority::new("Mot Lan throwaway CA").unwrap();
    let strangers = [
        ("no certificate", "no_certificate", config(None)),
        (
            "another authority's",
            "unknown_authority",
            config(Some(&other_authority.issue(&leaf).unwrap())),
        ),
        (
            "a namesake authority's",
            "unknown_authority",
            config(Some(&namesake.issue(&leaf).unwrap())),
        ),
        ("expired", "expired", issued(&leaf.clone().expired())),
        (
            "not yet valid",
            "expired",
            issued(&leaf.clone().not_yet_valid()),
        ),
        (
            "a server's",
            "handshake",
            issued(&Leaf::server("localhost")),
        ),
        ("TLS 1.2", "handshake", tls_1_2(&running)),
    ];
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for (why, cause, tls) in strangers {
        *counted.entry(cause).or_default() += 1;
        let connected = Client::connect(&running.address, tls).await;
        assert!(connected.is_err(), "{why}");
        until("the handshake is counted", async || {
            let refused = running.admin.refused(cause).await;
            (refused == counted[cause]).then_some(())
        })
        .await;
    }
    assert_eq!(running.heard(), 0);
    assert!(running.stop().await.entries.is_empty());
}

#[tokio::test]
async fn a_certificate_that_names_no_registered_system_gets_no_lookup() {
    // R2, R3.
    let running = Running::start().await;
    let roles = running.roles();
    let domain = running.world().trust_domain();
    let uri = |system| system_uri(domain, system);
    let named = |uris: &[String]| Leaf::client(DESK, "").uris(uris.to_vec());
    let strangers = [
        ("no URI name", named(&[])),
        (
            "a DNS name only",
            named(&[]).names(vec!["one-stop.h26.example".to_owned()]),
        ),
        (
            "two registered names",
            named(&[uri(DESK), uri("H29/one-stop")]),
        ),
        ("the same name twice", named(&[uri(DESK), uri(DESK)])),
        ("no system of the agency", named(&[uri("H26/nothing")])),
        ("no agency", named(&[uri("X99/one-stop")])),
        ("the gateway itself", named(&[uri("gateway")])),
        (
            "another trust domain",
            named(&[system_uri("other.example", DESK)]),
        ),
        ("more path", named(&[uri(DESK) + "/more"])),
        ("other letters", named(&[uri("h26/one-stop")])),
    ];
    // With a token that would be right, if the certificate were.
    let question = person(&roles.person);
    let desk = running.world().system(DESK).unwrap();
    for (counted, (why, leaf)) in strangers.iter().enumerate() {
        let identity = running.world().authority().issue(leaf).unwrap();
        let tls = running.world().authority().client_config(Some(&identity));
        let client = Client::connect(&running.address, tls.unwrap()).await;
        let client = client.unwrap_or_else(|error| panic!("{why}: {error}"));
        let token = desk.token(question.procedure).unwrap();
        let token = token.bound_to_identity(&identity).unwrap();
        let lookup = question.bearing(&desk.sign(&token).unwrap());
        assert_stranger(&running, &client, &lookup, "SYSTEM_UNREGISTERED", why).await;
        for path in [
            "/grpc.health.v1.Health/Check",
            "/motlan.audit.v1.Audit/GetReceipt",
        ] {
            let own = Call::new(path, &[]).unwrap();
            assert_stranger(&running, &client, &own, "SYSTEM_UNREGISTERED", why).await;
        }
        let refused = running.admin.refused("unregistered").await;
        assert_eq!(refused, counted as u64 + 1, "{why}");
    }
    assert!(running.stop().await.entries.is_empty());
}

#[tokio::test]
async fn a_registered_system_meets_tls_1_3_with_a_post_quantum_key_exchange() {
    // R1.
    let running = Running::start().await;
    let connector = TlsConnector::from(running.world().client_config(DESK).unwrap());
    // Twice: a second handshake is not cut short by the first.
    for _ in 0..2 {
        let tcp = TcpStream::connect(&running.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = connector.connect(name, tcp).await.unwrap();
        // The gateway speaks first once it has taken the certificate.
        assert!(tls.read(&mut [0; 64]).await.unwrap() > 0);
        let (_, session) = tls.get_ref();
        assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(session.alpn_protocol(), Some(b"h2".as_slice()));
        let group = session.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(group, NamedGroup::X25519MLKEM768);
        assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
    }
    let roles = running.roles();
    assert_eq!(running.ask(&person(&roles.person)).await.code(), Code::Ok);
    running.stop().await;
}
