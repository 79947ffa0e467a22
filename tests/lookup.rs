//! Lookups that are granted, and lookups that are refused.

mod granted;
