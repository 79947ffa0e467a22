//! Witnesses that lie, hang and flood: lookups go on, and the log says who it was.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Result, ensure};
use motlan_audit::witness::Policy;
use motlan_audit::{Note, WitnessSignerKey};

use super::laid::{Desk, Named, PATIENCE, configure, copy_ledger, cosigned, log_of, metric, serve};
use super::office::Office;
use crate::process::gateway::logged;
use crate::process::patience::eventually;

const LOOKUPS: u64 = 20;
/// How long a stream stays open that nobody reads from.
const STALL_MAX: Duration = Duration::from_secs(60);

/// What a false witness does with a request, and how the metrics count it.
#[derive(Clone, Copy)]
struct Lie {
    cause: &'static str,
    tell: fn(&mut TcpStream, &WitnessSignerKey, &str) -> std::io::Result<()>,
}

/// The key is another of the same name, or of a name of its own.
const LIES: [Lie; 9] = [
    Lie {
        cause: "bad_cosignature",
        tell: |stream, impostor, text| ok(stream, &impostor.cosign(text, 1)),
    },
    Lie {
        cause: "bad_cosignature",
        tell: |stream, _, _| ok(stream, "nothing of the kind\n"),
    },
    Lie {
        cause: "slow",
        tell: |stream, _, _| stream.read(&mut [0]).map(|_| ()),
    },
    Lie {
        cause: "answer",
        tell: |stream, _, _| {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 4096])?;
            }
        },
    },
    Lie {
        cause: "broken_off",
        tell: |stream, _, _| {
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            loop {
                stream.write_all(b"x-more: and more\r\n")?;
            }
        },
    },
    Lie {
        cause: "broken_off",
        tell: |_, _, _| Ok(()),
    },
    Lie {
        cause: "refused",
        tell: |stream, _, _| answer(stream, "500 Broken", "text/plain", ""),
    },
    Lie {
        cause: "refused",
        tell: |stream, _, _| answer(stream, "409 Conflict", "text/plain", "99\n"),
    },
    Lie {
        cause: "refused",
        tell: |stream, _, _| answer(stream, "404 Not Found", "text/plain", "who are you\n"),
    },
];

fn ok(stream: &mut TcpStream, body: &str) -> std::io::Result<()> {
    answer(stream, "200 OK", "text/plain", body)
}

fn answer(stream: &mut TcpStream, status: &str, kind: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n");
    stream.write_all(format!("{head}\r\n{body}").as_bytes())
}

/// A false witness in threads of its own, until the test ends.
fn liar(lie: Lie, impostor: WitnessSignerKey) -> Result<String> {
    let tcp = TcpListener::bind("127.0.0.1:0")?;
    let address = tcp.local_addr()?;
    let impostor = std::sync::Arc::new(impostor);
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = tcp.accept() {
            let impostor = std::sync::Arc::clone(&impostor);
            std::thread::spawn(move || {
                stream.set_read_timeout(Some(STALL_MAX))?;
                let request = request(&mut stream)?;
                let (_, note) = request.split_once("\n\n").unwrap_or_default();
                let text = Note::parse(note).map_or("", |note| note.text());
                (lie.tell)(&mut stream, &impostor, text)
            });
        }
    });
    Ok(format!("http://{address}"))
}

/// The body of a request.
fn request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece)?;
        read.extend(piece.iter().take(count));
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if body.len() >= length || count == 0 {
                return Ok(body.to_owned());
            }
        }
    }
}

// R72: no lookup waits for a witness, whatever it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn witnesses_that_lie_hang_and_flood_are_named_and_harm_no_lookup() -> Result<()> {
    let desk = Desk::lay().await?;
    copy_ledger(&desk, "ledger", "own")?;
    let office = Office::found("w.example/honest")?;
    let open = office.open(&desk.key)?;
    let mut witnesses = vec![Named {
        url: open.url(),
        key: office.key.clone(),
        ca: None,
    }];
    let mut liars = Vec::new();
    for (number, lie) in LIES.into_iter().enumerate() {
        let name = format!("w.example/liar-{number}");
        let key = WitnessSignerKey::generate(&name)?.verifier().clone();
        let url = liar(lie, WitnessSignerKey::generate(&name)?)?;
        witnesses.push(Named { url, key, ca: None });
        liars.push((name, lie.cause));
    }
    let config = configure(&desk, "own", "witnesses_min = 1", &witnesses)?;
    let gateway = serve(&config)?;
    let client = desk.connect(&gateway).await?;
    let policy = Policy::new(vec![office.key.clone()], 1)?;
    for lookup in 1..=LOOKUPS {
        desk.must_answer(&client).await?;
        if lookup % 5 == 0 {
            cosigned(&desk, &gateway, &policy, 2 * lookup).await?;
        }
    }
    for (name, cause) in &liars {
        let labels = [format!("witness=\"{name}\""), format!("cause=\"{cause}\"")];
        let labels = labels.each_ref().map(String::as_str);
        eventually(&format!("{name}: {cause}"), PATIENCE, async || {
            let counted = metric(&gateway, "motlan_witness_failures", &labels)?;
            Ok((counted >= 1.0).then_some(()))
        })
        .await?;
    }
    let told = logged(&gateway.process.log(), "WARN");
    for (name, _) in &liars {
        let lines = told.iter().filter(|line| line.contains(name)).count();
        ensure!(lines == 1, "{name} is named {lines} times: {told:?}");
    }
    desk.must_answer(&client).await?;
    // It has logged no error, and stops at once.
    gateway.stop()?;
    let own = log_of(&desk, "own")?;
    let report = motlan_audit::verify(&own, &desk.key)?;
    ensure!(report.is_sound(), "{:?}", report.findings.first);
    Ok(())
}
