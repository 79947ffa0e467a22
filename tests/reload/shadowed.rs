//! A candidate that decides beside what is in force.

use std::fs;
use std::path::Path;

use motlan_testkit::world::OFFICIAL;
use serde_json::Value;
use tonic::Code;

use super::sets::{AGREEMENT, Flavour};
use crate::system::question::{DOSSIER, FUNERAL, OTHER_DESK, person};
use crate::system::running::{Laid, Running};
use crate::system::until::until;

/// A gateway beside whose catalogue lies a candidate, with a file of it replaced.
async fn shadowed(agreement: &str) -> Running {
    let laid = Laid::out()
        .await
        .configured("[shadow]\ncatalog = \"candidate\"");
    let dir = laid.world.dir().to_owned();
    copy(&dir.join("catalog"), &dir.join("candidate"));
    candidate(&dir, agreement);
    laid.start().await
}

/// Not signed again: it decides nothing.
fn candidate(dir: &Path, agreement: &str) {
    let file = AGREEMENT.replace("catalog/", "candidate/");
    fs::write(dir.join(file), agreement).unwrap();
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => fs::copy(entry.path(), to).map(|_| ()).unwrap(),
        }
    }
}

/// What is told once so many lookups were compared.
async fn compared(running: &Running, count: u64) -> Value {
    until("lookups are compared", async || {
        let (status, text) = running.admin.page("/shadow?json").await;
        assert_eq!(status, 200, "{text}");
        let told: Value = serde_json::from_str(&text).unwrap();
        (told["compared"] == count).then_some(told)
    })
    .await
}

#[tokio::test]
async fn what_a_candidate_would_decide_otherwise_is_counted_and_named_and_changes_no_answer() {
    // R89.
    let running = shadowed(&Flavour::Identity.agreement()).await;
    let roles = running.roles();
    let home = person(&roles.person);
    for _ in 0..2 {
        assert_eq!(running.ask(&home).await.code(), Code::Ok);
    }
    let funeral = running.ask(&home.clone().procedure(FUNERAL)).await;
    assert_eq!(funeral.reason().as_deref(), Some("PURPOSE_NOT_COVERED"));
    let other = running.ask_as(OTHER_DESK, &home).await;
    assert_eq!(other.reason().as_deref(), Some("NO_AGREEMENT"));

    let told = compared(&running, 4).await;
    assert_eq!(
        (&told["different"], &told["others"]),
        (&3.into(), &0.into())
    );
    let rows = told["rows"].as_array().unwrap();
    let row = |kind: &str| rows.iter().find(|row| row["kind"] == kind).unwrap();
    let fields = row("fields");
    assert_eq!(
        (&fields["count"], &fields["caller"]),
        (&2.into(), &"H26/one-stop".into())
    );
    let lost = fields["difference"]["lost"].as_array().unwrap();
    assert!(
        lost.contains(&"permanent_residence.street".into()),
        "{fields}"
    );
    assert_eq!(fields["difference"]["gained"], Value::Array(Vec::new()));
    let allowed = row("allowed");
    let grant = &allowed["difference"]["would_be"]["allowed"]["grant"];
    assert_eq!(*grant, "g01-h26-population-2026/person");
    for kind in ["fields", "allowed"] {
        let label = format!("kind=\"{kind}\"");
        let name = "motlan_shadow_differences_total";
        let due = row(kind)["count"].as_u64().unwrap();
        assert_eq!(running.admin.counter(name, &label).await, due);
    }
    let (_, page) = running.admin.page("/shadow").await;
    assert!(
        page.contains("4 compared, 1 alike, 3 different\n"),
        "{page}"
    );
    for private in [roles.person.as_str(), OFFICIAL, DOSSIER] {
        assert!(!page.contains(private) && !told.to_string().contains(private));
    }

    // Loaded anew with what is in force, and counted anew.
    let reference = fs::read_to_string(running.world().dir().join(AGREEMENT)).unwrap();
    candidate(running.world().dir(), &reference);
    running.reload().await.unwrap();
    assert_eq!(running.ask(&home).await.code(), Code::Ok);
    assert_eq!(compared(&running, 1).await["different"], 0);
    running.stop().await;
}

#[tokio::test]
async fn a_candidate_that_is_wrong_says_so_and_stops_nothing() {
    // R89.
    let running = shadowed("version = \"none\"").await;
    let home = person(&running.roles().person);
    assert_eq!(running.ask(&home).await.code(), Code::Ok);
    let (status, page) = running.admin.page("/shadow").await;
    assert_eq!(status, 200);
    assert!(
        page.starts_with("the candidate cannot be used:\n"),
        "{page}"
    );
    assert!(
        page.contains("g01-h26-population.toml:1: `version`"),
        "{page}"
    );
    // Nobody takes no difference for none found.
    until("it is counted", async || {
        let dropped = running.admin.counter("motlan_shadow_dropped_total", "");
        (dropped.await == 1).then_some(())
    })
    .await;
    // Corrected, it is compared with.
    candidate(running.world().dir(), &Flavour::Household.agreement());
    running.reload().await.unwrap();
    assert_eq!(running.ask(&home).await.code(), Code::Ok);
    assert_eq!(compared(&running, 1).await["different"], 1);
    running.stop().await;
}

#[tokio::test]
async fn without_a_candidate_there_is_nothing_to_show() {
    let running = Running::start().await;
    assert_eq!(running.admin.status("/shadow").await, 404);
    running.stop().await;
}
