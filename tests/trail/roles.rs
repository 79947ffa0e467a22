//! Who may look: a role of the catalogue, a token of one's own, a legal basis.

use motlan_api::audit::v1::{
    EndHoldRequest, EraseRequest, PlaceHoldRequest, RecordKind, Result as Ended, SearchRequest,
};
use motlan_testkit::client::Reply;
use serde_json::json;
use tonic::Code;

use super::asking::{AUDITOR, Asked, BASIS, CASE, PORTAL, PROTECTOR, about, ask, call, get, token};
use crate::system::question::{DESK, person};
use crate::system::refused::{refused_on_record, turned_away};
use crate::system::running::{Laid, Running};

const NOT_HELD: &str = "ROLE_NOT_HELD";

async fn refused<A: Asked>(running: &Running, system: &str, request: &A) -> (String, &'static str) {
    let reply = ask(running, system, request).await;
    let record = refused_on_record(&reply, Code::PermissionDenied, NOT_HELD);
    assert!(
        reply.status.message().contains("role"),
        "{:?}",
        reply.status
    );
    (record, A::METHOD)
}

#[tokio::test]
async fn a_system_without_the_role_is_refused_and_that_is_on_record() {
    // R73, R74.
    let running = Running::start().await;
    let subject = running.roles().person;
    let search = SearchRequest {
        subject: subject.clone(),
        dataset: "population".to_owned(),
        ..SearchRequest::default()
    };
    let hold = PlaceHoldRequest {
        subject: subject.clone(),
        caller: DESK.to_owned(),
        ..PlaceHoldRequest::default()
    };
    let erase = EraseRequest {
        subject: subject.clone(),
        ..EraseRequest::default()
    };
    let end = EndHoldRequest::default();
    let mut records = Vec::new();
    for system in [DESK, PORTAL, PROTECTOR] {
        records.push(refused(&running, system, &search).await);
    }
    for system in [DESK, PROTECTOR] {
        records.push(refused(&running, system, &about(&subject)).await);
    }
    for system in [DESK, PORTAL, AUDITOR] {
        records.push(refused(&running, system, &hold).await);
        records.push(refused(&running, system, &erase).await);
        records.push(refused(&running, system, &end).await);
    }
    let past = running.stop().await;
    assert_eq!(past.entries.len(), records.len());
    for (record, method) in records {
        let entry = past.entry(&record);
        assert_eq!(entry.record.kind(), RecordKind::Look);
        assert_eq!(entry.record.result(), Ended::Refused);
        assert_eq!(entry.record.reason, NOT_HELD);
        assert_eq!(entry.record.method, method);
        assert_eq!(entry.record.look, None);
        assert_eq!(entry.record.revision.len(), 32);
        let is_search = method == SearchRequest::METHOD;
        let dataset = if is_search { "population" } else { "" };
        assert_eq!(entry.record.dataset, dataset);
        let names_nobody = method == EndHoldRequest::METHOD;
        assert_eq!(entry.sealed.subject == subject, !names_nobody);
        let sealed = &entry.sealed;
        assert_eq!(
            (sealed.basis.as_str(), sealed.dossier.as_str()),
            (BASIS, CASE)
        );
        assert!(sealed.query.is_empty(), "what it sent fills no log");
        assert!(!sealed.official.is_empty() && !sealed.token_id.is_empty());
    }
}

#[tokio::test]
async fn a_call_without_the_role_records_no_long_text() {
    let running = Running::start().await;
    let search = SearchRequest {
        subject: "x".repeat(8_000),
        ..SearchRequest::default()
    };
    let (record, _) = refused(&running, DESK, &search).await;
    let past = running.stop().await;
    assert!(past.entry(&record).sealed.subject.is_empty());
}

#[tokio::test]
async fn each_role_does_what_it_is_for() {
    // R73.
    let running = Running::start().await;
    let subject = running.roles().person;
    get(&running, AUDITOR, &SearchRequest::default()).await;
    for system in [AUDITOR, PORTAL] {
        get(&running, system, &about(&subject)).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_token_without_a_legal_basis_sees_nothing() {
    // R73.
    let running = Running::start().await;
    let auditor = running.world().system(AUDITOR).unwrap().clone();
    let client = running.client(AUDITOR).await;
    let asked = call(&SearchRequest::default());
    let right = auditor.token("1.004222").unwrap();
    let with = |purpose| auditor.sign(&right.clone().claim("purpose", purpose));
    for purpose in [
        json!({}),
        json!({ "procedure": "1.004222", "dossier": CASE }),
        json!({ "basis": "" }),
        json!({ "basis": "two\nlines" }),
    ] {
        let bearing = asked.clone().bearer(&with(purpose).unwrap()).unwrap();
        let reply = client.call(&bearing).await.unwrap();
        turned_away(&reply, Code::Unauthenticated, "TOKEN_CLAIM");
        assert!(reply.status.message().contains("`purpose.basis`"));
    }
    // As for lookups: a token at all, one's own, over one's own certificate.
    turned_away(
        &client.call(&asked).await.unwrap(),
        Code::Unauthenticated,
        "TOKEN_MISSING",
    );
    let anothers = token(running.world().system(PORTAL).unwrap());
    let bearing = asked.clone().bearer(&anothers).unwrap();
    let reply = client.call(&bearing).await.unwrap();
    turned_away(&reply, Code::Unauthenticated, "TOKEN_ISSUER");
    let expired = right
        .claim("purpose", json!({ "basis": BASIS }))
        .expires_s(1);
    let bearing = asked.bearer(&auditor.sign(&expired).unwrap()).unwrap();
    let reply = client.call(&bearing).await.unwrap();
    turned_away(&reply, Code::Unauthenticated, "TOKEN_EXPIRED");
    assert!(running.stop().await.entries.is_empty());
}

#[tokio::test]
async fn a_token_without_a_procedure_makes_no_lookup_remembered_or_not() {
    // R14, R73.
    let running = Running::start().await;
    let desk = running.world().system(DESK).unwrap();
    let token = token(desk);
    let lookup = person(&running.roles().person).bearing(&token);
    let lacks = |reply: &Reply| {
        turned_away(reply, Code::Unauthenticated, "TOKEN_CLAIM");
        assert!(reply.status.message().contains("`purpose.procedure`"));
    };
    lacks(&running.desk.call(&lookup).await.unwrap());
    // It is a right token for the audit trail, though this system has no role there.
    let look = call(&SearchRequest::default()).bearer(&token).unwrap();
    let reply = running.desk.call(&look).await.unwrap();
    refused_on_record(&reply, Code::PermissionDenied, NOT_HELD);
    lacks(&running.desk.call(&lookup).await.unwrap());
    assert_eq!(running.heard(), 0);
    assert_eq!(running.stop().await.entries.len(), 1);
}

#[tokio::test]
async fn a_lookup_records_the_legal_basis_that_its_token_states() {
    let running = Running::start().await;
    let desk = running.world().system(DESK).unwrap();
    let token = desk.token("1.004222").unwrap().basis(BASIS);
    let call = person(&running.roles().person).bearing(&desk.sign(&token).unwrap());
    let reply = running.desk.call(&call).await.unwrap();
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let past = running.stop().await;
    let (question, outcome) = past.lookup(reply.metadata("motlan-record").unwrap());
    assert_eq!(question.sealed.basis, BASIS);
    assert_eq!(outcome.sealed.basis, BASIS);
}

#[tokio::test]
async fn a_suspended_system_has_no_role() {
    // R24.
    let laid = Laid::out().await;
    let systems = format!(
        "[[system]]\nid = \"{AUDITOR}\"\ntitle_vi = \"x\"\nroles = [\"auditor\"]\nsuspended = \
         true\n\n[[system]]\nid = \"{PORTAL}\"\ntitle_vi = \"x\"\n\n[[system]]\nid = \
         \"{PROTECTOR}\"\ntitle_vi = \"x\"\n"
    );
    laid.world
        .write("catalog/systems/audit.toml", &systems)
        .unwrap();
    let running = laid.start().await;
    let reply = ask(&running, AUDITOR, &SearchRequest::default()).await;
    turned_away(&reply, Code::PermissionDenied, "SYSTEM_SUSPENDED");
    assert!(running.stop().await.entries.is_empty());
}
