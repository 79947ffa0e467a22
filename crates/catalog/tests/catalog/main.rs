//! Catalogues as they are loaded from folders.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

mod broken;
mod contracts;
mod editions;
mod once;
mod reference;
mod requests;
mod schema;
mod shapes;
mod signed;
mod small;
mod terms;
