//! Requests that are refused as a whole, before anybody is asked.

use jiff::civil::{Date, date};
use motlan_once::{COMPONENTS_MAX, FAULTS_MAX, IntakeFaults, Piece, Wanted, intake, plan};
use serde_json::{Value, json};

use crate::REFERENCE;

const TODAY: Date = date(2026, 3, 2);
const PERSON: &str = "001090000001";

fn wanted(document: &str, subject: &str, declared: Value) -> Wanted {
    Wanted {
        document: document.to_owned(),
        subject: subject.to_owned(),
        declared: Some(declared).filter(|it| !it.is_null()),
    }
}

fn taken(procedure: &str, variant: Option<&str>, wanted: &[Wanted]) -> Result<Vec<Piece>, String> {
    let variant = variant.map(|it| it.parse().unwrap());
    let plan = plan(&REFERENCE, &procedure.parse().unwrap(), variant.as_ref()).unwrap();
    let taken = intake(&REFERENCE, &plan, wanted, TODAY);
    let told = |faults: IntakeFaults| {
        let told = faults.told.iter().map(ToString::to_string);
        let more = (faults.more > 0).then(|| format!("and {} more", faults.more));
        told.chain(more).collect::<Vec<_>>().join("\n")
    };
    taken.map_err(told)
}

/// What is wrong with the declaration of one person.
fn declared(declared: Value) -> String {
    let wanted = [wanted("identity_paper", PERSON, declared)];
    taken("3.999999", None, &wanted).err().unwrap_or_default()
}

// R99.
#[test]
fn all_that_is_wrong_is_told_at_once_by_the_names_of_fields() {
    let wanted = [
        wanted(
            "marital_status_certificate",
            PERSON,
            json!({ "state": "MARITAL_STATE_MARRIED" }),
        ),
        wanted("birth_certificat", PERSON, Value::Null),
        wanted("death_certificate", PERSON, Value::Null),
        wanted(
            "identity_paper",
            "00109000000",
            json!({ "full_name": 1, "ethnicity": "Kinh" }),
        ),
    ];
    let told = taken("1.004222", None, &wanted).unwrap_err();
    let lines: Vec<&str> = told.lines().collect();
    let [variant, document, other, subject, view, text] = lines.as_slice() else {
        panic!("{told}");
    };
    assert!(
        variant.starts_with("`variant` must name one of the variants: `1` ("),
        "{variant}"
    );
    assert_eq!(
        *document,
        "`components[1].document` must be a document of the procedure's plan; did you mean \
         `birth_certificate`?"
    );
    assert!(
        other.starts_with("`components[2].document` must be a document"),
        "{other}"
    );
    assert_eq!(
        *subject,
        "`components[3].subject` must be a personal identification number of 12 digits"
    );
    let mut declared = [*view, *text];
    declared.sort_unstable();
    assert_eq!(
        declared,
        [
            "`components[3].declared.ethnicity` is not shown by the view `identity`",
            "`components[3].declared.full_name` must be text",
        ]
    );
    // Of one variant the plan is what the law says of it.
    assert!(taken("1.004222", Some("3"), &wanted[..1]).is_ok());
    let told = taken("1.004222", Some("1"), &wanted[..1]).unwrap_err();
    assert!(told.starts_with("`components[0].document`") && told.ends_with("`land_certificate`"));
}

#[test]
fn there_are_one_to_thirty_two_components() {
    let one = wanted("identity_paper", PERSON, Value::Null);
    assert_eq!(
        taken("3.999999", None, &[]).unwrap_err(),
        "`components` must be 1 to 32"
    );
    let many = vec![one; COMPONENTS_MAX + 1];
    assert_eq!(
        taken("3.999999", None, &many).unwrap_err(),
        "`components` must be 1 to 32"
    );
    let pieces = taken("3.999999", None, &many[1..]).unwrap();
    assert_eq!(pieces.len(), COMPONENTS_MAX);
}

#[test]
fn no_more_faults_are_told_than_a_reply_holds_and_how_many_more_there_are() {
    let names = (0..100).map(|number| (format!("field_{number}"), json!(1)));
    let told = declared(Value::Object(names.collect()));
    assert_eq!(told.lines().count(), FAULTS_MAX + 1);
    let more = 100 - FAULTS_MAX;
    assert_eq!(told.lines().last().unwrap(), format!("and {more} more"));
}

#[test]
fn what_can_be_declared_is_taken_in_every_form_of_json() {
    for right in [
        json!({ "full_name": "a", "date_of_birth": { "year": 1990 }, "sex": "SEX_FEMALE" }),
        json!({ "fullName": "a", "dateOfBirth": { "year": "1990" }, "sex": 2 }),
        json!({ "date_of_birth": { "year": 1990.0 }, "sex": 2.0 }),
        json!({ "full_name": null, "date_of_birth": null }),
    ] {
        assert_eq!(declared(right.clone()), "", "{right}");
    }
}

// R99.
#[test]
fn what_was_declared_is_held_against_the_contract() {
    let at = "`components[0].declared";
    for (wrong, told) in [
        (json!([]), "` must be an object"),
        (
            json!({ "full_nam": "a" }),
            ".full_nam` is no field of `vn.population.v1.Person`; did you mean `full_name`?",
        ),
        (
            json!({ "full_nam": null }),
            ".full_nam` is no field of `vn.population.v1.Person`; did you mean `full_name`?",
        ),
        (
            json!({ "Nguyễn Văn A": "a" }),
            "` holds a name that is no field of `vn.population.v1.Person`",
        ),
        (
            json!({ PERSON: "a" }),
            "` holds a name that is no field of `vn.population.v1.Person`",
        ),
        (
            json!({ "a".repeat(65): "a" }),
            "` holds a name that is no field of `vn.population.v1.Person`",
        ),
        (
            json!({ "religion": "a" }),
            ".religion` is not shown by the view `identity`",
        ),
        (
            json!({ "working_note": "a" }),
            ".working_note` is not shown by the view `identity`",
        ),
        (
            json!({ "relatives": [] }),
            ".relatives` is not shown by the view `identity`",
        ),
        (json!({ "full_name": ["a"] }), ".full_name` must be text"),
        (json!({ "full_name": true }), ".full_name` must be text"),
        (
            json!({ "sex": "FEMALE" }),
            ".sex` must be one of `SEX_UNSPECIFIED`, `SEX_MALE`, `SEX_FEMALE`",
        ),
        (
            json!({ "sex": 9 }),
            ".sex` must be one of `SEX_UNSPECIFIED`, `SEX_MALE`, `SEX_FEMALE`",
        ),
        (
            json!({ "sex": 1.5 }),
            ".sex` must be one of `SEX_UNSPECIFIED`, `SEX_MALE`, `SEX_FEMALE`",
        ),
        (
            json!({ "date_of_birth": "1990-06-05" }),
            ".date_of_birth` must be an object",
        ),
        (
            json!({ "date_of_birth": { "century": 19 } }),
            ".date_of_birth.century` is no field of `vn.common.v1.Date`",
        ),
        (
            json!({ "full_name": "a", "fullName": "b" }),
            ".full_name` is there under two names",
        ),
    ] {
        assert_eq!(declared(wrong.clone()), format!("{at}{told}"), "{wrong}");
    }
}

#[test]
fn a_number_is_one_of_its_type() {
    for year in [
        json!(-1),
        json!(1990.5),
        json!(4_294_967_296_u64),
        json!(1e300),
        json!("1990a"),
        json!(""),
        json!(true),
    ] {
        let told = declared(json!({ "date_of_birth": { "year": year } }));
        assert_eq!(
            told, "`components[0].declared.date_of_birth.year` must be a number of its type",
            "{year}"
        );
    }
}

#[test]
fn within_lists_each_element_is_held_against_the_contract() {
    let lines = |lines: Value| {
        let code = motlan_testkit::sample::ids::enterprise_code(10_000_001).unwrap();
        let declared = json!({ "business_lines": lines });
        let wanted = [wanted("enterprise_registration", &code, declared)];
        taken("3.999999", None, &wanted).err().unwrap_or_default()
    };
    let at = "`components[0].declared.business_lines";
    assert_eq!(lines(json!([{ "code": "4101", "main": true }, {}])), "");
    assert_eq!(lines(json!({})), format!("{at}` must be a list"));
    assert_eq!(
        lines(json!([{ "main": 1 }, 2])),
        format!("{at}[0].main` must be `true` or `false`\n{at}[1]` must be an object")
    );
}

#[test]
fn what_only_a_part_of_is_shown_can_be_declared_in_that_part() {
    let child = |declared: Value| {
        let wanted = [wanted("birth_certificate", PERSON, declared)];
        taken("3.999999", None, &wanted).err().unwrap_or_default()
    };
    assert_eq!(child(json!({ "father": { "full_name": "a" } })), "");
    assert_eq!(
        child(json!({ "father": { "ethnicity": "a" } })),
        "`components[0].declared.father.ethnicity` is not shown by the view `birth_extract`"
    );
}

#[test]
fn what_no_published_database_holds_is_told_apart() {
    let wanted = [
        wanted("social_insurance_book", "", Value::Null),
        wanted("identity_paper", PERSON, Value::Null),
    ];
    let pieces = taken("3.999999", None, &wanted).unwrap();
    let [book @ Piece::NotPublished(_), paper @ Piece::Held(_)] = pieces.as_slice() else {
        panic!("{pieces:?}");
    };
    assert_eq!(book.database().unwrap().as_str(), "insurance");
    assert!(book.dataset().is_none());
    assert_eq!(book.clauses().len(), 1);
    assert_eq!(paper.dataset().unwrap().as_str(), "population");
    assert!(paper.database().is_none());
    assert_eq!((book.subject(), paper.subject()), ("", PERSON));
    assert_eq!(paper.kind().code.as_str(), "identity_paper");
}
