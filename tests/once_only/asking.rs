//! How a desk collects for a dossier.

use std::collections::BTreeMap;

use motlan_api::audit::v1::Channel;
use motlan_api::once::v1::collect_response::Result as Told;
use motlan_api::once::v1::{
    CollectRequest, CollectResponse, Evidence, Ground, PlanRequest, PlanResponse, Refusal, Wanted,
};
use motlan_testkit::client::{Call, Reply};
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use tonic::Code;

use crate::system::question::{DESK, DOSSIER, RESIDENCE};
use crate::system::running::{Laid, Running};

pub(crate) const COLLECT: &str = "/motlan.once.v1.OnceOnly/Collect";
pub(crate) const PLAN: &str = "/motlan.once.v1.OnceOnly/Plan";
/// The registration of permanent residence with a relative: an identity paper, and what is known of
/// birth, marriage and marital status.
pub(crate) const WITH_RELATIVES: &str = "3";
/// A procedure that the annex does not list.
pub(crate) const UNLISTED: &str = "1.999999";

pub(crate) async fn lay() -> Laid {
    Laid::out()
        .await
        .configured("[state]\nfile = \"state.redb\"")
}

pub(crate) async fn start() -> Running {
    lay().await.start().await
}

pub(crate) fn wanted(document: &str, subject: &str) -> Wanted {
    Wanted {
        document: document.to_owned(),
        subject: subject.to_owned(),
        ..Wanted::default()
    }
}

/// With a text that the applicant declared.
pub(crate) fn declaring(wanted: Wanted, field: &str, text: &str) -> Wanted {
    let kind = Some(Kind::StringValue(text.to_owned()));
    let fields = BTreeMap::from([(field.to_owned(), Value { kind })]);
    let declared = Some(Struct { fields });
    Wanted { declared, ..wanted }
}

/// For the residence of somebody with relatives, in an online dossier.
pub(crate) fn request(components: Vec<Wanted>) -> CollectRequest {
    CollectRequest {
        procedure: RESIDENCE.to_owned(),
        variant: WITH_RELATIVES.to_owned(),
        dossier: DOSSIER.to_owned(),
        channel: Channel::Online.into(),
        received_us: 0,
        components,
    }
}

/// The call of [`DESK`], with a right token.
pub(crate) fn call(running: &Running, request: &CollectRequest) -> Call {
    let desk = running.world().system(DESK).unwrap();
    let token = desk.token(&request.procedure).unwrap();
    let token = token.dossier(&request.dossier);
    let token = match request.variant.as_str() {
        "" => token,
        variant => token.variant(variant),
    };
    let call = Call::new(COLLECT, &request.encode_to_vec()).unwrap();
    call.bearer(&desk.sign(&token).unwrap()).unwrap()
}

pub(crate) async fn ask(running: &Running, request: &CollectRequest) -> Reply {
    running.desk.call(&call(running, request)).await.unwrap()
}

/// What became of the components, in the order of the request. Each must be told exactly once.
pub(crate) async fn collect(running: &Running, request: &CollectRequest) -> Vec<Told> {
    let reply = ask(running, request).await;
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let messages = reply.messages().unwrap();
    let told = messages.iter().map(|message| {
        let response = CollectResponse::decode(message.clone()).unwrap();
        let wanted = &request.components[response.component as usize];
        assert_eq!(response.document, wanted.document);
        (response.component, response.result.unwrap())
    });
    let told: BTreeMap<u32, Told> = told.collect();
    assert_eq!((told.len(), messages.len()), {
        let due = request.components.len();
        (due, due)
    });
    told.into_values().collect()
}

#[track_caller]
pub(crate) fn evidence(told: &Told) -> &Evidence {
    match told {
        Told::Evidence(evidence) => evidence,
        Told::Ground(ground) => panic!("a ground: {:?}", ground.outcome()),
        Told::Refusal(refusal) => panic!("a refusal: {refusal:?}"),
    }
}

#[track_caller]
pub(crate) fn ground(told: &Told) -> &Ground {
    match told {
        Told::Ground(ground) => ground,
        Told::Evidence(_) => panic!("evidence"),
        Told::Refusal(refusal) => panic!("a refusal: {refusal:?}"),
    }
}

#[track_caller]
pub(crate) fn refusal(told: &Told) -> &Refusal {
    match told {
        Told::Refusal(refusal) => refusal,
        Told::Evidence(_) => panic!("evidence"),
        Told::Ground(ground) => panic!("a ground: {:?}", ground.outcome()),
    }
}

/// What a plan says to `system`.
pub(crate) async fn plan(running: &Running, system: &str, procedure: &str) -> PlanResponse {
    let reply = ask_plan(running, system, procedure, "").await;
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    PlanResponse::decode(reply.messages().unwrap().remove(0)).unwrap()
}

pub(crate) async fn ask_plan(
    running: &Running,
    system: &str,
    procedure: &str,
    variant: &str,
) -> Reply {
    let request = PlanRequest {
        procedure: procedure.to_owned(),
        variant: variant.to_owned(),
    };
    let call = Call::new(PLAN, &request.encode_to_vec()).unwrap();
    running.client(system).await.call(&call).await.unwrap()
}
