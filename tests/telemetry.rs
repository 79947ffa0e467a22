//! What the gateway tells of itself: that it tells enough to run it by, and nothing of anybody.
//!
//! One gateway, as a process of its own with everything switched on, has lookups of all kinds made
//! through it; everything that it emitted is gathered, searched and compared with what is
//! delivered beside it: dashboard, alerts and pages.

mod process {
    pub(crate) mod command;
    pub(crate) mod deployment;
    pub(crate) mod gateway;
    pub(crate) mod patience;
}

#[cfg(test)]
mod emissions {
    mod collector;
    mod delivered;
    mod emitted;
    mod exposed;
    mod personal;
    mod searched;
    mod traced;
    mod traffic;
}
