//! The whole system: a gateway in this process, laid out by the testkit, called over mutual TLS.
//!
//! In scope: what a caller, an owner's system, an operator and an auditor see. Out of scope: power
//! cuts (`crash.rs`), stops (`stop.rs`), and what one crate can show by itself. One program, so
//! that it links once.

#[cfg(test)]
mod system {
    pub(crate) mod admin;
    pub(crate) mod past;
    pub(crate) mod question;
    pub(crate) mod refused;
    pub(crate) mod running;
    pub(crate) mod until;
}

#[cfg(test)]
mod backing;
#[cfg(test)]
mod config;
#[cfg(test)]
mod corrections;
#[cfg(test)]
mod covered;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lookup;
#[cfg(test)]
mod once_only;
#[cfg(test)]
mod owners;
#[cfg(test)]
mod quarters;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod report;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod trail;
