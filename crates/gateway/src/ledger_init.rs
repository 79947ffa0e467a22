//! Making a ledger and its key: what must exist is made by a command, never silently at start.

use motlan_audit::{
    CreateError, KeyError, Ledger, Origin, OriginError, Quarter, SignerKey, VerifierKey,
};

use crate::settings::Settings;

/// A ledger that was made.
#[derive(Debug)]
pub struct Made {
    /// Its origin.
    pub origin: Origin,
    /// The key that checks it.
    pub verifier: VerifierKey,
}

/// Why a ledger was not made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// `ledger.origin` and `instance` give no origin.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The key could not be made or read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The ledger could not be made.
    #[error(transparent)]
    Create(#[from] CreateError),
}

/// Makes the ledger that `settings` names. An existing key is kept, an existing ledger is refused.
///
/// # Errors
/// [`InitError`], upon which no ledger was made.
pub fn init(settings: &Settings) -> Result<Made, InitError> {
    let ledger = &settings.ledger;
    let origin = Origin::new(&ledger.origin, &settings.instance, this_quarter())?;
    let key = if ledger.key.exists() {
        SignerKey::read(&ledger.key)?
    } else {
        let key = SignerKey::generate(origin.as_str())?;
        key.write(&ledger.key)?;
        key
    };
    Ledger::create(&ledger.folder, &origin, &key)?;
    Ok(Made {
        origin,
        verifier: key.verifier().clone(),
    })
}

/// The quarter of the wall clock.
pub(crate) fn this_quarter() -> Quarter {
    Quarter::containing(jiff::Timestamp::now().as_microsecond())
}
