//! What an agency could do to be allowed a question that was refused.

use motlan_policy::{Backing, Moment, Query, Way};

use super::ground::{FUNERAL, GET_PERSON, Ground, RESIDENCE, agreement, ground_with};

/// 2026-03-02T09:00+07:00, a Monday.
const MONDAY_MS: i64 = 1_772_416_800_000;
const HOUR_MS: i64 = 3_600_000;
const EDITION: &str = "1.004222.000.00.00.H26";

/// How the desk in Hà Nội would be allowed to ask for a person.
fn way(ground: &Ground, procedure: &str, at_ms: i64) -> Option<Way> {
    let system = "H26/one-stop".parse().unwrap();
    let query = Query {
        system: ground.catalog.system(&system).unwrap(),
        method: ground.catalog.method(GET_PERSON).unwrap(),
        procedure: &procedure.parse().unwrap(),
        dossier: false,
        backing: Backing::default(),
        cited: None,
        fields: &[],
    };
    let at = Moment::from_unix_ms(at_ms);
    ground.rules.way(&ground.catalog, &query, at)
}

fn laid(files: &[(&str, &str)]) -> Ground {
    let files: Vec<(String, &str)> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), *text))
        .collect();
    ground_with(&files).unwrap_or_else(|error| panic!("{error}"))
}

fn said(way: &Way) -> (&str, &str, Vec<&str>) {
    let grants = way.grants.iter().map(|grant| grant.as_str());
    (
        way.system.as_str(),
        way.procedure.as_str(),
        grants.collect(),
    )
}

// R101.
#[test]
fn another_edition_of_the_procedure_is_a_way() {
    let ground = laid(&[]);
    let plain = way(&ground, RESIDENCE, MONDAY_MS).unwrap();
    let grant = "g01-h26-population-2026/residence";
    assert_eq!(said(&plain), ("H26/one-stop", RESIDENCE, vec![grant]));
    assert_eq!(plain.later, None);
    let edition = way(&ground, EDITION, MONDAY_MS).unwrap();
    assert_eq!(said(&edition), ("H26/one-stop", RESIDENCE, vec![grant]));
    assert_eq!(way(&ground, FUNERAL, MONDAY_MS), None);
    // Nor is the whole of a procedure covered by its edition.
    let local = "1.014177.000.00.00.H26";
    let more = agreement("g01-h26-more", 2026, local, "");
    let listed = format!(
        "sector,no,procedure_code,procedure_name,replaced_document,database_ids,database,\
         database_owner,legal_instrument,article\n\
         A,1,{local},Local,Giấy chứng tử,civil_status,Database,Owner,Law,Article 1\n"
    );
    let ground = laid(&[
        ("procedures/local.csv", &listed),
        ("agreements/more.toml", &more),
    ]);
    let national = way(&ground, FUNERAL, MONDAY_MS).unwrap();
    let grant = "g01-h26-more/one";
    assert_eq!(said(&national), ("H26/one-stop", local, vec![grant]));
}

// R101.
#[test]
fn another_system_of_the_agency_is_a_way_unless_it_is_suspended() {
    let more = agreement("g01-h26-more", 2026, FUNERAL, "systems = [\"H26/second\"]");
    let more = more.replace("H26/one-stop", "H26/second");
    let found = |suspended: bool| {
        let system = format!(
            "[[system]]\nid = \"H26/second\"\ntitle_vi = \"Second\"\nsuspended = {suspended}\n"
        );
        let ground = laid(&[
            ("systems/second.toml", &system),
            ("agreements/more.toml", &more),
        ]);
        way(&ground, FUNERAL, MONDAY_MS)
    };
    let other = found(false).unwrap();
    assert_eq!(
        said(&other),
        ("H26/second", FUNERAL, vec!["g01-h26-more/one"])
    );
    assert_eq!(found(true), None);
}

// R101.
#[test]
fn another_hour_is_a_way_where_the_owner_forbids_this_one() {
    let more = agreement("g01-h26-more", 2026, FUNERAL, "hours = [\"08:00-17:00\"]");
    let found = |at_ms: i64, unless: &str| {
        let rule = format!(
            "@reason(\"OWNER_SAYS_SO\") forbid (principal, action, resource)\n\
             when {{ context.procedure == \"{FUNERAL}\" && context.local_minute > 545 }}\n\
             unless {{ {unless} }};"
        );
        let files = [
            ("rules/population.cedar", rule.as_str()),
            ("agreements/more.toml", more.as_str()),
        ];
        let found = way(&laid(&files), FUNERAL, at_ms)?;
        assert_eq!(
            said(&found),
            ("H26/one-stop", FUNERAL, vec!["g01-h26-more/one"])
        );
        Some(found.later.map(Moment::unix_ms))
    };
    let afternoon = "context.local_minute >= 840 && context.local_minute < 900";
    let ten = MONDAY_MS + HOUR_MS;
    assert_eq!(found(MONDAY_MS, afternoon), Some(None));
    assert_eq!(found(ten, afternoon), Some(Some(MONDAY_MS + 5 * HOUR_MS)));
    // After the last hour of a day that is for others, in the week after.
    let monday = "context.local_weekday == 1 && context.local_minute < 660";
    let eleven = found(ten + HOUR_MS, monday);
    assert_eq!(eleven, Some(Some(MONDAY_MS + 23 * HOUR_MS)));
    // What rests on signatures is no matter of the hour.
    assert_eq!(found(ten, "context.has_consent"), Some(None));
}

// R101.
#[test]
fn what_the_owner_forbids_at_all_hours_has_no_way() {
    let more = agreement("g01-h26-more", 2026, FUNERAL, "");
    let rule = format!(
        "@reason(\"OWNER_SAYS_SO\") forbid (principal, action, resource)\n\
         when {{ context.procedure == \"{FUNERAL}\" && context.has_consent }};"
    );
    let ground = laid(&[
        ("rules/population.cedar", &rule),
        ("agreements/more.toml", &more),
    ]);
    assert_eq!(way(&ground, FUNERAL, MONDAY_MS), None);
}
