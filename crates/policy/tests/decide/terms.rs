//! When, and for what dossier: the terms of a grant. And what owners forbid besides.

use motlan_policy::{OWNER_DEPTH_MAX, OWNER_RULES_MAX, OWNER_TOKENS_MAX, RulesError};

use super::ground::{Asked, FUNERAL, Ground, PLAIN, agreement, ground, ground_with};

const GET_MARITAL_STATUS: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetMaritalStatus";
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// Monday 2026-03-02, midnight in Việt Nam.
const MONDAY_MS: i64 = 1_772_384_400_000;

/// The Ministry of Public Security asks for the marital status under the reference agreement.
const DESK: Asked<'_> = Asked {
    system: "G01/residence",
    method: GET_MARITAL_STATUS,
    dossier: true,
    at_ms: MONDAY_MS + 9 * 60 * MINUTE_MS,
    ..PLAIN
};

/// R25.
#[test]
fn a_grant_holds_from_the_first_minute_of_its_hours_and_not_in_the_first_after_them() {
    let ground = ground(&[]);
    let at = |hour: i64, minute: i64, ms: i64| {
        let at_ms = MONDAY_MS + (hour * 60 + minute) * MINUTE_MS + ms;
        ground.reason(Asked { at_ms, ..DESK })
    };
    assert_eq!(at(7, 29, 59_999), "OUTSIDE_HOURS");
    assert_eq!(at(7, 30, 0), "GRANTED");
    assert_eq!(at(11, 29, 59_999), "GRANTED");
    assert_eq!(at(11, 30, 0), "OUTSIDE_HOURS");
    assert_eq!(at(12, 59, 59_999), "OUTSIDE_HOURS");
    assert_eq!(at(13, 0, 0), "GRANTED");
    assert_eq!(at(16, 59, 59_999), "GRANTED");
    assert_eq!(at(17, 0, 0), "OUTSIDE_HOURS");
    // Midnight is no span that is not used.
    assert_eq!(at(0, 0, 0), "OUTSIDE_HOURS");
}

/// R25.
#[test]
fn a_grant_holds_on_its_days_by_the_calendar_of_viet_nam() {
    let ground = ground(&[]);
    let on = |day: i64| {
        let at_ms = DESK.at_ms + day * DAY_MS;
        ground.reason(Asked { at_ms, ..DESK })
    };
    let week: Vec<String> = (0..8).map(on).collect();
    let (open, shut) = ("GRANTED", "OUTSIDE_HOURS");
    assert_eq!(week, [open, open, open, open, open, shut, shut, open]);
    // Early on Monday it is Sunday still in Greenwich, and late on Sunday there is none.
    let round = agreement("g01-h26-round", 2026, FUNERAL, "days = [\"mon\"]");
    let ground = super::ground::ground(&[&round]);
    let at = |ms: i64| {
        ground.reason(Asked {
            procedure: FUNERAL,
            cited: Some("g01-h26-round/one"),
            at_ms: MONDAY_MS + ms,
            ..PLAIN
        })
    };
    assert_eq!(at(-1), shut);
    assert_eq!(at(0), open);
    assert_eq!(at(DAY_MS - 1), open);
    assert_eq!(at(DAY_MS), shut);
}

/// R26.
#[test]
fn a_grant_that_needs_a_dossier_is_refused_without_one() {
    let ground = ground(&[]);
    assert_eq!(ground.reason(DESK), "GRANTED");
    let without = Asked {
        dossier: false,
        ..DESK
    };
    assert_eq!(ground.reason(without), "DOSSIER_REQUIRED");
    // Of several reasons the one that asks most is told.
    let purpose = Asked {
        procedure: FUNERAL,
        ..without
    };
    assert_eq!(ground.reason(purpose), "PURPOSE_NOT_COVERED");
}

fn owners(text: &str) -> Result<Ground, RulesError> {
    ground_with(&[("rules/population.cedar".to_owned(), text)])
}

/// What is told of an owner's rules, or of tests.
fn told(files: &[(String, &str)]) -> String {
    match ground_with(files) {
        Err(RulesError::Faults(faults)) => faults.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => "nothing".to_owned(),
    }
}

const NOT_BY_NIGHT: &str = "@reason(\"OWNER_NOT_BY_NIGHT\")\n\
    forbid (principal, action, resource) when { context.local_minute < 300 };";

/// R27.
#[test]
fn an_owner_forbids_what_agreements_grant_on_its_own_dataset_only() {
    let ground = owners(NOT_BY_NIGHT).unwrap();
    let night = Asked {
        at_ms: MONDAY_MS + 4 * 60 * MINUTE_MS,
        ..PLAIN
    };
    assert_eq!(ground.reason(PLAIN), "GRANTED");
    let refusal = ground.ask(night).err().unwrap();
    assert_eq!(refusal.reason(), "OWNER_NOT_BY_NIGHT");
    assert!(
        refusal.to_string().contains("`OWNER_NOT_BY_NIGHT`"),
        "{refusal}"
    );
    let other = Asked {
        method: super::ground::GET_DEATH,
        procedure: FUNERAL,
        ..night
    };
    assert_eq!(ground.reason(other), "GRANTED");
}

/// R21, R27: Cedar would pass over a rule that fails.
#[test]
fn an_owners_rule_that_overflows_refuses() {
    let ground = owners(
        "@reason(\"OWNER_OVERFLOW\") forbid (principal, action, resource) when { \
         context.now_ms + 9223372036854775807 < 0 };",
    );
    // Its own tests are tried before anything is decided.
    let Err(RulesError::Faults(faults)) = ground else {
        panic!("an overflow went unnoticed");
    };
    assert!(
        faults.to_string().contains("`POLICY_UNDECIDABLE`"),
        "{faults}"
    );
}

/// R21, R27: the same where no test comes across it.
#[test]
fn an_overflow_that_no_test_meets_refuses_the_lookup_that_does() {
    let ground = owners(
        "@reason(\"OWNER_OVERFLOW\") forbid (principal, action, resource) when { \
         context.local_minute == 240 && context.now_ms * 9223372036854775807 < 0 };",
    )
    .unwrap();
    let at = |minute: i64| {
        let at_ms = MONDAY_MS + minute * MINUTE_MS;
        ground.reason(Asked { at_ms, ..PLAIN })
    };
    assert_eq!(at(239), "GRANTED");
    assert_eq!(at(240), "POLICY_UNDECIDABLE");
    assert_eq!(at(241), "GRANTED");
}

/// R27: what was allowed a moment before is not remembered where an owner's rule can tell instants
/// apart.
#[test]
fn an_owners_rule_on_the_instant_holds_within_a_minute() {
    let ground = owners(
        "@reason(\"OWNER_LATER\") forbid (principal, action, resource) when { \
         context.now_ms == 1772416800007 };",
    )
    .unwrap();
    let at = |at_ms: i64| ground.reason(Asked { at_ms, ..PLAIN });
    assert_eq!(at(1_772_416_800_006), "GRANTED");
    assert_eq!(at(1_772_416_800_007), "OWNER_LATER");
    assert_eq!(at(1_772_416_800_008), "GRANTED");
}

/// R27.
#[test]
fn an_owner_can_only_forbid_and_says_why() {
    let owners = |text: &str| told(&[("rules/population.cedar".to_owned(), text)]);
    let permit = "@reason(\"OWNER_ALL\") permit (principal, action, resource);";
    assert!(owners(permit).contains("the rule `OWNER_ALL` is a `permit`"));
    let silent = "forbid (principal, action, resource);";
    assert!(owners(silent).contains("has no reason of its own"));
    for taken in ["PURPOSE_NOT_COVERED", "OWNER_", "OWNER_x", "NIGHT"] {
        let text = format!("@reason(\"{taken}\") forbid (principal, action, resource);");
        assert!(
            owners(&text).contains("has no reason of its own"),
            "{taken}"
        );
    }
    assert!(owners(&format!("{NOT_BY_NIGHT}\n{NOT_BY_NIGHT}")).contains("stands twice"));
    assert!(owners("// Nothing.").contains("holds 0 rules"));
    let never = "forbid (principal, action, resource) when { context.local_minute < 0 };";
    let many: String = (0..=OWNER_RULES_MAX)
        .map(|n| format!("@reason(\"OWNER_{n}\") {never}\n"))
        .collect();
    assert!(owners(&many).contains("holds 17 rules"));
    let template = "@reason(\"OWNER_T\") forbid (principal == ?principal, action, resource);";
    assert!(owners(template).contains("holds a template"));
}

/// R27, R51: with the line.
#[test]
fn an_owners_rule_that_does_not_fit_the_schema_is_told_with_its_line() {
    let unknown = "// A comment.\n@reason(\"OWNER_X\") forbid (principal, action, resource)\n\
                   when { resource.view == \"identity\" };";
    let told_of = told(&[("rules/population.cedar".to_owned(), unknown)]);
    assert!(
        told_of.contains("rules/population.cedar:3: does not fit the schema"),
        "{told_of}"
    );
    let broken = "@reason(\"OWNER_X\")\nforbid (principal, action, resource) when { 1 + };";
    let told_of = told(&[("rules/population.cedar".to_owned(), broken)]);
    assert!(
        told_of.contains("rules/population.cedar:2: is not Cedar"),
        "{told_of}"
    );
}

/// A rule of `filling` around a condition that never holds, on the third line.
fn filled(before: &str, after: &str) -> String {
    format!(
        "// A comment with \" and (((.\n@reason(\"OWNER_FILLED\")\n\
         forbid (principal, action, resource) when {{ {before}context.local_minute == 1{after} }};"
    )
}

/// R27: what a parser or a worker's stack could not bear is told and not tried. Tests run on as
/// much stack as a worker has.
#[test]
fn a_rule_that_costs_too_much_is_told_with_its_line_and_the_largest_is_decided() {
    let told = |text: &str| told(&[("rules/population.cedar".to_owned(), text)]);
    let nested = |depth: usize| filled(&"(".repeat(depth), &")".repeat(depth));
    let deep = format!("population.cedar:3: has brackets nested deeper than {OWNER_DEPTH_MAX}");
    assert!(told(&nested(600)).contains(&deep));
    assert!(told(&nested(OWNER_DEPTH_MAX)).contains(&deep));
    assert_eq!(told(&nested(OWNER_DEPTH_MAX - 1)), "nothing");
    let chained = |times: usize| filled("", &" && context.has_dossier".repeat(times));
    let long = format!("population.cedar:3: has a rule of more than {OWNER_TOKENS_MAX} words");
    assert!(told(&chained(200)).contains(&long));
    assert_eq!(told(&chained(90)), "nothing");
    let ifs = |times: usize| {
        let before = "if context.has_dossier then false else ".repeat(times);
        filled(&before, "")
    };
    assert!(told(&ifs(9)).contains("population.cedar:3: has a rule with more than 8 `if`s"));
    assert_eq!(told(&ifs(8)), "nothing");
    // What stands in texts and comments counts for nothing.
    let quoted = filled(
        &format!("context.method != \"{}\" && ", "(".repeat(600)),
        "",
    );
    assert_eq!(told(&quoted), "nothing");
    let ground = owners(&chained(90)).unwrap();
    assert_eq!(ground.reason(PLAIN), "GRANTED");
    let first_minute = MONDAY_MS + MINUTE_MS;
    let night = Asked {
        at_ms: first_minute,
        dossier: true,
        ..PLAIN
    };
    assert_eq!(ground.reason(night), "OWNER_FILLED");
}

/// R27: a rule that never speaks protects nobody.
#[test]
fn an_owners_rule_that_can_never_speak_or_names_what_is_not_there_is_told_with_its_line() {
    let told = |condition: &str| {
        let text = format!(
            "{NOT_BY_NIGHT}\n@reason(\"OWNER_2026\") forbid (principal, action, resource)\n\
             when {{ {condition} }};"
        );
        told(&[("rules/population.cedar".to_owned(), &text)])
    };
    let never = told("context.has_dossier && !context.has_dossier && false");
    assert!(never.contains("would not do what it seems to"), "{never}");
    let stranger = told("principal == System::\"H26/one-shop\"");
    assert!(
        stranger.contains("population.cedar:3: names the unknown `System::\"H26/one-shop\"`"),
        "{stranger}"
    );
    assert!(told("principal in Agency::\"H98\"").contains("`Agency::\"H98\"`"));
    assert!(told("resource == Grant::\"a/b\"").contains("`Grant::\"a/b\"`"));
    let nobody_asks = "principal == System::\"H17/one-stop\" && principal in Agency::\"H17\"";
    assert_eq!(told(nobody_asks), "nothing");
    // In a test of an agreement every system is taken as not suspended.
    for reads in [
        "System::\"H17/one-stop\".suspended",
        "(if context.has_dossier then principal else System::\"H17/one-stop\").suspended",
        "System::\"H17/one-stop\" in Agency::\"H26\"",
    ] {
        assert!(
            told(reads).contains("reads a thing that it names"),
            "{reads}"
        );
    }
}

/// R28: a test may expect any reason that an owner may give.
#[test]
fn a_test_may_expect_an_owners_reason_with_digits() {
    let rule = "@reason(\"OWNER_2026\") forbid (principal, action, resource)\n\
                when { context.procedure == \"1.014177\" && !context.has_dossier };";
    let text = agreement("g01-h26-tried", 2026, FUNERAL, "");
    let case = text.split("[[test]]").nth(1).unwrap();
    let case = case
        .replace("dossier = true", "dossier = false")
        .replace("expect = \"allowed\"\n", "expect = \"OWNER_2026\"\n");
    let (case, _) = case.split_once("fields").unwrap();
    let files = [
        ("rules/population.cedar".to_owned(), rule),
        (
            "agreements/tried.toml".to_owned(),
            &format!("{text}[[test]]{case}"),
        ),
    ];
    assert_eq!(told(&files), "nothing");
}

/// R28.
#[test]
fn a_test_that_does_not_hold_is_told_with_line_expectation_and_outcome() {
    let sound = agreement("g01-h26-tried", 2026, FUNERAL, "");
    let tried = |from: &str, to: &str| {
        assert!(sound.contains(from), "{from}");
        let text = sound.replacen(from, to, 1);
        let told = told(&[("agreements/tried.toml".to_owned(), &text)]);
        told.split_once("agreements/")
            .map_or(told.clone(), |(_, rest)| rest.to_owned())
    };
    assert_eq!(
        tried("\"full_name\", \"personal_id\", ", ""),
        "tried.toml:16: the test `tried` expects `allowed`, but `full_name`, \
         `personal_id` would leave too; correct the grant or the test"
    );
    assert_eq!(
        tried(
            "\"full_name\", \"personal_id\", ",
            "\"full_name\", \"personal_id\", \"religion\", "
        ),
        "tried.toml:16: the test `tried` expects `allowed`, but `religion` would not leave; \
         correct the grant or the test"
    );
    assert_eq!(
        tried("at = 2026-03-02T09:00:00", "at = 2027-01-01T00:00:00"),
        "tried.toml:16: the test `tried` expects `allowed`, but it is \
         `AGREEMENT_NOT_IN_FORCE`: `g01-h26-tried/one` is not in force at this time; \
         correct the grant or the test"
    );
    assert_eq!(
        tried("at = 2024-12-31T23:59:59", "at = 2026-12-31T23:59:59"),
        "tried.toml:25: the test `tried` expects `AGREEMENT_NOT_IN_FORCE`, but \
         `g01-h26-tried/one` allows it; correct the grant or the test"
    );
    // What lies beneath a path is named too, so that no field is added there unseen.
    assert_eq!(
        tried("date_of_birth.*", "date_of_birth.year"),
        "tried.toml:16: the test `tried` expects `allowed`, but `date_of_birth.day`, \
         `date_of_birth.month` would leave too; correct the grant or the test"
    );
    assert!(tried("date_of_birth.*", "date_of_birth").ends_with(
        "`date_of_birth.day`, `date_of_birth.month`, `date_of_birth.year` would leave too, and \
         `date_of_birth` would not; correct the grant or the test"
    ));
    assert!(tried("\"sex\"", "\"sex.*\"").contains("`sex` would leave too, and `sex.*` would"));
    assert_eq!(tried("Thử nghiệm", "Thử"), "nothing");
}

/// R28: to suspend a system must not make a catalogue unusable; and what another agreement gives is
/// no fault of this one.
#[test]
fn an_agreement_is_tried_alone_and_its_systems_as_not_suspended() {
    let systems = "[[system]]\nid = \"H26/one-stop\"\ntitle_vi = \"Một cửa\"\nsuspended = true\n\
                   [[system]]\nid = \"H17/one-stop\"\ntitle_vi = \"Một cửa\"\n\
                   [[system]]\nid = \"H29/one-stop\"\ntitle_vi = \"Một cửa\"\n";
    let twice = agreement("g01-h26-again", 2026, super::ground::RESIDENCE, "");
    let ground = ground_with(&[
        ("systems/provinces.toml".to_owned(), systems),
        ("agreements/again.toml".to_owned(), &twice),
    ]);
    let ground = ground.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ground.reason(PLAIN), "SYSTEM_SUSPENDED");
}
