//! Witnesses: a log that grows is cosigned, a log with two histories is caught, and no witness can
//! hold up a lookup.
//!
//! In scope: `motlan-audit witness` and the gateway as processes, and a witness on a disk that
//! fails. Out of scope: what a witness's answer means, which `crates/audit` shows by itself.

mod process {
    pub(crate) mod command;
    pub(crate) mod gateway;
    pub(crate) mod patience;
}

#[cfg(test)]
mod witnesses {
    mod caught;
    mod cosigned;
    mod faults;
    mod histories;
    mod killed;
    mod laid;
    mod lying;
    mod office;
    mod turned;
}
