//! Room on the ledger's disk: told of in the log well before it runs out, and held in reserve.

use std::time::Duration;

use motlan_audit::{Reserve, Room, Shards};
use opentelemetry::metrics::Gauge;

use super::LedgerError;
use crate::settings::LedgerSettings;
use crate::telemetry::Metrics;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Makes the reserve of the ledger as long as is configured, while the gateway runs or not; how
/// long that is.
///
/// # Errors
/// [`LedgerError::Reserve`] where there is no room for it.
pub fn reserve(settings: &LedgerSettings) -> Result<u64, LedgerError> {
    let reserve = Reserve::of(&settings.folder);
    let made = reserve.make(settings.reserve_bytes);
    made.map_err(|source| LedgerError::Reserve {
        file: reserve.file().to_owned(),
        bytes: settings.reserve_bytes,
        source,
    })?;
    Ok(settings.reserve_bytes)
}

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Enough,
    /// Less than twice what must be free.
    Low,
    /// Less than what must be free.
    Short,
}

impl Level {
    fn of(room: Room) -> Self {
        if room.is_low() {
            Self::Short
        } else if room.free_bytes < room.free_bytes_min.saturating_mul(2) {
            Self::Low
        } else {
            Self::Enough
        }
    }
}

/// Tells of room that runs out, until the task is dropped.
pub(crate) fn watch_room(
    shards: &Shards,
    settings: &LedgerSettings,
    metrics: &Metrics,
) -> impl Future<Output = ()> + use<> {
    let (shards, reserve_bytes) = (shards.clone(), settings.reserve_bytes);
    let gauge = metrics
        .meter()
        .u64_gauge("motlan.ledger.reserve_bytes")
        .with_description("Bytes held on the ledger's disk, given back when that is full")
        .build();
    watch(shards, reserve_bytes, gauge)
}

async fn watch(shards: Shards, reserve_bytes: u64, gauge: Gauge<u64>) {
    let reserve = Reserve::of(&shards.layout().ledgers);
    let held = reserve.bytes();
    if held < reserve_bytes {
        tracing::warn!(
            held,
            reserve_bytes,
            "the ledger has no whole reserve: `motlan ledger reserve` makes it"
        );
    }
    let mut before = Level::Enough;
    loop {
        gauge.record(reserve.bytes(), &[]);
        // A disk that cannot be asked is told of by the ledger, once it cannot write.
        if let Ok(room) = shards.newest().room() {
            before = tell(room, before);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Tells of a change to another level than before; the level now.
fn tell(room: Room, before: Level) -> Level {
    let (free, due) = (room.free_bytes, room.free_bytes_min);
    let level = Level::of(room);
    if level == before {
        return level;
    }
    match level {
        Level::Short => tracing::error!(
            free,
            due,
            "the ledger's disk is nearly full: not ready. Make room; on a full disk it gives no \
             answers"
        ),
        Level::Low => tracing::warn!(
            free,
            due,
            "the ledger's disk fills up: make room before less than `ledger.free_bytes_min` is free"
        ),
        Level::Enough => tracing::info!(free, due, "there is room on the ledger's disk again"),
    }
    level
}

#[cfg(test)]
mod tests {
    use motlan_testkit::World;

    use super::super::{init, open};
    use super::*;
    use crate::settings::Settings;

    #[tokio::test]
    async fn room_that_runs_out_is_told_of_before_it_is_short_and_the_reserve_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::lay(dir.path(), 7).await.unwrap();
        let mut settings = Settings::read(&world.config()).unwrap().ledger;
        init("hn1", &settings).unwrap();
        let held = Reserve::of(&settings.folder);
        assert_eq!(held.bytes(), settings.reserve_bytes);
        let shards = open("hn1", &settings).unwrap();
        let mut room = shards.newest().room().unwrap();
        shards.close().unwrap();
        room.free_bytes_min = 100;
        let levels = [200, 199, 100, 99].map(|free| {
            room.free_bytes = free;
            tell(room, Level::Enough)
        });
        assert_eq!(
            levels,
            [Level::Enough, Level::Low, Level::Low, Level::Short]
        );

        std::fs::remove_file(held.file()).unwrap();
        assert_eq!(reserve(&settings).unwrap(), held.bytes());
        settings.reserve_bytes = u64::try_from(i64::MAX).unwrap();
        reserve(&settings).unwrap_err();
        assert_eq!(std::fs::read_dir(&settings.folder).unwrap().count(), 2);
    }
}
