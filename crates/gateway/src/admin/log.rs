//! The logs as C2SP tlog-tiles has them served: checkpoint, tiles and entry bundles, below
//! `/log/<quarter>/` for each log that is kept, and below `/log/` for the one that is written.
//!
//! Tiles come from memory and tile files, bundles from the segments on request; both are leaves and
//! hashes only, which anyone may have. At most eight of them are in memory at once, each no longer
//! than 16 MiB (256 of the longest leaves); who waits longer than ten seconds is sent away.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State as Shared};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use motlan_audit::{Ledger, ReadError, Shards};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::witnesses::CosignedNote;

/// Tiles and bundles in memory at once, until the last byte of them is handed to the system.
const READ_MAX: usize = 8;
/// How long a request waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// How many hashes or leaves a full tile or bundle has.
const FULL: usize = 256;
/// The highest level that tlog-tiles has.
const LEVEL_MAX: u8 = 63;

/// A tile never changes, nor does a part of one.
const FOR_GOOD: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=31536000, immutable");
/// A checkpoint is replaced with each commit.
const FOR_A_SECOND: (HeaderName, &str) = (CACHE_CONTROL, "max-age=1");
/// Below `/log/` lies another log after a turn, with other tiles in the same places.
const NOT_KEPT: (HeaderName, &str) = (CACHE_CONTROL, "no-store");
const TEXT: (HeaderName, &str) = (CONTENT_TYPE, "text/plain; charset=utf-8");
const BINARY: (HeaderName, &str) = (CONTENT_TYPE, "application/octet-stream");

#[derive(Clone)]
struct Logs {
    shards: Shards,
    cosigned: CosignedNote,
    turns: Arc<Semaphore>,
}

/// What is served below `/log/`.
pub(super) fn routes(shards: Shards, cosigned: CosignedNote) -> Router {
    let turns = Arc::new(Semaphore::new(READ_MAX));
    Router::new()
        .route("/log/checkpoint", get(newest_checkpoint))
        .route("/log/tile/{*path}", get(newest_tile))
        .route("/log/{quarter}/checkpoint", get(checkpoint))
        .route("/log/{quarter}/tile/{*path}", get(tile))
        .with_state(Logs {
            shards,
            cosigned,
            turns,
        })
}

impl Logs {
    /// The log of a quarter.
    fn of(&self, quarter: &str) -> Result<Ledger, NoLog> {
        let known = quarter.parse().ok();
        let known = known.filter(|quarter| self.shards.quarters().contains(quarter));
        let quarter = known.ok_or(NoLog::Unknown)?;
        self.shards.opened(quarter).ok_or(NoLog::Opening)
    }

    fn checkpoint(&self, ledger: &Ledger) -> Response {
        // One that others vouch for, though it may be a second older. Just after a turn it may be
        // another log's still.
        let cosigned = self.cosigned.borrow().as_deref().map(str::to_owned);
        let origin = format!("{}\n", ledger.origin());
        let cosigned = cosigned.filter(|note| note.starts_with(&origin));
        let note = cosigned.unwrap_or_else(|| ledger.checkpoint());
        ([TEXT, FOR_A_SECOND], note).into_response()
    }

    async fn tile(
        self,
        ledger: Ledger,
        path: String,
        caching: (HeaderName, &'static str),
    ) -> Response {
        let Some(tile) = Tile::parse(&path) else {
            return (StatusCode::NOT_FOUND, "no path of tlog-tiles\n").into_response();
        };
        let Ok(Ok(turn)) = timeout(WAIT_MAX, self.turns.acquire_owned()).await else {
            let (status, later) = (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "10")]);
            return (status, later, "too many requests at once\n").into_response();
        };
        let read = tokio::task::spawn_blocking(move || tile.read(&ledger)).await;
        match read {
            Ok(Ok(bytes)) => {
                let sent = Bytes::from_owner(Sent { bytes, _turn: turn });
                ([BINARY, caching], sent).into_response()
            }
            Ok(Err(ReadError::Unknown { .. })) => {
                (StatusCode::NOT_FOUND, "the log has not come that far\n").into_response()
            }
            Ok(Err(error)) => {
                tracing::error!(%error, path, "a part of the log was not served");
                (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

/// Why there is no log of a quarter to be read.
enum NoLog {
    Unknown,
    Opening,
}

impl IntoResponse for NoLog {
    fn into_response(self) -> Response {
        let (status, later) = (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "10")]);
        match self {
            NoLog::Unknown => (StatusCode::NOT_FOUND, "no log of that quarter\n").into_response(),
            NoLog::Opening => {
                (status, later, "the log of that quarter is being opened\n").into_response()
            }
        }
    }
}

async fn newest_checkpoint(Shared(logs): Shared<Logs>) -> Response {
    logs.checkpoint(&logs.shards.newest())
}

async fn checkpoint(Shared(logs): Shared<Logs>, Path(quarter): Path<String>) -> Response {
    match logs.of(&quarter) {
        Ok(ledger) => logs.checkpoint(&ledger),
        Err(no_log) => no_log.into_response(),
    }
}

async fn newest_tile(Shared(logs): Shared<Logs>, Path(path): Path<String>) -> Response {
    let ledger = logs.shards.newest();
    logs.tile(ledger, path, NOT_KEPT).await
}

async fn tile(
    Shared(logs): Shared<Logs>,
    Path((quarter, path)): Path<(String, String)>,
) -> Response {
    match logs.of(&quarter) {
        Ok(ledger) => logs.tile(ledger, path, FOR_GOOD).await,
        Err(no_log) => no_log.into_response(),
    }
}

/// What is being sent. It keeps its turn until the connection lets go of it.
struct Sent {
    bytes: Vec<u8>,
    _turn: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tile {
    /// `None` for an entry bundle.
    level: Option<u8>,
    index: u64,
    width: usize,
}

impl Tile {
    /// Reads `<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`, in the one form that each has.
    fn parse(path: &str) -> Option<Tile> {
        let (path, width) = match path.rsplit_once(".p/") {
            Some((path, width)) => (path, number(width).filter(|w| (1..FULL).contains(w))?),
            None => (path, FULL),
        };
        let (level, index) = path.split_once('/')?;
        let level = match level {
            "entries" => None,
            level => Some(number(level).filter(|level| *level <= LEVEL_MAX)?),
        };
        Some(Tile {
            level,
            index: parse_index(index)?,
            width,
        })
    }

    fn read(self, ledger: &Ledger) -> Result<Vec<u8>, ReadError> {
        let Tile {
            level,
            index,
            width,
        } = self;
        if let Some(level) = level {
            let hashes = ledger.tile(level, index, width)?;
            return Ok(hashes.as_flattened().to_vec());
        }
        let mut bundle = Vec::new();
        ledger.bundle(index, width, |leaf| {
            // No leaf of a ledger is longer.
            let length = u16::try_from(leaf.len()).unwrap_or(u16::MAX);
            bundle.extend_from_slice(&length.to_be_bytes());
            bundle.extend_from_slice(leaf);
        })?;
        Ok(bundle)
    }
}

/// `x001/x234/067` is 1,234,067.
fn parse_index(text: &str) -> Option<u64> {
    let (front, last) = match text.rsplit_once('/') {
        Some((front, last)) => (Some(front), last),
        None => (None, text),
    };
    let front = front.map(|front| front.split('/')).into_iter().flatten();
    let mut index = 0_u64;
    for (at, group) in front.enumerate() {
        let group = digits(group.strip_prefix('x')?)?;
        if at == 0 && group == 0 {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(group)?;
    }
    index.checked_mul(1000)?.checked_add(digits(last)?)
}

fn digits(group: &str) -> Option<u64> {
    let three = group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit());
    three.then(|| group.parse().ok())?
}

/// A number without sign and leading zeroes.
fn number<N: std::str::FromStr + ToString>(text: &str) -> Option<N> {
    let number: N = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_tile_and_a_tile_has_one_path() {
        let tile = |level, index, width| {
            Some(Tile {
                level,
                index,
                width,
            })
        };
        assert_eq!(Tile::parse("0/000"), tile(Some(0), 0, 256));
        assert_eq!(Tile::parse("63/999.p/1"), tile(Some(63), 999, 1));
        let large = tile(None, 1_234_067, 255);
        assert_eq!(Tile::parse("entries/x001/x234/067.p/255"), large);
        assert_eq!(Tile::parse("1/x001/000"), tile(Some(1), 1000, 256));
    }

    #[test]
    fn what_is_no_path_of_tlog_tiles_names_nothing() {
        for path in [
            "",
            "0",
            "0/",
            "/000",
            "0/0",
            "0/0000",
            "0/x000",
            "0/x000/001",
            "0/001/002",
            "0/x001/x002",
            "0/x01/002",
            "0/+01",
            "00/000",
            "+0/000",
            "64/000",
            "256/000",
            "a/000",
            "entry/000",
            "0/000.p",
            "0/000.p/",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/1/",
            "0/000.p/1.p/1",
            "0/../000",
            "0/000/",
            "0//000",
            "0/0٣0",
            "0/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(Tile::parse(path), None, "{path}");
        }
    }
}
