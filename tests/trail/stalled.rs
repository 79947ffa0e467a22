//! A call whose message does not come takes a place for some seconds, and not all places.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Version};
use hyper::body::{Body, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use motlan_api::audit::v1::{EraseRequest, SearchRequest};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tonic::Code;

use super::asking::{AUDITOR, Asked as _, get};
use crate::system::question::DESK;
use crate::system::running::Running;

/// As many calls of one system may be under way.
const SHARE: usize = 32;
/// Longer than any call may wait for its message, and much shorter than an erasure may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nothing ever comes.
struct Silent;

impl Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_call_without_a_message_is_turned_away_and_takes_no_place_of_others() {
    // R4.
    let running = Running::start().await;
    let tls = running.world().client_config(DESK).unwrap();
    let stream = TcpStream::connect(&running.address).await.unwrap();
    let stream = TlsConnector::from(tls)
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
        .unwrap();
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    // One more than its share: that one is turned away at once, the others for their silence.
    let mut asking = JoinSet::new();
    for _ in 0..=SHARE {
        let uri = format!("https://{}{}", running.address, EraseRequest::METHOD);
        let request = Request::post(uri)
            .version(Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Silent)
            .unwrap();
        let mut sender = sender.clone();
        asking.spawn(async move { sender.send_request(request).await.unwrap() });
    }
    let status = async |asking: &mut JoinSet<http::Response<_>>| {
        let ended = tokio::time::timeout(PATIENCE, asking.join_next()).await;
        let response = ended.expect("the gateway answers").unwrap().unwrap();
        let status = response.headers()["grpc-status"].to_str().unwrap();
        Code::from_bytes(status.as_bytes())
    };
    assert_eq!(status(&mut asking).await, Code::ResourceExhausted);
    get(&running, AUDITOR, &SearchRequest::default()).await;
    for _ in 0..SHARE {
        assert_eq!(status(&mut asking).await, Code::DeadlineExceeded);
    }
    drop(sender);
    assert_eq!(running.stop().await.entries.len(), 1);
}
