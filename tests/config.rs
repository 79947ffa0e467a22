//! R51: every fault of a configuration and its catalogue is named at once, with file, line and what
//! to do, and nothing starts.

mod command;
mod faults;
mod signed;

use std::fs;
use std::path::Path;

use motlan_gateway::{Settings, ledger};

use crate::system::running::Laid;

/// A deployment with its ledger, about to be broken.
async fn in_order() -> Laid {
    let laid = Laid::out().await;
    let settings = Settings::read(&laid.world.config()).unwrap();
    ledger::init(&settings.instance, &settings.ledger).unwrap();
    laid
}

/// Replaces what stands once in a file of the deployment.
#[track_caller]
fn replace(laid: &Laid, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(laid.world.dir().join(file)).unwrap();
    assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}");
    laid.world.write(file, &text.replace(from, to)).unwrap();
}

/// How a fault begins that is on the line with `text`: its file and the line's number.
#[track_caller]
fn place(laid: &Laid, file: &str, text: &str) -> String {
    let path = laid.world.dir().join(file);
    let content = fs::read_to_string(&path).unwrap();
    let line = content.lines().position(|line| line.contains(text));
    format!("{}:{}: ", path.display(), line.unwrap() + 1)
}

/// The one line that begins so and names `what`.
#[track_caller]
fn assert_named(faults: &str, begins: &str, what: &str) {
    let found = faults
        .lines()
        .filter(|line| line.starts_with(begins) && line.contains(what));
    assert_eq!(found.count(), 1, "{begins}…{what} in\n{faults}");
}

/// A line that names the file and says `what`.
#[track_caller]
fn assert_file_named(faults: &str, file: &Path, what: &str) {
    let file = file.display().to_string();
    let named = faults
        .lines()
        .any(|line| line.contains(&file) && line.contains(what));
    assert!(named, "{file}…{what} in\n{faults}");
}
