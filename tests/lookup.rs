//! Lookups: what is granted, what is refused, what the owner's system hears of it, and what can be
//! had afterwards.

mod forwarded;
mod granted;
mod hung_up;
mod malformed;
mod operator;
mod own_services;
mod receipts;
mod refused;
mod terms;
