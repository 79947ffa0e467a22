//! What must outlast a lookup beside its records: emergencies, cases to be reviewed, notices to
//! subjects, consents that were taken back, corrections that owners were asked for. One file, a
//! redb database.
//!
//! Nobody is named in it: it holds the names of records, whose sealed parts can be erased, and
//! keyed digests of incidents, consents and what is to be corrected by a key of its own.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `stamp` | | version of this format, and the key of the digests |
//! | `revoked` | digest of issuer and consent | when, in microseconds since the Unix epoch |
//! | `emergencies` | grant, digest of the incident | when it is over, and the number of its case |
//! | `cases` | number | grant, agency that reviews, when opened, by when due, when over |
//! | `due` | grant, by when it is due, number | |
//! | `uses` | number of the case, name of the log, index of the record | |
//! | `used` | number of the case | how many uses it has |
//! | `open` | grant | how many cases of it are open: of emergencies, of single uses |
//! | `numbers` | | the last number that a case was given |
//! | `notices` | record | when it was kept |
//! | `corrections` | dataset, number | owner, method, outcome, fields, since when, record, digest |
//! | `met` | dataset, digest of method, outcome, subject | number of the correction |
//! | `times` | number of the correction | how often it was met |
//! | `backlog` | dataset | how many corrections of it are open |
//! | `tickets` | | the last number that a correction was given |

mod cases;
mod corrections;
mod duties;

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use aws_lc_rs::{hmac, rand};
use motlan_catalog::{Catalog, GrantId, Obligation};
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, StorageError,
    TableDefinition, WriteTransaction,
};

pub use cases::{Case, CloseError};
pub(crate) use corrections::Owned;
pub use corrections::{CorrectError, Correction, Ticket};
pub use duties::Upkeep;

const STAMP: TableDefinition<'_, (), (u16, &[u8])> = TableDefinition::new("stamp");
const REVOKED: TableDefinition<'_, &[u8], i64> = TableDefinition::new("revoked");
const NOTICES: TableDefinition<'_, &str, i64> = TableDefinition::new("notices");

const VERSION: u16 = 3;
/// The version before corrections. It is brought up when it is opened.
const VERSION_BEFORE: u16 = 2;
const MODE: u32 = 0o600;
const KEY_BYTES: usize = 32;
/// What the database keeps in memory.
const CACHE_BYTES: usize = 8 << 20;
/// At most so many consents can be taken back.
pub const REVOKED_MAX: u64 = 10_000_000;
/// At most so many notices wait to be taken; what would be one more is not given.
pub const NOTICES_MAX: u64 = 10_000_000;

/// Why the state cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is none yet.
    #[error("there is no state in `{}`; make it with `motlan state init`", .0.display())]
    Missing(PathBuf),
    /// There is one already.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// Another process has it.
    #[error("`{}` is in use by another process", .0.display())]
    Locked(PathBuf),
    /// Another version of the gateway wrote it.
    #[error("`{}` {}", file.display(), of_version(*version))]
    Version {
        /// The file.
        file: PathBuf,
        /// Its version.
        version: u16,
    },
    /// Others than its owner may read it.
    #[error("others may read `{}`: take that right from them (`chmod 600`)", .0.display())]
    Open(PathBuf),
    /// It cannot be read or written.
    #[error("`{}` cannot be used as state", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is damaged, or the disk failed.
    #[error("`{}` cannot be used as state", file.display())]
    Database {
        /// The file.
        file: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
}

fn of_version(version: u16) -> String {
    match version > VERSION {
        true => format!(
            "was written by a newer motlan (version {version}; this one reads up to {VERSION}): \
             use that version or a later one; nothing was changed"
        ),
        false => format!(
            "has version {version}; this gateway reads {VERSION_BEFORE} and {VERSION}: have an \
             earlier one bring it up"
        ),
    }
}

/// A grant that leaves something behind, where there is nowhere to keep it.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` needs a state for emergencies, reviews, notices or revoked consents; name its file in \
     `[state]`"
)]
pub struct NoState(GrantId);

/// Checks that no grant of a catalogue leaves anything behind.
///
/// # Errors
/// [`NoState`] with the first one that does.
pub(crate) fn needless(catalog: &Catalog) -> Result<(), NoState> {
    let grants = catalog.agreements().iter().flat_map(|it| &it.grants);
    let mut needing = grants.filter(|grant| {
        let terms = &grant.terms;
        let left = |obligation: &Obligation| match obligation {
            Obligation::NotifySubject | Obligation::ReviewDays(_) => true,
            Obligation::Mask(_) | Obligation::Log(_) | Obligation::KeepDays(_) => false,
        };
        terms.consent_required || terms.break_glass.is_some() || terms.obligations.iter().any(left)
    });
    needing
        .next()
        .map_or(Ok(()), |grant| Err(NoState(grant.id.clone())))
}

/// The state of one gateway. Cheap to clone. All methods block.
#[derive(Clone)]
pub struct State(Arc<Inner>);

struct Inner {
    database: Database,
    key: hmac::Key,
    /// The uses of cases that have no outcome yet, by the number of the case. All of them: the file
    /// belongs to one process. As many as there are lookups at once.
    under_way: Mutex<Vec<(u64, Weak<()>)>>,
}

impl State {
    /// Makes an empty state. It gets its name once it is whole.
    ///
    /// # Errors
    /// [`StateError`], also where there is one already.
    pub fn init(file: &Path) -> Result<(), StateError> {
        if file.exists() {
            return Err(StateError::Exists(file.to_owned()));
        }
        let failed = |source| StateError::File {
            file: file.to_owned(),
            source,
        };
        let mut half = file.as_os_str().to_owned();
        half.push(".half");
        let half = PathBuf::from(half);
        match fs::remove_file(&half) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(MODE);
        options.open(&half).map_err(failed)?;
        let mut key = [0; KEY_BYTES];
        rand::fill(&mut key).map_err(|_| failed(io::Error::other("no random key")))?;
        let make = || {
            let database = builder().create(&half)?;
            let writing = database.begin_write()?;
            writing
                .open_table(STAMP)?
                .insert((), (VERSION, key.as_slice()))?;
            writing.open_table(REVOKED)?;
            writing.open_table(NOTICES)?;
            cases::make(&writing)?;
            corrections::make(&writing)?;
            writing.commit()?;
            Ok(())
        };
        guarded(make).map_err(|error| database(file, error))?;
        fs::hard_link(&half, file).map_err(failed)?;
        fs::remove_file(&half).map_err(failed)?;
        let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = fs::File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        folder.sync_all().map_err(failed)
    }

    /// Checks that there is a state, without opening it: another process may have it.
    ///
    /// # Errors
    /// [`StateError`] where there is none, or others may read it.
    pub fn check(file: &Path) -> Result<(), StateError> {
        let metadata = match file.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StateError::Missing(file.to_owned()));
            }
            metadata => metadata.map_err(|source| StateError::File {
                file: file.to_owned(),
                source,
            })?,
        };
        match metadata.permissions().mode() & 0o077 {
            0 => Ok(()),
            _ => Err(StateError::Open(file.to_owned())),
        }
    }

    /// Opens the state.
    ///
    /// # Errors
    /// [`StateError`], also where there is none: it is never made at a start.
    pub fn open(file: &Path) -> Result<Self, StateError> {
        Self::check(file)?;
        let open = || {
            let opened = match builder().open(file) {
                Err(DatabaseError::DatabaseAlreadyOpen) => return Ok(None),
                opened => opened?,
            };
            let (mut version, key) = stamp(&opened)?;
            if version == VERSION_BEFORE && key.len() == KEY_BYTES {
                upgrade(&opened, &key)?;
                version = VERSION;
            }
            let key = (key.len() == KEY_BYTES).then(|| hmac::Key::new(hmac::HMAC_SHA256, &key));
            Ok(Some((opened, version, key)))
        };
        let opened = guarded(open).map_err(|error| database(file, error))?;
        let (opened, version, key) = opened.ok_or_else(|| StateError::Locked(file.to_owned()))?;
        if version != VERSION {
            let file = file.to_owned();
            return Err(StateError::Version { file, version });
        }
        let key = key.ok_or_else(|| database(file, damaged("its key is none")))?;
        Ok(Self(Arc::new(Inner {
            database: opened,
            key,
            under_way: Mutex::default(),
        })))
    }

    /// Takes a consent back, by its issuer and id. Returns once that would survive a power cut;
    /// whether it was in force until now.
    pub(crate) fn revoke(&self, issuer: &str, id: &str, now_us: i64) -> Result<bool, redb::Error> {
        let digest = self.digest(&["consent", issuer, id]);
        self.write(|writing| {
            let mut revoked = writing.open_table(REVOKED)?;
            if revoked.get(digest.as_ref())?.is_some() {
                return Ok(false);
            }
            room(&revoked, REVOKED_MAX)?;
            revoked.insert(digest.as_ref(), now_us)?;
            Ok(true)
        })
    }

    /// Whether a consent was taken back.
    pub(crate) fn is_revoked(&self, issuer: &str, id: &str) -> Result<bool, redb::Error> {
        let digest = self.digest(&["consent", issuer, id]);
        guarded(|| {
            let revoked = self.0.database.begin_read()?.open_table(REVOKED)?;
            Ok(revoked.get(digest.as_ref())?.is_some())
        })
    }

    /// Keeps a notice for the subject of a record. Returns once it would survive a power cut.
    pub(crate) fn notify(&self, record: &str, now_us: i64) -> Result<(), redb::Error> {
        self.write(|writing| {
            let mut notices = writing.open_table(NOTICES)?;
            room(&notices, NOTICES_MAX)?;
            notices.insert(record, now_us)?;
            Ok(())
        })
    }

    /// The records that subjects are to be told of, behind `after`.
    pub(crate) fn notices(&self, after: &str, most: usize) -> Result<Vec<String>, redb::Error> {
        guarded(|| {
            let notices = self.0.database.begin_read()?.open_table(NOTICES)?;
            let behind = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
            let found = notices.range::<&str>(behind)?.take(most);
            found.map(|entry| Ok(entry?.0.value().to_owned())).collect()
        })
    }

    /// Whether a notice is kept for the subject of a record.
    pub(crate) fn has_notice(&self, record: &str) -> Result<bool, redb::Error> {
        guarded(|| {
            let notices = self.0.database.begin_read()?.open_table(NOTICES)?;
            Ok(notices.get(record)?.is_some())
        })
    }

    /// Takes a notice away, once its subject was told; whether there was one.
    pub(crate) fn take_notice(&self, record: &str) -> Result<bool, redb::Error> {
        self.write(|writing| {
            let mut notices = writing.open_table(NOTICES)?;
            Ok(notices.remove(record)?.is_some())
        })
    }

    fn under_way(&self) -> MutexGuard<'_, Vec<(u64, Weak<()>)>> {
        // What panicked while it held this had changed it whole, or not at all.
        let locked = self.0.under_way.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is kept, as a whole or not at all. What was committed lasts.
    fn write<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        guarded(|| {
            let writing = self.0.database.begin_write()?;
            let changed = change(&writing)?;
            writing.commit()?;
            Ok(changed)
        })
    }

    fn digest(&self, parts: &[&str]) -> hmac::Tag {
        let mut text = Vec::new();
        for part in parts {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        hmac::sign(&self.0.key, &text)
    }
}

/// The version of a database, and the key of its digests.
fn stamp(database: &Database) -> Result<(u16, Vec<u8>), redb::Error> {
    let stamp = database.begin_read()?.open_table(STAMP)?;
    let stamp = stamp.get(())?.ok_or_else(|| damaged("it has no stamp"))?;
    let (version, key) = stamp.value();
    Ok((version, key.to_owned()))
}

/// Brings a database of the version before to this one, as a whole or not at all.
fn upgrade(database: &Database, key: &[u8]) -> Result<(), redb::Error> {
    let writing = database.begin_write()?;
    corrections::make(&writing)?;
    writing.open_table(STAMP)?.insert((), (VERSION, key))?;
    writing.commit()?;
    Ok(())
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Refuses what there is no room for.
fn room(table: &impl redb::ReadableTableMetadata, most: u64) -> Result<(), redb::Error> {
    match table.len()? < most {
        true => Ok(()),
        false => {
            let full = io::Error::new(io::ErrorKind::StorageFull, "it holds as much as it may");
            Err(redb::Error::Io(full))
        }
    }
}

/// Whether there is no room for more, by our own limits or on the disk.
pub(crate) fn is_full(error: &redb::Error) -> bool {
    matches!(error, redb::Error::Io(error) if error.kind() == io::ErrorKind::StorageFull)
}

fn damaged(what: &str) -> redb::Error {
    StorageError::Corrupted(what.to_owned()).into()
}

fn database(file: &Path, source: redb::Error) -> StateError {
    StateError::Database {
        file: file.to_owned(),
        source: Box::new(source),
    }
}

/// A file that was changed by others can make the database panic.
fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(damaged("the database panicked")))
}

#[cfg(test)]
mod tests;
