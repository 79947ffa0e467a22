//! Waiting for what must come about.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::command::POLL;

/// Looks again and again until `look` gives something, at most `patience`.
pub(crate) async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let until = Instant::now() + patience;
    loop {
        if let Some(found) = look().await.with_context(|| what.to_owned())? {
            return Ok(found);
        }
        ensure!(Instant::now() < until, "{what}: not within {patience:?}");
        tokio::time::sleep(POLL).await;
    }
}
