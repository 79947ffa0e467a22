//! A bare pass-through: what people would write in an afternoon.
//!
//! tonic's server and tonic's channel, mutual TLS on both legs, and the message's bytes as they
//! come. Any unary call of any method passes, with its metadata, and so does the one server stream
//! that the bench asks for. There is no policy, no mask and no
//! ledger; every setting is tonic's own.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Result;
use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{ServerStreamingService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{
    Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig,
};
use tonic::{Request, Response, Status, Streaming};
use tower::Service;

use crate::child::until_orphaned;
use crate::household::LIST_HOUSEHOLD;
use crate::options::PassThrough;
use crate::owner::text;

/// Serves until whoever started it is gone. Says its address first.
pub(crate) fn run(options: &PassThrough) -> Result<()> {
    crate::runtime()?.block_on(serve(options))
}

async fn serve(options: &PassThrough) -> Result<()> {
    let file = |name: &str| text(&options.dir, name);
    let ca = Certificate::from_pem(file("pki/ca.pem")?);
    let towards_callers = ServerTlsConfig::new()
        .identity(Identity::from_pem(
            file("pki/gateway.pem")?,
            file("pki/gateway.key")?,
        ))
        .client_ca_root(ca.clone());
    let towards_owner = ClientTlsConfig::new()
        .ca_certificate(ca)
        .identity(Identity::from_pem(
            file("pki/gateway-client.pem")?,
            file("pki/gateway-client.key")?,
        ));
    let owner = Endpoint::from_shared(format!("https://{}", options.owner))?
        .tls_config(towards_owner)?
        .connect()
        .await?;
    // What `Server::serve` would do, but for a port that the system chooses.
    let incoming = TcpIncoming::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    println!("{}", incoming.local_addr()?);
    Server::builder()
        .tls_config(towards_callers)?
        .serve_with_incoming_shutdown(Forward(owner), incoming.with_nodelay(Some(true)), async {
            // However the input ends, nobody is there any more.
            let _ended = until_orphaned().await;
        })
        .await?;
    Ok(())
}

type Answering<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Takes every call.
#[derive(Clone)]
struct Forward(Channel);

impl Service<http::Request<Body>> for Forward {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answering<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let call = Call {
            path: request.uri().path_and_query().cloned(),
            owner: self.0.clone(),
        };
        let streams = request.uri().path() == LIST_HOUSEHOLD;
        Box::pin(async move {
            let mut server = tonic::server::Grpc::new(Raw);
            Ok(match streams {
                true => server.server_streaming(call, request).await,
                false => server.unary(call, request).await,
            })
        })
    }
}

/// One call.
struct Call {
    path: Option<PathAndQuery>,
    owner: Channel,
}

impl UnaryService<Bytes> for Call {
    type Response = Bytes;
    type Future = Answering<Response<Bytes>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let ready = self.ready();
        Box::pin(async move {
            let (mut owner, path) = ready.await?;
            owner.unary(request, path, Raw).await
        })
    }
}

impl ServerStreamingService<Bytes> for Call {
    type Response = Bytes;
    type ResponseStream = Streaming<Bytes>;
    type Future = Answering<Response<Streaming<Bytes>>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let ready = self.ready();
        Box::pin(async move {
            let (mut owner, path) = ready.await?;
            owner.server_streaming(request, path, Raw).await
        })
    }
}

impl Call {
    /// A client of the owner that takes a request now, and the method's path.
    fn ready(
        &mut self,
    ) -> impl Future<Output = Result<(Grpc<Channel>, PathAndQuery), Status>> + use<> {
        let path = self.path.take();
        let mut owner = Grpc::new(self.owner.clone());
        async move {
            let path = path.ok_or_else(|| Status::unimplemented("no path"))?;
            let gone = |error| Status::unavailable(format!("the owner is not there: {error}"));
            owner.ready().await.map_err(gone)?;
            Ok((owner, path))
        }
    }
}

/// A message as bytes, whatever it is.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
