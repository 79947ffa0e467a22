//! `motlan policy diff`.

use std::fs;
use std::process::Stdio;

use anyhow::{Result, ensure};

use super::run::{Copied, Ran, motlan};

const POPULATION: &str = "deploy/catalog/agreements/g01-h26-population.toml";

fn diff(old: &Copied, new: &Copied) -> Result<Ran> {
    let (old, new) = (old.catalog()?, new.catalog()?);
    motlan(
        Stdio::null(),
        &["policy", "diff", &old, &new, "--from", "2026-06-01"],
    )
}

/// The reference catalogue with some texts of an agreement replaced.
fn changed(file: &str, changes: &[(&str, &str)]) -> Result<Copied> {
    let copied = Copied::new()?;
    let mut text = fs::read_to_string(copied.path(file))?;
    for (from, to) in changes {
        ensure!(text.contains(from), "`{file}` has no `{from}`");
        text = text.replace(from, to);
    }
    copied.write(file, text)?;
    Ok(copied)
}

#[test]
fn equal_catalogues_give_nobody_anything() -> Result<()> {
    let shown = diff(&Copied::new()?, &Copied::new()?)?.fine()?;
    ensure!(shown == "nobody gains or loses anything\n", "{shown}");
    Ok(())
}

#[test]
fn who_gains_and_loses_which_fields_for_which_purposes_is_shown() -> Result<()> {
    let narrower = [
        ("version = 1", "version = 2"),
        ("view = \"residence\"", "view = \"identity\""),
        (
            "    \"current_address\",\n    \"date_of_birth\",\n    \"full_name\",\n    \"perm",
            "    \"date_of_birth\",\n    \"full_name\",\n    \"perm",
        ),
        (
            "    \"permanent_residence\",\n    \"personal_id\",\n    \"sex\",",
            "    \"personal_id\",\n    \"sex\",",
        ),
    ];
    let new = changed(POPULATION, &narrower)?;
    let due = "H26/one-stop population/GetPerson\n  for 1.004222\n    loses\n      \
               current_address permanent_residence\n\
               agreement g01-h26-population-2026: from v1 to v2\n";
    let shown = diff(&Copied::new()?, &new)?.fine()?;
    ensure!(shown == due, "{shown}");
    let back = diff(&new, &Copied::new()?)?;
    ensure!(back.code == Some(1), "a version that fell went unnoticed");
    let due = due.replace("loses", "gains").replace(
        "from v1 to v2",
        "changed, from v2 to v1: the version must grow",
    );
    ensure!(back.out == due, "{}", back.out);
    Ok(())
}

#[test]
fn other_terms_are_shown_and_a_version_that_stands_still_is_a_fault() -> Result<()> {
    let hours = [("systems = [\"H26/one-stop\"]", "hours = [\"08:00-10:00\"]")];
    let shown = diff(&Copied::new()?, &changed(POPULATION, &hours)?)?;
    let terms = "g01-h26-population-2026/residence\n  from 2026-01-01 to 2027-02-28, any time\n    \
                 to 2026-01-01 to 2027-02-28, every day 08:00-10:00\n";
    ensure!(shown.out.contains(terms), "{}", shown.out);
    let due = "agreement g01-h26-population-2026: changed, from v1 to v1: the version must grow\n";
    ensure!(
        shown.out.ends_with(due) && shown.code == Some(1),
        "{shown:?}"
    );
    Ok(())
}

/// Suspended today, not tomorrow: nothing of an agreement has changed, and somebody gains.
#[test]
fn what_a_system_gains_without_any_agreement_changing_is_shown() -> Result<()> {
    let new = changed(
        "deploy/catalog/systems/provinces.toml",
        &[("suspended = true", "suspended = false")],
    )?;
    let shown = diff(&Copied::new()?, &new)?.fine()?;
    let due = "H17/one-stop business_registration/GetEnterprise\n  for 2.002093\n    gains\n";
    ensure!(shown.starts_with(due), "{shown}");
    Ok(())
}
