//! What people read.

use std::fmt::Write as _;

use crate::collection::Collection;
use crate::contender::Contender;
use crate::figures::Spread;
use crate::results::{Results, Window};

/// What stands where there is no figure.
const NONE: &str = "—";

type Figure = fn(&Window) -> Option<f64>;

/// The columns: a heading and what stands below it.
const FIGURES: [(&str, Figure); 5] = [
    ("calls/s", |window| Some(window.calls_per_second)),
    ("p50 µs", |window| Some(window.p50_us)),
    ("p99 µs", |window| Some(window.p99_us)),
    ("p99.9 µs", |window| Some(window.p999_us)),
    ("CPU µs/call", |window| window.cpu_us_per_call),
];

/// The whole of it.
pub(crate) fn of(results: &Results) -> String {
    let mut levels = Vec::new();
    for window in &results.windows {
        if !levels.contains(&window.in_flight) {
            levels.push(window.in_flight);
        }
    }
    [
        heading(results),
        aligned(&contenders(results, &levels)),
        "Gateway / pass-through, each round by itself:\n".to_owned(),
        aligned(&ratios(results, &levels)),
        aligned(&memory(results)),
        ending(results),
        collection(&results.collection),
    ]
    .join("\n")
}

fn heading(results: &Results) -> String {
    let machine = &results.machine;
    let mut text = format!(
        "\n{} cores of {}, Linux {}, ledger on {}, {} build\n\
         {} × {} s each in turn, {} connections, mTLS on both legs, one person: {} bytes from the \
         owner, {} from the gateway\n\
         Median (min–max) of the rounds; CPU of the proxy's process alone\n",
        machine.cores,
        machine.cpu,
        machine.kernel,
        machine.ledger_on,
        machine.build,
        results.rounds,
        results.window_seconds,
        results.connections,
        results.owner_bytes,
        results.gateway_bytes,
    );
    if results.smoke || machine.build != "release" {
        text.push_str("THESE FIGURES MEAN NOTHING: a smoke run or a debug build\n");
    }
    if machine.ledger_on == "tmpfs" {
        text.push_str("THE LEDGER LIES IN MEMORY, where durable writes cost nothing: use --dir\n");
    }
    text
}

fn contenders(results: &Results, levels: &[usize]) -> Vec<Vec<String>> {
    let mut rows = vec![headings(&["in flight", "contender"])];
    for &in_flight in levels {
        for contender in Contender::ALL {
            let windows = results.of(contender, in_flight);
            let mut row = vec![in_flight.to_string(), contender.to_string()];
            row.extend(FIGURES.iter().map(|(_, figure)| {
                let figures = windows.iter().filter_map(|window| figure(window));
                spread(Spread::over(figures), plain)
            }));
            rows.push(row);
        }
    }
    rows
}

fn ratios(results: &Results, levels: &[usize]) -> Vec<Vec<String>> {
    let mut rows = vec![headings(&["in flight"])];
    for &in_flight in levels {
        let ours = results.of(Contender::Gateway, in_flight);
        let theirs = results.of(Contender::PassThrough, in_flight);
        let mut row = vec![in_flight.to_string()];
        row.extend(FIGURES.iter().map(|(_, figure)| {
            let rounds = ours.iter().zip(&theirs);
            // A smoke run may be too short for a tick of processor time.
            let ratio = |(ours, theirs): (&&Window, &&Window)| {
                Some(figure(ours)? / figure(theirs).filter(|figure| *figure > 0.0)?)
            };
            spread(Spread::over(rounds.filter_map(ratio)), share)
        }));
        rows.push(row);
    }
    rows
}

fn memory(results: &Results) -> Vec<Vec<String>> {
    let row = ["resident MiB", "at rest", "after load"];
    let mut rows = vec![row.map(str::to_owned).to_vec()];
    for at_rest in &results.at_rest {
        let windows = results.windows.iter();
        let mut own = windows.filter(|window| window.contender == at_rest.contender);
        let after = own.next_back().and_then(|window| window.resident_kib);
        rows.push(vec![
            at_rest.contender.to_string(),
            mebibytes(at_rest.resident_kib),
            after.map_or_else(|| NONE.to_owned(), mebibytes),
        ]);
    }
    rows
}

fn ending(results: &Results) -> String {
    let ledger = &results.ledger;
    format!(
        "Ledger verified offline: {} records of {} lookups, {} commits\n",
        ledger.records, ledger.lookups, ledger.commits
    )
}

fn collection(collection: &Collection) -> String {
    format!(
        "{} components of a dossier at once, {} ms at the owners': {:.1} ms, the slowest by itself \
         {:.1} ms, which is {:.2} times as long (goal: 1.5)\n",
        collection.components,
        collection.latency_ms,
        collection.all_ms,
        collection.slowest_ms,
        collection.ratio(),
    )
}

fn headings(before: &[&str]) -> Vec<String> {
    let figures = FIGURES.iter().map(|(heading, _)| *heading);
    before
        .iter()
        .copied()
        .chain(figures)
        .map(str::to_owned)
        .collect()
}

fn spread(spread: Option<Spread>, print: fn(f64) -> String) -> String {
    let Some(Spread { median, min, max }) = spread else {
        return NONE.to_owned();
    };
    // As after a single round.
    if min.total_cmp(&max).is_eq() {
        return print(median);
    }
    format!("{} ({}–{})", print(median), print(min), print(max))
}

fn plain(figure: f64) -> String {
    if figure < 100.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.0}")
    }
}

fn share(ratio: f64) -> String {
    format!("{ratio:.2}")
}

fn mebibytes(kib: u64) -> String {
    let (whole, tenths) = (kib / 1024, kib % 1024 * 10 / 1024);
    format!("{whole}.{tenths}")
}

/// Rows with each column as wide as its widest cell.
fn aligned(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            let letters = cell.chars().count();
            match widths.get_mut(at) {
                Some(width) => *width = letters.max(*width),
                None => widths.push(letters),
            }
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing into a string cannot fail.
            let _written = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
