//! Waiting for what must come about.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// How often a wait looks again.
const EVERY: Duration = Duration::from_millis(5);

/// Looks again and again until `look` gives something, at most `patience`.
pub(crate) async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let until = Instant::now() + patience;
    let mut looks = tokio::time::interval(EVERY);
    loop {
        looks.tick().await;
        if let Some(found) = look().await.with_context(|| what.to_owned())? {
            return Ok(found);
        }
        ensure!(Instant::now() < until, "{what}: not within {patience:?}");
    }
}
