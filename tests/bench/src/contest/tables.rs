//! What people read of the contest.

use std::fmt::Write as _;

use super::{Cell, Contest, Entrant, Ledger, Window};
use crate::contender::Contender;
use crate::figures::{Goal, Spread};
use crate::table::{NONE, aligned, plain, row, share, spread};

type Figure = fn(&Window) -> Option<f64>;

const CALLS: Figure = |window| Some(window.measured.calls_per_second);
const P50: Figure = |window| Some(window.measured.p50_us);
const CPU: Figure = |window| window.measured.cpu_us_per_call;

/// The columns: a heading and what stands below it.
const FIGURES: [(&str, Figure); 5] = [
    ("calls/s", CALLS),
    ("p50 µs", P50),
    ("p99 µs", |window| Some(window.measured.p99_us)),
    ("p99.9 µs", |window| Some(window.measured.p999_us)),
    ("CPU µs/call", CPU),
];

/// What the gateway is to reach beside another contender: with so many calls in flight, over
/// [`GOALS_OVER`] connections.
const GOALS: [(Contender, usize, &str, Figure, Goal); 6] = [
    (
        Contender::PassThrough,
        32,
        "calls/s",
        CALLS,
        Goal::AtLeast(0.8),
    ),
    (
        Contender::PassThrough,
        256,
        "calls/s",
        CALLS,
        Goal::AtLeast(0.8),
    ),
    (
        Contender::PassThrough,
        32,
        "CPU/call",
        CPU,
        Goal::AtMost(1.4),
    ),
    (
        Contender::PassThrough,
        256,
        "CPU/call",
        CPU,
        Goal::AtMost(1.4),
    ),
    (Contender::Nginx, 32, "calls/s", CALLS, Goal::AtLeast(1.2)),
    (Contender::Nginx, 256, "calls/s", CALLS, Goal::AtLeast(3.0)),
];
/// As many connections as a calling system would have.
const GOALS_OVER: usize = 4;
/// One call at a time is to take so much longer than at the owner's, in microseconds, beside two
/// durable writes.
const ADDED_GOAL: f64 = 150.0;
const ALONE: Cell = Cell::new(1, 1);

impl Contest {
    /// The tables.
    pub(crate) fn text(&self) -> String {
        let mut text = self.heading();
        text.push('\n');
        text.push_str(&aligned(&self.contenders()));
        if self.has_run(Contender::Gateway) {
            text.push_str(&self.comparisons());
            text.push_str(&self.goals());
        }
        let Ledger {
            records,
            lookups,
            commits,
        } = self.ledger;
        let _written = writeln!(
            text,
            "\nLedger verified offline: {records} records of {lookups} lookups, {commits} commits"
        );
        text
    }

    fn comparisons(&self) -> String {
        let mut text = String::new();
        for Entrant { contender, .. } in &self.entrants {
            if *contender != Contender::Gateway && self.has_run(*contender) {
                // Writing into a string cannot fail.
                let _written = writeln!(text, "\nGateway / {contender}, each round by itself:\n");
                text.push_str(&aligned(&self.ratios(*contender)));
            }
        }
        text
    }

    fn heading(&self) -> String {
        let mut text = format!(
            "Contest: {} × {} s each in turn, mTLS on both legs, one person: {} bytes from the \
             owner, {} from the gateway\n\
             Median (min–max) of the rounds; CPU of the proxy's processes alone\n",
            self.rounds, self.window_seconds, self.owner_bytes, self.gateway_bytes,
        );
        for entrant in &self.entrants {
            let version = entrant.version.as_deref().unwrap_or("not installed");
            let _written = writeln!(text, "  {}: {version}", entrant.contender);
        }
        text
    }

    fn contenders(&self) -> Vec<Vec<String>> {
        let mut rows = vec![headings(&["in flight", "connections", "contender"])];
        for cell in self.cells() {
            for &Entrant { contender, .. } in &self.entrants {
                let mut row = titles(cell);
                row.push(contender.to_string());
                match (self.has_run(contender), contender.package()) {
                    (false, Some(package)) => {
                        row.push(format!("not installed: apt-get install {package}"));
                    }
                    _ => row.extend(FIGURES.iter().map(|(_, figure)| {
                        let windows = self.of(contender, cell);
                        let figures = windows.iter().filter_map(|window| figure(window));
                        spread(Spread::over(figures), plain)
                    })),
                }
                rows.push(row);
            }
        }
        rows
    }

    fn ratios(&self, contender: Contender) -> Vec<Vec<String>> {
        let mut rows = vec![headings(&["in flight", "connections"])];
        for cell in self.cells() {
            let mut row = titles(cell);
            let figures = FIGURES.iter();
            row.extend(figures.map(|(_, one)| spread(self.ratio(contender, cell, *one), share)));
            rows.push(row);
        }
        rows
    }

    fn goals(&self) -> String {
        let mut rows = Vec::new();
        for (contender, in_flight, name, figure, goal) in GOALS {
            let cell = Cell::new(in_flight, GOALS_OVER);
            let Some(ratio) = self.ratio(contender, cell, figure) else {
                continue;
            };
            rows.push(vec![
                format!("{name} / {contender}"),
                cell.to_string(),
                spread(Some(ratio), share),
                goal.beside(ratio.median, share),
            ]);
        }
        let mut text = String::new();
        if !rows.is_empty() {
            // Writing into a string cannot fail.
            let _written = writeln!(text, "\nGoals, over {GOALS_OVER} connections:\n");
            text.push_str(&aligned(&rows));
        }
        text.push_str(&self.added());
        text
    }

    /// What one call at a time takes longer than at the owner's, and how much of that is the disk.
    fn added(&self) -> String {
        let over_owner = |contender| {
            let (through, direct) = (self.of(contender, ALONE), self.of(Contender::Direct, ALONE));
            let rounds = through.into_iter().zip(direct);
            let added = rounds.filter_map(|(through, direct)| Some(P50(through)? - P50(direct)?));
            added.collect::<Vec<f64>>()
        };
        let added = over_owner(Contender::Gateway);
        if added.is_empty() {
            return String::new();
        }
        let writes: Vec<f64> = self.durable_write_us.iter().map(|one| 2.0 * one).collect();
        let rest = added
            .iter()
            .zip(&writes)
            .map(|(added, writes)| added - writes);
        let rest = Spread::over(rest);
        let mut rows = vec![row(["one call at a time, p50 in µs", ""])];
        for &Entrant { contender, .. } in &self.entrants {
            if let Some(added) = Spread::over(over_owner(contender))
                && contender != Contender::Direct
                && contender != Contender::Gateway
            {
                let added = spread(Some(added), plain);
                rows.push(vec![format!("added by {contender}"), added]);
            }
        }
        rows.push(row([
            "added by the gateway",
            &spread(Spread::over(added), plain),
        ]));
        rows.push(row([
            "of that two durable writes",
            &spread(Spread::over(writes), plain),
        ]));
        let goal = rest.map_or(NONE.to_owned(), |rest| {
            Goal::AtMost(ADDED_GOAL).beside(rest.median, plain)
        });
        rows.push(row(["and the rest", &spread(rest, plain), &goal]));
        format!("\n{}", aligned(&rows))
    }

    /// Gateway by contender, each round by itself.
    fn ratio(&self, contender: Contender, cell: Cell, figure: Figure) -> Option<Spread> {
        let ours = self.of(Contender::Gateway, cell);
        let rounds = ours.into_iter().zip(self.of(contender, cell));
        let ratios = rounds.filter_map(|(ours, theirs)| {
            // A smoke run may be too short for any processor time.
            let theirs = figure(theirs).filter(|theirs| *theirs > 0.0)?;
            Some(figure(ours)? / theirs)
        });
        Spread::over(ratios)
    }

    fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for window in &self.windows {
            if !cells.contains(&window.cell) {
                cells.push(window.cell);
            }
        }
        cells
    }

    fn has_run(&self, contender: Contender) -> bool {
        let mut windows = self.windows.iter();
        windows.any(|window| window.contender == contender)
    }

    /// The windows of a contender in a cell, in the order of the rounds.
    fn of(&self, contender: Contender, cell: Cell) -> Vec<&Window> {
        let windows = self.windows.iter();
        let mut found: Vec<&Window> = windows
            .filter(|window| window.contender == contender && window.cell == cell)
            .collect();
        found.sort_by_key(|window| window.round);
        found
    }
}

fn titles(cell: Cell) -> Vec<String> {
    vec![cell.in_flight.to_string(), cell.connections.to_string()]
}

fn headings(before: &[&str]) -> Vec<String> {
    let figures = FIGURES.iter().map(|(heading, _)| *heading);
    let all = before.iter().copied().chain(figures);
    all.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Measured;

    /// Each contender with its calls/s by round, which are also its p50 and its processor time.
    fn contest(entrants: &[(Contender, &[f64])]) -> Contest {
        let window = |round: usize, contender, figure| Window {
            round: u32::try_from(round).unwrap(),
            cell: ALONE,
            contender,
            measured: Measured {
                seconds: 1.0,
                calls: 1,
                calls_per_second: figure,
                p50_us: figure,
                p99_us: figure,
                p999_us: figure,
                cpu_us_per_call: Some(figure).filter(|_| contender != Contender::Direct),
                resident_kib: None,
                answered: 1,
            },
        };
        let windows = entrants.iter().flat_map(|(contender, figures)| {
            let rounds = figures.iter().enumerate();
            rounds.map(|(round, figure)| window(round, *contender, *figure))
        });
        let named = entrants.iter().map(|(contender, figures)| Entrant {
            contender: *contender,
            version: (!figures.is_empty()).then(|| "1.0".to_owned()),
        });
        Contest {
            rounds: 2,
            window_seconds: 1.0,
            owner_bytes: 602,
            gateway_bytes: 193,
            entrants: named.collect(),
            windows: windows.collect(),
            durable_write_us: vec![50.0, 60.0],
            ledger: Ledger::default(),
        }
    }

    #[test]
    fn rounds_are_compared_with_themselves_only() {
        let ours = (Contender::Gateway, [50.0, 300.0].as_slice());
        let theirs = (Contender::Haproxy, [100.0, 200.0].as_slice());
        let ratio = contest(&[theirs, ours]).ratio(Contender::Haproxy, ALONE, CALLS);
        let ratio = ratio.unwrap();
        assert_eq!((ratio.min, ratio.median, ratio.max), (0.5, 1.0, 1.5));
    }

    #[test]
    fn what_is_not_installed_says_how_to_install_it() {
        let contest = contest(&[(Contender::Direct, &[9.0]), (Contender::Nginx, &[])]);
        let text = contest.text();
        assert!(
            text.contains("nginx      not installed: apt-get install nginx"),
            "{text}"
        );
        assert!(!text.contains("Gateway /"), "{text}");
    }

    #[test]
    fn what_is_added_beside_two_durable_writes_is_held_against_its_goal() {
        let direct = (Contender::Direct, [100.0, 100.0].as_slice());
        let text = |p50| contest(&[direct, (Contender::Gateway, &[p50, p50 + 20.0])]).text();
        assert!(text(350.0).contains("goal ≤ 150\n"), "{}", text(350.0));
        assert!(text(351.0).contains("goal ≤ 150 MISSED"), "{}", text(351.0));
    }
}
