//! What others sign for one lookup: a person's consent, officials' approvals, an emergency; and
//! what a use leaves behind.

mod approvals;
mod cases;
mod consents;
pub(crate) mod desk;
mod guide;
