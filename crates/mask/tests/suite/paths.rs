//! Paths are checked when a mask is compiled, and say where they lead.

use motlan_mask::{CompileError, DEPTH_MAX, Mask, PathError, resolve};

use crate::contracts::message;

fn fault(path: &str) -> PathError {
    resolve(&message("sample.Person"), path).unwrap_err()
}

fn led_through(path: &str) -> Vec<String> {
    let fields = resolve(&message("sample.Person"), path).unwrap();
    fields
        .iter()
        .map(|field| field.full_name().to_owned())
        .collect()
}

#[test]
fn a_path_says_each_field_it_leads_through() {
    assert_eq!(led_through("full_name"), ["sample.Person.full_name"]);
    let expected = [
        "sample.Person.former",
        "sample.Address.border",
        "sample.Point.x",
    ];
    assert_eq!(led_through("former.border.x"), expected);
}

#[test]
fn a_path_into_a_map_goes_on_in_its_values() {
    assert_eq!(
        led_through("homes.street"),
        ["sample.Person.homes", "sample.Address.street"]
    );
    assert!(matches!(fault("homes.key"), PathError::Unknown { .. }));
    assert!(matches!(fault("labels.value"), PathError::Scalar { .. }));
}

#[test]
fn a_path_into_a_group_is_by_its_field() {
    assert!(resolve(&message("old.Record"), "block.row.cell").is_ok());
}

#[test]
fn an_unknown_step_is_named_with_the_nearest_name() {
    let fault = fault("mother.residence.stret");
    let expected = "`mother.residence.stret`: `sample.Address` has no field `stret`; \
                    did you mean `mother.residence.street`?";
    assert_eq!(fault.to_string(), expected);
}

#[test]
fn a_name_in_json_leads_to_the_one_in_the_contract() {
    let PathError::Unknown { suggestion, .. } = fault("fullName") else {
        panic!("not unknown")
    };
    assert_eq!(suggestion.as_deref(), Some("full_name"));
}

#[test]
fn a_name_that_is_near_to_none_gets_no_suggestion() {
    let fault = fault("blood_group");
    assert_eq!(
        fault.to_string(),
        "`blood_group`: `sample.Person` has no field `blood_group`"
    );
}

#[test]
fn a_wildcard_or_an_extension_is_no_path() {
    for path in ["*", "homes.*", "(old.note)"] {
        assert!(resolve(&message("sample.Person"), path).is_err(), "{path}");
    }
    assert!(resolve(&message("old.Record"), "note").is_err());
}

#[test]
fn an_empty_path_or_step_is_refused() {
    for path in ["", ".", "residence.", ".residence", "residence..street"] {
        assert_eq!(
            fault(path),
            PathError::Empty {
                path: path.to_owned()
            }
        );
    }
}

#[test]
fn a_path_beneath_a_scalar_is_refused() {
    let step = "full_name".to_owned();
    let expected = PathError::Scalar {
        path: "full_name.x".to_owned(),
        step,
    };
    assert_eq!(fault("full_name.x"), expected);
}

#[test]
fn a_path_is_as_deep_as_the_limit_and_no_deeper() {
    let deep = |steps| vec!["mother"; steps].join(".");
    assert_eq!(led_through(&deep(DEPTH_MAX)).len(), DEPTH_MAX);
    let deeper = deep(DEPTH_MAX + 1);
    assert_eq!(fault(&deeper), PathError::TooDeep { path: deeper });
    assert!(Mask::compile(&message("sample.Person"), [&*deep(DEPTH_MAX)]).is_ok());
}

#[test]
fn a_mask_does_not_compile_with_one_bad_path_among_good_ones() {
    let compiled = Mask::compile(&message("sample.Person"), ["full_name", "nope"]);
    assert!(matches!(
        compiled,
        Err(CompileError::Path(PathError::Unknown { .. }))
    ));
}

#[test]
fn a_path_that_ends_at_an_any_is_refused_and_says_what_to_grant_instead() {
    for path in ["detail", "details", "extras", "odd", "mother.detail"] {
        let compiled = Mask::compile(&message("sample.Person"), [path]);
        assert_eq!(
            compiled.unwrap_err(),
            CompileError::Opaque {
                path: path.to_owned()
            }
        );
        let value = format!("{path}.value");
        assert!(
            Mask::compile(&message("sample.Person"), [&*value]).is_ok(),
            "{value}"
        );
    }
}
