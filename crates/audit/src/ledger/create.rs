//! Making an empty ledger.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::checkpoint::{self, Checkpoint, speaks_for};
use crate::disk;
use crate::identity::Identity;
use crate::note::SignerKey;
use crate::origin::Origin;
use crate::segment;
use crate::tree::Tree;

/// Why no ledger was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There is something in the folder.
    #[error("`{}` is not empty: a new ledger needs a folder of its own", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The key is named after another log.
    #[error("the key `{key}` does not speak for the log `{origin}`")]
    Key {
        /// The key's name.
        key: String,
        /// The origin.
        origin: Origin,
    },
    /// The folder could not be made or written.
    #[error("cannot make a ledger in `{}`", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

pub(super) fn create(folder: &Path, origin: &Origin, key: &SignerKey) -> Result<(), CreateError> {
    let name = key.verifier().name();
    if !speaks_for(name, origin) {
        return Err(CreateError::Key {
            key: name.to_owned(),
            origin: origin.clone(),
        });
    }
    let failed = |source| CreateError::Io {
        folder: folder.to_owned(),
        source,
    };
    disk::create_folders(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(CreateError::NotEmpty {
            folder: folder.to_owned(),
        });
    }
    let checkpoint = Checkpoint {
        origin: origin.clone(),
        size: 0,
        root: Tree::default().root(),
    };
    let write = || {
        disk::create_folders(&segment::folder(folder))?;
        disk::replace(folder, checkpoint::FILE, &checkpoint.sign(key))?;
        // Last: a folder with this file is a whole ledger.
        Identity::create(folder, origin, key.verifier())
    };
    write().map_err(failed)
}
