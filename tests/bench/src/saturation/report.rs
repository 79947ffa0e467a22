//! The section for the terminal.

use std::collections::BTreeMap;

use super::{IN_FLIGHT, OFFERS, Offer, Saturation, TWICE};
use crate::contender::Contender;
use crate::figures::{Goal, Spread};
use crate::table::{NONE, aligned, plain, row, share, spread};

/// Of the peak, at twice the capacity.
const GOODPUT: Goal = Goal::AtLeast(0.9);

impl Saturation {
    /// The section for the terminal.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "Past saturation: calls by a schedule over {} connections, with a deadline of {} ms; \
             the capacity is that of {IN_FLIGHT} in flight over as many\n\n{}",
            self.connections,
            self.deadline_ms,
            aligned(&self.rows()),
        );
        for contender in [Contender::PassThrough, Contender::Gateway] {
            text.push_str(&self.of_peak(contender));
        }
        text.push_str(&self.told());
        let records = self.records;
        text.push_str(&format!(
            "Ledger verified offline: {records} records, an outcome of every reply on record\n"
        ));
        text
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![row([
            "contender",
            "× capacity",
            "offered/s",
            "unsent/s",
            "goodput/s",
            "p50 ms",
            "p99 ms",
            "refused/s",
            "their p50 ms",
            "their p99 ms",
            "no reply",
            "cores: proxy",
            "callers",
            "owner",
        ])];
        for contender in [Contender::PassThrough, Contender::Gateway] {
            for times in OFFERS {
                let offers = self.of(contender, times);
                if offers.is_empty() {
                    continue;
                }
                let over = |figure: fn(&Offer) -> Option<f64>| {
                    spread(
                        Spread::over(offers.iter().filter_map(|one| figure(one))),
                        plain,
                    )
                };
                let mut row = vec![
                    contender.to_string(),
                    times.to_string(),
                    over(|offer| Some(offer.offered_per_second)),
                    over(|offer| Some(offer.unsent_per_second)),
                    over(|offer| Some(offer.goodput_per_second)),
                    over(|offer| Some(offer.p50_us / 1e3)),
                    over(|offer| Some(offer.p99_us / 1e3)),
                    over(|offer| Some(offer.refused_per_second())),
                    over(|offer| Some(offer.most_common()?.0 / 1e3)),
                    over(|offer| Some(offer.most_common()?.1 / 1e3)),
                    over(|offer| Some(offer.unanswered.values().sum::<u64>() as f64)),
                ];
                let busy: [fn(&Offer) -> Option<f64>; 3] = [
                    |offer| offer.cores.first().copied(),
                    |offer| offer.cores.get(1).copied(),
                    |offer| offer.cores.get(2).copied(),
                ];
                row.extend(busy.map(over));
                rows.push(row);
            }
        }
        rows
    }

    fn of_peak(&self, contender: Contender) -> String {
        let of_peak = |offer: &&Offer| {
            let of_round = self.offers.iter();
            let of_round =
                of_round.filter(|one| one.round == offer.round && one.contender == contender);
            let peak = of_round.map(|one| one.goodput_per_second.max(one.capacity_per_second));
            offer.goodput_per_second / peak.fold(f64::EPSILON, f64::max)
        };
        let twice = self.of(contender, TWICE);
        let spread_of = Spread::over(twice.iter().map(of_peak));
        let goal = match (contender, spread_of) {
            (Contender::Gateway, Some(of)) => format!(" ({})", GOODPUT.beside(of.median, share)),
            _ => String::new(),
        };
        let of_peak = spread(spread_of, share);
        format!("{contender}: goodput at twice the capacity, of its peak: {of_peak}{goal}\n")
    }

    /// What was told in place of an answer, in all rounds and at every offer.
    fn told(&self) -> String {
        let mut told: BTreeMap<String, (u64, bool, f64)> = BTreeMap::new();
        for offer in &self.offers {
            let contender = offer.contender;
            for one in &offer.refusals {
                let what = format!("{contender}: {} {}", one.code, one.reason);
                let entry = told.entry(what).or_insert((0, one.is_honest, 0.0));
                entry.0 += one.calls as u64;
                entry.2 = entry.2.max(one.p99_us);
            }
            let late = (
                "a right answer after its deadline".to_owned(),
                offer.late as u64,
            );
            let unanswered = offer.unanswered.clone().into_iter();
            for (what, calls) in unanswered.chain([late]).filter(|(_, calls)| *calls > 0) {
                let entry = told.entry(format!("{contender}: {what}"));
                entry.or_insert((0, false, f64::NAN)).0 += calls;
            }
        }
        let lines = told.into_iter().map(|(what, (calls, is_honest, p99_us))| {
            let missed = match is_honest || !what.starts_with("gateway") {
                true => "",
                false => " (goal RESOURCE_EXHAUSTED or UNAVAILABLE) MISSED",
            };
            let p99 = match p99_us.is_nan() {
                true => NONE.to_owned(),
                false => plain(p99_us / 1e3),
            };
            format!("{calls} × {what}, p99 of the slowest turn {p99} ms{missed}\n")
        });
        lines.collect()
    }

    /// A contender's offers in the order of the rounds.
    fn of(&self, contender: Contender, times: f64) -> Vec<&Offer> {
        let offers = self.offers.iter();
        let same = |offer: &&Offer| offer.times_capacity.total_cmp(&times).is_eq();
        offers
            .filter(|offer| offer.contender == contender)
            .filter(same)
            .collect()
    }
}

impl Offer {
    fn refused_per_second(&self) -> f64 {
        // As the offered calls were counted.
        let calls: usize = self.refusals.iter().map(|one| one.calls).sum();
        calls as f64 / self.seconds
    }

    /// The p50 and the p99 of the refusals of the most common kind.
    fn most_common(&self) -> Option<(f64, f64)> {
        let most = self.refusals.iter().max_by_key(|one| one.calls)?;
        Some((most.p50_us, most.p99_us))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Refusals;
    use super::*;

    fn offer(times: f64, goodput: f64, code: &str, is_honest: bool) -> Offer {
        let refusals = Refusals {
            code: code.to_owned(),
            reason: "REASON".to_owned(),
            is_honest,
            calls: 7,
            p50_us: 3000.0,
            p99_us: 3000.0,
        };
        Offer {
            round: 1,
            contender: Contender::Gateway,
            capacity_per_second: 100.0,
            times_capacity: times,
            seconds: 1.0,
            offered_per_second: 100.0 * times,
            unsent_per_second: 0.0,
            goodput_per_second: goodput,
            late: 0,
            p50_us: 1.0,
            p99_us: 1.0,
            refusals: vec![refusals],
            unanswered: BTreeMap::new(),
            cores: vec![1.0; 3],
        }
    }

    fn text(offers: Vec<Offer>) -> String {
        let saturation = Saturation {
            connections: 1,
            deadline_ms: 1000,
            offers,
            records: 0,
        };
        saturation.text()
    }

    #[test]
    fn goodput_below_nine_tenths_of_the_best_offer_misses_the_goal() {
        let twice = |goodput| {
            let once = offer(1.0, 110.0, "Unavailable", true);
            text(vec![once, offer(TWICE, goodput, "Unavailable", true)])
        };
        assert!(!twice(99.5).contains("MISSED"));
        assert!(twice(98.0).contains("its peak: 0.89 (goal ≥ 0.90 MISSED)"));
    }

    #[test]
    fn an_error_that_does_not_tell_of_overload_misses_the_goal() {
        let told = text(vec![offer(TWICE, 100.0, "DeadlineExceeded", false)]);
        assert!(told.contains("7 × gateway: DeadlineExceeded REASON"));
        assert!(told.contains("MISSED"));
    }
}
