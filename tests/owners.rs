//! Owners' systems that are down, slow, broken or talkative.

mod connections;
mod deadlines;
mod misbehaving;
