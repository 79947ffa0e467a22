//! What is shown to people: who may learn what, and why a question is decided as it is.

use std::collections::BTreeSet;

use motlan_policy::{Backing, Mark, Moment, Query};

use super::ground::{
    Asked, FUNERAL, GET_PERSON, Ground, PLAIN, RESIDENCE, agreement, ground, ground_with,
};

const GET_MARITAL_STATUS: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetMaritalStatus";
/// 2026-03-02T09:00+07:00, a Monday.
const MONDAY_MS: i64 = 1_772_416_800_000;

/// The reference catalogue with an owner's rule and an agreement that is over.
fn varied() -> Ground {
    let rules = "@reason(\"OWNER_NOT_FOR_FUNERALS\") forbid (principal, action, resource)\n\
                 when { context.procedure == \"1.014177\" && !context.has_dossier };";
    let over = agreement("g01-h26-over", 2025, FUNERAL, "");
    let more = agreement("g01-h26-more", 2026, FUNERAL, "hours = [\"08:00-10:00\"]");
    let files = [
        ("rules/population.cedar".to_owned(), rules),
        ("agreements/over.toml".to_owned(), over.as_str()),
        ("agreements/more.toml".to_owned(), more.as_str()),
    ];
    ground_with(&files).unwrap_or_else(|error| panic!("{error}"))
}

/// R28: what a reviewer is shown leaves nothing out: of every system, method and procedure of the
/// catalogue, exactly what is offered is allowed.
#[test]
fn what_is_shown_of_access_is_all_that_is_allowed() {
    let ground = varied();
    let at = Moment::from_unix_ms(MONDAY_MS);
    let accesses = ground.rules.accesses(&ground.catalog, at);
    let methods: usize = ground.catalog.datasets().map(|d| d.methods.len()).sum();
    assert_eq!(accesses.len(), ground.catalog.systems().len() * methods);
    let mut allowed = 0;
    for access in &accesses {
        let offered: BTreeSet<&str> = access
            .offers
            .iter()
            .filter(|offer| offer.outcome.is_ok())
            .flat_map(|offer| offer.procedures.iter().map(|code| code.as_str()))
            .collect();
        for procedure in ground.catalog.procedures() {
            let query = Query {
                system: &access.system,
                method: &access.method,
                procedure: &procedure.code,
                dossier: true,
                backing: Backing::default(),
                cited: None,
                fields: &[],
            };
            let decided = ground.rules.decide(&query, at).is_ok();
            assert_eq!(
                decided,
                offered.contains(procedure.code.as_str()),
                "{access:?}"
            );
            allowed += usize::from(decided);
        }
    }
    assert_eq!(allowed, 12);
}

#[test]
fn a_grant_would_do_exactly_where_it_is_allowed_when_cited() {
    let ground = varied();
    let at = Moment::from_unix_ms(MONDAY_MS);
    // After the hours of one of them.
    let evening = Moment::from_unix_ms(MONDAY_MS + 11 * 3_600_000);
    let grants = ground.catalog.agreements().iter().flat_map(|it| &it.grants);
    let grants: Vec<&str> = grants.map(|grant| grant.id.as_str()).collect();
    let mut named = 0;
    for system in ground.catalog.systems() {
        for method in ground
            .catalog
            .datasets()
            .flat_map(|dataset| &dataset.methods)
        {
            for procedure in [RESIDENCE, FUNERAL] {
                let procedure = procedure.parse().unwrap();
                let query = Query {
                    system,
                    method,
                    procedure: &procedure,
                    dossier: false,
                    backing: Backing::default(),
                    cited: None,
                    fields: &[],
                };
                let cited = |grant: &&&str| {
                    let query = Query {
                        dossier: true,
                        cited: Some(grant),
                        ..query
                    };
                    ground.rules.decide(&query, at).is_ok()
                };
                let due: Vec<&str> = grants.iter().filter(cited).copied().collect();
                for now in [at, evening] {
                    let found = ground.rules.allowing(&ground.catalog, &query, now);
                    let found: Vec<&str> = found.iter().map(|it| it.as_str()).collect();
                    assert_eq!(found, due, "{system:?} {method:?}");
                }
                named += due.len();
            }
        }
    }
    assert!(named > 5);
}

#[test]
fn access_is_looked_for_from_an_instant_on_and_at_an_hour_at_which_it_is_given() {
    let ground = varied();
    let outcome = |from_ms: i64, system: &str, method: &str, grant: &str| {
        let accesses = ground
            .rules
            .accesses(&ground.catalog, Moment::from_unix_ms(from_ms));
        let access = accesses
            .iter()
            .find(|access| access.system.id.as_str() == system && access.method.path == method);
        let offers = &access.unwrap().offers;
        let offer = offers.iter().find(|offer| offer.grant.as_str() == grant);
        offer.unwrap().outcome.clone().map(|paths| paths.len())
    };
    let status = |from_ms| {
        let grant = "g15-g01-civil-status-2026/marital-status";
        outcome(from_ms, "G01/residence", GET_MARITAL_STATUS, grant)
    };
    let day_ms = 86_400_000;
    // On a Saturday night: it opens on Monday.
    assert_eq!(status(MONDAY_MS + 5 * day_ms + day_ms / 2), Ok(11));
    // On the last day, a Sunday, it never opens again.
    let last_ms = MONDAY_MS + 363 * day_ms;
    assert_eq!(status(last_ms - 2 * day_ms), Ok(11));
    assert_eq!(status(last_ms), Err("AGREEMENT_NOT_IN_FORCE".to_owned()));
    let identity = |grant: &str| outcome(MONDAY_MS, "H26/one-stop", GET_PERSON, grant);
    assert_eq!(identity("g01-h26-more/one"), Ok(6));
    assert_eq!(
        identity("g01-h26-over/one"),
        Err("AGREEMENT_NOT_IN_FORCE".to_owned())
    );
}

/// Every mark is taken from the rules; together they are the decision.
#[test]
fn an_explanation_agrees_with_the_decision_on_every_grant() {
    let ground = varied();
    let (mut fitting, mut marks) = (0, BTreeSet::new());
    for procedure in [super::ground::RESIDENCE, FUNERAL, "2.002093"] {
        for at_ms in [
            MONDAY_MS,
            MONDAY_MS + 36_000_000,
            MONDAY_MS - 400 * 86_400_000,
        ] {
            for dossier in [true, false] {
                for access in ground
                    .rules
                    .accesses(&ground.catalog, Moment::from_unix_ms(at_ms))
                {
                    let query = Query {
                        system: &access.system,
                        method: &access.method,
                        procedure: &procedure.parse().unwrap(),
                        dossier,
                        backing: Backing::default(),
                        cited: None,
                        fields: &[],
                    };
                    let at = Moment::from_unix_ms(at_ms);
                    for (grant, rules) in ground.rules.explain(&query, at).grants {
                        let cited = Some(grant.as_str());
                        let fits = ground.rules.decide(&Query { cited, ..query }, at).is_ok();
                        let all: Vec<Mark> = rules
                            .iter()
                            .flat_map(|rule| rule.conditions.iter().map(|one| one.mark))
                            .collect();
                        assert!(all.len() >= 9, "{rules:?}");
                        let clear = all
                            .iter()
                            .all(|mark| matches!(mark, Mark::Ok | Mark::Spared));
                        assert_eq!(clear, fits, "{grant}: {rules:?}");
                        fitting += usize::from(fits);
                        marks.extend(all.iter().map(|mark| format!("{mark:?}")));
                    }
                }
            }
        }
    }
    assert!(fitting > 20, "{fitting}");
    assert_eq!(
        marks.into_iter().collect::<Vec<_>>(),
        ["Fail", "Ok", "Spared"]
    );
}

#[test]
fn an_explanation_names_the_condition_that_stands_in_the_way_in_the_words_of_the_rule() {
    let ground = ground(&[]);
    let query = Query {
        system: ground
            .catalog
            .system(&"G01/residence".parse().unwrap())
            .unwrap(),
        method: ground.catalog.method(GET_MARITAL_STATUS).unwrap(),
        procedure: &PLAIN.procedure.parse().unwrap(),
        dossier: true,
        backing: Backing::default(),
        cited: None,
        fields: &[],
    };
    let sunday = Moment::from_unix_ms(MONDAY_MS - 86_400_000);
    let explained = ground.rules.explain(&query, sunday);
    assert_eq!(explained.decision.err().unwrap().reason(), "OUTSIDE_HOURS");
    let [(_, rules)] = explained.grants.as_slice() else {
        panic!("{} grants", explained.grants.len());
    };
    let failing: Vec<(&str, &str)> = rules
        .iter()
        .flat_map(|rule| rule.conditions.iter().map(move |one| (rule, one)))
        .filter(|(_, one)| one.mark != Mark::Ok)
        .map(|(rule, one)| (rule.reason.as_str(), one.text.as_str()))
        .collect();
    let day = "resource.hours.days.contains(context.local_weekday)";
    assert_eq!(failing.len(), 1, "{failing:?}");
    assert_eq!(failing[0].0, "OUTSIDE_HOURS");
    assert!(failing[0].1.contains(day), "{failing:?}");
}

/// A rule of several clauses speaks where all of them do.
#[test]
fn a_rule_that_did_not_fire_has_no_condition_that_fails_and_one_without_conditions_a_mark() {
    let explained = |rule: &str, dossier: bool| {
        let text = format!("@reason(\"OWNER_X\") forbid (principal, action, resource) {rule};");
        let files = [("rules/civil_status.cedar".to_owned(), text.as_str())];
        // Some refuse what tests of agreements expect: then there are no rules.
        let ground = ground_with(&files).ok()?;
        let query = Query {
            system: ground
                .catalog
                .system(&PLAIN.system.parse().unwrap())
                .unwrap(),
            method: ground.catalog.method(super::ground::GET_DEATH).unwrap(),
            procedure: &FUNERAL.parse().unwrap(),
            dossier,
            backing: Backing::default(),
            cited: None,
            fields: &[],
        };
        let explained = ground
            .rules
            .explain(&query, Moment::from_unix_ms(MONDAY_MS + 7));
        let rules = &explained.grants.first().unwrap().1;
        let rule = rules.iter().find(|rule| rule.reason == "OWNER_X").unwrap();
        let marks: Vec<Mark> = rule.conditions.iter().map(|one| one.mark).collect();
        Some((explained.decision.is_ok(), marks))
    };
    let clauses = "when { context.local_minute == 540 } unless { context.has_dossier }\n\
                   when { context.now_ms == 1772416800007 }";
    use Mark::{Fail, Ok, Spared};
    assert_eq!(
        explained(clauses, false),
        Some((false, vec![Fail, Fail, Fail]))
    );
    assert_eq!(
        explained(clauses, true),
        Some((true, vec![Spared, Ok, Spared]))
    );
    // Neither clause is met, and neither stands in the way.
    let neither = "when { context.local_minute == 1 } unless { context.has_dossier }";
    assert_eq!(explained(neither, false), Some((true, vec![Ok, Spared])));
    // Without a condition, what it is about is all there is to it.
    let text = "@reason(\"OWNER_X\") forbid (\n\
                principal == System::\"G01/data-protection\", action, resource);";
    let ground = ground_with(&[("rules/civil_status.cedar".to_owned(), text)]).ok();
    let ground = ground.unwrap();
    let system = "G01/data-protection".parse().unwrap();
    let query = Query {
        system: ground.catalog.system(&system).unwrap(),
        method: ground.catalog.method(GET_MARITAL_STATUS).unwrap(),
        procedure: &PLAIN.procedure.parse().unwrap(),
        dossier: true,
        backing: Backing::default(),
        cited: None,
        fields: &[],
    };
    let explained = ground
        .rules
        .explain(&query, Moment::from_unix_ms(MONDAY_MS));
    let rules = &explained.grants.first().unwrap().1;
    let rule = rules.iter().find(|rule| rule.reason == "OWNER_X").unwrap();
    assert_eq!(rule.conditions.first().unwrap().mark, Fail);
}

/// R27, R28: what an owner forbids at one hour hides nothing.
#[test]
fn an_owners_rule_is_a_term_of_what_is_offered() {
    let at_the_first_minute = "@reason(\"OWNER_NOT_NOW\") forbid (principal, action, resource)\n\
                               when { context.now_ms == 1772416800007 };";
    let files = [("rules/population.cedar".to_owned(), at_the_first_minute)];
    let ground = ground_with(&files).unwrap_or_else(|error| panic!("{error}"));
    let at = Moment::from_unix_ms(MONDAY_MS + 7);
    let accesses = ground.rules.accesses(&ground.catalog, at);
    let access = accesses.iter().find(|access| {
        access.system.id.as_str() == "H26/one-stop" && access.method.path == GET_PERSON
    });
    let offer = access.unwrap().offers.first().unwrap();
    assert!(offer.outcome.as_ref().unwrap().len() > 10, "{offer:?}");
    assert!(
        offer.terms.ends_with(", but for OWNER_NOT_NOW"),
        "{offer:?}"
    );
}

/// Where nobody is granted anything, there is no grant to explain.
#[test]
fn a_question_without_any_grant_is_explained_by_its_refusal_alone() {
    let ground = ground(&[]);
    let asked = Asked {
        system: "H29/one-stop",
        ..PLAIN
    };
    let query = Query {
        system: ground
            .catalog
            .system(&asked.system.parse().unwrap())
            .unwrap(),
        method: ground.catalog.method(asked.method).unwrap(),
        procedure: &asked.procedure.parse().unwrap(),
        dossier: false,
        backing: Backing::default(),
        cited: None,
        fields: &[],
    };
    let explained = ground
        .rules
        .explain(&query, Moment::from_unix_ms(MONDAY_MS));
    assert_eq!(explained.decision.err().unwrap().reason(), "NO_AGREEMENT");
    assert!(explained.grants.is_empty());
}

/// R20: what no grant names is refused, whoever asks, and whatever others sign.
#[test]
fn what_no_grant_names_is_refused_with_all_that_others_can_sign() {
    let ground = varied();
    let unnamed = ground
        .rules
        .unnamed(&ground.catalog, Moment::from_unix_ms(MONDAY_MS));
    assert!(unnamed.tried > 80_000, "{}", unnamed.tried);
    assert_eq!(unnamed.allowed, []);
}
