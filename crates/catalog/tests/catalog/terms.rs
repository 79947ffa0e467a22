//! The terms of grants: what others must sign first, how often, and what is done with the answer.

use motlan_catalog::{LogLevel, Obligation, Relaxed};
use motlan_mask::{Cover, Keep};

use crate::small::{HOLDERS, Small};

const SYSTEMS: &str = "systems = [\"H26/one-stop\"]\n";
const AGREEMENT: &str = "agreements/g01-h26.toml";
const CONTRACT: &str = "contracts/vn/people/v1/people.proto";

fn small_with(terms: &str) -> Small {
    let small = Small::new();
    small.change(AGREEMENT, SYSTEMS, &format!("{SYSTEMS}{terms}"));
    small.write("systems/holders.toml", HOLDERS);
    small
}

#[test]
fn every_term_is_read() {
    let small = small_with(
        "dossier = \"required\"\nconsent = \"required\"\napprovals = 2\n\
         quota = { grant = 1000, subject = 3 }\nrate = { official = 10 }\n\
         [grant.break_glass]\nofficials = [\"b\", \"a\", \"b\"]\n\
         relaxes = [\"OUTSIDE_HOURS\", \"CONSENT_REQUIRED\"]\nminutes = 60\nreview_hours = 24\n\
         [grant.obligations]\nmask = [{ field = \"personal_id\", keep_last = 3 }]\n\
         notify_subject = true\nlog = \"warn\"\nkeep_days = 30\nreview_days = 7\n",
    );
    let catalog = small.catalog();
    let terms = &catalog.agreements()[0].grants[0].terms;
    assert!(terms.dossier_required && terms.consent_required);
    assert_eq!(terms.approvals, 2);
    assert_eq!(terms.quota.grant.map(u32::from), Some(1000));
    assert_eq!(terms.quota.subject.map(u32::from), Some(3));
    assert_eq!(terms.rate.official.map(u32::from), Some(10));
    let emergency = terms.break_glass.as_ref().unwrap();
    assert_eq!(emergency.officials, ["a", "b"]);
    assert_eq!(emergency.relaxes, [Relaxed::Consent, Relaxed::Hours]);
    assert_eq!((emergency.minutes, emergency.review_hours), (60, 24));
    let cover = Cover {
        path: "personal_id".to_owned(),
        keep: Keep::Last(3),
    };
    assert_eq!(
        terms.obligations,
        [
            Obligation::Mask(cover),
            Obligation::NotifySubject,
            Obligation::Log(LogLevel::Warn),
            Obligation::KeepDays(30),
            Obligation::ReviewDays(7),
        ]
    );
    assert_eq!(
        terms.to_string(),
        ", in an emergency of 60 minutes, reviewed within 24 hours, with a \
         dossier, with consent, with 2 approvals, 1000 a day, 3 a day \
         per subject, 10 a minute per official, personal_id but for its last 3 covered, notify \
         the subject, log as warn, keep 30 days, review within 7 days, without \
         CONSENT_REQUIRED, without OUTSIDE_HOURS"
    );
}

#[test]
fn a_grant_without_terms_demands_nothing() {
    let catalog = Small::new().catalog();
    let grant = &catalog.agreements()[0].grants[0];
    assert!(grant.terms.is_plain());
    assert_eq!(grant.terms.to_string(), "");
}

/// R29.
#[test]
fn a_secret_field_leaves_only_by_its_own_name_and_with_two_approvals() {
    let secret = |terms: &str, from: &str, to: &str| {
        let small = small_with(terms);
        small.change(CONTRACT, "class: CLASS_PERSONAL", "class: CLASS_SECRET");
        small.change(CONTRACT, from, to);
        let told = small.load().err().map(|faults| faults.to_string());
        told.unwrap_or_default()
    };
    let name = "string full_name = 2 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }]";
    let of_name = name.replace("PERSONAL", "SECRET");
    let one = secret("approvals = 1\n", name, &of_name);
    assert!(
        one.contains("g01-h26.toml:17: the view `names` gives a field of the class `SECRET`"),
        "{one}"
    );
    assert!(one.ends_with("write `approvals = 2` or more"), "{one}");
    assert!(secret("", name, &of_name).contains("gives a field of the class `SECRET`"));
    assert_eq!(secret("approvals = 2\n", name, &of_name), "");
    // `home.city` and `born_on` are named themselves.
    let city = "string city = 1 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }]";
    let of_city = city.replace("PERSONAL", "SECRET");
    assert_eq!(secret("approvals = 2\n", city, &of_city), "");
    let year = "vn.shared.v1.Date born_on = 3 [(motlan.contract.v1.field) = { class: \
                CLASS_PERSONAL }]";
    assert_eq!(
        secret("approvals = 2\n", year, &year.replace("PERSONAL", "SECRET")),
        ""
    );
    // Beneath what a view names it would leave unseen.
    let small = small_with("approvals = 3\n");
    small.change(CONTRACT, "class: CLASS_PERSONAL", "class: CLASS_SECRET");
    small.change(
        "contracts/vn/shared/v1/date.proto",
        "uint32 month = 2 [(motlan.contract.v1.field) = { class: CLASS_PUBLIC }]",
        "uint32 month = 2 [(motlan.contract.v1.field) = { class: CLASS_SECRET }]",
    );
    let told = small.faults().to_string();
    assert!(
        told.contains("reaches `vn.shared.v1.Date.month`, which is secret or not marked"),
        "{told}"
    );
    // What is not marked never leaves, however many approve.
    let unmarked = secret("approvals = 3\n", name, "string full_name = 2");
    assert!(
        unmarked.contains("which is secret or not marked; mark the field"),
        "{unmarked}"
    );
}

/// R95: a field that stands again deeper down would leave uncovered.
#[test]
fn a_field_that_the_view_gives_again_within_itself_cannot_be_covered() {
    let small =
        small_with("obligations = { mask = [{ field = \"kin.full_name\", keep_last = 0 }] }\n");
    let narrow = "paths: \"home.city\"";
    small.change(
        CONTRACT,
        narrow,
        &format!("{narrow} paths: \"kin.full_name\""),
    );
    small.change(
        AGREEMENT,
        "\"home.city\",",
        "\"home.city\", \"kin.full_name\",",
    );
    small.catalog();
    let small = small_with("obligations = { mask = [{ field = \"full_name\", keep_last = 0 }] }\n");
    small.change(CONTRACT, "string note = 8;", "");
    small.change(CONTRACT, "string owner = 2;", "");
    small.change(
        CONTRACT,
        "google.protobuf.Any extra = 6 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];",
        "",
    );
    small.change(
        CONTRACT,
        "string religion = 7 [(motlan.contract.v1.field) = { class: CLASS_SENSITIVE }];",
        "",
    );
    small.change(CONTRACT, narrow, &format!("{narrow} paths: \"kin\""));
    let told = small.faults().to_string();
    assert!(
        told.contains(
            "`obligations.mask` covers `full_name`, which the view gives again within `kin"
        ),
        "{told}"
    );
}
