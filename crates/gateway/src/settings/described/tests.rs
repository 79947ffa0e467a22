use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::keys::sections;
use super::*;
use crate::settings::Settings;

const PAGE: &str = "docs/operator/CONFIGURATION.md";
/// Set to rewrite the page in place of comparing it.
const REWRITE: &str = "MOTLAN_REWRITE_CONFIGURATION";

/// A name for a key of each table, to be given out as one that is not known.
const STRANGE: &str = "strange_key_of_nobody";

fn faults(text: &str) -> Vec<String> {
    let dir = tempfile::TempDir::with_prefix("motlan-described-").unwrap();
    let file = dir.path().join("motlan.toml");
    fs::write(&file, text).unwrap();
    let faults = Settings::read(&file).err();
    faults.iter().flatten().map(ToString::to_string).collect()
}

/// Every key, and none commented out.
fn whole(strange: bool) -> String {
    let mut text = String::new();
    for section in sections() {
        text.push_str(&format!("{}\n", section.heading()));
        for key in &section.keys {
            text.push_str(&format!("{} = {}\n", key.name, key.example));
        }
        if strange {
            text.push_str(&format!("{STRANGE} = 1\n"));
        }
    }
    text
}

// R111.
#[test]
fn each_key_that_is_described_is_read() {
    let found = faults(&whole(false));
    // The key of a witness is an example of nobody's.
    let of_example = |fault: &&String| !fault.contains("`witness.key`");
    let found: Vec<_> = found.iter().filter(of_example).collect();
    assert!(found.is_empty(), "{found:#?}");
}

// R111.
#[test]
fn each_key_that_is_read_is_described() {
    let found = faults(&whole(true));
    for section in sections() {
        let prefix = match section.name {
            "" => String::new(),
            name => format!("{name}."),
        };
        let begins = format!("`{prefix}{STRANGE}` is not a known key; remove it; known are ");
        let fault = found.iter().find(|fault| fault.contains(&begins));
        let (_, known) = fault.unwrap().split_once("; known are ").unwrap();
        let known: BTreeSet<_> = known.split('`').skip(1).step_by(2).collect();
        let described: BTreeSet<_> = section.keys.iter().map(|key| key.name.as_str()).collect();
        // Tables stand beside keys.
        let all = sections();
        let is_table = |name: &&str| {
            let path = format!("{prefix}{name}");
            all.iter().any(|section| section.name == path)
        };
        let read: BTreeSet<_> = known.into_iter().filter(|it| !is_table(it)).collect();
        assert_eq!(read, described, "{}", section.heading());
    }
}

// R111.
#[test]
fn the_page_for_operators_is_what_the_descriptions_come_to() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(PAGE);
    let page = configuration_page();
    if std::env::var_os(REWRITE).is_some() {
        fs::write(&file, &page).unwrap();
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        page == there,
        "`{PAGE}` is out of date: set {REWRITE}=1 and run this test again"
    );
}

// R111.
#[test]
fn the_first_configuration_says_all_that_must_be_said() {
    let found = faults(&configuration_template());
    assert!(found.is_empty(), "{found:#?}");
    for section in sections() {
        for key in section.keys {
            let line = format!("{} = ", key.name);
            assert!(configuration_template().contains(&line), "{line}");
        }
    }
}

// R111.
#[test]
fn what_is_usual_and_what_is_allowed_are_the_loaders() {
    for section in sections() {
        for key in &section.keys {
            let Kind::Number { min, max } = key.kind else {
                continue;
            };
            if key.name.starts_with("witnesses_") && max == i64::MAX {
                // As many as there are, which no description can know.
                continue;
            }
            let with = |value: i128| {
                let line = format!("{} = {}\n", key.name, key.example);
                let heading = format!("{}\n", section.heading());
                let text = whole(false);
                let (before, after) = text.split_once(&heading).unwrap();
                let after = after.replacen(&line, &format!("{} = {value}\n", key.name), 1);
                let name = format!("`{}.{}`", section.name, key.name);
                faults(&format!("{before}{heading}{after}"))
                    .iter()
                    .any(|it| it.contains(&name))
            };
            assert!(
                !with(min.into()) && with(i128::from(min) - 1),
                "{}",
                key.name
            );
            assert!(
                !with(max.into()) && with(i128::from(max) + 1),
                "{}",
                key.name
            );
        }
    }
}
