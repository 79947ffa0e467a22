//! Corrections: what a dataset's owner is asked to look at, who sees it, and how it is closed.

pub(crate) mod asking;

mod closed;
mod collected;
mod shown;
