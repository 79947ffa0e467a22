//! The page for operators.

use std::fmt::Write as _;

use super::keys::sections;
use super::{Often, Section};

const HEAD: &str = "# motlan.toml

One file, read once at start; unknown keys are faults. Certificates, revocation lists and the \
catalogue that it names are loaded anew while the gateway runs: [RELOAD](RELOAD.md). Paths are \
relative to the file. `motlan init DIR` writes one with every key in it, `motlan config schema` \
tells editors of them, and `motlan check --config FILE` names every fault at once, with file, line \
and what to do: [troubleshooting](troubleshooting.md).

This page is made from the descriptions in `crates/gateway/src/settings/described/`.
";

/// `docs/operator/CONFIGURATION.md`.
#[must_use]
pub fn configuration_page() -> String {
    let mut page = HEAD.to_owned();
    for section in sections() {
        write_section(&mut page, &section);
    }
    page
}

fn write_section(page: &mut String, section: &Section) {
    let often = match section.often {
        Often::Root | Often::Once => "",
        Often::AtMostOnce => ", optional",
        Often::Many => ", any number",
    };
    let title = match section.often {
        Often::Root => "Outside all tables".to_owned(),
        _ => format!("`{}`{often}", section.heading()),
    };
    // Writing into a string cannot fail.
    let _written = write!(page, "\n## {title}\n\n{}\n\n", section.what);
    page.push_str(
        "| key | what it is | allowed | where it is left out |\n| --- | --- | --- | --- |\n",
    );
    for key in &section.keys {
        let allowed = key.bounds().unwrap_or_else(|| key.kind.name().to_owned());
        let usual = key.usual.as_deref().unwrap_or("required");
        let _written = writeln!(
            page,
            "| `{}` | {} | {allowed} | {usual} |",
            key.name, key.what
        );
    }
}
