//! `motlan health`: whether the gateway of a configuration is ready, as its operator's listener
//! says. For whoever starts gateways and waits, such as a container's `HEALTHCHECK`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use motlan_gateway::Settings;
use tokio::net::TcpStream;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How long it may be.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

const NOT_READY: u8 = 1;
const NOT_ASKED: u8 = 2;

/// Why the gateway could not be asked.
#[derive(Debug, thiserror::Error)]
enum HealthError {
    #[error("`{}` cannot be read; `motlan check` names its faults", .0)]
    Config(String, #[source] motlan_catalog::Faults),
    #[error(
        "`listen.admin` takes a free port, which nobody knows beforehand: give it one of its own"
    )]
    AnyPort,
    #[error("nothing answers at `{0}` within 2 seconds")]
    Silent(SocketAddr),
    #[error("`{0}` cannot be connected to: {1}")]
    Connect(SocketAddr, std::io::Error),
    #[error("`{0}` does not answer as a gateway does: {1}")]
    Answer(SocketAddr, String),
}

/// R110: exits with 0 where the gateway is ready, with 1 where it is not, with 2 where it could not
/// be asked.
pub(super) fn run(config: &Path) -> anyhow::Result<ExitCode> {
    let asked = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(ask(config));
    Ok(match asked {
        Ok((StatusCode::OK, _)) => {
            println!("ready");
            ExitCode::SUCCESS
        }
        Ok((_, why)) => {
            eprintln!("{}", why.trim_end());
            ExitCode::from(NOT_READY)
        }
        Err(error) => {
            eprintln!("motlan: {:#}", anyhow::Error::from(error));
            ExitCode::from(NOT_ASKED)
        }
    })
}

async fn ask(config: &Path) -> Result<(StatusCode, String), HealthError> {
    let settings = Settings::read(config)
        .map_err(|faults| HealthError::Config(config.display().to_string(), faults))?;
    let address = settings.listen.admin;
    if address.port() == 0 {
        return Err(HealthError::AnyPort);
    }
    let address = SocketAddr::new(own(address.ip()), address.port());
    let answer = tokio::time::timeout(ANSWER_MAX, readiness(address)).await;
    answer.map_err(|_| HealthError::Silent(address))?
}

/// Where one listens on all addresses, one asks at this machine's own.
fn own(listening: IpAddr) -> IpAddr {
    match listening {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

async fn readiness(address: SocketAddr) -> Result<(StatusCode, String), HealthError> {
    let odd = |error: &dyn std::error::Error| HealthError::Answer(address, error.to_string());
    let tcp = TcpStream::connect(address)
        .await
        .map_err(|error| HealthError::Connect(address, error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tcp))
        .await
        .map_err(|error| odd(&error))?;
    let request = Request::get("/readyz")
        .header(header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|error| odd(&error))?;
    let driven = tokio::spawn(connection);
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| odd(&error))?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| odd(&*error))?.to_bytes();
    driven.abort();
    Ok((head.status, String::from_utf8_lossy(&body).into_owned()))
}
