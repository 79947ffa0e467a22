//! Sets that are wrong, and what is told of sets.

use motlan_catalog::FAULTS_MAX;
use motlan_gateway::Settings;
use motlan_gateway::enforced::Reloaded;
use motlan_testkit::client::Call;
use prost::Message as _;
use serde_json::json;
use tonic::Code;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use super::sets::{AGREEMENT, Flavour};
use super::shadowed::copy;
use crate::system::question::{OTHER_DESK, RESIDENCE, person};
use crate::system::running::Running;

const PROVINCES: &str = "catalog/systems/provinces.toml";

/// A line of `/readyz?verbose`.
async fn told(running: &Running, begin: &str) -> Option<String> {
    let (status, text) = running.admin.page("/readyz?verbose").await;
    assert_eq!(status, 200, "{text}");
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(begin));
    line.map(|line| line.trim().to_owned())
}

#[tokio::test]
async fn a_bad_set_is_refused_with_every_fault_named_and_the_old_one_goes_on() {
    // R87.
    let running = Running::start().await;
    let before = told(&running, "revision").await.unwrap();
    let (agreement, provinces) = (read(&running, AGREEMENT), read(&running, PROVINCES));
    let world = running.world();
    world
        .write(AGREEMENT, &agreement.replace("\"G01\"", "\"G99\""))
        .unwrap();
    world
        .write(
            PROVINCES,
            &provinces.replace("suspended = true", "suspended = 1"),
        )
        .unwrap();
    let problems = running.reload().await.unwrap_err().to_string();
    for due in ["G99", "provinces.toml:7: `system.suspended`"] {
        assert!(problems.contains(due), "{due}: {problems}");
    }
    // Nothing has changed, and the operator can see why.
    assert_eq!(told(&running, "revision").await.as_ref(), Some(&before));
    let (_, page) = running.admin.page("/readyz?verbose").await;
    assert!(
        page.contains("provinces.toml:7: `system.suspended`"),
        "{page}"
    );
    assert!(running.admin.counter(TRIES, REFUSED).await == 1);
    let reply = running.ask(&person(&running.roles().person)).await;
    assert_eq!(reply.code(), Code::Ok);

    // The good one is taken, and the failure forgotten.
    world.write(PROVINCES, &provinces).unwrap();
    world
        .write(AGREEMENT, &Flavour::Identity.agreement())
        .unwrap();
    let Ok(Reloaded::Taken(revision)) = running.reload().await else {
        panic!("a good set was not taken");
    };
    assert_ne!(revision.as_str(), before);
    assert_eq!(
        told(&running, "revision").await.as_deref(),
        Some(revision.as_str())
    );
    assert_eq!(told(&running, "refused").await, None);
    let (_, metrics) = running.admin.page("/metrics").await;
    let taken = format!("motlan_catalog_taken_seconds{{revision=\"{revision}\"");
    assert!(metrics.contains(&taken), "{metrics}");
    assert!(!metrics.contains(&before), "{metrics}");
    running.stop().await;
}

/// As it comes out of the metrics.
const TRIES: &str = "motlan_reloads_total";
const REFUSED: &str = "result=\"refused\",what=\"catalog\"";
const UNCHANGED: &str = "result=\"unchanged\",what=\"catalog\"";

#[tokio::test]
async fn the_same_set_again_changes_nothing() {
    let running = Running::start().await;
    let taken = told(&running, "taken").await;
    assert!(matches!(running.reload().await, Ok(Reloaded::Unchanged(_))));
    assert_eq!(told(&running, "taken").await, taken);
    assert_eq!(running.admin.counter(TRIES, UNCHANGED).await, 1);
    running.stop().await;
}

#[tokio::test]
async fn looks_at_the_audit_trail_are_on_record_under_the_set_that_let_them() {
    // R88: the gateway's own services take the set as lookups do.
    let running = Running::start().await;
    let client = running.client(OTHER_DESK).await;
    running
        .world()
        .write(AGREEMENT, &Flavour::Identity.agreement())
        .unwrap();
    let Ok(Reloaded::Taken(revision)) = running.reload().await else {
        panic!("a good set was not taken");
    };
    let system = running.world().system(OTHER_DESK).unwrap();
    let purpose = json!({ "basis": "thanh tra" });
    let token = system.token(RESIDENCE).unwrap().claim("purpose", purpose);
    let call = Call::new("/motlan.audit.v1.Audit/Search", &[]).unwrap();
    let call = call.bearer(&system.sign(&token).unwrap()).unwrap();
    let reply = client.call(&call).await.unwrap();
    assert_eq!(reply.reason().as_deref(), Some("ROLE_NOT_HELD"));
    let past = running.stop().await;
    assert_eq!(past.entries[1].record.revision, revision.as_str());
}

#[tokio::test]
async fn a_set_that_was_in_force_before_is_not_taken_again() {
    // R87, R86.
    let running = Running::start().await;
    let (old, kept) = ("catalog", "catalog-of-yesterday");
    let place = |name| running.world().dir().join(name);
    copy(&place(old), &place(kept));
    let world = running.world();
    world
        .write(AGREEMENT, &Flavour::Identity.agreement())
        .unwrap();
    let Ok(Reloaded::Taken(revision)) = running.reload().await else {
        panic!("a good set was not taken");
    };
    std::fs::remove_dir_all(place(old)).unwrap();
    std::fs::rename(place(kept), place(old)).unwrap();
    let problems = running.reload().await.unwrap_err().to_string();
    assert!(problems.contains("was in force already"), "{problems}");
    let in_force = told(&running, "revision").await;
    assert_eq!(in_force.as_deref(), Some(revision.as_str()));
    running.stop().await;
}

#[tokio::test]
async fn a_set_older_than_the_one_in_force_is_not_taken_whatever_the_file_of_it_says() {
    // R86: the file, too, may be put back from a backup.
    let running = Running::start().await;
    let place = |name: &str| running.world().dir().join(name);
    let file = Settings::read(&running.world().config()).unwrap();
    let file = file.catalog.known_revision;
    let known = std::fs::read(&file).unwrap();
    copy(&place("catalog"), &place("catalog-of-yesterday"));
    let world = running.world();
    let identity = Flavour::Identity.agreement();
    world.write(AGREEMENT, &identity).unwrap();
    let Ok(Reloaded::Taken(revision)) = running.reload().await else {
        panic!("a good set was not taken");
    };
    assert_ne!(std::fs::read(&file).unwrap(), known);
    std::fs::write(&file, &known).unwrap();
    std::fs::remove_dir_all(place("catalog")).unwrap();
    std::fs::rename(place("catalog-of-yesterday"), place("catalog")).unwrap();
    let problems = running.reload().await.unwrap_err().to_string();
    assert!(problems.contains("is in force"), "{problems}");
    assert!(!problems.contains("was in force already"), "{problems}");
    // Nothing is remembered of what was not taken.
    assert_eq!(std::fs::read(&file).unwrap(), known);
    let in_force = told(&running, "revision").await;
    assert_eq!(in_force.as_deref(), Some(revision.as_str()));
    running.stop().await;
}

#[tokio::test]
async fn faults_that_there_is_no_room_for_are_counted() {
    // R87.
    let running = Running::start().await;
    for number in 0..FAULTS_MAX + 10 {
        let file = format!("catalog/agreements/a{number}.toml");
        std::fs::write(running.world().dir().join(file), "version = \"none\"").unwrap();
    }
    let problems = running.reload().await.unwrap_err();
    assert!(problems.len() >= FAULTS_MAX + 10, "{}", problems.len());
    let more = format!("and {} more", problems.len() - FAULTS_MAX);
    assert_eq!(problems.lines().last().as_ref(), Some(&more));
    running.stop().await;
}

#[tokio::test]
async fn reflection_tells_the_contracts_of_the_set_in_force() {
    // R87.
    const LAND: &str = "catalog/contracts/vn/land/v1/land.proto";
    let running = Running::start().await;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(
            "vn.land.v1.Parcel".to_owned(),
        )),
    };
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let call = Call::new(path, &request.encode_to_vec()).unwrap();
    let tells = async || {
        running
            .desk
            .call(&call)
            .await
            .unwrap()
            .contains("boundary_note")
    };
    assert!(!tells().await);
    let parcel = "message Parcel {";
    let field =
        "string boundary_note = 99 [(motlan.contract.v1.field) = {class: CLASS_SENSITIVE}];";
    let text = read(&running, LAND).replace(parcel, &format!("{parcel}\n{field}"));
    running.world().write(LAND, &text).unwrap();
    let reloaded = running.reload().await;
    assert!(matches!(reloaded, Ok(Reloaded::Taken(_))), "{reloaded:?}");
    assert!(tells().await);
    running.stop().await;
}

fn read(running: &Running, path: &str) -> String {
    std::fs::read_to_string(running.world().dir().join(path)).unwrap()
}
