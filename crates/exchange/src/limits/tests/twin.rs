//! The twin keeps every use that was let through. For a day it counts them; for a minute it has a
//! limiter that others wrote live through all of them once more.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};
use motlan_catalog::Budget;
use motlan_policy::Moment;
use proptest::prelude::*;

use super::{Desk, Whose, budget, terms};

struct Past {
    subject: u8,
    official: u8,
    moment: Moment,
    since: Duration,
}

#[derive(Default)]
struct Twin(Vec<Past>);

impl Twin {
    fn of<'a>(&'a self, whose: Whose, one: &'a Past) -> impl Iterator<Item = &'a Past> {
        self.0.iter().filter(move |past| match whose {
            Whose::Grant => true,
            Whose::Subject => past.subject == one.subject,
            Whose::Official => past.official == one.official,
        })
    }

    /// Which limit refuses it.
    fn refuses(&self, one: &Past, quota: &Budget, rate: &Budget) -> Option<(&'static str, Whose)> {
        for whose in Whose::ALL {
            let today = one.moment.local_day();
            let same = self.of(whose, one);
            let used = same.filter(|past| past.moment.local_day() == today);
            if whose
                .of(quota)
                .is_some_and(|limit| used.count() >= limit as usize)
            {
                return Some(("QUOTA_EXCEEDED", whose));
            }
        }
        for whose in Whose::ALL {
            if let Some(limit) = whose.of(rate)
                && !self.has_rested(whose, one, limit)
            {
                return Some(("RATE_EXCEEDED", whose));
            }
        }
        None
    }

    fn has_rested(&self, whose: Whose, one: &Past, limit: u32) -> bool {
        let clock = FakeRelativeClock::default();
        let quota = Quota::per_minute(NonZeroU32::new(limit).unwrap());
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
        let mut now = Duration::ZERO;
        for past in self.of(whose, one) {
            clock.advance(past.since - now);
            now = past.since;
            limiter.check().unwrap();
        }
        clock.advance(one.since - now);
        limiter.check().is_ok()
    }
}

fn any_budget() -> impl Strategy<Value = Budget> {
    let part = || prop_oneof![2 => Just(0), 3 => 1_u32..7];
    (part(), part(), part()).prop_map(|(grant, subject, official)| budget(grant, subject, official))
}

/// Who asks about whom, so many milliseconds after the one before.
fn any_asks() -> impl Strategy<Value = Vec<(u8, u8, u64)>> {
    let wait = prop_oneof![
        3 => 0_u64..2,
        3 => 0_u64..12_000,
        2 => Just(10_000),
        1 => 0_u64..90_000,
        1 => 0_u64..90_000_000,
    ];
    proptest::collection::vec((0_u8..3, 0_u8..3, wait), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// R93.
    #[test]
    fn what_is_let_through_is_what_the_twin_lets_through(
        quota in any_budget(),
        rate in any_budget(),
        asks in any_asks(),
    ) {
        let mut desk = Desk::new(quota, rate);
        desk.terms = terms(quota, rate);
        let mut twin = Twin::default();
        for (subject, official, wait_ms) in asks {
            desk.since += Duration::from_millis(wait_ms);
            let unix_ms = desk.moment.unix_ms() + i64::try_from(wait_ms).unwrap();
            desk.moment = Moment::from_unix_ms(unix_ms);
            let (moment, since) = (desk.moment, desk.since);
            let one = Past { subject, official, moment, since };
            let asked = desk.ask(&format!("s{subject}"), &format!("o{official}"));
            let refused = asked.err().map(|over| (over.reason(), over.whose().unwrap()));
            prop_assert_eq!(refused, twin.refuses(&one, &quota, &rate));
            if refused.is_none() {
                twin.0.push(one);
            }
        }
    }
}
