use motlan_testkit::pki::{Authority, Leaf, client_config, system_uri};
use rustls::pki_types::PrivateKeyDer;

use crate::stage::Stage;

#[tokio::test]
async fn a_client_without_a_certificate_gets_no_connection() {
    let stage = Stage::set().await;
    let refused = stage.connect(None, &stage.authority).await;
    assert!(refused.is_err_and(|error| error.contains("CertificateRequired")));
    assert_eq!(stage.provider.calls(), 0);
}

#[tokio::test]
async fn a_client_with_a_wrong_certificate_gets_no_connection() {
    let stage = Stage::set().await;
    let leaf = Leaf::system("vn.example", "H26/one-stop");
    let other = Authority::new("other").unwrap();
    let server = Leaf::server("H26/one-stop");
    for (leaf, ca, reason) in [
        (&leaf, &other, "UnknownCA"),
        (
            &leaf.clone().expired(),
            &stage.authority,
            "CertificateExpired",
        ),
        (
            &leaf.clone().not_yet_valid(),
            &stage.authority,
            "CertificateExpired",
        ),
        (&server, &stage.authority, "UnsupportedCertificate"),
    ] {
        let refused = stage.connect(Some(leaf), ca).await;
        let error = refused.err().unwrap();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    assert!(stage.connect(Some(&leaf), &stage.authority).await.is_ok());
}

#[tokio::test]
async fn a_client_that_trusts_another_authority_does_not_connect() {
    let stage = Stage::set().await;
    let other = Authority::new("other").unwrap();
    let tls = client_config(other.certificate_pem(), None).unwrap();
    assert!(stage.connect_with(tls).await.is_err());
}

#[tokio::test]
async fn an_authority_read_back_from_pem_issues_what_is_accepted() {
    let stage = Stage::set().await;
    let (certificate, key) = (stage.authority.certificate_pem(), stage.authority.key_pem());
    let again = Authority::from_pem("test", certificate, key).unwrap();
    let leaf = Leaf::system("vn.example", "H26/one-stop");
    assert!(stage.connect(Some(&leaf), &again).await.is_ok());
}

#[test]
fn a_system_is_named_by_exactly_its_uri() {
    let authority = Authority::new("test").unwrap();
    let uri = system_uri("vn.example", "H26/one-stop");
    assert_eq!(uri, "spiffe://vn.example/agency/H26/system/one-stop");
    let leaf = Leaf::system("vn.example", "H26/one-stop");
    let stands_in = |leaf: &Leaf| {
        let der = authority.issue(leaf).unwrap().certificate().unwrap();
        der.windows(uri.len()).any(|part| part == uri.as_bytes())
    };
    assert!(stands_in(&leaf));
    assert!(!stands_in(&leaf.uris(Vec::new())));
}

#[test]
fn a_private_key_is_pkcs8() {
    let authority = Authority::new("test").unwrap();
    let identity = authority.issue(&Leaf::server("one")).unwrap();
    assert!(matches!(identity.key().unwrap(), PrivateKeyDer::Pkcs8(_)));
    assert_eq!(identity.thumbprint().unwrap().len(), 43);
}
