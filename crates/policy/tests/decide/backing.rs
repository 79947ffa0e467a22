//! What others sign: consent, approvals, emergencies. And what of an answer a person consented to.

use bytes::Bytes;
use motlan_policy::{Backing, Moment, Query};

use super::ground::{FUNERAL, GET_PERSON, Ground, IN_FORCE_MS, agreement, ground};

const CITED: &str = "g01-h26-tried/one";

/// The reference catalogue with one more grant of these terms.
fn granted(terms: &str) -> Ground {
    let backed = "consent = true\napprovals = 3\n";
    let declared = match terms.contains("break_glass") {
        true => format!("{backed}emergency = \"an\"\n"),
        false => backed.to_owned(),
    };
    let text = agreement("g01-h26-tried", 2026, FUNERAL, terms);
    let text = text.replace("dossier = true\n", &format!("dossier = true\n{declared}"));
    ground(&[&text])
}

/// What comes of a question with this backing: the paths that leave, or the reason.
fn asked(ground: &Ground, backing: Backing<'_>, fields: &[&str]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    let catalog = &ground.catalog;
    let query = Query {
        system: catalog.system(&"H26/one-stop".parse().unwrap()).unwrap(),
        method: catalog.method(GET_PERSON).unwrap(),
        procedure: &FUNERAL.parse().unwrap(),
        dossier: true,
        backing,
        cited: Some(CITED),
        fields: &fields,
    };
    match ground
        .rules
        .decide(&query, Moment::from_unix_ms(IN_FORCE_MS))
    {
        Ok(permit) => permit.paths().join(" "),
        Err(refusal) => refusal.reason().to_owned(),
    }
}

const ALL: &str = "date_of_birth full_name personal_id sex";

/// R29.
#[test]
fn a_grant_that_needs_consent_gives_what_was_consented_to_and_nothing_without() {
    let ground = granted("consent = \"required\"");
    let consented = |fields: &[&str], wanted: &[&str]| {
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        let backing = Backing {
            consented: Some(&fields),
            ..Backing::default()
        };
        asked(&ground, backing, wanted)
    };
    assert_eq!(asked(&ground, Backing::default(), &[]), "CONSENT_REQUIRED");
    assert_eq!(consented(&[], &[]), ALL);
    assert_eq!(consented(&["full_name", "religion"], &[]), "full_name");
    assert_eq!(
        consented(&["date_of_birth.year", "sex"], &[]),
        "date_of_birth.year sex"
    );
    assert_eq!(consented(&["full_name", "sex"], &["sex"]), "sex");
    assert_eq!(
        consented(&["full_name"], &["full_name", "sex"]),
        "FIELD_NOT_CONSENTED"
    );
    assert_eq!(
        consented(&["date_of_birth.year"], &["date_of_birth"]),
        "FIELD_NOT_CONSENTED"
    );
    assert_eq!(consented(&["religion"], &[]), "FIELD_NOT_CONSENTED");
    // What the answer has not is passed over, and however much was consented to is no fault.
    assert_eq!(consented(&["date_of_birth.yeer", "sex"], &[]), "sex");
    let many: Vec<String> = (0..200).map(|n| format!("field_{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain(["sex"]).collect();
    assert_eq!(consented(&many, &[]), "sex");
    // A consent gives nothing that the view does not.
    assert_eq!(consented(&["religion"], &["religion"]), "FIELD_NOT_GRANTED");
}

/// R29: a consent that a grant does not need narrows it all the same.
#[test]
fn a_consent_that_was_shown_binds_where_none_was_needed() {
    let ground = granted("");
    let fields = ["sex".to_owned()];
    let backing = Backing {
        consented: Some(&fields),
        ..Backing::default()
    };
    assert_eq!(asked(&ground, backing, &[]), "sex");
    assert_eq!(asked(&ground, Backing::default(), &[]), ALL);
}

/// R29.
#[test]
fn as_many_must_approve_as_the_grant_says() {
    let ground = granted("approvals = 2");
    let approved = |approvals: u8| {
        let backing = Backing {
            approvals,
            ..Backing::default()
        };
        asked(&ground, backing, &[])
    };
    assert_eq!(approved(0), "APPROVALS_REQUIRED");
    assert_eq!(approved(1), "APPROVALS_REQUIRED");
    assert_eq!(approved(2), ALL);
    assert_eq!(approved(3), ALL);
}

/// R94.
#[test]
fn a_grant_for_emergencies_is_for_its_officials_in_one_and_relaxes_what_it_names() {
    let break_glass = "break_glass = { officials = [\"an\", \"binh\"], \
                       relaxes = [\"OUTSIDE_HOURS\", \"CONSENT_REQUIRED\"], minutes = 60, \
                       review_hours = 24 }";
    // In force is a Sunday.
    let terms = format!("days = [\"mon\"]\nconsent = \"required\"\napprovals = 1\n{break_glass}");
    let ground = granted(&terms);
    let declared = |official: Option<&str>, approvals: u8| {
        let backing = Backing {
            approvals,
            emergency: official,
            ..Backing::default()
        };
        asked(&ground, backing, &[])
    };
    assert_eq!(declared(None, 1), "BREAK_GLASS_ONLY");
    assert_eq!(declared(Some("chi"), 1), "OFFICIAL_NOT_NAMED");
    assert_eq!(declared(Some(""), 1), "OFFICIAL_NOT_NAMED");
    assert_eq!(declared(Some("an"), 0), "APPROVALS_REQUIRED");
    assert_eq!(declared(Some("an"), 1), ALL);
    assert_eq!(declared(Some("binh"), 1), ALL);
    let plain = granted("");
    let backing = Backing {
        emergency: Some("an"),
        ..Backing::default()
    };
    assert_eq!(asked(&plain, backing, &[]), "NOT_FOR_EMERGENCIES");
}

/// R94: what is decided with the help of others is not remembered for those without.
#[test]
fn what_was_allowed_with_backing_is_not_allowed_without_a_moment_later() {
    let ground = granted("approvals = 1");
    let backing = Backing {
        approvals: 1,
        ..Backing::default()
    };
    for _ in 0..3 {
        assert_eq!(asked(&ground, backing, &[]), ALL);
        assert_eq!(
            asked(&ground, Backing::default(), &[]),
            "APPROVALS_REQUIRED"
        );
    }
}

/// R95: what is covered stays covered when less is asked for.
#[test]
fn a_covered_field_is_covered_in_every_part_of_the_view() {
    let ground = granted("obligations = { mask = [{ field = \"personal_id\", keep_last = 3 }] }");
    let person = |fields: &[&str]| {
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        let method = ground.catalog.method(GET_PERSON).unwrap();
        let query = Query {
            system: ground
                .catalog
                .system(&"H26/one-stop".parse().unwrap())
                .unwrap(),
            method,
            procedure: &FUNERAL.parse().unwrap(),
            dossier: true,
            backing: Backing::default(),
            cited: Some(CITED),
            fields: &fields,
        };
        let at = Moment::from_unix_ms(IN_FORCE_MS);
        let permit = ground.rules.decide(&query, at).unwrap();
        // Field 1 is the number, field 2 the name.
        let masked = permit
            .mask()
            .apply(&Bytes::from_static(b"\x0a\x0c001099012345\x12\x02An"))
            .unwrap();
        String::from_utf8_lossy(&masked.bytes).into_owned()
    };
    assert_eq!(person(&[]), "\n\u{c}*********345\u{12}\u{2}An");
    assert_eq!(person(&["personal_id"]), "\n\u{c}*********345");
    assert_eq!(person(&["full_name"]), "\u{12}\u{2}An");
}

/// R94: a comparison shows who may declare an emergency; what is told of a lookup names nobody.
#[test]
fn who_may_declare_an_emergency_is_shown_with_access_and_with_no_lookup() {
    let ground = granted(
        "break_glass = { officials = [\"an\", \"binh\"], relaxes = [], minutes = 60, \
         review_hours = 24 }",
    );
    let at = Moment::from_unix_ms(IN_FORCE_MS);
    let accesses = ground.rules.accesses(&ground.catalog, at);
    let mut offers = accesses.iter().flat_map(|access| &access.offers);
    let offer = offers.find(|offer| offer.grant.as_str() == CITED).unwrap();
    assert!(
        offer.terms.ends_with(", declared by an or binh"),
        "{offer:?}"
    );
    let grants = ground.catalog.agreements().iter().flat_map(|it| &it.grants);
    let mut tried = grants.filter(|grant| grant.id.as_str() == CITED);
    let told = tried.next().unwrap().terms.to_string();
    assert!(
        told.contains("in an emergency") && !told.contains("binh"),
        "{told}"
    );
}
