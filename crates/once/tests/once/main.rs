//! Once-only over the catalogue that ships with the source.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

use std::path::Path;
use std::sync::LazyLock;

use motlan_catalog::{Catalog, Once};

mod deadlines;
mod dossiers;
mod forms;
mod judged;
mod plans;
mod subjects;
mod wanted;

static REFERENCE: LazyLock<Catalog> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/catalog");
    Catalog::load(&folder).unwrap_or_else(|faults| panic!("{faults}"))
});

fn once() -> &'static Once {
    REFERENCE.once().unwrap()
}
