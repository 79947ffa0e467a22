//! Kills the gateway again and again, under load and while it starts, and holds what was heard
//! outside against the ledger: types do not prove durability, this does.
//!
//! `MOTLAN_CRASH_KILLS` and `MOTLAN_CRASH_SEED` make it longer or other.

mod process {
    pub(crate) mod command;
    pub(crate) mod deployment;
    pub(crate) mod gateway;
    pub(crate) mod heard;
    mod lies;
    pub(crate) mod load;
    pub(crate) mod patience;
    pub(crate) mod starve;
    pub(crate) mod tree;
}

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::verify;
use motlan_audit::wire::frames_sha256;
use motlan_testkit::sample::Random;
use process::command::{How, Process};
use process::deployment::{Deployment, Entry, Question};
use process::gateway::{Gateway, STOP_MAX, get, logged};
use process::heard::{Asked, Heard};
use process::load::{Load, Outcome};
use process::starve::starve;
use process::tree::{self, Checkpoint};

/// How often the gateway is killed under load.
const KILLS: u32 = 50;
const SEED: u64 = 20_261_122;
/// How long after everybody has begun to ask.
const KILL_AFTER_MS: (u32, u32) = (5, 150);
/// One start in so many is killed as well.
const STARTS_PER_KILL: u32 = 6;
/// How long after such a start.
const START_KILL_AFTER_MS: (u32, u32) = (0, 1000);
/// So many of the gateways have a ledger that is as slow as can be.
const STARVED_PERCENT: u32 = 60;
/// How many kills between two full checks.
const KILLS_PER_CHECK: u32 = 10;
/// Answers per kill at least, or it was no load.
const ANSWERS_PER_KILL: usize = 3;

// R31: the question is durable before the provider hears it. R32: the outcome is durable before the
// caller hears it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_was_heard_before_a_kill_is_in_the_ledger_after_it() -> Result<()> {
    let kills = from_environment("MOTLAN_CRASH_KILLS", KILLS)?;
    let seed = from_environment("MOTLAN_CRASH_SEED", SEED)?;
    let mut crash = Crash {
        deployment: Deployment::lay().await?,
        random: Random::new(seed),
        heard: Heard::default(),
        torn: Vec::new(),
        seen: BTreeSet::new(),
        cut: 0,
        starved: 0,
    };
    for kill in 1..=kills {
        if crash.random.between(1, STARTS_PER_KILL) == 1 {
            crash
                .kill_a_start()
                .with_context(|| format!("the start of kill {kill}"))?;
        }
        crash
            .kill_under_load()
            .await
            .with_context(|| format!("kill {kill}"))?;
        if kill % KILLS_PER_CHECK == 0 || kill == kills {
            let gateway = crash.restart()?;
            crash
                .check()
                .with_context(|| format!("after kill {kill}"))?;
            gateway.stop()?;
        }
    }
    crash.was_a_load(kills)?;
    let report = crash.deployment.verified()?;
    ensure!(
        report.checkpoint_size == Some(report.records),
        "the last stop signed less: {report:?}"
    );
    println!(
        "{kills} kills, {} of a slow ledger: {} answers and {} questions heard, {} calls cut, \
         {} checkpoints seen; {} records, {} questions without an outcome",
        crash.starved,
        crash.heard.told.len(),
        crash.heard.asked.len(),
        crash.cut,
        crash.seen.len(),
        report.records,
        report.open_questions
    );
    Ok(())
}

fn from_environment<T: FromStr<Err: Into<anyhow::Error>>>(name: &str, usual: T) -> Result<T> {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .map_err(Into::into)
            .with_context(|| format!("`{name}`")),
        Err(_) => Ok(usual),
    }
}

/// A gateway that is killed, and all that was heard of it.
struct Crash {
    deployment: Deployment,
    random: Random,
    heard: Heard,
    /// Whole messages that came without the name of their record, by their digest.
    torn: Vec<(Question, Vec<u8>)>,
    seen: BTreeSet<Checkpoint>,
    cut: usize,
    /// How often the ledger was as slow as can be.
    starved: u32,
}

impl Crash {
    async fn kill_under_load(&mut self) -> Result<()> {
        let gateway = self.restart()?;
        if self.random.chance(STARVED_PERCENT) && starve(&gateway.process).await? {
            self.starved += 1;
        }
        let mut load = Load::start(&self.deployment, &gateway, &mut self.random).await?;
        load.run(self.moment(KILL_AFTER_MS)).await?;
        kill(gateway.process)?;
        let Outcome {
            told,
            torn,
            cut,
            seen,
        } = load.finish().await?;
        self.heard.told.extend(told);
        for (question, reply) in torn {
            // A message that is not whole has no digest, and a head alone is no answer.
            if let Ok(messages) = reply.messages()
                && !messages.is_empty()
            {
                self.torn.push((question, frames_sha256(&messages)));
            }
        }
        self.cut += cut;
        self.seen.extend(seen);
        self.ask_the_owners()
    }

    /// Kills it while it starts: at times before it has read its ledger, at times after, at the
    /// latest when it is ready.
    fn kill_a_start(&mut self) -> Result<()> {
        let mut process = Process::spawn(&mut self.deployment.motlan(&["serve"])?)?;
        let _ready_or_not = process.first_line(self.moment(START_KILL_AFTER_MS));
        kill(process)
    }

    fn moment(&mut self, (least_ms, most_ms): (u32, u32)) -> Duration {
        Duration::from_millis(u64::from(self.random.between(least_ms, most_ms)))
    }

    fn ask_the_owners(&mut self) -> Result<()> {
        for (_, provider) in self.deployment.world.providers() {
            for seen in provider.take_seen() {
                self.heard.asked.push(Asked::of(&seen)?);
            }
        }
        Ok(())
    }

    /// Starts it again: it must find all that anybody was told of.
    fn restart(&mut self) -> Result<Gateway> {
        let gateway = self.deployment.serve()?;
        let (_, note) = get(&gateway.admin, "/log/checkpoint")?;
        let found = Checkpoint::read(&note)?;
        let told = self.heard.told.iter().map(|told| told.record.index());
        let heard = told.chain(self.heard.asked.iter().map(|asked| asked.record.index()));
        let due = heard
            .max()
            .map_or(0, |last| usize::try_from(last).unwrap_or(usize::MAX) + 1);
        let signed = self.seen.last().map_or(0, |seen| seen.size);
        ensure!(
            found.size >= due.max(signed),
            "{} records after the restart; {due} were heard of, {signed} were signed",
            found.size
        );
        self.seen.insert(found);
        Ok(gateway)
    }

    /// Holds everything against the ledger. Nobody asks meanwhile.
    fn check(&mut self) -> Result<()> {
        self.ask_the_owners()?;
        self.deployment.verified()?;
        let entries = self.deployment.entries()?;
        no_faults(&self.heard.faults(&entries))?;
        no_faults(&tree::faults(&self.seen, &tree::leaves(&entries)))?;
        for (question, sha256) in &self.torn {
            let stands = |entry: &Entry| {
                entry.sealed.answer_sha256 == *sha256 && entry.sealed.subject == question.subject
            };
            ensure!(
                entries.iter().any(stands),
                "an answer to {} is not there",
                question.path
            );
        }
        let newest = self.seen.last().context("no checkpoint was seen")?;
        self.believed(newest)
    }

    /// An auditor who is given the ledger and a checkpoint that somebody kept believes both.
    fn believed(&self, checkpoint: &Checkpoint) -> Result<()> {
        let copy = tempfile::tempdir()?;
        let (from, to) = (self.deployment.ledger(), copy.path());
        std::fs::create_dir(to.join("segments"))?;
        for file in ["log", "segments/00000000"] {
            std::fs::copy(from.join(file), to.join(file))?;
        }
        std::fs::write(to.join("checkpoint"), &checkpoint.note)?;
        let report = verify(to, &self.deployment.key)?;
        ensure!(
            report.is_sound(),
            "with a checkpoint seen: {:?}",
            report.findings.first
        );
        Ok(())
    }

    /// A test that killed nothing at work would show nothing.
    fn was_a_load(&self, kills: u32) -> Result<()> {
        let least = usize::try_from(kills)? * ANSWERS_PER_KILL;
        let (told, asked) = (self.heard.told.len(), self.heard.asked.len());
        ensure!(
            told >= least && asked >= least,
            "too little was heard: {told} and {asked}"
        );
        ensure!(
            self.cut >= least,
            "too few calls were under way: {}",
            self.cut
        );
        ensure!(self.seen.len() > 1, "no checkpoint moved");
        Ok(())
    }
}

fn kill(process: Process) -> Result<()> {
    process.signal("KILL")?;
    let ended = process.wait(STOP_MAX)?;
    ensure!(
        ended.how == How::Signal(9),
        "it ended before the kill: {ended:?}"
    );
    let errors = logged(&ended.err, "ERROR");
    ensure!(errors.is_empty(), "it logged {errors:?}");
    Ok(())
}

fn no_faults(faults: &[String]) -> Result<()> {
    ensure!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    Ok(())
}
