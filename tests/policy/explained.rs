//! `motlan policy explain`.

use std::process::Stdio;

use anyhow::{Result, ensure};

use super::run::{Ran, motlan};

const QUESTION: [&str; 10] = [
    "policy",
    "explain",
    "--catalog",
    "deploy/catalog",
    "--system",
    "G01/residence",
    "--method",
    "civil_status/GetMaritalStatus",
    "--procedure",
    "1.004222",
];

fn explain(words: &[&str]) -> Result<Ran> {
    motlan(Stdio::null(), &[&QUESTION[..], words].concat())
}

#[test]
fn an_allowed_question_shows_every_condition_as_met() -> Result<()> {
    let shown = explain(&["--dossier", "--at", "2026-03-02T09:00"])?.fine()?;
    let head = "G01/residence asks civil_status/GetMaritalStatus for 1.004222, with a dossier,\n\
                on Monday 2026-03-02 at 09:00 in Việt Nam\n\
                allowed by g15-g01-civil-status-2026/marital-status\n";
    ensure!(shown.starts_with(head), "{shown}");
    ensure!(
        shown.contains("    ok   forbidden if: principal.suspended\n"),
        "{shown}"
    );
    ensure!(shown.matches("    ok   ").count() == 16, "{shown}");
    ensure!(!shown.contains("FAIL") && !shown.contains("ERR"), "{shown}");
    Ok(())
}

#[test]
fn a_refused_question_shows_each_condition_that_is_not_met() -> Result<()> {
    let ran = explain(&["--at", "2026-03-01T09:00"])?;
    ensure!(ran.code == Some(1), "{ran:?}");
    ensure!(ran.out.contains("\nrefused, DOSSIER_REQUIRED: "), "{ran:?}");
    let failing: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| line.contains("FAIL"))
        .collect();
    let due = [
        "    FAIL (!resource.terms.dossier_required) || context.has_dossier || ",
        "    FAIL resource.hours.days.contains(context.local_weekday) || ",
    ];
    let alike = failing
        .iter()
        .zip(due)
        .all(|(line, due)| line.starts_with(due));
    ensure!(alike && failing.len() == due.len(), "{failing:?}");
    Ok(())
}

/// R29, R94: what others sign is part of the question.
#[test]
fn what_others_sign_is_told_with_the_question() -> Result<()> {
    let backed = ["--consent", "person,state", "--approvals", "2", "--dossier"];
    let at = ["--at", "2026-03-02T09:00"];
    let shown = explain(&[&backed[..], &at].concat())?.fine()?;
    ensure!(
        shown.contains("with a dossier, with consent to person state, with 2 approvals,\n"),
        "{shown}"
    );
    ensure!(!shown.contains("spouse.full_name"), "{shown}");
    let ran = explain(&[&["--dossier", "--emergency", "an"][..], &at].concat())?;
    ensure!(ran.out.contains("refused, NOT_FOR_EMERGENCIES"), "{ran:?}");
    Ok(())
}

#[test]
fn what_the_catalogue_does_not_know_is_named() -> Result<()> {
    let told = explain(&["--fields", "a,,b"])?.fault()?;
    ensure!(told.contains("`a,,b` is no list of field paths"), "{told}");
    let mut words = QUESTION;
    words[5] = "G01/resident";
    let told = motlan(Stdio::null(), &words)?.fault()?;
    ensure!(told.contains("no system `G01/resident`"), "{told}");
    words[5] = "G01/residence";
    words[7] = "GetMaritalStatus";
    let told = motlan(Stdio::null(), &words)?.fault()?;
    ensure!(told.contains("no method `GetMaritalStatus`"), "{told}");
    Ok(())
}
