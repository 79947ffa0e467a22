//! Which grant fits.

use motlan_policy::Refusal;

use super::ground::{
    Asked, FUNERAL, GET_DEATH, IN_FORCE_MS, LIST_HOUSEHOLD, PLAIN, RESIDENCE, agreement, ground,
};

#[test]
fn the_grant_that_fits_gives_its_view_and_nothing_more() {
    let permit = ground(&[]).ask(PLAIN).ok().unwrap();
    assert_eq!(permit.grant().as_str(), "g01-h26-population-2026/residence");
    assert_eq!(permit.view().as_str(), "residence");
    assert!(
        permit
            .paths()
            .iter()
            .any(|path| path == "permanent_residence")
    );
    assert!(permit.paths().iter().all(|path| path != "religion"));
}

/// R20: grants are never unioned.
#[test]
fn two_fitting_grants_are_a_refusal_that_names_both_until_one_is_cited() {
    let second = agreement("g01-h26-second", 2026, RESIDENCE, "");
    let ground = ground(&[&second]);
    let Err(Refusal::GrantAmbiguous { grants }) = ground.ask(PLAIN) else {
        panic!("two grants fit and the question was not refused");
    };
    let names: Vec<&str> = grants.iter().map(motlan_catalog::GrantId::as_str).collect();
    assert_eq!(
        names,
        ["g01-h26-population-2026/residence", "g01-h26-second/one"]
    );

    let cited = |cited| {
        ground.ask(Asked {
            cited: Some(cited),
            ..PLAIN
        })
    };
    assert_eq!(
        cited("g01-h26-second/one").ok().unwrap().view().as_str(),
        "identity"
    );
    // Citing the narrow grant does not lend it the fields of the wide one.
    let wide = Asked {
        cited: Some("g01-h26-second/one"),
        fields: &["permanent_residence"],
        ..PLAIN
    };
    assert_eq!(ground.reason(wide), "FIELD_NOT_GRANTED");
}

#[test]
fn a_cited_grant_must_exist_and_fit() {
    let ground = ground(&[]);
    let cited = |cited| {
        ground.reason(Asked {
            cited: Some(cited),
            ..PLAIN
        })
    };
    assert_eq!(cited("g01-h26-population-2026/residence"), "GRANTED");
    assert_eq!(cited("g01-h26-population-2026/household"), "GRANT_UNKNOWN");
    assert_eq!(cited("nothing/at-all"), "GRANT_UNKNOWN");
    assert_eq!(cited(""), "GRANT_UNKNOWN");
    let other_purpose = Asked {
        cited: Some("g01-h26-population-2026/residence"),
        procedure: FUNERAL,
        ..PLAIN
    };
    assert_eq!(ground.reason(other_purpose), "PURPOSE_NOT_COVERED");
}

/// R22: the same grant must meet every condition.
#[test]
fn conditions_met_by_different_grants_do_not_add_up() {
    // One covers the purpose but is over, the other is in force for another purpose.
    let past = agreement("g01-h26-past", 2025, FUNERAL, "");
    let ground = ground(&[&past]);
    let asked = Asked {
        procedure: FUNERAL,
        ..PLAIN
    };
    assert_eq!(ground.reason(asked), "PURPOSE_NOT_COVERED");
    assert_eq!(
        ground.reason(Asked {
            method: GET_DEATH,
            ..asked
        }),
        "GRANTED"
    );
    assert_eq!(
        ground.reason(Asked {
            method: GET_DEATH,
            ..PLAIN
        }),
        "PURPOSE_NOT_COVERED"
    );
    assert_eq!(
        ground.reason(Asked {
            method: LIST_HOUSEHOLD,
            ..PLAIN
        }),
        "GRANTED"
    );
    assert_eq!(
        ground.reason(Asked {
            method: LIST_HOUSEHOLD,
            ..asked
        }),
        "PURPOSE_NOT_COVERED"
    );
}

/// R22: [from, until), with the last day of an agreement still in force, by Viet Nam's time.
#[test]
fn an_agreement_holds_from_its_first_instant_to_its_last() {
    let ground = ground(&[]);
    let at = |at_ms| ground.reason(Asked { at_ms, ..PLAIN });
    let begins_ms = 1_767_200_400_000; // 2026-01-01T00:00+07:00
    let ends_ms = 1_803_834_000_000; // 2027-03-01T00:00+07:00
    assert_eq!(at(begins_ms - 1), "AGREEMENT_NOT_IN_FORCE");
    assert_eq!(at(begins_ms), "GRANTED");
    assert_eq!(at(ends_ms - 1), "GRANTED");
    assert_eq!(at(ends_ms), "AGREEMENT_NOT_IN_FORCE");
    assert_eq!(at(i64::MIN), "AGREEMENT_NOT_IN_FORCE");
    assert_eq!(at(i64::MAX), "AGREEMENT_NOT_IN_FORCE");
    assert_eq!(at(IN_FORCE_MS), "GRANTED");
}

#[test]
fn every_permit_names_the_revision_that_decided() {
    let before = ground(&[]);
    let after = ground(&[&agreement("g01-h26-other", 2026, FUNERAL, "")]);
    let revision = |ground: &super::ground::Ground| {
        let permit = ground
            .ask(Asked {
                procedure: RESIDENCE,
                ..PLAIN
            })
            .ok()
            .unwrap();
        assert_eq!(permit.revision(), ground.catalog.revision());
        permit.revision().clone()
    };
    assert_ne!(revision(&before), revision(&after));
}
