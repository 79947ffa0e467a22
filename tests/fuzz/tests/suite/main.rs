//! The harness of the mask on what is kept, and on answers that no mask should give.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod replay;

#[cfg(test)]
static HARNESS: std::sync::LazyLock<motlan_fuzz::mask::Harness> =
    std::sync::LazyLock::new(|| motlan_fuzz::mask::Harness::new().unwrap());
