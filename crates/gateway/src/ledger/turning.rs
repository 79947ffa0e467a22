//! The turn of the quarters, by the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use motlan_audit::{Quarter, Shards, TurnError};
use opentelemetry::metrics::Counter;
use tokio::task::spawn_blocking;

use crate::telemetry::{Metrics, with_sources};

/// A wall clock can be set: it is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Turns when a quarter is over, in a task of its own.
pub(crate) struct Turning<C> {
    shards: Shards,
    /// The time, in microseconds since the Unix epoch.
    clock: C,
    failures: Counter<u64>,
}

impl<C: Fn() -> i64> Turning<C> {
    pub(crate) fn new(shards: &Shards, clock: C, metrics: &Metrics) -> Self {
        let failures = metrics
            .meter()
            .u64_counter("motlan.turns.failed")
            .with_description("Turns of the quarter that failed; each is tried again in a minute")
            .build();
        // From the first scrape on: what appears as 1 would be no increase.
        failures.add(0, &[]);
        let shards = shards.clone();
        Self {
            shards,
            clock,
            failures,
        }
    }

    /// Runs until the task is dropped.
    pub(crate) async fn run(self) {
        loop {
            let left = self.left();
            match left.is_zero() {
                false => tokio::time::sleep(left.min(LOOK_EVERY)).await,
                // R77: the old log goes on meanwhile, and not in silence.
                true if self.turn().await.is_err() => tokio::time::sleep(LOOK_EVERY).await,
                true => {}
            }
        }
    }

    /// How long there is nothing to be done.
    fn left(&self) -> Duration {
        // A turn that is not finished is gone on with, though the next log is written.
        if self.shards.is_ending() {
            return Duration::ZERO;
        }
        let next = self.shards.newest().origin().quarter().after(1);
        let left_us = next.begins_us().saturating_sub((self.clock)());
        Duration::from_micros(u64::try_from(left_us).unwrap_or(0))
    }

    async fn turn(&self) -> Result<(), ()> {
        let error = match turn(&self.shards, (self.clock)()).await {
            Ok(_turned) => return Ok(()),
            Err(error) => error,
        };
        self.failures.add(1, &[]);
        let error = with_sources(&error);
        match self.shards.is_ending() {
            true => tracing::error!(
                error,
                "the quarter has turned, and where its log ended is not on record yet; tried \
                 again in a minute"
            ),
            false => tracing::error!(error, "the quarter could not turn; its log goes on for now"),
        }
        Err(())
    }
}

/// Turns to the quarter of `now_us`, if it is later; whether it did.
pub(crate) async fn turn(shards: &Shards, now_us: i64) -> Result<bool, TurnError> {
    let shards = shards.clone();
    let turned = spawn_blocking(move || shards.turn(now_us)).await;
    turned.unwrap_or(Err(TurnError::Closing))
}

/// Now, in microseconds since the Unix epoch.
pub(crate) fn now_us() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let since_epoch = since_epoch.unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

/// The quarter that it is.
pub(super) fn this_quarter() -> Quarter {
    Quarter::containing(now_us())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use motlan_audit::{Layout, Ledger, Origin, ShardSettings, SignerKey};

    use super::*;

    const NAME: &str = "motlan.example/audit/hn1";

    fn shards(folder: &std::path::Path) -> Shards {
        let origin: Origin = format!("{NAME}/2026q3").parse().unwrap();
        let key = SignerKey::generate(NAME).unwrap();
        let settings = ShardSettings::new(Layout::beside(folder), key);
        Shards::create(&settings, &origin).unwrap();
        Shards::open_newest(settings).unwrap()
    }

    async fn turned(newest: &mut tokio::sync::watch::Receiver<Ledger>) {
        let changed = tokio::time::timeout(Duration::from_secs(60), newest.changed()).await;
        changed.expect("the quarter did not turn").unwrap();
    }

    #[tokio::test]
    async fn the_quarter_turns_when_its_time_has_come() {
        // R77.
        let dir = tempfile::tempdir().unwrap();
        let shards = shards(&dir.path().join("ledger"));
        let next: Quarter = "2026q4".parse().unwrap();
        let begun = Instant::now();
        // It begins in a moment.
        let clock = move || {
            let passed = i64::try_from(begun.elapsed().as_micros()).unwrap();
            next.begins_us() - 50_000 + passed
        };
        let turning = Turning::new(&shards, clock, &Metrics::new().unwrap());
        let mut newest = shards.follow();
        let turning = tokio::spawn(turning.run());
        turned(&mut newest).await;
        assert_eq!(shards.newest().origin().quarter(), next);
        assert!(begun.elapsed() >= Duration::from_millis(50));
        turning.abort();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_turn_that_is_not_finished_is_tried_again() {
        // R77.
        let dir = tempfile::tempdir().unwrap();
        let shards = shards(&dir.path().join("ledger"));
        let next: Quarter = "2026q4".parse().unwrap();
        let begins_us = next.begins_us();
        let turning = Turning::new(&shards, move || begins_us, &Metrics::new().unwrap());
        assert_eq!(turning.left(), Duration::ZERO);
        let mut begun = shards.current().await;
        begun.asked();
        let mut newest = shards.follow();
        let old = begun.ledger().clone();
        let end = async {
            turned(&mut newest).await;
            old.fail("the disk is gone");
            drop(begun);
        };
        let (turned, ()) = tokio::join!(turning.turn(), end);
        turned.unwrap_err();
        assert_eq!(shards.newest().origin().quarter(), next);
        assert_eq!(turning.left(), Duration::ZERO);
        turning.turn().await.unwrap_err();
    }

    #[tokio::test]
    async fn a_turn_that_fails_is_counted_and_the_log_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let shards = shards(&dir.path().join("ledger"));
        let metrics = Metrics::new().unwrap();
        let far: Quarter = "2031q1".parse().unwrap();
        let turning = Turning::new(&shards, || far.begins_us(), &metrics);
        turning.turn().await.unwrap_err();
        let text = metrics.exposition("").unwrap().text;
        let failed = text
            .lines()
            .find(|line| line.starts_with("motlan_turns_failed_total"));
        assert!(failed.is_some_and(|line| line.ends_with(" 1")), "{text}");
        assert_eq!(shards.newest().origin().quarter().to_string(), "2026q3");
    }
}
