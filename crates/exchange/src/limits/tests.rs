//! By hand, and beside a slow and obvious twin.

mod twin;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use motlan_catalog::{AgencyCode, Budget, GrantId, Terms};
use motlan_policy::Moment;

use super::{Charge, Exceeded, Limits, Whose};

const HOUR_MS: i64 = 3_600_000;
/// 2026-11-22 at midnight in Việt Nam.
const MIDNIGHT: Moment = Moment::from_unix_ms(1_795_305_600_000 - 7 * HOUR_MS);

fn after(hours: i64) -> Moment {
    Moment::from_unix_ms(MIDNIGHT.unix_ms() + hours * HOUR_MS)
}

fn grant() -> GrantId {
    "g01-h26-population-2026/residence".parse().unwrap()
}

fn budget(grant: u32, subject: u32, official: u32) -> Budget {
    Budget {
        grant: NonZeroU32::new(grant),
        subject: NonZeroU32::new(subject),
        official: NonZeroU32::new(official),
    }
}

fn terms(quota: Budget, rate: Budget) -> Terms {
    let mut terms = Terms::default();
    terms.quota = quota;
    terms.rate = rate;
    terms
}

const OPEN: Budget = Budget {
    grant: None,
    subject: None,
    official: None,
};

fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

/// Limits with a clock by hand.
struct Desk {
    agency: AgencyCode,
    limits: Limits,
    terms: Terms,
    moment: Moment,
    since: Duration,
}

impl Desk {
    fn new(quota: Budget, rate: Budget) -> Self {
        Self {
            agency: agency("G01"),
            limits: Limits::new().unwrap(),
            terms: terms(quota, rate),
            moment: MIDNIGHT,
            since: Duration::ZERO,
        }
    }

    fn ask(&self, subject: &str, official: &str) -> Result<(), Exceeded> {
        let grant = grant();
        let one = Charge {
            grant: &grant,
            consumer: &self.agency,
            subject,
            official,
        };
        let instant: Instant = self.limits.epoch + self.since;
        self.limits.charge(&one, &self.terms, self.moment, instant)
    }

    /// How many of `count` may be asked.
    fn allowed(&self, count: usize, subject: &str, official: &str) -> usize {
        let asked = (0..count).map(|_| self.ask(subject, official));
        asked.filter(Result::is_ok).count()
    }
}

fn quota(whose: Whose, limit: u32, hours: u64) -> Result<(), Exceeded> {
    let retry = Duration::from_secs(hours * 3600);
    Err(Exceeded::Quota {
        grant: grant(),
        whose,
        limit,
        retry,
    })
}

fn rate(whose: Whose, limit: u32, retry: Duration) -> Result<(), Exceeded> {
    Err(Exceeded::Rate {
        grant: grant(),
        whose,
        limit,
        retry,
    })
}

#[test]
fn a_quota_is_for_one_day_in_viet_nam() {
    let mut desk = Desk::new(budget(0, 3, 0), OPEN);
    assert_eq!(desk.allowed(3, "subject", "one"), 3);
    assert_eq!(desk.ask("subject", "other"), quota(Whose::Subject, 3, 24));
    desk.moment = after(23);
    assert_eq!(desk.ask("subject", "one"), quota(Whose::Subject, 3, 1));
    assert_eq!(desk.ask("another", "one"), Ok(()));
    // Midnight in Việt Nam, which is 17:00 in the world's time.
    desk.moment = after(24);
    assert_eq!(desk.allowed(4, "subject", "one"), 3);
}

#[test]
fn a_clock_that_is_put_back_begins_no_day_anew() {
    let mut desk = Desk::new(budget(1, 0, 0), OPEN);
    assert_eq!(desk.ask("subject", "one"), Ok(()));
    desk.moment = after(-1);
    assert_eq!(desk.ask("subject", "one"), quota(Whose::Grant, 1, 25));
    desk.moment = after(0);
    assert_eq!(desk.ask("subject", "one"), quota(Whose::Grant, 1, 24));
}

#[test]
fn a_clock_that_was_far_ahead_once_uses_up_no_other_day() {
    // R93.
    let mut desk = Desk::new(budget(1, 0, 0), OPEN);
    assert_eq!(desk.ask("subject", "one"), Ok(()));
    desk.moment = after(365 * 24);
    assert_eq!(desk.allowed(2, "subject", "one"), 1);
    for days in [1, 2, 30, 300] {
        desk.moment = after(days * 24);
        assert_eq!(desk.allowed(2, "subject", "one"), 1, "{days}");
    }
}

#[test]
fn a_clock_that_goes_forth_and_back_begins_no_day_twice() {
    // R93.
    for there in [1, 2, 365] {
        let mut desk = Desk::new(budget(1, 0, 0), OPEN);
        assert_eq!(desk.ask("subject", "one"), Ok(()));
        desk.moment = after(there * 24);
        assert_eq!(desk.ask("subject", "one"), Ok(()));
        for days in [0, there, -1, there - 1, 0, there] {
            desk.moment = after(days * 24);
            assert_eq!(desk.allowed(2, "subject", "one"), 0, "{there} {days}");
        }
    }
}

#[test]
fn what_is_written_in_another_way_is_the_same_subject_and_another_grant_counts_apart() {
    let desk = Desk::new(budget(0, 1, 0), OPEN);
    assert_eq!(desk.ask("ab 1", "one"), Ok(()));
    for same in [
        " AB 1 ",
        "AB1",
        "ab\u{a0}1",
        "ab 1\0",
        "a\u{ad}b 1",
        "ab 1\u{200b}",
        "\u{feff}ab 1",
        "ab 1\u{fe0f}",
        "ab \u{ff11}",
        "\u{ff41}b 1",
        "ab 1\u{3164}",
        "ab\u{2028}1",
        "ab 1\u{e0041}",
    ] {
        let told = desk.ask(same, "one");
        assert_eq!(told, quota(Whose::Subject, 1, 24), "{same:?}");
    }
    // Neither is what can be seen taken away, nor the mark of a letter.
    for other in ["ab-1", "ab.1", "\u{e1}b 1", "ab 2"] {
        assert_eq!(desk.ask(other, "one"), Ok(()), "{other:?}");
    }
    let other: GrantId = "g01-h26-population-2026/other".parse().unwrap();
    let one = Charge {
        grant: &other,
        consumer: &desk.agency,
        subject: "ab 1",
        official: "one",
    };
    let charged = desk
        .limits
        .charge(&one, &desk.terms, MIDNIGHT, desk.limits.epoch);
    assert_eq!(charged, Ok(()));
}

#[test]
fn an_official_who_is_written_in_another_way_is_the_same() {
    // R93.
    let desk = Desk::new(budget(0, 0, 1), OPEN);
    assert_eq!(desk.ask("subject", "Nguy\u{1ec5}n"), Ok(()));
    for same in [
        "nguy\u{1ec5}n ",
        "NGUYE\u{302}\u{303}N",
        "Nguy\u{1ec5}n\u{200d}",
    ] {
        let told = desk.ask("subject", same);
        assert_eq!(told, quota(Whose::Official, 1, 24), "{same:?}");
    }
    assert_eq!(desk.ask("subject", "Nguyen"), Ok(()));
}

#[test]
fn a_minute_fills_up_again_bit_by_bit() {
    let mut desk = Desk::new(OPEN, budget(0, 0, 6));
    assert_eq!(desk.allowed(9, "subject", "one"), 6);
    assert_eq!(
        desk.ask("subject", "one"),
        rate(Whose::Official, 6, Duration::from_secs(10))
    );
    desk.since = Duration::from_millis(9_999);
    assert_eq!(
        desk.ask("subject", "one"),
        rate(Whose::Official, 6, Duration::from_millis(1))
    );
    desk.since = Duration::from_secs(10);
    assert_eq!(desk.allowed(9, "subject", "one"), 1);
    assert_eq!(desk.allowed(9, "subject", "other"), 6);
    desk.since = Duration::from_secs(3600);
    assert_eq!(desk.allowed(9, "subject", "one"), 6);
}

#[test]
fn a_use_that_one_limit_refuses_costs_the_others_nothing() {
    let desk = Desk::new(budget(5, 0, 2), OPEN);
    assert_eq!(desk.allowed(9, "subject", "one"), 2);
    assert_eq!(desk.allowed(9, "subject", "two"), 2);
    // Of the five, one is left.
    assert_eq!(desk.allowed(9, "subject", "three"), 1);
    assert_eq!(desk.ask("subject", "three"), quota(Whose::Grant, 5, 24));

    // What the minute refuses costs the day nothing, and the other way round.
    let mut desk = Desk::new(budget(0, 3, 0), budget(0, 0, 1));
    assert_eq!(desk.allowed(9, "subject", "one"), 1);
    assert_eq!(desk.allowed(9, "subject", "two"), 1);
    assert_eq!(desk.allowed(9, "subject", "three"), 1);
    assert_eq!(desk.allowed(9, "subject", "four"), 0);
    assert_eq!(desk.ask("another", "four"), Ok(()));
    desk.since = Duration::from_secs(60);
    assert_eq!(desk.ask("another", "one"), Ok(()));
}

#[test]
fn where_there_is_no_room_what_is_not_counted_yet_is_refused_and_nothing_forgotten() {
    let mut desk = Desk::new(budget(0, 2, 0), OPEN);
    desk.limits = Limits::with_room(8).unwrap();
    assert_eq!(desk.ask("a", "one"), Ok(()));
    assert_eq!(desk.ask("b", "one"), Ok(()));
    let full = desk.ask("c", "one").unwrap_err();
    assert_eq!((full.reason(), full.whose()), ("LIMITS_FULL", None));
    assert_eq!(desk.allowed(9, "a", "one"), 1);
    assert_eq!(desk.ask("a", "one"), quota(Whose::Subject, 2, 24));
    desk.moment = after(24);
    assert_eq!(desk.ask("c", "one"), Ok(()));
}

#[test]
fn one_agency_takes_no_more_than_a_quarter_of_the_room() {
    // R93.
    for (quota, rate) in [(budget(0, 2, 0), OPEN), (OPEN, budget(0, 2, 0))] {
        let mut desk = Desk::new(quota, rate);
        desk.limits = Limits::with_room(9).unwrap();
        for code in ["G01", "G02", "G03", "G04"] {
            desk.agency = agency(code);
            let asked = ["a", "b", "c", "d"].map(|it| desk.ask(&format!("{code}{it}"), "one"));
            assert_eq!(asked.iter().filter(|it| it.is_ok()).count(), 2, "{code}");
            assert_eq!(desk.ask(&format!("{code}a"), "one"), Ok(()));
        }
        // One is left in all.
        desk.agency = agency("G05");
        assert_eq!(desk.ask("a", "one"), Ok(()));
        assert_eq!(desk.ask("b", "one").unwrap_err().reason(), "LIMITS_FULL");
        // And all is free again where all has rested, or another day begins.
        (desk.moment, desk.since) = (after(24), Duration::from_secs(3600));
        assert_eq!(desk.allowed(1, "b", "one") + desk.allowed(1, "c", "one"), 2);
    }
}

#[test]
fn those_that_rested_make_room_for_others_within_a_minute() {
    let mut desk = Desk::new(OPEN, budget(0, 2, 0));
    desk.limits = Limits::with_room(8).unwrap();
    assert_eq!(desk.allowed(9, "a", "one"), 2);
    assert_eq!(desk.allowed(1, "b", "one"), 1);
    desk.since = Duration::from_secs(29);
    assert_eq!(desk.ask("c", "one").unwrap_err().reason(), "LIMITS_FULL");
    // The one that was used once has rested after half of a minute.
    desk.since = Duration::from_secs(31);
    assert_eq!(desk.ask("c", "one"), Ok(()));
    assert_eq!(desk.ask("d", "one").unwrap_err().reason(), "LIMITS_FULL");
}

#[test]
fn uses_on_record_count_for_their_own_day() {
    let desk = Desk::new(budget(0, 3, 2), OPEN);
    let recall = |subject, official, at| {
        let grant = grant();
        let past = Charge {
            grant: &grant,
            consumer: &desk.agency,
            subject,
            official,
        };
        desk.limits.recall(&past, &desk.terms.quota, at);
    };
    for _ in 0..9 {
        recall("a", "one", after(-1));
    }
    desk.limits.begin(after(12));
    // The next midnight is to come, and a little of its day was used by a clock put back since.
    for _ in 0..9 {
        recall("a", "one", after(24));
    }
    recall("a", "one", after(0));
    recall("a", "two", after(0));
    assert_eq!(desk.ask("b", "one"), Ok(()));
    assert_eq!(desk.ask("b", "one"), quota(Whose::Official, 2, 24));
    assert_eq!(desk.ask("a", "two"), Ok(()));
    assert_eq!(desk.ask("a", "three"), quota(Whose::Subject, 3, 24));
}

#[test]
fn a_grant_without_limits_is_not_counted() {
    let desk = Desk::new(OPEN, OPEN);
    assert_eq!(desk.allowed(100, "subject", "one"), 100);
    let used = desk.limits.lock();
    assert!(used.days.is_empty() && used.minute.is_empty());
}

#[test]
fn what_is_kept_tells_nobodys_name() {
    let desk = Desk::new(budget(0, 9, 9), budget(0, 9, 9));
    let (one, other) = (Limits::new().unwrap(), Limits::new().unwrap());
    let grant = grant();
    let charge = Charge {
        grant: &grant,
        consumer: &desk.agency,
        subject: "001099012345",
        official: "official-0001",
    };
    // R93: each process has a key of its own.
    for whose in [Whose::Subject, Whose::Official] {
        assert_ne!(one.tag(whose, &charge), other.tag(whose, &charge));
        assert_eq!(one.tag(whose, &charge), one.tag(whose, &charge));
    }
    let told = desk
        .limits
        .charge(&charge, &terms(budget(0, 1, 0), OPEN), MIDNIGHT, one.epoch);
    assert_eq!(told, Ok(()));
    let told = desk
        .limits
        .charge(&charge, &terms(budget(0, 1, 0), OPEN), MIDNIGHT, one.epoch);
    let told = format!("{0} {0:?}", told.unwrap_err());
    assert!(
        !told.contains("0010990") && !told.contains("official-0001"),
        "{told}"
    );
}

#[test]
fn of_many_at_once_exactly_as_many_are_let_through_as_may_be() {
    let desk = Desk::new(budget(10, 0, 0), budget(0, 0, 8));
    let allowed = std::thread::scope(|scope| {
        let threads: Vec<_> = ["one", "two"]
            .iter()
            .cycle()
            .take(8)
            .map(|official| scope.spawn(|| desk.allowed(1000, "subject", official)))
            .collect();
        let allowed = threads.into_iter().map(|thread| thread.join().unwrap());
        allowed.sum::<usize>()
    });
    assert_eq!(allowed, 10);
}
