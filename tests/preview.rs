//! R53: `motlan preview` shows an owner what each agreement's view would let out of a sample, and
//! shows nothing but what the mask's own output holds.
//!
//! In scope: the binary as an owner runs it, its whole output, the guide's commands. Out of scope:
//! the mask itself (`crates/mask`), and lookups through a gateway (`system.rs`).

mod preview {
    pub(crate) mod drafts;
    pub(crate) mod guide;
    pub(crate) mod mistakes;
    pub(crate) mod odd;
    pub(crate) mod play;
    pub(crate) mod reference;
    pub(crate) mod run;
}
