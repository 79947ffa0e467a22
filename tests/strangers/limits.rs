//! R4: what those can take who only want to cost.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Version};
use hyper::body::{Body, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use motlan_testkit::client::Client;
use motlan_testkit::provider::Misbehaviour;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Code;

use crate::system::question::{DESK, GET_PERSON, OTHER_DESK, RESIDENCE, person};
use crate::system::refused::turned_away;
use crate::system::running::{Laid, Running};
use crate::system::until::{PATIENCE, until};

async fn start(limits: &str) -> Running {
    let laid = Laid::out().await;
    laid.configured(&format!("[limits]\n{limits}"))
        .start()
        .await
}

/// Waits until the gateway closes the stream; whatever it says before does not matter.
async fn closed(what: &str, stream: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut said = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await;
    // An end and a reset are both an end.
    ended
        .unwrap_or_else(|_| panic!("{what}: still open after {PATIENCE:?}"))
        .ok();
}

async fn refused(running: &Running, cause: &str, times: u64) {
    until(cause, async || {
        let refused = running.admin.refused(cause).await;
        assert!(refused <= times, "{cause}: {refused}");
        (refused == times).then_some(())
    })
    .await;
}

/// The desk's connection with TLS and without HTTP/2.
async fn tls(running: &Running) -> TlsStream<TcpStream> {
    let connector = TlsConnector::from(running.world().client_config(DESK).unwrap());
    let tcp = TcpStream::connect(&running.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, tcp).await.unwrap()
}

#[tokio::test]
async fn a_connection_without_http_2_is_closed() {
    let running = start("handshake_ms_max = 200").await;
    let mut tls = tls(&running).await;
    closed("TLS without HTTP/2", &mut tls).await;
    refused(&running, "no_preface", 1).await;
    running.stop().await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let running = start("handshake_ms_max = 200").await;
    let mut silent = TcpStream::connect(&running.address).await.unwrap();
    closed("a silent connection", &mut silent).await;
    refused(&running, "handshake_timeout", 1).await;
    assert!(running.stop().await.entries.is_empty());
}

#[tokio::test]
async fn a_handshake_that_drips_is_closed() {
    let running = start("handshake_ms_max = 200").await;
    let mut slow = TcpStream::connect(&running.address).await.unwrap();
    // The beginning of a ClientHello of 16 KiB, byte by byte.
    let mut hello = [22, 3, 1, 0x40, 0].into_iter().chain(std::iter::repeat(0));
    let mut drips = tokio::time::interval(Duration::from_millis(20));
    tokio::time::timeout(PATIENCE, async {
        while slow.write_all(&[hello.next().unwrap()]).await.is_ok() {
            drips.tick().await;
        }
    })
    .await
    .expect("the gateway closes the connection");
    refused(&running, "handshake_timeout", 1).await;
    running.stop().await;
}

#[tokio::test]
async fn there_are_no_more_handshakes_at_once_than_the_limit() {
    let running = start("handshakes_max = 2").await;
    let _silent = [
        TcpStream::connect(&running.address).await.unwrap(),
        TcpStream::connect(&running.address).await.unwrap(),
    ];
    let tls = running.world().client_config(DESK).unwrap();
    let third = Client::connect(&running.address, tls).await;
    assert!(third.is_err());
    refused(&running, "too_many", 1).await;
    // Whoever was there before is not disturbed.
    let roles = running.roles();
    assert_eq!(running.ask(&person(&roles.person)).await.code(), Code::Ok);
    drop(_silent);
    until("there is room again", async || {
        let tls = running.world().client_config(DESK).unwrap();
        Client::connect(&running.address, tls).await.ok()
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn there_are_no_more_connections_at_once_than_the_limit() {
    // One of them is the fixture's own.
    let running = start("connections_max = 2").await;
    let second = running.client(DESK).await;
    let tls = running.world().client_config(DESK).unwrap();
    let third = Client::connect(&running.address, tls).await;
    assert!(third.is_err());
    refused(&running, "too_many", 1).await;
    drop(second);
    let again = until("there is room again", async || {
        let tls = running.world().client_config(DESK).unwrap();
        Client::connect(&running.address, tls).await.ok()
    })
    .await;
    let roles = running.roles();
    let call = person(&roles.person).by(running.world().system(DESK).unwrap());
    assert_eq!(again.call(&call).await.unwrap().code(), Code::Ok);
    drop(again);
    running.stop().await;
}

#[tokio::test]
async fn there_are_no_more_lookups_at_once_than_the_limit() {
    let running = start("in_flight_max = 1").await;
    let roles = running.roles();
    let population = running.provider("population");
    population.misbehave(GET_PERSON, Some(&roles.person), Misbehaviour::Silent);
    let desk = running.world().system(DESK).unwrap();
    let held = person(&roles.person).with("grpc-timeout", "3S").by(desk);
    let client = running.desk.clone();
    let holding = tokio::spawn(async move { client.call(&held).await });
    until("the first is under way", async || {
        (running.heard() == 1).then_some(())
    })
    .await;

    let second = person(&roles.spouse);
    let reply = running.ask(&second).await;
    turned_away(&reply, Code::ResourceExhausted, "GATEWAY_BUSY");
    assert_eq!(running.admin.turned_away("GATEWAY_BUSY").await, 1);
    assert_eq!((running.heard(), running.admin.records().await), (1, 1));
    let first = holding.await.unwrap().unwrap();
    assert_eq!(first.code(), Code::DeadlineExceeded);
    // And afterwards there is room.
    assert_eq!(running.ask(&second).await.code(), Code::Ok);
    running.stop().await;
}

#[tokio::test]
async fn a_system_that_takes_all_of_its_share_takes_nothing_from_the_others() {
    let running = start("in_flight_per_system_max = 1").await;
    let roles = running.roles();
    let population = running.provider("population");
    population.misbehave(GET_PERSON, Some(&roles.person), Misbehaviour::Silent);
    let desk = running.world().system(DESK).unwrap();
    let held = person(&roles.person).with("grpc-timeout", "3S").by(desk);
    let client = running.desk.clone();
    let holding = tokio::spawn(async move { client.call(&held).await });
    until("the first is under way", async || {
        (running.heard() == 1).then_some(())
    })
    .await;

    let reply = running.ask(&person(&roles.spouse)).await;
    turned_away(&reply, Code::ResourceExhausted, "GATEWAY_BUSY");
    // Another system is heard, if only to be refused.
    let reply = running.ask_as(OTHER_DESK, &person(&roles.spouse)).await;
    assert_eq!(reply.reason().as_deref(), Some("NO_AGREEMENT"));
    holding.await.unwrap().unwrap();
    running.stop().await;
}

/// Three bytes of a message, and then nothing more.
struct Unending(Option<Bytes>);

impl Body for Unending {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.0.take() {
            Some(begun) => Poll::Ready(Some(Ok(Frame::data(begun)))),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_message_that_does_not_come_to_an_end_is_not_waited_for() {
    let running = start("lookup_ms_max = 300").await;
    let token = running.world().system(DESK).unwrap();
    let token = token.signed(RESIDENCE).unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(tls(&running).await))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("https://{}{GET_PERSON}", running.address))
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .body(Unending(Some(Bytes::from_static(&[0, 0, 0]))))
        .unwrap();
    let response = tokio::time::timeout(PATIENCE, sender.send_request(request)).await;
    let response = response.expect("the gateway answers").unwrap();
    let code = response.headers()["grpc-status"].to_str().unwrap();
    assert_eq!(code.parse(), Ok(Code::DeadlineExceeded as i32));
    assert_eq!(running.admin.turned_away("MESSAGE_LATE").await, 1);
    assert_eq!(running.heard(), 0);
    drop(sender);
    assert!(running.stop().await.entries.is_empty());
}
