//! Callers that take their time with the question.

use std::error::Error;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Version};
use hyper::body::{Body, Frame};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use motlan_gateway::enforced::Reloaded;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::sets::{AGREEMENT, Flavour};
use crate::system::question::{DESK, FUNERAL, GET_PERSON, person};
use crate::system::running::Running;
use crate::system::until::PATIENCE;

/// The desk's connection with TLS and without HTTP/2.
async fn tls(running: &Running) -> TlsStream<TcpStream> {
    let connector = TlsConnector::from(running.world().client_config(DESK).unwrap());
    let tcp = TcpStream::connect(&running.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, tcp).await.unwrap()
}

/// A connection of the desk's, for messages that come in any way.
pub(super) async fn connected<B>(running: &Running) -> SendRequest<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
{
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(tls(running).await))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

/// A call without a token.
pub(super) fn posted<B>(running: &Running, path: &str, body: B) -> Request<B> {
    Request::post(format!("https://{}{path}", running.address))
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap()
}

/// The beginning of a message, and its end once that is sent.
struct InTwo {
    begin: Option<Bytes>,
    end: oneshot::Receiver<Bytes>,
    is_whole: bool,
}

impl Body for InTwo {
    type Data = Bytes;
    type Error = oneshot::error::RecvError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(begin) = self.begin.take() {
            return Poll::Ready(Some(Ok(Frame::data(begin))));
        }
        if self.is_whole {
            return Poll::Ready(None);
        }
        let end = ready!(Pin::new(&mut self.end).poll(context));
        self.is_whole = true;
        Poll::Ready(Some(end.map(Frame::data)))
    }
}

#[tokio::test]
async fn a_question_that_comes_slowly_is_decided_by_what_is_in_force_once_it_is_whole() {
    // R88: allowed by the set at whose time it began, and by no other.
    let running = Running::start().await;
    let world = running.world();
    let wide = Flavour::Identity.agreement();
    world.write(AGREEMENT, &wide).unwrap();
    assert!(matches!(running.reload().await, Ok(Reloaded::Taken(_))));

    let mut sender = connected(&running).await;
    let token = world.system(DESK).unwrap().signed(FUNERAL).unwrap();
    let message = person(&running.roles().person).message;
    let prefix = [
        &[0],
        u32::try_from(message.len())
            .unwrap()
            .to_be_bytes()
            .as_slice(),
    ]
    .concat();
    let (rest, end) = oneshot::channel();
    let body = InTwo {
        begin: Some(prefix.into()),
        end,
        is_whole: false,
    };
    let mut request = posted(&running, GET_PERSON, body);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let asking = tokio::spawn(sender.send_request(request));

    world
        .write(AGREEMENT, &Flavour::Residence.agreement())
        .unwrap();
    let Ok(Reloaded::Taken(revision)) = running.reload().await else {
        panic!("a good set was not taken");
    };
    rest.send(message.into()).unwrap();
    let response = tokio::time::timeout(PATIENCE, asking).await.unwrap();
    let response = response.unwrap().unwrap();
    assert_eq!(response.headers()["grpc-status"], "7");
    assert_eq!(running.heard(), 0);
    drop(sender);
    let past = running.stop().await;
    let [_change, _other, refused] = past.entries.as_slice() else {
        panic!("{} records", past.entries.len());
    };
    assert_eq!(refused.record.reason, "PURPOSE_NOT_COVERED");
    assert_eq!(refused.record.revision, revision.as_str());
}
