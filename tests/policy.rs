//! `motlan policy`: what people read before they sign an agreement, and `docs/owner/agreements.md`.
//!
//! In scope: the binary as an owner runs it, its whole output, the guide's commands, and
//! `matrix.txt`, which shows what every system may learn under the reference catalogue. Out of
//! scope: the decision itself (`crates/policy`), and lookups through a gateway (`system.rs`).

mod policy {
    pub(crate) mod compared;
    pub(crate) mod explained;
    pub(crate) mod fresh;
    pub(crate) mod guide;
    pub(crate) mod matrix;
    #[path = "../preview/run.rs"]
    #[expect(dead_code, reason = "shared with the tests of the preview")]
    pub(crate) mod run;
    pub(crate) mod tried;
}
