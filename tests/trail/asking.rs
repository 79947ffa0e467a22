//! Systems that work with the audit trail, and how they call.

use motlan_api::audit::v1::{
    EndHoldRequest, EndHoldResponse, EraseRequest, EraseResponse, FoundRecord, PlaceHoldRequest,
    PlaceHoldResponse, SearchRequest, SearchResponse, SubjectAccessesRequest,
    SubjectAccessesResponse,
};
use motlan_testkit::client::{Call, Reply};
use motlan_testkit::world::System;
use prost::Message;
use serde_json::json;
use tokio::task::JoinSet;
use tonic::Code;

use crate::system::question::{DESK, person};
use crate::system::running::Running;

pub(crate) const AUDITOR: &str = "G20/inspection";
pub(crate) const PORTAL: &str = "G22/citizen-portal";
pub(crate) const PROTECTOR: &str = "G01/data-protection";
pub(crate) const BASIS: &str = "Điều 9 Quy chế kiểm tra";
pub(crate) const CASE: &str = "VV-2026-0042";

/// A request of one of the methods with a role.
pub(crate) trait Asked: Message {
    const METHOD: &'static str;
    type Response: Message + Default;
}

macro_rules! asked {
    ($($request:ident => $method:literal, $response:ident;)*) => {
        $(impl Asked for $request {
            const METHOD: &'static str = concat!("/motlan.audit.v1.Audit/", $method);
            type Response = $response;
        })*
    };
}

asked! {
    SearchRequest => "Search", SearchResponse;
    SubjectAccessesRequest => "SubjectAccesses", SubjectAccessesResponse;
    PlaceHoldRequest => "PlaceHold", PlaceHoldResponse;
    EndHoldRequest => "EndHold", EndHoldResponse;
    EraseRequest => "Erase", EraseResponse;
}

/// A token for the audit trail: with a legal basis and a case, and without a procedure.
pub(crate) fn token(system: &System) -> String {
    let purpose = json!({ "basis": BASIS, "dossier": CASE });
    let token = system.token("1.004222").unwrap().claim("purpose", purpose);
    system.sign(&token).unwrap()
}

pub(crate) fn call<A: Asked>(request: &A) -> Call {
    Call::new(A::METHOD, &request.encode_to_vec()).unwrap()
}

/// Calls as `system`, with a right token.
pub(crate) async fn ask<A: Asked>(running: &Running, system: &str, request: &A) -> Reply {
    let token = token(running.world().system(system).unwrap());
    let call = call(request).bearer(&token).unwrap();
    running.client(system).await.call(&call).await.unwrap()
}

/// Calls as `system`, and must get an answer.
pub(crate) async fn get<A: Asked>(running: &Running, system: &str, request: &A) -> A::Response {
    let reply = ask(running, system, request).await;
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    A::Response::decode(reply.messages().unwrap().remove(0)).unwrap()
}

/// Whose accesses are asked for.
pub(crate) fn about(subject: &str) -> SubjectAccessesRequest {
    SubjectAccessesRequest {
        subject: subject.to_owned(),
        ..SubjectAccessesRequest::default()
    }
}

/// The indices of what was found.
pub(crate) fn indices(records: &[FoundRecord]) -> Vec<u64> {
    let index = |found: &FoundRecord| found.id.rsplit_once('-').unwrap().1.parse().unwrap();
    records.iter().map(index).collect()
}

/// Adds the records of so many lookups, two of each.
pub(crate) async fn fill(running: &Running, lookups: usize) {
    let call = person(&running.roles().unknown_person).by(running.world().system(DESK).unwrap());
    let mut asking = JoinSet::new();
    for _ in 0..lookups {
        let (client, call) = (running.desk.clone(), call.clone());
        asking.spawn(async move { client.call(&call).await.unwrap().code() });
        if asking.len() >= 32 {
            asking.join_next().await;
        }
    }
    let ended = asking.join_all().await;
    assert!(ended.iter().all(|code| *code == Code::NotFound));
}
