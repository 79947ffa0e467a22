//! Measures contenders in turns.

use std::time::{Duration, Instant};

/// What one contender does, once.
pub(crate) type Run<'a> = dyn FnMut() + 'a;

/// How long to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// How often each contender has its turn.
    pub(crate) rounds: usize,
    /// How long a turn takes at least.
    pub(crate) turn: Duration,
}

impl Effort {
    /// Many short turns: where the machine is busy, most of them are not interrupted.
    pub(crate) const FULL: Effort = Effort {
        rounds: 101,
        turn: Duration::from_millis(1),
    };
    /// Shows that everything runs.
    pub(crate) const SMOKE: Effort = Effort {
        rounds: 1,
        turn: Duration::ZERO,
    };
}

/// Of each contender, the time one run took in each round, in nanoseconds.
///
/// In each round all have a turn, and the one that begins changes: whatever disturbs the machine
/// meets them all.
pub(crate) fn measure(effort: Effort, contenders: &mut [Box<Run<'_>>]) -> Vec<Vec<f64>> {
    let runs: Vec<u32> = contenders
        .iter_mut()
        .map(|run| calibrate(effort, run))
        .collect();
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..effort.rounds {
        for turn in 0..contenders.len() {
            let turn = (round + turn) % contenders.len();
            let took = time(&mut contenders[turn], runs[turn]);
            times[turn].push(took.as_secs_f64() * 1e9 / f64::from(runs[turn]));
        }
    }
    times
}

/// How many runs fill a turn.
fn calibrate(effort: Effort, run: &mut Run<'_>) -> u32 {
    let mut runs = 1;
    while time(run, runs) < effort.turn {
        runs *= 2;
    }
    runs
}

fn time(run: &mut Run<'_>, runs: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..runs {
        run();
    }
    start.elapsed()
}

/// The least, the middle and the greatest.
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Spread {
            min: values[0],
            median: values[values.len() / 2],
            max: values[values.len() - 1],
        }
    }
}
