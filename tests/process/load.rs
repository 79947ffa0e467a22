//! Many callers at once, each with the next question as soon as the last is answered, until the
//! gateway is gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use motlan_testkit::Client;
use motlan_testkit::client::{Call, CallError, Reply};
use motlan_testkit::sample::Random;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tonic::Status;

use super::deployment::{Deployment, Question};
use super::gateway::{Gateway, get};
use super::heard::Told;
use super::tree::Checkpoint;

/// Connections, and how many calls are in flight on each.
const CONNECTIONS: [(&str, usize); 3] = [
    ("H26/one-stop", 10),
    ("H26/one-stop", 10),
    ("H29/one-stop", 4),
];
/// Between two looks at the checkpoint.
const LOOK_EVERY: Duration = Duration::from_millis(10);

const PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
const HOUSEHOLD: &str = "/vn.population.v1.PopulationRegistry/ListHousehold";
const MARITAL_STATUS: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetMaritalStatus";

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) told: Vec<Told>,
    /// Messages whose trailers did not come any more, so that no record is known: as a reply.
    pub(crate) torn: Vec<(Question, Reply)>,
    /// How many calls were never answered.
    pub(crate) cut: usize,
    /// The checkpoints that were seen.
    pub(crate) seen: BTreeSet<Checkpoint>,
}

/// A load under way.
pub(crate) struct Load {
    callers: JoinSet<Result<Outcome>>,
    watcher: JoinHandle<Result<BTreeSet<Checkpoint>>>,
}

impl Load {
    /// Connects everybody, then lets them ask.
    pub(crate) async fn start(
        deployment: &Deployment,
        gateway: &Gateway,
        random: &mut Random,
    ) -> Result<Self> {
        let mut ready = Vec::new();
        for (system, in_flight) in CONNECTIONS {
            let questions = questions(deployment, system)
                .into_iter()
                .map(|question| Ok((deployment.call(&question)?, question)))
                .collect::<Result<Vec<_>>>()?;
            let client = deployment.connect(gateway, system).await?;
            ready.push((client, Arc::new(questions), in_flight));
        }
        let mut callers = JoinSet::new();
        for (client, questions, in_flight) in ready {
            for _ in 0..in_flight {
                let random = Random::new(random.draw());
                callers.spawn(ask(client.clone(), Arc::clone(&questions), random));
            }
        }
        let watcher = tokio::spawn(watch(gateway.admin.clone()));
        Ok(Self { callers, watcher })
    }

    /// Lets them ask for so long. An error if the gateway ends by itself meanwhile.
    pub(crate) async fn run(&mut self, time: Duration) -> Result<()> {
        let ended = tokio::time::timeout(time, self.callers.join_next()).await;
        ensure!(ended.is_err(), "it ended before it was killed: {ended:?}");
        Ok(())
    }

    /// What came of it, once the gateway is gone.
    pub(crate) async fn finish(mut self) -> Result<Outcome> {
        let mut all = Outcome::default();
        while let Some(caller) = self.callers.join_next().await {
            let one = caller??;
            all.told.extend(one.told);
            all.torn.extend(one.torn);
            all.cut += one.cut;
        }
        all.seen = self.watcher.await??;
        Ok(all)
    }
}

/// What is asked: answered, answered with a stream, of two owners, not found, refused.
fn questions(deployment: &Deployment, system: &'static str) -> Vec<Question> {
    let sample = deployment.world.sample();
    let mut questions = Vec::new();
    for household in &sample.households {
        for id in household {
            questions.push(Question::of_desk(PERSON, id));
        }
        questions.extend(
            household
                .first()
                .map(|head| Question::of_desk(HOUSEHOLD, head)),
        );
        questions.extend(
            household
                .first()
                .map(|head| Question::of_desk(MARITAL_STATUS, head)),
        );
    }
    for _ in 0..10 {
        questions.push(Question::of_desk(PERSON, &sample.roles.unknown_person));
        let person = Question::of_desk(PERSON, &sample.roles.person);
        questions.push(Question {
            procedure: "1.014177",
            ..person
        });
    }
    questions
        .into_iter()
        .map(|question| Question { system, ..question })
        .collect()
}

/// One caller.
async fn ask(
    client: Client,
    questions: Arc<Vec<(Call, Question)>>,
    mut random: Random,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    loop {
        let (call, question) = random.choose(&questions).context("no question")?;
        match client.call(call).await {
            Ok(reply) => {
                let told = Told::of(question, &reply)?;
                outcome
                    .told
                    .push(told.with_context(|| format!("no record: {:?}", reply.status))?);
            }
            Err(CallError::Unanswered(_)) => outcome.cut += 1,
            Err(CallError::Broken { received, .. }) => {
                outcome.torn.push((question.clone(), torn(received)));
            }
            Err(error) => bail!(error),
        }
        if client.is_closed() || outcome.cut + outcome.torn.len() > 0 {
            return Ok(outcome);
        }
    }
}

fn torn(received: Bytes) -> Reply {
    Reply {
        http_status: http::StatusCode::OK,
        headers: http::HeaderMap::new(),
        body: received,
        trailers: http::HeaderMap::new(),
        status: Status::unknown("broken off"),
    }
}

/// Looks at the checkpoint until the gateway is gone.
async fn watch(admin: String) -> Result<BTreeSet<Checkpoint>> {
    let mut seen = BTreeSet::new();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        let admin = admin.clone();
        match spawn_blocking(move || get(&admin, "/log/checkpoint")).await? {
            Ok((_, note)) => seen.insert(Checkpoint::read(&note)?),
            Err(_gone) => return Ok(seen),
        };
    }
}
