//! A log that only grows.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, ensure};
use motlan_audit::witness::Policy;
use motlan_testkit::pki::{Authority, Leaf};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::laid::{
    Desk, Named, PATIENCE, configure, copy_ledger, cosigned, cosigned_file, log_of, metric, serve,
};
use super::office::{Office, check, post, send};
use crate::process::command::run;
use crate::process::gateway::logged;
use crate::process::patience::eventually;

// R70: a cosigned checkpoint that anybody can check.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_grows_is_cosigned_and_anybody_can_check_it() -> Result<()> {
    let desk = Desk::lay().await?;
    copy_ledger(&desk, "ledger", "own")?;
    let (office, other) = (Office::found("w.example/1")?, Office::found("w.example/2")?);
    let key = desk.key.clone();
    let (open, open_too) = (office.open(&key)?, other.open(&key)?);
    let named = |office: &Office, url| Named {
        url,
        key: office.key.clone(),
        ca: None,
    };
    let both = [named(&office, open.url()), named(&other, open_too.url())];
    let config = configure(&desk, "own", "witnesses_required_at_start = 2", &both)?;
    let policy = Policy::new(vec![office.key.clone(), other.key.clone()], 2)?;
    let file = cosigned_file(&desk, "own")?;
    for start in 0..2 {
        let gateway = serve(&config)?;
        let client = desk.connect(&gateway).await?;
        let mut size = start * 6;
        cosigned(&desk, &gateway, &policy, size).await?;
        for _ in 0..3 {
            desk.must_answer(&client).await?;
            size += 2;
            cosigned(&desk, &gateway, &policy, size).await?;
        }
        for witness in ["witness=\"w.example/1\"", "witness=\"w.example/2\""] {
            let seen = eventually("the size in the metrics", PATIENCE, async || {
                let seen = metric(&gateway, "motlan_witness_size", &[witness])?;
                Ok((seen >= 6.0).then_some(seen))
            });
            seen.await?;
        }
        ensure!(metric(&gateway, "motlan_cosigned_size", &[])? >= 6.0);
        ensure!(metric(&gateway, "motlan_cosigned_age_seconds", &[])? < 30.0);
        ensure!(
            metric(&gateway, "motlan_witness_failures", &[])? < 0.5,
            "failures"
        );
        gateway.stop()?;
        for office in [&office, &other] {
            let told = run(&mut check(&file, &key, &office.key)?)?.exited(0)?.out;
            ensure!(
                told.contains("is cosigned") && told.contains(office.key.name()),
                "{told}"
            );
        }
    }
    let stranger = Office::found("w.example/3")?;
    let told = run(&mut check(&file, &key, &stranger.key)?)?.exited(1)?.out;
    ensure!(
        told.contains("NOT cosigned") && told.contains("0 of 1"),
        "{told}"
    );
    ensure!(open.close()?.is_empty(), "the witness complains");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_behind_tls_is_believed_only_with_its_certificate() -> Result<()> {
    let desk = Desk::lay().await?;
    copy_ledger(&desk, "ledger", "own")?;
    let (office, other) = (Office::found("w.example/1")?, Office::found("w.example/2")?);
    let key = desk.key.clone();
    let (open, open_too) = (office.open(&key)?, other.open(&key)?);
    let authority = Authority::new("the witnesses' authority")?;
    desk.world
        .write("witness-ca.pem", authority.certificate_pem())?;
    let stranger = Authority::new("another authority")?;
    let named = |office: &Office, address: SocketAddr| Named {
        url: format!("https://localhost:{}", address.port()),
        key: office.key.clone(),
        ca: Some("witness-ca.pem".to_owned()),
    };
    let witnesses = [
        named(&office, front(&authority, open.address.clone()).await?),
        named(&other, front(&stranger, open_too.address.clone()).await?),
    ];
    let config = configure(&desk, "own", "witnesses_min = 1", &witnesses)?;
    let gateway = serve(&config)?;
    let client = desk.connect(&gateway).await?;
    desk.must_answer(&client).await?;
    let policy = Policy::new(vec![office.key.clone()], 1)?;
    cosigned(&desk, &gateway, &policy, 2).await?;
    let unreachable = ["witness=\"w.example/2\"", "cause=\"unreachable\""];
    ensure!(metric(&gateway, "motlan_witness_failures", &unreachable)? >= 1.0);
    let told = logged(&gateway.process.log(), "WARN").join("\n");
    ensure!(
        told.contains("w.example/2") && told.contains("UnknownIssuer"),
        "{told}"
    );
    gateway.stop()?;
    Ok(())
}

/// A proxy that speaks TLS before a witness.
async fn front(authority: &Authority, witness: String) -> Result<SocketAddr> {
    let identity = authority.issue(&Leaf::server("witness"))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate()?], identity.key()?)?;
    let tls = TlsAcceptor::from(Arc::new(tls));
    let tcp = TcpListener::bind("localhost:0").await?;
    let address = tcp.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = tcp.accept().await {
            let (tls, witness) = (tls.clone(), witness.clone());
            tokio::spawn(async move {
                let mut outside = tls.accept(stream).await?;
                let mut inside = TcpStream::connect(witness).await?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await?;
                io::Result::Ok(())
            });
        }
    });
    Ok(address)
}

#[tokio::test]
async fn a_witness_answers_nonsense_with_a_status_and_goes_on() -> Result<()> {
    let desk = Desk::lay().await?;
    let office = Office::found("w.example/1")?;
    let open = office.open(&desk.key)?;
    let address = &open.address;
    let long = "x".repeat(200_000);
    ensure!(post(address, "")?.0 == 400);
    ensure!(post(address, "old 0\n\nnot a note\n")?.0 == 400);
    // A body beyond the limit is not read to its end, so the connection may break off.
    ensure!(post(address, &long).map_or(413, |(status, _)| status) == 413);
    let get =
        format!("GET /add-checkpoint HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    ensure!(send(address, &get)?.0 == 405);
    ensure!(send(address, &get.replace("/add-checkpoint", "/"))?.0 == 404);
    ensure!(send(address, "nonsense\r\n\r\n")?.0 == 400);
    let note = std::fs::read_to_string(log_of(&desk, "ledger")?.join("checkpoint"))?;
    let (status, line) = post(address, &format!("old 0\n\n{note}"))?;
    ensure!(
        status == 200 && line.starts_with("\u{2014} w.example/1 "),
        "{status} {line}"
    );
    Ok(())
}
