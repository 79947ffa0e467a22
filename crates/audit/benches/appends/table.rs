//! What people read.

use std::fmt;
use std::path::Path;

use crate::figures::{Contender, Measured, Rows, Spread, Window};
use crate::options::Plan;
use crate::postgres::{CONNECTIONS_MAX, Missing};
use crate::sample::Sample;

/// What must be reached on a machine with two cores: callers, and records a second.
const FLOORS: [(usize, f64); 2] = [(64, 60_000.0), (256, 100_000.0)];
/// At those numbers of callers.
const FLOOR_P99_MS: f64 = 15.0;
/// Callers, and how many times PostgreSQL's records a second.
const FLOOR_RATIO: (usize, f64) = (64, 20.0);
const INSTALL: &str = "not installed: run crates/audit/benches/setup-postgres";

type Figure = fn(&Measured) -> f64;

/// The columns: a heading, and what stands below it.
const FIGURES: [(&str, Figure); 3] = [
    ("records/s", |measured| measured.records_per_second),
    ("p50 ms", |measured| measured.p50_ms),
    ("p99 ms", |measured| measured.p99_ms),
];

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Results<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) sample: &'a Sample,
    pub(crate) dir: &'a Path,
    /// Its version.
    pub(crate) postgres: Result<&'a str, &'a Missing>,
    /// Before and after.
    pub(crate) load: [f64; 2],
    /// What a synchronous write alone took in each round.
    pub(crate) syncs_ms: Vec<f64>,
    pub(crate) windows: Vec<Window>,
}

impl Results<'_> {
    fn of(&self, contender: Contender, callers: usize) -> impl Iterator<Item = &Window> {
        let wanted =
            move |window: &&Window| window.contender == contender && window.callers == callers;
        self.windows.iter().filter(wanted)
    }

    fn spread(&self, contender: Contender, callers: usize, figure: Figure) -> Option<Spread> {
        let windows = self.of(contender, callers);
        Spread::over(windows.map(|window| figure(&window.measured)))
    }

    /// How many times PostgreSQL's records a second, each round by itself.
    fn ratio(&self, rows: Rows, callers: usize) -> Option<Spread> {
        let both = self.of(Contender::Ledger, callers).filter_map(|ours| {
            let theirs = self
                .of(Contender::Postgres(rows), callers)
                .find(|theirs| theirs.round == ours.round)?;
            Some(ours.measured.records_per_second / theirs.measured.records_per_second)
        });
        Spread::over(both)
    }

    /// Each floor that was measured: what it asks, and whether the median meets it.
    fn floors(&self) -> Vec<(String, bool)> {
        let mut floors = Vec::new();
        for (callers, floor) in FLOORS {
            let at = |figure| self.spread(Contender::Ledger, callers, figure);
            if let Some(rate) = at(|measured| measured.records_per_second) {
                let asked = format!("{floor:.0} records/s at {callers} callers");
                floors.push((asked, rate.median >= floor));
            }
            if let Some(p99) = at(|measured| measured.p99_ms) {
                let asked = format!("p99 below {FLOOR_P99_MS} ms at {callers} callers");
                floors.push((asked, p99.median < FLOOR_P99_MS));
            }
        }
        let (callers, floor) = FLOOR_RATIO;
        if let Some(ratio) = self.ratio(Rows::Plain, callers) {
            let asked = format!("{floor} times PostgreSQL at {callers} callers");
            floors.push((asked, ratio.median >= floor));
        }
        floors
    }

    /// Whether all floors that were measured are met.
    pub(crate) fn floors_are_met(&self) -> bool {
        self.floors().iter().all(|(_, met)| *met)
    }

    fn row(&self, callers: usize, contender: Contender, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{callers:>7}  {contender:<19}")?;
        if contender != Contender::Ledger && self.postgres.is_err() {
            return writeln!(f, "  {INSTALL}");
        }
        for (_, figure) in FIGURES {
            let spread = self.spread(contender, callers, figure);
            write!(f, "  {:<24}", printed(spread))?;
        }
        match contender {
            Contender::Ledger => writeln!(f),
            Contender::Postgres(rows) => writeln!(f, "  {}", printed(self.ratio(rows, callers))),
        }
    }

    fn heading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan {
            rounds,
            warm,
            window,
            smoke,
            ..
        } = self.plan;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let [before, after] = self.load;
        writeln!(
            f,
            "\n{cores} cores, load {before:.2} before and {after:.2} after, in {}\n\
             {rounds} × {window:?} each in turn after {warm:?}; leaf {} bytes, sealed part {}\n\
             One write of 24 KiB with O_DSYNC and nothing else: {} ms\n\
             PostgreSQL: {}, at most {CONNECTIONS_MAX} connections\n\
             Median (min–max) of the rounds",
            self.dir.display(),
            self.sample.leaf().len(),
            self.sample.sealed().len(),
            printed(Spread::over(self.syncs_ms.iter().copied())),
            self.postgres.unwrap_or(INSTALL),
        )?;
        if *smoke || cfg!(debug_assertions) {
            writeln!(
                f,
                "THESE FIGURES MEAN NOTHING: a smoke run or a debug build"
            )?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Results<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.heading(f)?;
        write!(f, "{:>7}  {:<19}", "callers", "")?;
        for (heading, _) in FIGURES {
            write!(f, "  {heading:<24}")?;
        }
        writeln!(f, "  ledger, times this")?;
        for &callers in &self.plan.callers {
            for contender in Contender::ALL {
                self.row(callers, contender, f)?;
            }
        }
        if self.plan.smoke {
            return Ok(());
        }
        writeln!(f)?;
        for (asked, met) in self.floors() {
            writeln!(f, "{}  {asked}", if met { "met   " } else { "MISSED" })?;
        }
        Ok(())
    }
}

fn printed(spread: Option<Spread>) -> String {
    let Some(Spread { median, min, max }) = spread else {
        return "—".to_owned();
    };
    let digits = if median < 100.0 { 2 } else { 0 };
    format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
}
