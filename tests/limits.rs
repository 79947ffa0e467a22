//! Grants that may be used only so often: on one day, and within a minute.

use std::time::{Duration, SystemTime};

use motlan_testkit::client::Reply;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::system::question::{DESK, DOSSIER, Question, person};
use crate::system::refused::refused_on_record;
use crate::system::running::{Laid, Running};
use crate::system::until::until;

const AGREEMENT: &str = "catalog/agreements/g01-h26-population.toml";
const GRANT: &str = "`g01-h26-population-2026/residence`";

/// The reference catalogue, with these limits on the grant that the desk uses.
fn limit(running: &Laid, limits: &str) {
    write(&running.world, limits);
}

fn write(world: &motlan_testkit::World, limits: &str) {
    let text = include_str!("../deploy/catalog/agreements/g01-h26-population.toml");
    let limited = text.replacen(
        "view = \"residence\"\n",
        &format!("view = \"residence\"\n{limits}\n"),
        1,
    );
    assert_ne!(limited, text);
    world.write(AGREEMENT, &limited).unwrap();
}

async fn start(limits: &str) -> Running {
    time_for_a_test().await;
    let laid = Laid::out().await;
    limit(&laid, limits);
    laid.start().await
}

/// Waits until the day in Việt Nam lasts for longer than a test does.
pub(crate) async fn time_for_a_test() {
    until("the next day", async || {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let in_vietnam = since_epoch.unwrap().as_secs() + 7 * 3600;
        (24 * 3600 - in_vietnam % (24 * 3600) > 15).then_some(())
    })
    .await;
}

/// Asks on behalf of `official`.
async fn ask_for(running: &Running, question: &Question, official: &str) -> Reply {
    let system = running.world().system(DESK).unwrap();
    let token = system.token(question.procedure).unwrap();
    let token = token.dossier(DOSSIER).official(official);
    let call = question.bearing(&system.sign(&token).unwrap());
    running.desk.call(&call).await.unwrap()
}

/// Checks a refusal for a limit: what it says and when it may be asked again. Gives its record.
#[track_caller]
fn exceeded(reply: &Reply, reason: &str, whose: &str, retry_max: Duration) -> String {
    let record = refused_on_record(reply, Code::ResourceExhausted, reason);
    let retry = reply.status.get_details_retry_info().unwrap();
    let wait = retry.retry_delay.unwrap();
    assert!(wait > Duration::ZERO && wait <= retry_max, "{wait:?}");
    let failure = reply.status.get_details_quota_failure().unwrap();
    let [violation] = failure.violations.as_slice() else {
        panic!("{failure:?}")
    };
    assert_eq!(violation.subject, whose);
    assert!(reply.status.message().contains(GRANT));
    record
}

/// A digit of ASCII as wide as a letter of Chinese.
fn full_width(digit: char) -> char {
    char::from_u32(u32::from(digit) - u32::from('0') + u32::from('\u{ff10}')).unwrap()
}

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_a_quota_is_refused_on_record_unheard_and_so_after_a_reload_and_a_restart() {
    // R93.
    let running = start("quota = { subject = 3 }").await;
    let (one, other) = (running.roles().person, running.roles().spouse);
    for official in ["official-0001", "official-0002", "official-0003"] {
        let reply = ask_for(&running, &person(&one), official).await;
        assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    }
    let reply = ask_for(&running, &person(&one), "official-0004").await;
    let first = exceeded(&reply, "QUOTA_EXCEEDED", "subject", DAY);
    assert!(!reply.contains(&one));
    assert_eq!(running.heard(), 3);
    // Written otherwise it is the same person.
    let (head, tail) = one.split_at(3);
    for same in [
        format!(" {one}"),
        format!("{head} {tail}"),
        format!("{one}\u{200b}"),
        format!("{one}\0"),
        format!("\u{feff}{one}"),
        one.chars().map(full_width).collect(),
    ] {
        let reply = running.ask(&person(&same)).await;
        exceeded(&reply, "QUOTA_EXCEEDED", "subject", DAY);
    }
    assert_eq!(running.heard(), 3);
    assert_eq!(running.ask(&person(&other)).await.code(), Code::Ok);

    // What was used stays used when another set comes into force: of one more, one is left.
    write(running.world(), "quota = { subject = 4 }");
    running.reload().await.unwrap();
    assert_eq!(running.ask(&person(&one)).await.code(), Code::Ok);
    let second = running.ask(&person(&one)).await;
    let second = exceeded(&second, "QUOTA_EXCEEDED", "subject", DAY);

    let running = running.again().await;
    let heard = running.heard();
    let third = running.ask(&person(&one)).await;
    let third = exceeded(&third, "QUOTA_EXCEEDED", "subject", DAY);
    assert_eq!(running.heard(), heard);
    for _ in 0..3 {
        assert_eq!(running.ask(&person(&other)).await.code(), Code::Ok);
    }
    let reply = running.ask(&person(&other)).await;
    exceeded(&reply, "QUOTA_EXCEEDED", "subject", DAY);

    let past = running.stop().await;
    for record in [first, second, third] {
        let entry = past.assert_refused(&record, "QUOTA_EXCEEDED");
        assert_eq!(entry.sealed.subject, one);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_used_before_the_quarter_turned_is_used_after_a_restart() {
    // R93: today's questions stand in two logs.
    let running = start("quota = { official = 2 }").await;
    let subject = running.roles().person;
    let ask = async |running: &Running| running.ask(&person(&subject)).await;
    assert_eq!(ask(&running).await.code(), Code::Ok);
    let next = running.newest().after(1);
    assert!(running.turn(next).await.unwrap());
    let running = running.again().await;
    assert_eq!(running.newest(), next);
    assert_eq!(ask(&running).await.code(), Code::Ok);
    let running = running.again().await;
    exceeded(&ask(&running).await, "QUOTA_EXCEEDED", "official", DAY);
    assert_eq!(running.heard(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_exactly_as_many_are_asked_as_may_be() {
    let running = start("quota = { grant = 10 }").await;
    let subject = running.roles().person;
    let question = person(&subject);
    let calls = (0..64).map(|_| {
        let (desk, call) = (
            running.desk.clone(),
            question.by(running.world().system(DESK).unwrap()),
        );
        tokio::spawn(async move { desk.call(&call).await.unwrap() })
    });
    let calls: Vec<_> = calls.collect();
    let (mut released, mut refused) = (0, Vec::new());
    for call in calls {
        let reply = call.await.unwrap();
        match reply.code() {
            Code::Ok => released += 1,
            _ => refused.push(exceeded(&reply, "QUOTA_EXCEEDED", "grant", DAY)),
        }
    }
    assert_eq!((released, refused.len(), running.heard()), (10, 54, 10));
    let past = running.stop().await;
    for record in refused {
        past.assert_refused(&record, "QUOTA_EXCEEDED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_fast_is_refused_until_its_minute_is_over() {
    let limits = "quota = { official = 2 }\nrate = { official = 1 }";
    let running = start(limits).await;
    let question = person(&running.roles().person);
    let one = ask_for(&running, &question, "official-0001").await;
    assert_eq!(one.code(), Code::Ok, "{:?}", one.status);
    let minute = Duration::from_secs(60);
    // What the minute refuses is not charged to the day: it would be QUOTA_EXCEEDED.
    for _ in 0..3 {
        let again = ask_for(&running, &question, "official-0001").await;
        exceeded(&again, "RATE_EXCEEDED", "official", minute);
        assert!(!again.contains("official-0001"));
    }
    let other = ask_for(&running, &question, "official-0002").await;
    assert_eq!(other.code(), Code::Ok, "{:?}", other.status);
    assert_eq!(running.heard(), 2);
}
