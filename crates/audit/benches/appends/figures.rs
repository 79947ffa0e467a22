//! What many samples come to.

use std::fmt;
use std::time::Duration;

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Ours.
    Ledger,
    /// PostgreSQL, one synchronous insert for each record.
    Postgres(Rows),
}

/// What a row of PostgreSQL tells of the rows before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Nothing.
    Plain,
    /// Their hash, so that a changed row shows: the least that a team would do for it.
    Chained,
}

impl Contender {
    pub(crate) const ALL: [Contender; 3] = [
        Contender::Ledger,
        Contender::Postgres(Rows::Plain),
        Contender::Postgres(Rows::Chained),
    ];

    /// All; who begins changes from round to round.
    pub(crate) fn in_turn(round: usize) -> [Contender; 3] {
        let mut turn = Contender::ALL;
        turn.rotate_left(round % Contender::ALL.len());
        turn
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Contender::Ledger => "ledger",
            Contender::Postgres(Rows::Plain) => "PostgreSQL",
            Contender::Postgres(Rows::Chained) => "PostgreSQL, chained",
        })
    }
}

/// One turn of a contender.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) round: usize,
    pub(crate) callers: usize,
    pub(crate) contender: Contender,
    pub(crate) measured: Measured,
}

/// What was seen in one window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Records that were acknowledged within the window.
    pub(crate) records_per_second: f64,
    /// How long their callers had waited.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Measured {
    /// Of the waiting times of all that were acknowledged within `window`.
    pub(crate) fn of(mut waits: Vec<Duration>, window: Duration) -> Measured {
        waits.sort_unstable();
        // Where nothing was acknowledged, the wait was longer than could be seen.
        let at = |hundredths| quantile(&waits, hundredths).unwrap_or(window);
        Measured {
            records_per_second: waits.len() as f64 / window.as_secs_f64(),
            p50_ms: at(50).as_secs_f64() * 1000.0,
            p99_ms: at(99).as_secs_f64() * 1000.0,
        }
    }
}

/// The smallest sample that so many hundredths of all do not exceed: the nearest rank.
fn quantile(sorted: &[Duration], hundredths: usize) -> Option<Duration> {
    let rank = (sorted.len() * hundredths).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

/// A figure over the rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// The middle one, or halfway between the middle two.
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Nothing where no round has the figure.
    pub(crate) fn over(figures: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let upper = sorted.get(sorted.len() / 2)?;
        let lower = sorted.get((sorted.len() - 1) / 2)?;
        Some(Spread {
            median: f64::midpoint(*lower, *upper),
            min: *sorted.first()?,
            max: *sorted.last()?,
        })
    }
}
