//! What is refused, and why.

use motlan_policy::{FIELDS_ASKED_MAX, Refusal};

use super::ground::{Asked, FUNERAL, GET_ENTERPRISE, PLAIN, ground};

#[test]
fn without_an_agreement_the_refusal_says_whom_to_ask() {
    let ground = ground(&[]);
    let asked = Asked {
        system: "H29/one-stop",
        ..PLAIN
    };
    let refusal = ground.ask(asked).err().unwrap();
    assert_eq!(refusal.reason(), "NO_AGREEMENT");
    assert!(refusal.to_string().contains("`H29`"), "{refusal}");
}

#[test]
fn a_purpose_that_is_not_covered_is_named_with_the_grants_that_were_tried() {
    let refusal = ground(&[])
        .ask(Asked {
            procedure: FUNERAL,
            ..PLAIN
        })
        .err()
        .unwrap();
    assert_eq!(refusal.reason(), "PURPOSE_NOT_COVERED");
    for name in ["`1.014177`", "`g01-h26-population-2026/residence`"] {
        assert!(refusal.to_string().contains(name), "{refusal}");
    }
}

#[test]
fn a_procedure_that_no_catalogue_knows_is_not_covered() {
    assert_eq!(
        ground(&[]).reason(Asked {
            procedure: "3.999999",
            ..PLAIN
        }),
        "PURPOSE_NOT_COVERED"
    );
}

/// R24: whatever the agreement says.
#[test]
fn a_suspended_system_is_refused_although_its_agreement_is_in_force() {
    let asked = Asked {
        system: "H17/one-stop",
        method: GET_ENTERPRISE,
        procedure: "2.002093",
        ..PLAIN
    };
    assert_eq!(ground(&[]).reason(asked), "SYSTEM_SUSPENDED");
}

/// R23: by name.
#[test]
fn fields_beyond_the_view_are_refused_by_name_and_unknown_ones_with_a_suggestion() {
    let ground = ground(&[]);
    let asked = |fields| ground.ask(Asked { fields, ..PLAIN }).err();
    let refused = asked(&["full_name", "religion", "ethnicity"]);
    let Some(Refusal::FieldNotGranted { fields, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(fields, ["ethnicity", "religion"]);
    let refused = asked(&["ful_name"]);
    let Some(Refusal::FieldUnknown { suggestion, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(suggestion.as_deref(), Some("full_name"));
    // A message is wider than the part of it that is granted.
    assert_eq!(asked(&["relatives"]).unwrap().reason(), "FIELD_NOT_GRANTED");
    assert_eq!(asked(&["permanent_residence.commune_code"]), None);
}

#[test]
fn fields_are_taken_once_each_and_not_without_bound() {
    let ground = ground(&[]);
    let twice = ground.ask(Asked {
        fields: &["sex", "full_name", "sex"],
        ..PLAIN
    });
    assert!(twice.is_ok());
    let many = vec!["full_name"; FIELDS_ASKED_MAX + 1];
    assert_eq!(
        ground.reason(Asked {
            fields: &many,
            ..PLAIN
        }),
        "TOO_MANY_FIELDS"
    );
}
