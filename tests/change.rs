//! Changing what is in force, as an operator does it: a signal to the process, and what
//! `motlan policy` says of past records. Out of scope: what a reload does to lookups (`reload.rs`).

mod process {
    pub(crate) mod command;
    #[expect(dead_code, reason = "shared with other programs")]
    pub(crate) mod deployment;
    pub(crate) mod gateway;
    pub(crate) mod patience;
}

mod changed {
    pub(crate) mod guide;
    pub(crate) mod past;
    pub(crate) mod replayed;
    #[expect(dead_code, reason = "shared with the tests of reloads")]
    #[path = "../reload/sets.rs"]
    pub(crate) mod sets;
    pub(crate) mod signal;
}
