use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use motlan_testkit::client::Call;
use motlan_testkit::contracts;
use motlan_testkit::pki::system_uri;
use motlan_testkit::provider::Holdings;
use motlan_testkit::{Client, Endpoints, World};
use prost::Message;
use tonic::Code;

use crate::stage::{GET_PERSON, about};

async fn lay() -> (tempfile::TempDir, World) {
    let dir = tempfile::tempdir().unwrap();
    let world = World::lay(dir.path(), 1).await.unwrap();
    (dir, world)
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[tokio::test]
async fn the_laid_catalogue_loads_without_a_fault_and_knows_the_systems_and_their_keys() {
    let (dir, world) = lay().await;
    let catalog = motlan_catalog::Catalog::load(&dir.path().join("catalog"));
    let catalog = catalog.unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(catalog.trust_domain(), world.trust_domain());
    for id in [
        "H26/one-stop",
        "H29/one-stop",
        "H17/one-stop",
        "G01/residence",
        "G15/civil-status",
    ] {
        let uri = system_uri(world.trust_domain(), id);
        let registered = catalog.system_by_uri(&uri).unwrap();
        let system = world.system(id).unwrap();
        assert_eq!(registered.token_keys.len(), 1);
        assert_eq!(registered.token_keys[0].kid, system.token_key.kid());
        assert_eq!(registered.token_keys[0].pem, system.token_key.public_pem());
    }
    assert!(world.system("H99/one-stop").is_err());
}

#[tokio::test]
async fn every_dataset_of_the_catalogue_answers_at_its_address() {
    let (dir, world) = lay().await;
    let text = std::fs::read_to_string(dir.path().join("catalog/endpoints.toml")).unwrap();
    let endpoints: toml::Table = text.parse().unwrap();
    let mut datasets: Vec<&str> = endpoints.keys().map(String::as_str).collect();
    datasets.sort_unstable();
    assert_eq!(
        datasets,
        [
            "business_registration",
            "civil_status",
            "land",
            "population"
        ]
    );
    let address = endpoints["population"]["addresses"][0].as_str().unwrap();
    let tls = world
        .authority()
        .client_config(Some(world.gateway_client()))
        .unwrap();
    let client = Client::connect(address, tls).await.unwrap();
    let reply = client
        .call(&about(GET_PERSON, &world.sample().roles.person))
        .await
        .unwrap();
    assert_eq!(reply.code(), Code::Ok);
    assert_eq!(world.provider("population").unwrap().calls(), 1);
    let elsewhere = Call::new("/vn.land.v1.LandRegistry/GetParcel", b"").unwrap();
    assert_eq!(
        client.call(&elsewhere).await.unwrap().code(),
        Code::Unimplemented
    );
}

#[tokio::test]
async fn only_the_owner_may_read_a_private_key_and_the_catalogue_has_none() {
    let (dir, _world) = lay().await;
    let mut private = 0;
    for path in files(dir.path()) {
        let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
        if text.contains("PRIVATE KEY-----") {
            private += 1;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
            assert!(
                !path.starts_with(dir.path().join("catalog")),
                "{}",
                path.display()
            );
        }
    }
    // Two of the gateway, two of each of at least five systems.
    assert!(private >= 12, "{private}");
}

#[tokio::test]
async fn the_configuration_names_files_that_are_there_and_a_ledger_that_is_not() {
    let (dir, world) = lay().await;
    let text = std::fs::read_to_string(world.config()).unwrap();
    let config: toml::Table = text.parse().unwrap();
    let there = |path: &toml::Value| dir.path().join(path.as_str().unwrap()).exists();
    for (table, keys) in [
        ("catalog", ["folder", "manifest_key", "known_revision"]),
        ("tls", ["certificate", "key", "client_ca"]),
        ("provider_tls", ["certificate", "key", "ca"]),
    ] {
        assert!(keys.iter().all(|key| there(&config[table][key])), "{table}");
    }
    assert!(!there(&config["ledger"]["folder"]) && !there(&config["ledger"]["key"]));
    assert_eq!(config["audience"].as_str(), Some(world.audience()));
}

#[tokio::test]
async fn endpoints_are_read_back_as_written_and_name_files_that_are_there() {
    let (dir, world) = lay().await;
    let endpoints = world.endpoints(1234, 5678, "the key");
    endpoints.write(dir.path()).unwrap();
    assert_eq!(Endpoints::read(dir.path()).unwrap(), endpoints);
    assert_eq!(endpoints.gateway, "localhost:1234");
    assert_eq!(endpoints.admin, "http://127.0.0.1:5678");
    assert_eq!(endpoints.providers.len(), 4);
    assert_eq!(endpoints.samples["procedure"], "1.004222");
    assert!(dir.path().join(&endpoints.ca).exists());
    for system in endpoints.systems.values() {
        let files = [&system.cert, &system.key, &system.token_key];
        assert!(files.iter().all(|file| dir.path().join(file).exists()));
    }
}

#[tokio::test]
async fn a_dataset_that_nobody_has_seen_can_be_added() {
    let (dir, mut world) = lay().await;
    let pool = contracts::pool().unwrap();
    let holdings = Holdings::of(&pool)
        .hold(GET_PERSON, "7", [vec![8, 1].into()])
        .unwrap();
    world
        .add_provider("novelty", "vn.novelty.v1.Novelty", holdings)
        .await
        .unwrap();
    let text = std::fs::read_to_string(dir.path().join("catalog/endpoints.toml")).unwrap();
    let address = world.provider("novelty").unwrap().address().to_string();
    assert!(text.contains(&format!("[novelty]\naddresses = [\"{address}\"]")));
    let tls = world.client_config("H26/one-stop").unwrap();
    let client = Client::connect(&address, tls).await.unwrap();
    let request = contracts::population::v1::GetPersonRequest {
        personal_id: "7".to_owned(),
    };
    let call = Call::new(GET_PERSON, &request.encode_to_vec()).unwrap();
    assert_eq!(
        client.call(&call).await.unwrap().messages().unwrap(),
        [vec![8, 1]]
    );
}
