//! Who hears of commits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Hears of each commit: how many records it holds, and how long it took until they were durable
/// and signed. Cheap to clone.
#[derive(Clone)]
pub struct OnCommit(Arc<dyn Fn(u64, Duration) + Send + Sync>);

impl OnCommit {
    /// `heard` is called by the committer, which waits for it: it must be quick.
    pub fn new(heard: impl Fn(u64, Duration) + Send + Sync + 'static) -> OnCommit {
        OnCommit(Arc::new(heard))
    }

    pub(super) fn heard(&self, records: u64, took: Duration) {
        (self.0)(records, took);
    }
}

impl fmt::Debug for OnCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnCommit")
    }
}
