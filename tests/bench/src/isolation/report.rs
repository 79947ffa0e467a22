//! The section for the terminal.

use super::{Isolation, Window};
use crate::figures::Spread;
use crate::table::{aligned, plain, row, share, spread};

impl Isolation {
    /// The section for the terminal.
    pub(crate) fn text(&self) -> String {
        let (in_flight, slow_ms, records) = (self.in_flight, self.slow_ms, self.records);
        format!(
            "A slow owner's system: {in_flight} in flight to another dataset, while calls wait for \
             one that takes {slow_ms} ms\n\n{}\n\
             Goal: the p99 does not move. It has moved where its range over the rounds does not \
             overlap with that of nobody waiting.\n\
             Ledger verified offline: {records} records, two of each answer\n",
            aligned(&self.rows()),
        )
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![row([
            "waiting",
            "of",
            "calls/s",
            "p50 µs",
            "p99 µs",
            "p99, times that of none",
            "refused/s",
            "",
        ])];
        let alone = self.of(0, true);
        let alone_p99 = Spread::over(alone.iter().filter_map(|window| window.p99_us));
        for (waiting, same_system) in self.cases() {
            let windows = self.of(waiting, same_system);
            let over = |figure: fn(&Window) -> Option<f64>| {
                spread(
                    Spread::over(windows.iter().filter_map(|one| figure(one))),
                    plain,
                )
            };
            let rounds = windows.iter().zip(&alone);
            let ratios = rounds.filter_map(|(with, without)| Some(with.p99_us? / without.p99_us?));
            let p99 = Spread::over(windows.iter().filter_map(|window| window.p99_us));
            let refused = windows.iter().any(|one| one.refused_per_second > 0.0);
            let whose = match (waiting, same_system) {
                (0, _) => "",
                (_, true) => "the same system",
                (_, false) => "another system",
            };
            let verdict = match (waiting, p99.zip(alone_p99)) {
                (0, _) => "",
                (_, None) => "nobody was answered MISSED",
                _ if refused => "refused MISSED",
                _ if windows.len() < 2 => "one round does not tell",
                (_, Some((with, without))) if with.min > without.max => "moved MISSED",
                (_, Some(_)) => "not moved",
            };
            rows.push(vec![
                waiting.to_string(),
                whose.to_owned(),
                over(|window| Some(window.calls_per_second)),
                over(|window| window.p50_us),
                over(|window| window.p99_us),
                spread(Spread::over(ratios), share),
                over(|window| Some(window.refused_per_second)),
                verdict.to_owned(),
            ]);
        }
        rows
    }

    /// Who waited, in the order of a round.
    fn cases(&self) -> Vec<(usize, bool)> {
        let first = self.windows.iter().filter(|window| window.round == 1);
        first
            .map(|window| (window.waiting, window.same_system))
            .collect()
    }

    /// The windows of one case in the order of the rounds.
    fn of(&self, waiting: usize, same_system: bool) -> Vec<&Window> {
        let windows = self.windows.iter();
        windows
            .filter(|one| one.waiting == waiting && one.same_system == same_system)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(round: u32, waiting: usize, p99_us: f64, refused_per_second: f64) -> Window {
        Window {
            round,
            waiting,
            same_system: true,
            calls_per_second: 1.0,
            p50_us: Some(1.0),
            p99_us: Some(p99_us),
            refused_per_second,
            waiting_refused: 0,
        }
    }

    fn verdict(p99_us: [f64; 2], refused_per_second: f64) -> String {
        let mut windows = vec![window(1, 0, 10.0, 0.0), window(2, 0, 14.0, 0.0)];
        for (round, p99_us) in (1..).zip(p99_us) {
            windows.push(window(round, 8, p99_us, refused_per_second));
        }
        let isolation = Isolation {
            in_flight: 1,
            slow_ms: 1,
            windows,
            records: 0,
        };
        let row = isolation.rows().into_iter().next_back().unwrap();
        row.into_iter().next_back().unwrap()
    }

    #[test]
    fn a_p99_has_moved_where_the_ranges_do_not_overlap() {
        assert_eq!(verdict([13.0, 30.0], 0.0), "not moved");
        assert_eq!(verdict([15.0, 30.0], 0.0), "moved MISSED");
        assert_eq!(verdict([1.0, 2.0], 0.0), "not moved");
        assert_eq!(verdict([13.0, 14.0], 5.0), "refused MISSED");
    }
}
