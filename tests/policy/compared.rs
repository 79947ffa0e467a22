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
    let address = |of: &str| {
        let parts = [
            "commune_code",
            "commune_name",
            "province_code",
            "province_name",
            "street",
        ];
        parts.map(|part| format!("    \"{of}.{part}\",\n")).concat()
    };
    let rest = "    \"date_of_birth.day\",\n    \"date_of_birth.month\",\n    \
                \"date_of_birth.year\",\n    \"full_name\",\n";
    let permanent = address("permanent_residence");
    let was = format!("{}{rest}{permanent}", address("current_address"));
    let narrower = [
        ("version = 1", "version = 2"),
        ("view = \"residence\"", "view = \"identity\""),
        (was.as_str(), rest),
    ];
    let new = changed(POPULATION, &narrower)?;
    let due = "H26/one-stop population/GetPerson\n  for 1.004222\n    loses\n      \
               current_address.commune_code current_address.commune_name \
               current_address.province_code\n      \
               current_address.province_name current_address.street \
               permanent_residence.commune_code\n      \
               permanent_residence.commune_name permanent_residence.province_code\n      \
               permanent_residence.province_name permanent_residence.street\n\
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

const COMMON: &str = "proto/vn/common/v1/common.proto";
const RULES: &str = "deploy/catalog/rules/population.cedar";

/// No view's paths have changed, and every address says more.
#[test]
fn a_field_added_beneath_a_path_is_gained_and_breaks_what_was_tested() -> Result<()> {
    let street = "message Address {";
    let wider = "message Address {\n  string lane = 99 [(motlan.contract.v1.field) = {class: \
                 CLASS_PUBLIC}];";
    let new = changed(COMMON, &[(street, wider)])?;
    let told = diff(&Copied::new()?, &new)?.fault()?;
    ensure!(
        told.contains("but `current_address.lane`, `permanent_residence.lane` would leave too"),
        "{told}"
    );
    // Where the tests give themselves up to it, it is shown.
    for file in fs::read_dir(new.path("deploy/catalog/agreements"))? {
        let file = file?.path();
        let text = fs::read_to_string(&file)?;
        let lines = text
            .lines()
            .map(|line| match line.strip_suffix(".street\",") {
                Some(wide) => format!("{line}\n{wide}.lane\",\n"),
                None => format!("{line}\n"),
            });
        fs::write(&file, lines.collect::<String>())?;
    }
    let shown = diff(&Copied::new()?, &new)?.fine()?;
    let due = "H26/one-stop population/GetPerson\n  for 1.004222\n    gains\n      \
               current_address.lane permanent_residence.lane\n";
    ensure!(shown.contains(due), "{shown}");
    Ok(())
}

#[test]
fn the_terms_of_a_grant_that_has_another_name_are_shown() -> Result<()> {
    let renamed = [
        ("version = 1", "version = 2"),
        (
            "id = \"household\"",
            "id = \"home\"\nhours = [\"08:00-10:00\"]",
        ),
    ];
    let shown = diff(&changed(POPULATION, &renamed)?, &Copied::new()?)?.out;
    for due in [
        "g01-h26-population-2026/home\n  gone: 2026-01-01 to 2027-02-28, every day 08:00-10:00\n",
        "g01-h26-population-2026/household\n  new: 2026-01-01 to 2027-02-28, any time\n",
    ] {
        ensure!(shown.contains(due), "{shown}");
    }
    Ok(())
}

#[test]
fn an_owners_rule_that_is_gone_or_weaker_is_shown_and_hides_no_field() -> Result<()> {
    let with = |minute: u16| -> Result<Copied> {
        let copied = Copied::new()?;
        let rule = format!(
            "@reason(\"OWNER_NIGHT\")\nforbid (principal, action, resource)\n\
             when {{ context.local_minute < {minute} }};\n"
        );
        copied.write(RULES, rule)?;
        Ok(copied)
    };
    let weaker = diff(&with(300)?, &with(240)?)?.fine()?;
    let due = "population OWNER_NIGHT\n  was\n    @reason(\"OWNER_NIGHT\")\n    \
               forbid (principal, action, resource)\n    \
               when { context.local_minute < 300 };\n  is\n    @reason(\"OWNER_NIGHT\")\n    \
               forbid (principal, action, resource)\n    \
               when { context.local_minute < 240 };\n";
    ensure!(weaker == due, "{weaker}");
    let gone = diff(&with(300)?, &Copied::new()?)?.fine()?;
    ensure!(
        gone.contains("any time, but for OWNER_NIGHT\n    to ")
            && gone.contains("  is not there\n"),
        "{gone}"
    );
    ensure!(!gone.contains("gains"), "{gone}");
    Ok(())
}
