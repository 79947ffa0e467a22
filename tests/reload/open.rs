//! Calls of the gateway's own services that are open while a set is taken in force.

use std::fs;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response};
use hyper::body::{Body, Frame, Incoming};
use motlan_api::audit::v1::GetReceiptRequest;
use motlan_gateway::enforced::Reloaded;
use motlan_testkit::client::Call;
use prost::Message;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_types::StatusExt as _;

use super::sets::AGREEMENT;
use super::slow::{connected, posted};
use crate::system::question::person;
use crate::system::running::Running;
use crate::system::until::PATIENCE;

const PROVINCES: &str = "catalog/systems/provinces.toml";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const GET_RECEIPT: &str = "/motlan.audit.v1.Audit/GetReceipt";

/// What is said comes when it is said, and ends when nobody can say any more.
struct Said(UnboundedReceiver<Bytes>);

impl Body for Said {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let said = self.0.poll_recv(context);
        said.map(|said| said.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A call of the desk whose message is being sent, and what will come back.
pub(super) struct Open {
    pub(super) say: UnboundedSender<Bytes>,
    asking: JoinHandle<hyper::Result<Response<Incoming>>>,
}

impl Open {
    pub(super) async fn call(running: &Running, path: &str) -> Self {
        let (say, said) = unbounded_channel();
        let mut sender = connected(running).await;
        let request = posted(running, path, Said(said));
        let asking = tokio::spawn(async move { sender.send_request(request).await });
        Self { say, asking }
    }

    /// The answer, and what goes on saying.
    async fn answer(self) -> (UnboundedSender<Bytes>, Answer) {
        let response = tokio::time::timeout(PATIENCE, self.asking).await.unwrap();
        (self.say, Answer(response.unwrap().unwrap()))
    }

    /// The answer once all is said.
    pub(super) async fn answer_to_all(self) -> Answer {
        drop(self.say);
        let response = tokio::time::timeout(PATIENCE, self.asking).await.unwrap();
        Answer(response.unwrap().unwrap())
    }
}

pub(super) struct Answer(Response<Incoming>);

impl Answer {
    /// The next piece, or what came at the end.
    pub(super) async fn next(&mut self) -> Result<Bytes, HeaderMap> {
        let frame = std::future::poll_fn(|context| {
            let body = Pin::new(self.0.body_mut());
            body.poll_frame(context)
        });
        let frame = tokio::time::timeout(PATIENCE, frame).await.unwrap();
        match frame.map(|frame| frame.unwrap().into_data()) {
            Some(Ok(data)) => Ok(data),
            Some(Err(other)) => Err(other.into_trailers().unwrap()),
            None => Err(self.0.headers().clone()),
        }
    }

    /// How it ended; nothing may come before.
    async fn end(&mut self) -> Status {
        let headers = self.next().await.expect_err("an answer came");
        Status::from_header_map(&headers).unwrap()
    }
}

pub(super) fn framed(message: &impl Message) -> Bytes {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), &message].concat().into()
}

async fn change(running: &Running, path: &str, from: &str, to: &str) {
    let text = fs::read_to_string(running.world().dir().join(path)).unwrap();
    assert!(text.contains(from), "{text}");
    let world = running.world();
    world.write(path, &text.replace(from, to)).unwrap();
    let reloaded = running.reload().await;
    assert!(matches!(reloaded, Ok(Reloaded::Taken(_))), "{reloaded:?}");
}

/// Takes a set in force in which nothing is otherwise for the desk.
async fn retitle(running: &Running) {
    change(running, AGREEMENT, "title = \"", "title = \"Mới: ").await;
}

async fn suspend(running: &Running) {
    let id = "id = \"H26/one-stop\"";
    let suspended = format!("{id}\nsuspended = true");
    change(running, PROVINCES, id, &suspended).await;
}

fn assert_suspended(status: &Status) {
    let info = status.get_details_error_info();
    assert_eq!(info.unwrap().reason, "SYSTEM_SUSPENDED");
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_slow_call_of_the_gateways_own_is_answered_by_what_is_in_force_once_it_is_whole() {
    // R87, R24.
    let running = Running::start().await;
    let reply = running.ask(&person(&running.roles().person)).await;
    let record = reply.metadata("motlan-record").unwrap().to_owned();
    let request = GetReceiptRequest { record };
    let whole = Call::new(GET_RECEIPT, &request.encode_to_vec()).unwrap();
    assert_eq!(running.desk.call(&whole).await.unwrap().code(), Code::Ok);

    let open = Open::call(&running, GET_RECEIPT).await;
    let message = framed(&request);
    open.say.send(message.slice(..5)).unwrap();
    suspend(&running).await;
    open.say.send(message.slice(5..)).unwrap();
    assert_suspended(&open.answer_to_all().await.end().await);
    running.stop().await;
}

#[tokio::test]
async fn a_stream_of_reflection_ends_with_the_set_whose_contracts_it_tells() {
    // R87, R24.
    let running = Running::start().await;
    let question = framed(&ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices("*".to_owned())),
    });
    for is_suspended in [false, true] {
        let open = Open::call(&running, REFLECT).await;
        open.say.send(question.clone()).unwrap();
        let (say, mut answer) = open.answer().await;
        assert!(!answer.next().await.unwrap().is_empty());
        match is_suspended {
            false => retitle(&running).await,
            true => suspend(&running).await,
        }
        // Where it has ended already, nobody hears this.
        let _ended = say.send(question.clone());
        let status = answer.end().await;
        match is_suspended {
            false => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
            true => assert_suspended(&status),
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn who_watches_the_health_is_told_no_more_once_suspended_and_not_before() {
    // R87, R24.
    let running = Running::start().await;
    let open = Open::call(&running, "/grpc.health.v1.Health/Watch").await;
    let service = String::new();
    let request = framed(&HealthCheckRequest { service });
    open.say.send(request).unwrap();
    let mut answer = open.answer_to_all().await;
    assert!(!answer.next().await.unwrap().is_empty());
    // Had this ended it, the end would not be told of a suspension.
    retitle(&running).await;
    suspend(&running).await;
    // The health may have been told again meanwhile.
    let ended = async {
        loop {
            if let Err(headers) = answer.next().await {
                break Status::from_header_map(&headers).unwrap();
            }
        }
    };
    let status = tokio::time::timeout(PATIENCE, ended).await.unwrap();
    assert_suspended(&status);
    running.stop().await;
}
