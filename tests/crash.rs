//! Kills the gateway again and again, under load and while it starts, and holds what was heard
//! outside against the ledger: types do not prove durability, this does.
//!
//! `MOTLAN_CRASH_KILLS` and `MOTLAN_CRASH_SEED` make it longer or other.

mod process {
    pub(crate) mod command;
    pub(crate) mod deployment;
    pub(crate) mod gateway;
    pub(crate) mod heard;
    pub(crate) mod load;
    pub(crate) mod starve;
    pub(crate) mod tree;
}

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::wire::frames_sha256;
use motlan_audit::{ReadEntry, verify};
use motlan_testkit::sample::Random;
use process::command::{How, Process};
use process::deployment::{Deployment, Question};
use process::gateway::{Gateway, STOP_MAX, get, logged};
use process::heard::{Asked, Heard, Told};
use process::load::{Load, Outcome};
use process::starve::starve;
use process::tree::{self, Checkpoint};
use prost::Message as _;

/// How often the gateway is killed under load.
const KILLS: u32 = 50;
const SEED: u64 = 31_32;
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
    let seed = from_environment("MOTLAN_CRASH_SEED", u64::from(SEED))?;
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
                .await
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
        "{kills} kills, {} of a slow ledger: {} answers and {} questions heard, {} calls cut, {} checkpoints seen; \
         {} records, {} questions without an outcome",
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
        if self.random.chance(STARVED_PERCENT) && starve(&gateway.process)? {
            self.starved += 1;
        }
        let load = Load::start(&self.deployment, &gateway, &mut self.random).await?;
        self.pause(KILL_AFTER_MS).await;
        kill(gateway.process)?;
        let Outcome {
            told,
            torn,
            cut,
            seen,
        } = load.finish().await?;
        self.heard.told.extend(told);
        for (question, reply) in torn {
            // A message that is not whole has no digest.
            if let Ok(messages) = reply.messages() {
                self.torn.push((question, frames_sha256(&messages)));
            }
        }
        self.cut += cut;
        self.seen.extend(seen);
        self.ask_the_owners()
    }

    /// Kills it while it starts, at times before it has read its ledger, at times after.
    async fn kill_a_start(&mut self) -> Result<()> {
        let process = Process::spawn(&mut self.deployment.motlan(&["serve"])?)?;
        self.pause(START_KILL_AFTER_MS).await;
        kill(process)
    }

    /// The moments of the kills are what this test is about: it waits for nothing here.
    async fn pause(&mut self, (least_ms, most_ms): (u32, u32)) {
        let pause = u64::from(self.random.between(least_ms, most_ms));
        tokio::time::sleep(Duration::from_millis(pause)).await;
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
        no_faults(&tree::faults(&self.seen, &leaves(&entries)))?;
        for (question, sha256) in &self.torn {
            let stands = |entry: &ReadEntry| {
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

fn leaves(entries: &[ReadEntry]) -> Vec<Vec<u8>> {
    // Verification has found every leaf in its canonical form.
    entries
        .iter()
        .map(|entry| entry.record.encode_to_vec())
        .collect()
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

// The checks above are only worth something if they find what is false.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_ledger_does_not_bear_out_is_found() -> Result<()> {
    let (entries, heard, seen) = a_few_calls().await?;
    no_faults(&heard.faults(&entries))?;
    no_faults(&tree::faults(&seen, &leaves(&entries)))?;
    let told = heard.told.first().context("nothing was told")?;
    let asked = heard.asked.first().context("nothing was asked")?;
    let beyond = "demo-2026q4-999".parse()?;
    let only = |told: Told| Heard {
        told: vec![told],
        asked: Vec::new(),
    };
    let mut changed = told.sha256.clone();
    *changed.first_mut().context("no digest")? ^= 1;

    let absent = only(Told {
        record: beyond,
        ..told.clone()
    });
    finds(&absent, &entries, "not in the ledger")?;
    let other_answer = only(Told {
        sha256: changed,
        ..told.clone()
    });
    finds(&other_answer, &entries, "not the one in the ledger")?;
    let fewer = only(Told {
        answers: 0,
        ..told.clone()
    });
    finds(&fewer, &entries, "0 messages were told")?;
    let refused = only(Told {
        code: tonic::Code::PermissionDenied,
        ..told.clone()
    });
    finds(&refused, &entries, "Outcome Released where")?;
    let of_question = only(Told {
        record: asked.record.clone(),
        ..told.clone()
    });
    finds(&of_question, &entries, "Question Unspecified where")?;
    let question = Question {
        subject: "1".to_owned(),
        ..told.question.clone()
    };
    finds(
        &only(Told {
            question,
            ..told.clone()
        }),
        &entries,
        "about another",
    )?;
    let question = Question {
        system: "H29/one-stop",
        ..told.question.clone()
    };
    finds(
        &only(Told {
            question,
            ..told.clone()
        }),
        &entries,
        "told to `H26/one-stop`",
    )?;
    let twice = Heard {
        told: vec![told.clone(), told.clone()],
        asked: Vec::new(),
    };
    finds(&twice, &entries, "two answers have this record")?;

    let only = |asked: Asked| Heard {
        told: Vec::new(),
        asked: vec![asked],
    };
    let of_outcome = only(Asked {
        record: told.record.clone(),
        ..asked.clone()
    });
    finds(&of_outcome, &entries, "the ledger has Outcome there")?;
    let other_method = only(Asked {
        path: "/a.B/C".to_owned(),
        ..asked.clone()
    });
    finds(&other_method, &entries, "or about another")?;
    let other_subject = only(Asked {
        subject: Some("1".to_owned()),
        ..asked.clone()
    });
    finds(&other_subject, &entries, "or about another")?;
    finds(&only(asked.clone()), &[], "not in the ledger")?;

    let mut other_leaves = leaves(&entries);
    other_leaves.first_mut().context("no leaf")?.push(0);
    ensure!(
        tree::faults(&seen, &other_leaves).len() == 1,
        "a changed leaf is not found"
    );
    ensure!(
        tree::faults(&seen, &[]).len() == 1,
        "lost records are not found"
    );
    Ok(())
}

/// An answer, a refusal and the checkpoint after them, with the ledger.
async fn a_few_calls() -> Result<(Vec<ReadEntry>, Heard, BTreeSet<Checkpoint>)> {
    let deployment = Deployment::lay().await?;
    let gateway = deployment.serve()?;
    let client = deployment.connect(&gateway, "H26/one-stop").await?;
    let path = "/vn.population.v1.PopulationRegistry/GetPerson";
    let granted = Question::of_desk(path, &deployment.world.sample().roles.person);
    let refused = Question {
        procedure: "1.014177",
        ..granted.clone()
    };
    let mut heard = Heard::default();
    for question in [granted, refused] {
        let reply = client.call(&deployment.call(&question)?).await?;
        heard.told.extend(Told::of(&question, &reply)?);
    }
    let provider = deployment
        .world
        .provider("population")
        .context("no provider")?;
    for seen in provider.take_seen() {
        heard.asked.push(Asked::of(&seen)?);
    }
    let (_, note) = get(&gateway.admin, "/log/checkpoint")?;
    gateway.stop()?;
    ensure!(
        heard.told.len() == 2 && heard.asked.len() == 1,
        "heard otherwise: {heard:?}"
    );
    Ok((
        deployment.entries()?,
        heard,
        BTreeSet::from([Checkpoint::read(&note)?]),
    ))
}

fn finds(heard: &Heard, ledger: &[ReadEntry], what: &str) -> Result<()> {
    let faults = heard.faults(ledger);
    let found = faults.iter().any(|fault| fault.contains(what));
    ensure!(found, "not found: {what}; but {faults:?}");
    Ok(())
}
