//! How growth is printed.

use super::{Growth, OfLedger, Round};
use crate::figures::Spread;
use crate::table::{NONE, aligned, mebibytes, plain, row, share, spread};

/// Segments are written ahead: below so many records the log's size says more of them.
const RECORDS_MIN: u64 = 500_000;

/// A figure of a round.
type Figure = fn(&Round) -> Option<f64>;

const FIGURES: [Figure; 3] = [
    |round| Some(round.loaded.calls_per_second),
    |round| round.loaded.cpu_us_per_call,
    |round| Some(round.alone.p50_us),
];

impl Growth {
    pub(crate) fn text(&self) -> String {
        let (in_flight, connections) = super::LOAD;
        format!(
            "Growth: {in_flight} in flight over {connections} connections, and one alone; the \
             ratios are those to the first row, round by round\n{}\n{}\n{}",
            aligned(&self.of_catalogues()),
            aligned(&self.of_ledgers()),
            aligned(&self.at_starts()),
        )
    }

    fn of_catalogues(&self) -> Vec<Vec<String>> {
        let mut rows = vec![headings(["agreements", "datasets"])];
        let first = self.catalogues.first().map(|one| one.rounds.as_slice());
        for one in &self.catalogues {
            let mut cells = vec![one.agreements.to_string(), one.datasets.to_string()];
            cells.extend(figures(&one.rounds, first.unwrap_or_default()));
            rows.push(cells);
        }
        rows
    }

    fn of_ledgers(&self) -> Vec<Vec<String>> {
        let mut rows = vec![headings(["records before", "after"])];
        let first = self.ledgers.first().map(|one| one.rounds.as_slice());
        for one in &self.ledgers {
            let mut cells = vec![one.grown.to_string(), one.records.to_string()];
            cells.extend(figures(&one.rounds, first.unwrap_or_default()));
            rows.push(cells);
        }
        rows
    }

    fn at_starts(&self) -> Vec<Vec<String>> {
        let mut rows = vec![row([
            "records before",
            "start to answer, ms",
            "resident MiB then",
            "p50 alone with receipt, µs",
            "bytes/lookup",
            "of it log",
            "index",
            "grown in s",
        ])];
        rows.extend(self.ledgers.iter().map(|one| {
            let answered = one.starts.iter().map(|start| start.answered_ms);
            let resident = one.starts.iter().map(|start| start.resident_kib).max();
            vec![
                one.grown.to_string(),
                spread(Spread::over(answered), plain),
                resident.map_or_else(|| NONE.to_owned(), mebibytes),
                spread(Spread::over(one.receipt_p50_us.iter().copied()), plain),
                per_lookup(one, one.disk.bytes()),
                per_lookup(one, one.disk.log_bytes),
                per_lookup(one, one.disk.index_bytes),
                plain(one.growing_seconds),
            ]
        }));
        rows
    }
}

fn headings(before: [&str; 2]) -> Vec<String> {
    let figures = ["calls/s", "", "CPU µs/call", "", "p50 alone µs", ""];
    before
        .iter()
        .chain(&figures)
        .map(|&cell| cell.to_owned())
        .collect()
}

/// Each figure, and its ratio to that of the same round of `first`.
fn figures(rounds: &[Round], first: &[Round]) -> Vec<String> {
    let cells = FIGURES.iter().flat_map(|figure| {
        let own = Spread::over(rounds.iter().filter_map(figure));
        let pairs = rounds.iter().zip(first);
        let ratios = pairs.filter_map(|(own, first)| {
            // A short window may have no tick of processor time.
            let first = figure(first).filter(|figure| *figure > 0.0)?;
            Some(figure(own)? / first)
        });
        [
            spread(own, plain),
            format!("× {}", spread(Spread::over(ratios), share)),
        ]
    });
    cells.collect()
}

fn per_lookup(one: &OfLedger, bytes: u64) -> String {
    if one.records < RECORDS_MIN {
        return NONE.to_owned();
    }
    (2 * bytes / one.records).to_string()
}
