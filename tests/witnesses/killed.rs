//! A witness that is killed again and again, while two histories of one log compete for its word.
//!
//! `MOTLAN_WITNESS_KILLS` makes it longer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::Note;
use motlan_testkit::sample::Random;

use super::histories::Histories;
use super::office::{Office, post};

const KILLS: u32 = 30;
const SEED: u64 = 20_261_217;
/// How long after it has begun to answer.
const KILL_AFTER_MS: (u32, u32) = (1, 120);
/// Before the copy, and in all.
const FORK: u64 = 3;
const SIZE: u64 = 1_500;
/// At once; every second one of them is of the second history.
const ASKERS: usize = 4;

/// A size that was cosigned, and of which history.
type Signed = (usize, u64);

// R70: on disk before anybody sees the signature.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_that_is_killed_at_any_time_never_signs_two_histories() -> Result<()> {
    let kills = std::env::var("MOTLAN_WITNESS_KILLS").map_or(Ok(KILLS), |text| text.parse())?;
    let histories = Histories::lay(FORK, SIZE).await?;
    let office = Office::found("w.example/1")?;
    let mut random = Random::new(SEED);
    let mut signed: Vec<Signed> = Vec::new();
    for kill in 1..=kills {
        let open = office.open(&histories.key)?;
        let known = size(&histories, &open.address)?;
        let due = signed.iter().map(|(_, size)| *size).max().unwrap_or(0);
        ensure!(
            known >= due,
            "kill {kill}: it has signed {due}, and knows of {known}"
        );
        let after = u64::from(random.between(KILL_AFTER_MS.0, KILL_AFTER_MS.1));
        let (over, (tell, told)) = (AtomicBool::new(false), mpsc::channel());
        std::thread::scope(|scope| -> Result<()> {
            for asker in 0..ASKERS {
                let (histories, office, over) = (&histories, &office, &over);
                let (address, tell) = (open.address.clone(), tell.clone());
                scope.spawn(move || ask(histories, office, asker % 2, &address, over, &tell));
            }
            // A wait for nothing: the moment of the kill.
            let (_never, moment) = mpsc::channel::<()>();
            let _timeout = moment.recv_timeout(Duration::from_millis(after));
            let killed = open.process.signal("KILL");
            over.store(true, Ordering::Relaxed);
            killed
        })?;
        drop(tell);
        signed.extend(told.iter());
    }
    let beyond: Vec<_> = signed.iter().filter(|(_, size)| *size > FORK).collect();
    ensure!(
        beyond.len() * 3 >= kills as usize,
        "{} cosignatures are no load",
        beyond.len()
    );
    let (which, _) = beyond.first().context("nothing was signed")?;
    let others = beyond.iter().filter(|(it, _)| it != which).count();
    ensure!(
        others == 0,
        "{others} cosignatures are of the other history"
    );
    println!(
        "{kills} kills, {} cosignatures, all of one history",
        signed.len()
    );
    Ok(())
}

/// Has the witness cosign one size of a history after the other, until it is gone.
fn ask(
    histories: &Histories,
    office: &Office,
    which: usize,
    address: &str,
    over: &AtomicBool,
    tell: &mpsc::Sender<Signed>,
) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        let old = size(histories, address)?;
        let Some(next) = histories.next(which, old) else {
            return Ok(());
        };
        let request = histories.request(which, old, next)?;
        let (status, line) = post(address, &request)?;
        if status == 200 {
            let (_, note) = request.split_once("\n\n").context("no note")?;
            Note::parse(&(note.to_owned() + &line))?.verify_cosignature(&office.key)?;
            let root = histories.root(which, next)?;
            ensure!(next <= histories.fork || root != histories.root(1 - which, next)?);
            tell.send((which, next))?;
        } else {
            ensure!(matches!(status, 409 | 422), "{status} {line}");
        }
    }
    Ok(())
}

/// How far the witness is, which it says to a request that goes on from somewhere else.
fn size(histories: &Histories, address: &str) -> Result<u64> {
    // The last checkpoint before the fork is of both histories.
    let (status, body) = post(address, &histories.request(0, 0, FORK)?)?;
    match status {
        409 => Ok(body.trim_end().parse()?),
        200 => Ok(FORK),
        _ => anyhow::bail!("{status} {body}"),
    }
}
