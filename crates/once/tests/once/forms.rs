//! Forms: which questions the law forbids.

use std::fs;

use jiff::civil::{Date, date};
use motlan_catalog::Faults;
use motlan_once::{Form, Listing, Verdict, judge};

use crate::REFERENCE;

const DAY: Date = date(2026, 6, 1);

fn read(text: &str) -> Result<Form, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("form.toml");
    fs::write(&file, text).unwrap();
    let mut faults = Faults::new();
    let form = Form::read(&file, &mut faults);
    let told = faults.to_string();
    form.ok_or_else(|| told.replace(&format!("{}/", folder.path().display()), ""))
}

/// A verdict in a word, and why.
fn judged(procedure: &str, about: &str, day: Date) -> (&'static str, String) {
    let text = format!(
        "procedure = \"{procedure}\"\ntitle = \"Tờ khai\"\n\n[[question]]\nask = \"?\"\n{about}\n"
    );
    let form = read(&text).unwrap();
    let found = judge(&REFERENCE, &form, day).unwrap();
    let listed = found.listing == Listing::Annex;
    assert_eq!(listed, procedure != "1.999999");
    let [verdict] = found.verdicts.as_slice() else {
        panic!("{found:?}");
    };
    let word = match verdict {
        Verdict::Unlawful(_) => "no",
        Verdict::Lawful(_) => "yes",
        Verdict::Unclear(_) => "unclear",
    };
    (word, verdict.to_string())
}

// R83.
#[test]
fn a_question_is_forbidden_where_a_published_database_holds_the_answer() {
    for (procedure, about, word, why) in [
        // By its concept, in what the annex replaces, and else by Article 4.
        (
            "1.014177",
            "concept = \"death.date\"",
            "no",
            "G15 holds it in `civil_status/GetDeath`, view `death_extract`, field `died_on`: \
             Nghị quyết 66.7/2025/NQ-CP, Phụ lục I, số 405",
        ),
        (
            "1.014177",
            "concept = \"enterprise.name\"",
            "no",
            "G12 holds it in `business_registration/GetEnterprise`, view `registration`, field \
             `name`: Nghị quyết 66.7/2025/NQ-CP, Điều 4 khoản 5 điểm a",
        ),
        // By its name, and as a paper: by code and by the law's wording.
        (
            "1.999999",
            "field = \"population/GetPerson/sex\"",
            "no",
            "G01 holds it in `population/GetPerson`, view `identity`, field `sex`: \
             Nghị quyết 66.7/2025/NQ-CP, Điều 4 khoản 1 điểm a",
        ),
        (
            "1.999999",
            "document = \"death_certificate\"",
            "no",
            "G15 holds it in `civil_status/GetDeath`, view `death_extract`: \
             Nghị quyết 66.7/2025/NQ-CP, Điều 4 khoản 2 điểm d",
        ),
        (
            "1.999999",
            "document = \"trích lục  khai tử\"",
            "no",
            "G15 holds it in `civil_status/GetDeath`, view `death_extract`: \
             Nghị quyết 66.7/2025/NQ-CP, Điều 4 khoản 2 điểm d",
        ),
    ] {
        assert_eq!(
            judged(procedure, about, DAY),
            (word, why.to_owned()),
            "{about}"
        );
    }
}

// R83.
#[test]
fn a_question_may_be_asked_where_no_published_database_holds_the_answer() {
    for (about, why) in [
        (
            "own = \"lý do\"",
            "only the applicant knows, by the form's word",
        ),
        (
            "concept = \"person.personal_id\"",
            "it is what datasets are asked by",
        ),
        (
            "field = \"land/GetParcel/certificate_no\"",
            "it is what datasets are asked by",
        ),
        (
            "document = \"driving_licence\"",
            "`driving_licence` is to hold it, and is not published",
        ),
        (
            "document = \"passport\"",
            "the law does not replace it in this procedure",
        ),
    ] {
        assert_eq!(
            judged("1.014177", about, DAY),
            ("yes", why.to_owned()),
            "{about}"
        );
    }
}

// R83: a dataset binds from the day on which it is published.
#[test]
fn before_a_database_is_published_its_answers_may_be_asked() {
    let before = date(2025, 12, 31);
    let about = "concept = \"death.date\"";
    let why = "`civil_status` is to hold it, and is not published".to_owned();
    assert_eq!(judged("1.014177", about, before), ("yes", why));
    assert_eq!(judged("1.014177", about, date(2026, 1, 1)).0, "no");
}

#[test]
fn what_cannot_be_told_says_what_would_help() {
    for (procedure, about, why) in [
        (
            "1.999999",
            "concept = \"person.fullname\"",
            "no contract knows the concept `person.fullname`; did you mean `person.full_name`?",
        ),
        (
            "1.999999",
            "concept = \"dossier.reason_for_request\"",
            "no contract knows the concept `dossier.reason_for_request`; \
             if nobody holds it, write `own`",
        ),
        (
            "1.999999",
            "field = \"population/GetPerson/working_note\"",
            "no contract marks a field `population/GetPerson/working_note`: \
             write `dataset/method/path`",
        ),
        (
            "1.999999",
            "document = \"death_certificat\"",
            "no document is called `death_certificat`; did you mean `death_certificate`?",
        ),
        // Held, but in no view of a document that is replaced; and held only in parts.
        (
            "1.999999",
            "concept = \"death.cause\"",
            "`civil_status` holds it, and no document that the law replaces here shows it as a \
             whole",
        ),
        (
            "1.999999",
            "concept = \"birth.father\"",
            "`civil_status` holds it, and no document that the law replaces here shows it as a \
             whole",
        ),
        (
            "2.001827",
            "document = \"enterprise_registration\"",
            "the law replaces `enterprise_registration` only in part: \
             Nghị quyết 66.7/2025/NQ-CP, Phụ lục I, số 346",
        ),
    ] {
        assert_eq!(
            judged(procedure, about, DAY),
            ("unclear", why.to_owned()),
            "{about}"
        );
    }
    let (word, why) = judged("1.999999", "concept = \"date.year\"", DAY);
    assert_eq!(word, "unclear");
    assert!(
        why.starts_with("`date.year` is a part of `") && why.contains("`death.date`"),
        "{why}"
    );
}

#[test]
fn a_form_with_faults_is_told_with_lines_and_remedies() {
    let told = read(
        "procedure = \"4.004222\"\ntitel = \"x\"\n\n[[question]]\nask = \"a\"\n\n\
         [[question]]\nask = \"b\"\nconcept = \"x\"\nown = \"y\"\n",
    );
    assert_eq!(
        told.unwrap_err(),
        "form.toml: `title` is missing; add `title = \"…\"`\n\
         form.toml:1: `procedure`: `4.004222` is no procedure code: expected a digit from 1 to 3, \
         `.` and six digits, as in `1.004222` or `1.004222.000.00.00.H26`; correct it\n\
         form.toml:2: `titel` is not a known key; did you mean `title`?\n\
         form.toml:4: the question is said to be about 0 things; \
         write exactly one of `concept`, `field`, `document` and `own`\n\
         form.toml:10: the question is said to be about 2 things; \
         write exactly one of `concept`, `field`, `document` and `own`"
    );
    let told = read("procedure = \"1.004222\"\ntitle = \"x\"\n").unwrap_err();
    assert!(told.contains("asks 0 questions"), "{told}");
}
