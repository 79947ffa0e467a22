//! Which identifiers can be valid at all.

use jiff::civil::{Date, date};
use motlan_once::{Piece, Wanted, intake, plan};
use motlan_testkit::sample::ids::enterprise_code;
use proptest::prelude::*;

use crate::{REFERENCE, once};

const TODAY: Date = date(2026, 3, 2);

/// What is wrong with the subject of a document, on a day; `None` where nothing is.
fn fault(document: &str, subject: &str, today: Date) -> Option<String> {
    let wanted = Wanted {
        document: document.to_owned(),
        subject: subject.to_owned(),
        declared: None,
    };
    // The annex does not list it: Article 4 replaces all these documents.
    let plan = plan(&REFERENCE, &"3.999999".parse().unwrap(), None).unwrap();
    let faults = match intake(&REFERENCE, &plan, &[wanted], today) {
        Ok(_) => return None,
        Err(faults) => faults,
    };
    let [fault] = faults.told.as_slice() else {
        panic!("{faults:?}");
    };
    assert_eq!(fault.field, "components[0].subject");
    assert!(subject.trim().is_empty() || !fault.what.contains(subject));
    Some(fault.what.clone())
}

fn is_told(document: &str, subject: &str, told: &str) {
    let fault = fault(document, subject, TODAY).unwrap_or_default();
    assert!(
        fault.starts_with(told),
        "`{subject}` of {document}: {fault}"
    );
}

// R99.
#[test]
fn a_subject_that_cannot_be_valid_is_told_by_what_is_wrong_with_it() {
    let person = ["identity_paper", "birth_certificate", "death_certificate"];
    for document in person {
        is_told(document, "", "must name whom");
        is_told(document, "  ", "must name whom");
        for short in [
            "00109000001",
            "0010900000012",
            "00109000001a",
            " 01090000001",
            "00109000001٣",
        ] {
            is_told(document, short, "must be a personal identification number");
        }
        is_told(document, "003090000001", "must begin with three digits");
        is_told(document, "000090000001", "must begin with three digits");
        is_told(document, "001227000001", "must not hold a year of birth");
        is_told(document, "001400000001", "must not hold a year of birth");
        is_told(document, "001999000001", "must not hold a year of birth");
        is_told(document, &"0".repeat(257), "must be at most 256 bytes");
        for right in [
            "001000000001",
            "096199999999",
            "001226000001",
            "001326000001",
        ] {
            assert_eq!(fault(document, right, TODAY), None, "{right}");
        }
    }
    // Born in the year after: on the last day of a year that is still to come.
    assert!(fault("identity_paper", "001227000001", date(2026, 12, 31)).is_some());
    assert!(fault("identity_paper", "001227000001", date(2027, 1, 1)).is_none());

    let firm = "enterprise_registration";
    let code = enterprise_code(10_000_001).unwrap();
    for right in [code.clone(), format!("{code}-001"), format!("{code}-999")] {
        assert_eq!(fault(firm, &right, TODAY), None, "{right}");
    }
    for branch in ["-000", "-1", "-0001", "-", "-00a", "-001-001", "001"] {
        is_told(
            firm,
            &format!("{code}{branch}"),
            "must be an enterprise code",
        );
    }
    is_told(firm, "", "must name whom");
    is_told(firm, &code[..9], "must be an enterprise code");
    is_told(firm, "001090000001", "must be an enterprise code");
    // A remainder of 0 asks for a tenth digit of ten.
    let unissued = (10_000_000..).find(|number| enterprise_code(*number).is_none());
    for last in 0..10 {
        let number = format!("{:09}{last}", unissued.unwrap());
        is_told(firm, &number, "must have a check digit");
    }

    let land = "land_certificate";
    for right in ["AA00000000", "BĐ12345678"] {
        assert_eq!(fault(land, right, TODAY), None, "{right}");
    }
    for bad in [
        "aa00000000",
        "AA 0000000",
        "AA0000000",
        "AA000000000",
        "A000000000",
        "AAA0000000",
    ] {
        is_told(land, bad, "must be the number of a certificate");
    }
}

/// Numbers of the sample go as far as this one: what it makes can be asked for.
#[test]
fn every_subject_of_the_sample_can_be_valid() {
    let sample = motlan_testkit::Sample::from_seed(1).unwrap();
    let plan = plan(&REFERENCE, &"3.999999".parse().unwrap(), None).unwrap();
    let mut count = 0;
    for held in sample.held() {
        let of_method = plan.components.iter().find(|component| {
            let source = component.document.source.published(TODAY);
            source.is_some_and(|it| it.method.path == held.path)
        });
        if let Some(component) = of_method {
            let document = component.document.code.as_str();
            assert_eq!(fault(document, &held.subject, TODAY), None);
            count += 1;
        }
    }
    assert!(count > 300, "{count}");
    for (document, subject) in [
        ("identity_paper", &sample.roles.unknown_person),
        ("enterprise_registration", &sample.roles.unknown_enterprise),
        ("land_certificate", &sample.roles.unknown_certificate),
    ] {
        assert_eq!(fault(document, subject, TODAY), None);
    }
}

#[test]
fn a_subject_may_be_left_out_where_nothing_can_be_fetched() {
    assert_eq!(fault("social_insurance_book", "", TODAY), None);
    assert!(fault("social_insurance_book", &"9".repeat(257), TODAY).is_some());
    // The day before a database is published nothing is fetched from it.
    assert_eq!(fault("identity_paper", "", date(2025, 12, 31)), None);
}

// R99.
#[test]
fn a_subject_is_read_as_it_is_written_whoever_holds_the_document() {
    for unseen in [
        '\u{1}',
        '\n',
        '\u{7f}',
        '\u{9b}',
        '\u{ad}',
        '\u{200d}',
        '\u{2028}',
        '\u{2029}',
        '\u{202e}',
        '\u{2066}',
        '\u{feff}',
        '\u{e0041}',
    ] {
        for document in ["identity_paper", "social_insurance_book"] {
            let subject = format!("001000000001{unseen}");
            is_told(document, &subject, "must not hold characters that are not");
        }
    }
    assert_eq!(fault("social_insurance_book", "Số 1", TODAY), None);
}

#[test]
fn the_request_names_the_subject_and_asks_for_what_the_view_shows() {
    let wanted = Wanted {
        document: "identity_paper".to_owned(),
        subject: "001090000001".to_owned(),
        declared: None,
    };
    let plan = plan(&REFERENCE, &"3.999999".parse().unwrap(), None).unwrap();
    let pieces = intake(&REFERENCE, &plan, &[wanted], TODAY).unwrap();
    let [Piece::Held(held)] = pieces.as_slice() else {
        panic!("{pieces:?}");
    };
    assert_eq!(
        held.method.path,
        "/vn.population.v1.PopulationRegistry/GetPerson"
    );
    assert_eq!(held.request.as_ref(), b"\x0a\x0c001090000001");
    assert_eq!(
        held.fields,
        ["date_of_birth", "full_name", "personal_id", "sex"]
    );
    assert_eq!(
        held.clauses,
        ["Nghị quyết 66.7/2025/NQ-CP, Điều 4 khoản 1 điểm a"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_made_personal_id_can_be_valid(
        place in 0..63_usize, born in 1900..=2026_u32, woman in 0..2_u32, last in 0..1_000_000_u32,
    ) {
        let place = once().law.personal_id_codes.iter().nth(place).unwrap();
        let century = (born / 100 - 19) * 2 + woman;
        let id = format!("{place}{century}{:02}{last:06}", born % 100);
        prop_assert_eq!(fault("identity_paper", &id, TODAY), None);
    }

    #[test]
    fn an_enterprise_code_with_one_other_digit_cannot_be_valid(
        number in 0..1_000_000_000_u32, at in 0..10_usize, step in 1..10_u8,
    ) {
        let Some(code) = enterprise_code(number) else {
            return Ok(());
        };
        prop_assert_eq!(fault("enterprise_registration", &code, TODAY), None);
        let mut digits = code.into_bytes();
        digits[at] = b'0' + (digits[at] - b'0' + step) % 10;
        let other = String::from_utf8(digits).unwrap();
        let told = fault("enterprise_registration", &other, TODAY);
        prop_assert!(told.is_some_and(|it| it.starts_with("must have a check digit")));
    }
}
