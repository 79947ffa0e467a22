//! R80, R83: `motlan once` accounts for every row of the law, and tells which questions of a form
//! the law forbids.
//!
//! In scope: the binary as a lawyer or a pipeline runs it, over the reference catalogue; the
//! guides' commands. Out of scope: plans and deadlines (`crates/once`), faults of the mapping
//! (`crates/catalog`).

mod law {
    pub(crate) mod coverage;
    pub(crate) mod forms;
    pub(crate) mod run;
    pub(crate) mod tables;
}

mod preview {
    pub(crate) mod play;
}
