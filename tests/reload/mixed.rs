//! No answer under a mix of two revisions, whatever is taken in force meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use motlan_gateway::enforced::Reloaded;
use motlan_testkit::client::{Call, Client};
use motlan_testkit::provider::Misbehaviour;
use tokio::task::JoinHandle;

use super::judged::{self, Sets, Told};
use super::sets::{AGREEMENT, FLAVOURS, Flavour};
use crate::system::past::Past;
use crate::system::question::{DESK, FUNERAL, GET_PERSON, person};
use crate::system::running::Running;
use crate::system::until::until;

/// Sets that are taken in force.
const SWAPS: usize = 15;
/// Of so many tries, one is of a set that is wrong.
const SPOILT_EVERY: usize = 4;
const CALLERS: usize = 4;
/// Answers that come under each set.
const ANSWERS_EACH: usize = 8;
/// So long the owner's system takes, that lookups are under way whenever a set is taken.
const SLOW: Duration = Duration::from_millis(3);

/// What goes on asking.
struct Callers {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
    asking: Vec<JoinHandle<Vec<Told>>>,
}

impl Callers {
    async fn of(running: &Running) -> Self {
        let (stop, answers) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let mut asking = Vec::new();
        for _ in 0..CALLERS {
            let client = running.client(DESK).await;
            let desk = running.world().system(DESK).unwrap();
            let home = person(&running.roles().person);
            let calls = [home.by(desk), home.procedure(FUNERAL).by(desk)];
            let (stop, answers) = (Arc::clone(&stop), Arc::clone(&answers));
            asking.push(tokio::spawn(ask(client, calls, stop, answers)));
        }
        Self {
            stop,
            answers,
            asking,
        }
    }

    async fn answered(&self, more: usize) {
        let due = self.answers.load(Ordering::Relaxed) + more;
        until("callers are answered", async || {
            (self.answers.load(Ordering::Relaxed) >= due).then_some(())
        })
        .await;
    }

    async fn stop(self) -> Vec<Told> {
        self.stop.store(true, Ordering::Relaxed);
        let mut told = Vec::new();
        for asking in self.asking {
            told.extend(asking.await.unwrap());
        }
        told
    }
}

/// Asks over one connection, which no reload may close.
async fn ask(
    client: Client,
    calls: [Call; 2],
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
) -> Vec<Told> {
    let mut told = Vec::new();
    for call in calls.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        told.push(Told::of(&client.call(call).await.unwrap()));
        answers.fetch_add(1, Ordering::Relaxed);
    }
    told
}

/// Takes a set in force that is none other's, now and then after one that is wrong.
async fn take(running: &Running, number: usize, flavour: Flavour) -> String {
    if number % SPOILT_EVERY == 1 {
        let spoilt = "version = \"none\"";
        running.world().write(AGREEMENT, spoilt).unwrap();
        running.reload().await.unwrap_err();
    }
    let agreement = flavour.agreement().replace("dân cư", &number.to_string());
    running.world().write(AGREEMENT, &agreement).unwrap();
    match running.reload().await.unwrap() {
        Reloaded::Taken(revision) => revision.to_string(),
        Reloaded::Unchanged(_) => panic!("the set {number} is none other"),
    }
}

/// How often a record stands behind one of a later set: so many lookups at least were under way
/// when another set was taken.
fn straddled(past: &Past, sets: &Sets) -> usize {
    let place = |revision: &str| sets.iter().position(|(it, _)| it == revision).unwrap();
    let lookups = judged::lookups(past);
    let places: Vec<usize> = lookups.map(|it| place(&it.record.revision)).collect();
    places.windows(2).filter(|pair| pair[1] < pair[0]).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_lookup_sees_two_revisions_however_many_are_taken_in_force_meanwhile() {
    // R88.
    let running = Running::start().await;
    running
        .provider("population")
        .misbehave(GET_PERSON, None, Misbehaviour::Slow(SLOW));
    // The reference catalogue's own set lets out something else: nobody asks before the first.
    let mut sets = Sets::from([(take(&running, 0, FLAVOURS[0]).await, FLAVOURS[0])]);
    let callers = Callers::of(&running).await;
    callers.answered(ANSWERS_EACH).await;
    for number in 1..SWAPS {
        let flavour = FLAVOURS[number % FLAVOURS.len()];
        sets.push((take(&running, number, flavour).await, flavour));
        callers.answered(ANSWERS_EACH).await;
    }
    let told = callers.stop().await;
    let past = running.stop().await;
    let records = judged::records(&past);
    let faults = judged::faults(&records, &told, &sets);
    assert!(faults.is_empty(), "{faults:#?}");

    // It was put to the test: each set decided, and lookups were under way when others were taken.
    let revisions = records.values().map(|record| record.revision.as_str());
    assert_eq!(revisions.collect::<BTreeSet<_>>().len(), SWAPS);
    let straddled = straddled(&past, &sets);
    assert!(straddled >= SWAPS / 4, "only {straddled} straddled");

    // And the judge sees a mix: one record, or one answer, under the set that came next.
    let (last, next) = (&sets[SWAPS - 2], &sets[SWAPS - 1]);
    let of_last = |id: &&String| records[*id].revision == last.0 && records[*id].question.is_some();
    let id = records.keys().find(of_last).unwrap();
    let mut mixed = records.clone();
    mixed.get_mut(id).unwrap().revision = next.0.clone();
    assert!(!judged::faults(&mixed, &[], &sets).is_empty());
    let mut mixed = told.clone();
    let answer = mixed.iter_mut().find(|it| it.record == *id).unwrap();
    answer.what = judged::What::Fields(next.1);
    assert_eq!(judged::faults(&records, &mixed, &sets).len(), 1);
}
