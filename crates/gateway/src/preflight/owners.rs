//! Whether owners' systems can be reached: by name, TCP, TLS with our certificate and HTTP/2, each
//! with its own message; and what time it is there.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use jiff::fmt::rfc2822;
use motlan_catalog::document::Document;
use motlan_catalog::{Catalog, Faults};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::findings::Findings;
use crate::frames::framed;

const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// The alerts by which a server turns our certificate away.
const REFUSALS: [&str; 8] = [
    "CertificateRequired",
    "BadCertificate",
    "CertificateUnknown",
    "CertificateExpired",
    "CertificateRevoked",
    "UnsupportedCertificate",
    "UnknownCA",
    "AccessDenied",
];
/// Addresses that are dialled at once.
const AT_ONCE: usize = 64;

/// Why an owner's system cannot be reached.
#[derive(Debug, thiserror::Error)]
enum Unreached {
    #[error("its name is not found")]
    Name,
    #[error("the connection is refused")]
    Refused,
    #[error("there is no answer within {0} ms")]
    Silent(u128),
    #[error("it cannot be connected to: {0}")]
    Tcp(io::Error),
    #[error("its certificate is of no authority in `provider_tls.ca`")]
    Untrusted,
    #[error("its certificate is not for `{0}`")]
    OtherName(String),
    #[error("its certificate is over, or does not hold yet")]
    NotNow,
    #[error("its certificate is revoked, or its authority's revocation list cannot be used")]
    Revoked,
    #[error("it does not accept our certificate ({0})")]
    Unwelcome(&'static str),
    #[error("TLS with it fails: {0}")]
    Tls(String),
    #[error("it speaks no HTTP/2")]
    NotHttp2,
}

impl Unreached {
    fn remedy(&self) -> &'static str {
        match self {
            Self::Name => "correct the name, or the name server of this machine",
            Self::Refused => "see that the owner's system runs, and that the port is right",
            Self::Silent(_) => "see that a firewall lets us through, or raise `limits.dial_ms_max`",
            Self::Tcp(_) => "see that there is a route to it",
            Self::Untrusted => "add the authority of the owner, from the owner",
            Self::OtherName(_) => "set `server_name` to the name in it, or correct the address",
            Self::NotNow => "the owner has to renew it; or this machine's clock is off",
            Self::Revoked => "ask the owner, and renew `provider_tls.crl`",
            Self::Unwelcome(_) => {
                "have the owner accept the authority of `provider_tls.certificate`"
            }
            Self::Tls(_) => "the owner's system must speak TLS 1.3 there",
            Self::NotHttp2 => "name the port of the owner's gRPC service, which offers `h2`",
        }
    }
}

/// One address of a dataset's owner.
struct Target {
    dataset: String,
    address: String,
    server_name: ServerName<'static>,
}

/// What is dialled, and how.
pub(super) struct Dialled<'a> {
    pub(super) catalog: &'a Catalog,
    /// Where the catalogue lies.
    pub(super) folder: &'a Path,
    pub(super) client: Arc<ClientConfig>,
    pub(super) dial_max: Duration,
}

/// R110: dials each address, and asks what time it is there.
pub(super) async fn check(dialled: &Dialled<'_>, findings: &mut Findings) -> Vec<i64> {
    let endpoints = dialled.folder.join("endpoints.toml");
    let lines = Document::read(&endpoints, &mut Faults::new());
    let lines = lines.map(|document| document.lines()).unwrap_or_default();
    let mut waiting = targets(dialled.catalog).into_iter();
    let (mut dialling, mut told, mut reached) = (JoinSet::new(), BTreeMap::new(), Vec::new());
    loop {
        while dialling.len() < AT_ONCE
            && let Some(target) = waiting.next()
        {
            let (client, dial_max) = (Arc::clone(&dialled.client), dialled.dial_max);
            dialling.spawn(async move {
                let asked = ask(&target, client, dial_max).await;
                (target, asked)
            });
        }
        let Some(joined) = dialling.join_next().await else {
            break;
        };
        let Ok((target, asked)) = joined else {
            continue;
        };
        match asked {
            Ok(date) => reached.push(date),
            Err(error) => drop(told.insert((target.dataset, target.address), error)),
        }
    }
    let are = format!("owners      {} addresses answer over HTTP/2", reached.len());
    findings.looked.push(are);
    for ((dataset, address), error) in told {
        let line = lines.get(&format!("{dataset}.addresses")).copied();
        let what = format!("`{dataset}` cannot be reached at `{address}`: {error}");
        let faults = &mut findings.problems.faults;
        faults.push(&endpoints, line, what, error.remedy());
    }
    reached.into_iter().flatten().collect()
}

fn targets(catalog: &Catalog) -> Vec<Target> {
    let mut targets = Vec::new();
    for dataset in catalog.datasets() {
        for address in &dataset.addresses {
            let host = address
                .rsplit_once(':')
                .map_or(address.as_str(), |(host, _)| host);
            let name = dataset.server_name.as_deref().unwrap_or(host);
            // One that can stand in no certificate was told with the catalogue.
            let Ok(name) = ServerName::try_from(name.trim_matches(['[', ']'])) else {
                continue;
            };
            targets.push(Target {
                dataset: dataset.id.to_string(),
                address: address.clone(),
                server_name: name.to_owned(),
            });
        }
    }
    targets
}

/// What time it is there, where it tells.
async fn ask(
    target: &Target,
    client: Arc<ClientConfig>,
    dial_max: Duration,
) -> Result<Option<i64>, Unreached> {
    let silent = |_| Unreached::Silent(dial_max.as_millis());
    let dialled = tokio::time::timeout(dial_max, async {
        let found = tokio::net::lookup_host(&target.address).await;
        let found: Vec<_> = found.map_err(|_| Unreached::Name)?.collect();
        let tcp = TcpStream::connect(found.as_slice()).await.map_err(tcp)?;
        let name = target.server_name.clone();
        let tls = TlsConnector::from(client).connect(name, tcp).await;
        tls.map_err(|error| unshaken(&error, target))
    });
    let tls = dialled.await.map_err(silent)??;
    let heard = tokio::time::timeout(dial_max, health(tls, target)).await;
    heard.map_err(silent)?
}

fn tcp(error: io::Error) -> Unreached {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Unreached::Refused,
        _ => Unreached::Tcp(error),
    }
}

/// Whatever it answers, it speaks HTTP/2 and takes our certificate: under TLS 1.3 that shows only
/// with its first answer.
async fn health(tls: TlsStream<TcpStream>, target: &Target) -> Result<Option<i64>, Unreached> {
    if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(Unreached::NotHttp2);
    }
    let broken = |error: h2::Error| match error.get_io() {
        Some(error) => unshaken(error, target),
        None => Unreached::NotHttp2,
    };
    let (mut sender, connection) = h2::client::handshake(tls).await.map_err(broken)?;
    let request = Request::post(format!("https://{}{HEALTH}", target.address))
        .version(http::Version::HTTP_2)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(())
        .map_err(|_| Unreached::NotHttp2)?;
    let asked = async {
        let (answer, mut body) = sender.send_request(request, false).map_err(broken)?;
        body.send_data(framed(&[Bytes::new()]), true)
            .map_err(broken)?;
        answer.await.map_err(broken)
    };
    tokio::select! {
        answer = asked => {
            let date = answer?.headers().get(header::DATE).cloned();
            let date = date.and_then(|date| rfc2822::parse(date.to_str().ok()?).ok());
            Ok(date.map(|date| date.timestamp().as_second()))
        }
        ended = connection => Err(ended.err().map_or(Unreached::NotHttp2, broken)),
    }
}

/// Why hands could not be shaken.
fn unshaken(error: &io::Error, target: &Target) -> Unreached {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => match why {
            CertificateError::UnknownIssuer => Unreached::Untrusted,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Unreached::OtherName(target.server_name.to_str().into_owned())
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Unreached::NotNow,
            CertificateError::Revoked
            | CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. } => Unreached::Revoked,
            other => Unreached::Tls(other.to_string()),
        },
        Some(rustls::Error::AlertReceived(alert)) => match alert {
            AlertDescription::NoApplicationProtocol => Unreached::NotHttp2,
            other => {
                let told = format!("{other:?}");
                match REFUSALS.into_iter().find(|it| *it == told) {
                    Some(alert) => Unreached::Unwelcome(alert),
                    None => Unreached::Tls(format!("it sent the alert {told}")),
                }
            }
        },
        Some(other) => Unreached::Tls(other.to_string()),
        // HTTP/2 hands on no more than the words.
        None => match REFUSALS.iter().find(|it| error.to_string().contains(*it)) {
            Some(alert) => Unreached::Unwelcome(alert),
            None => Unreached::Tls(error.to_string()),
        },
    }
}
