//! Dropping the log of a quarter whose time is over, while the gateway is stopped.

use motlan_audit::{Dropped, Dropping, Quarter};

use super::{LedgerError, open, turning};
use crate::settings::LedgerSettings;

/// Drops the log of a quarter. `is_early` drops it before its time. Blocking: it opens all logs.
///
/// # Errors
/// [`LedgerError`]: where it is in use, or is not to be dropped.
pub fn drop_log(
    instance: &str,
    settings: &LedgerSettings,
    quarter: Quarter,
    (ground, by): (&str, &str),
    is_early: bool,
) -> Result<Dropped, LedgerError> {
    let keep_quarters = match settings.keep_quarters {
        _ if is_early => None,
        Some(quarters) => Some(quarters),
        None => return Err(LedgerError::NoTime),
    };
    let shards = open(instance, settings)?;
    let dropped = shards.drop_log(&Dropping {
        quarter,
        ground: ground.to_owned(),
        by: by.to_owned(),
        keep_quarters,
        time_us: turning::now_us(),
    });
    shards.close()?;
    Ok(dropped?)
}
