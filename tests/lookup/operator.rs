//! What the operator sees.

use motlan_testkit::world::OFFICIAL;
use tonic::Code;

use crate::system::question::{DOSSIER, FUNERAL, person};
use crate::system::running::Running;

#[tokio::test]
async fn the_admin_listener_tells_that_the_gateway_lives_and_is_ready() {
    let running = Running::start().await;
    assert_eq!(
        running.admin.page("/healthz").await,
        (200, "ok\n".to_owned())
    );
    let (status, ready) = running.admin.page("/readyz").await;
    assert_eq!(status, 200);
    assert!(ready.starts_with("ready\nrevision "), "{ready}");
    assert_eq!(running.admin.page("/log/nothing").await.0, 404);
    running.stop().await;
}

#[tokio::test]
async fn the_admin_listener_shows_the_signed_checkpoint() {
    let running = Running::start().await;
    let roles = running.roles();
    assert_eq!(running.ask(&person(&roles.person)).await.code(), Code::Ok);
    let (status, checkpoint) = running.admin.page("/log/checkpoint").await;
    assert_eq!(status, 200);
    let mut lines = checkpoint.lines();
    let origin = lines.next().unwrap();
    assert!(
        origin.starts_with("motlan.example/audit/demo/"),
        "{checkpoint}"
    );
    assert_eq!(lines.next(), Some("2"), "{checkpoint}");
    assert!(
        checkpoint.contains("\u{2014} motlan.example/audit/demo "),
        "{checkpoint}"
    );
    running.stop().await;
}

#[tokio::test]
async fn the_metrics_count_lookups_and_name_nobody() {
    // R61.
    let running = Running::start().await;
    let roles = running.roles();
    let person_asked = person(&roles.person);
    assert_eq!(running.ask(&person_asked).await.code(), Code::Ok);
    let refused = person(&roles.spouse).procedure(FUNERAL);
    assert_eq!(running.ask(&refused).await.code(), Code::PermissionDenied);
    let unknown = person(&roles.unknown_person);
    assert_eq!(running.ask(&unknown).await.code(), Code::NotFound);
    running
        .desk
        .call(&person_asked.bearing("nonsense"))
        .await
        .unwrap();

    for reason in ["OK", "PURPOSE_NOT_COVERED", "SUBJECT_NOT_FOUND"] {
        let label = format!("reason=\"{reason}\"");
        let lookups = running.admin.counter("motlan_lookups_total", &label).await;
        assert_eq!(lookups, 1, "{reason}");
    }
    assert_eq!(running.admin.turned_away("TOKEN_MALFORMED").await, 1);
    let (_, metrics) = running.admin.page("/metrics").await;
    assert!(
        metrics.contains("motlan_lookup_duration_seconds_bucket"),
        "{metrics}"
    );
    let room = metrics
        .lines()
        .find(|line| line.starts_with("motlan_ledger_free_bytes"));
    let free = room.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    assert!(free.is_some_and(|bytes| bytes > 0.0), "{metrics}");
    let people = running.world().sample().people.iter();
    let names = people.flat_map(|one| [one.personal_id.as_str(), &one.full_name]);
    let of_calls = [roles.unknown_person.as_str(), OFFICIAL, DOSSIER, "nonsense"];
    for private in names.chain(of_calls) {
        assert!(!metrics.contains(private), "{private}");
    }
    running.stop().await;
}
