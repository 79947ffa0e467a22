//! `motlan once check-form` as a pipeline runs it.

use std::fs;

use anyhow::{Result, ensure};

use super::run::{Ran, binaries, once, root};
use crate::preview::play::play;

/// A day on which the law is in force.
const DAY: &str = "2026-06-01";

fn check(form: &str, on: &str) -> Result<Ran> {
    let dir = tempfile::TempDir::with_prefix("motlan-form-")?;
    let file = dir.path().join("form.toml");
    fs::write(&file, form)?;
    let file = file.to_string_lossy();
    let mut ran = once(&[
        "check-form",
        &file,
        "--catalog",
        "deploy/catalog",
        "--on",
        on,
    ])?;
    let folder = format!("{}/", dir.path().display());
    ran.out = ran.out.replace(&folder, "");
    ran.err = ran.err.replace(&folder, "");
    Ok(ran)
}

const HEAD: &str = "procedure = \"1.014177\"\ntitle = \"Tờ khai\"\n";
const OWN: &str = "[[question]]\nask = \"Lý do\"\nown = \"chỉ người khai biết\"\n";
const HELD: &str = "[[question]]\nask = \"Ngày chết\"\nconcept = \"death.date\"\n";
const UNKNOWN: &str = "[[question]]\nask = \"Gì đó\"\nconcept = \"some.thing\"\n";

// R83.
#[test]
fn the_exit_code_tells_a_pipeline_whether_the_form_is_lawful() -> Result<()> {
    for (questions, code, last) in [
        (
            vec![OWN],
            0,
            "1 questions: 0 must not be asked, 0 cannot be told",
        ),
        (
            vec![OWN, HELD],
            1,
            "2 questions: 1 must not be asked, 0 cannot be told",
        ),
        (
            vec![OWN, UNKNOWN],
            2,
            "2 questions: 0 must not be asked, 1 cannot be told",
        ),
        // What is unlawful is so whatever else cannot be told.
        (
            vec![UNKNOWN, HELD],
            1,
            "2 questions: 1 must not be asked, 1 cannot be told",
        ),
    ] {
        let ran = check(&format!("{HEAD}{}", questions.concat()), DAY)?;
        ensure!(ran.code == Some(code) && ran.err.is_empty(), "{ran:?}");
        assert_eq!(ran.out.lines().last(), Some(last));
        assert_eq!(ran.out.lines().count(), questions.len() + 1);
    }
    Ok(())
}

// R83.
#[test]
fn an_unlawful_question_is_told_with_file_line_holder_and_clause() -> Result<()> {
    let ran = check(&format!("{HEAD}{OWN}{HELD}"), DAY)?;
    assert_eq!(
        ran.out.lines().nth(1),
        Some(
            "form.toml:6: `Ngày chết` must not be asked; G15 holds it in \
             `civil_status/GetDeath`, view `death_extract`, field `died_on`: \
             Nghị quyết 66.7/2025/NQ-CP, Phụ lục I, số 405"
        )
    );
    Ok(())
}

// R83: nothing that goes wrong passes for a lawful form, or for an unlawful one.
#[test]
fn what_goes_wrong_exits_with_2_and_says_why() -> Result<()> {
    let variant = format!("variant = \"9\"\n{HEAD}{OWN}");
    for (form, on, why) in [
        (
            "procedure = \"x\"",
            DAY,
            "form.toml:1: `procedure`: `x` is no procedure code",
        ),
        (
            variant.as_str(),
            DAY,
            "motlan: `1.014177` has no variant `9`: there are `1`",
        ),
        (
            &format!("{HEAD}{HELD}"),
            "2027-03-01",
            "motlan: Nghị quyết 66.7/2025/NQ-CP is in force from 2026-01-01 to 2027-02-28, not on \
             2027-03-01",
        ),
    ] {
        let ran = check(form, on)?;
        ensure!(ran.code == Some(2) && ran.out.is_empty(), "{ran:?}");
        ensure!(ran.err.contains(why), "{}", ran.err);
    }
    let ran = once(&["check-form", "nowhere.toml", "--catalog", "docs"])?;
    ensure!(ran.code == Some(2) && ran.out.is_empty(), "{ran:?}");
    for file in ["nowhere.toml", "docs/catalog.toml"] {
        ensure!(
            ran.err.contains(&format!("{file}: cannot be read")),
            "{}",
            ran.err
        );
    }
    Ok(())
}

// R81: a code that the law does not list, or that is misspelt, is not passed over.
#[test]
fn a_form_of_an_unlisted_procedure_is_held_against_article_4_and_that_is_said() -> Result<()> {
    let form = format!("{HEAD}{HELD}").replace("1.014177", "1.914177");
    let ran = check(&form, DAY)?;
    ensure!(ran.code == Some(1), "{ran:?}");
    ensure!(ran.out.contains("Điều 4 khoản 2 điểm d"), "{ran:?}");
    assert_eq!(
        ran.err,
        "`1.914177` is not in Phụ lục I: only Điều 4 speaks of it\n"
    );
    Ok(())
}

#[test]
fn every_command_of_the_guide_to_forms_works_as_written() -> Result<()> {
    let played = play(&root(), "docs/once/forms.md", &binaries()?, &["toml"])?;
    ensure!(played.ran >= 3 && played.compared >= 3, "{played:?}");
    Ok(())
}
