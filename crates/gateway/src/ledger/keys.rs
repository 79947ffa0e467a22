//! The files with the signing keys, beside each other: `<key>` is what `ledger.key` names,
//! `<key>.next` is laid ready for the next log, `<key>.<quarter>` signed up to that quarter's log.
//! Which key a log has is told by the log, never by a name, so no renaming can be cut short.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use motlan_audit::{KeyError, Keys, Ledger, Origin, Quarter, SignerKey, VerifierKey};

use super::{LedgerError, named, read_key, sync_name, unusable};
use crate::settings::LedgerSettings;

/// The key of the next log.
#[derive(Debug)]
pub struct Rotated {
    /// The next log, from which on it signs.
    pub origin: Origin,
    /// What checks it.
    pub verifier: VerifierKey,
    /// Where it lies.
    pub file: PathBuf,
    /// Whether it was made now, and not before.
    pub is_new: bool,
    /// Where the key before lies from now on, if that got another name.
    pub retired: Option<PathBuf>,
}

/// R109: makes the key of the next log, while the gateway runs or not. One that was made before and
/// is not in use yet stays.
///
/// # Errors
/// [`LedgerError`], upon which the logs to come have the key that they had.
pub fn rotate_key(instance: &str, settings: &LedgerSettings) -> Result<Rotated, LedgerError> {
    let (newest, due) = named(instance, settings)?;
    let origin = newest.in_quarter(newest.quarter().after(1));
    let file = next_file(&settings.key);
    let mut retired = None;
    match read_next(settings)? {
        Some(next) if *next.verifier() == due => retired = settle(settings, &newest, &next)?,
        Some(next) => {
            super::check(instance, settings, &read_key(settings)?)?;
            return Ok(Rotated {
                origin,
                verifier: next.verifier().clone(),
                file,
                is_new: false,
                retired,
            });
        }
        None => {}
    }
    super::check(instance, settings, &read_key(settings)?)?;
    let failed = |source| LedgerError::Key {
        file: file.clone(),
        source,
    };
    let key = SignerKey::generate(newest.instance()).map_err(failed)?;
    let draft = beside(&file, "new");
    let write = || {
        match fs::remove_file(&draft) {
            // Half of a key: nothing was made with it.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        key.write(&draft).map_err(io::Error::other)?;
        fs::rename(&draft, &file)?;
        sync_name(&file)
    };
    write().map_err(|source| unusable(&file, source))?;
    Ok(Rotated {
        origin,
        verifier: key.verifier().clone(),
        file,
        is_new: true,
        retired,
    })
}

/// Gives the key that was laid ready, and is in use by now, the name that is configured; the one
/// before is kept under that of its last quarter.
fn settle(
    settings: &LedgerSettings,
    newest: &Origin,
    next: &SignerKey,
) -> Result<Option<PathBuf>, LedgerError> {
    let own = read_key(settings)?;
    let (key, mut retired) = (&settings.key, None);
    if own.verifier() != next.verifier() {
        let last = last_of(settings, own.verifier())?;
        let kept = beside(key, &last.unwrap_or(newest.quarter()).to_string());
        match fs::hard_link(key, &kept) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let there = SignerKey::read(&kept).ok();
                if there.is_none_or(|there| there.verifier() != own.verifier()) {
                    return Err(unusable(&kept, error));
                }
            }
            linked => linked.map_err(|source| unusable(&kept, source))?,
        }
        // Its second name lasts before it loses the first.
        sync_name(&kept).map_err(|source| unusable(&kept, source))?;
        retired = Some(kept);
    }
    fs::rename(next_file(key), key)
        .and_then(|()| sync_name(key))
        .map_err(|source| unusable(key, source))?;
    Ok(retired)
}

/// The last quarter whose log has this key.
fn last_of(settings: &LedgerSettings, key: &VerifierKey) -> Result<Option<Quarter>, LedgerError> {
    let layout = settings.layout();
    let is_its = |quarter: &Quarter| {
        Ledger::named_in(&layout.ledger(*quarter)).is_ok_and(|(_, own)| own == *key)
    };
    Ok(layout.quarters()?.into_iter().rev().find(is_its))
}

/// The keys beside the configured one.
pub(super) fn ring(settings: &LedgerSettings) -> Result<Keys, LedgerError> {
    let mut others = Vec::new();
    for (ending, file) in files(&settings.key) {
        if ending.is_empty() {
            continue;
        }
        let key = SignerKey::read(&file).map_err(|source| LedgerError::Key { file, source })?;
        others.push(key.into());
    }
    let next = Some(next_file(&settings.key));
    Ok(Keys { others, next })
}

/// The key that was laid ready, if one is.
pub(super) fn read_next(settings: &LedgerSettings) -> Result<Option<SignerKey>, LedgerError> {
    let file = next_file(&settings.key);
    match SignerKey::read(&file) {
        Ok(key) => Ok(Some(key)),
        Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LedgerError::Key { file, source }),
    }
}

/// The files with keys that are there: what is behind the configured name, and the file.
pub(super) fn files(key: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let name = key.file_name().and_then(|name| name.to_str());
    let listed = fs::read_dir(parent(key)).into_iter().flatten().flatten();
    for entry in listed {
        let ending = entry.file_name();
        let ending = ending.to_str().zip(name);
        let ending = ending.and_then(|(file, name)| file.strip_prefix(name));
        let Some(ending) = ending else { continue };
        let is_key = match ending.strip_prefix('.') {
            None => ending.is_empty(),
            Some(rest) => rest == NEXT || rest.parse::<Quarter>().is_ok(),
        };
        if is_key {
            found.push((ending.to_owned(), entry.path()));
        }
    }
    found.sort();
    found
}

const NEXT: &str = "next";

fn next_file(key: &Path) -> PathBuf {
    beside(key, NEXT)
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn parent(file: &Path) -> &Path {
    let folder = file.parent().filter(|it| *it != Path::new(""));
    folder.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use motlan_audit::Shards;
    use motlan_testkit::World;

    use super::super::{checked, init, next, open};
    use super::*;
    use crate::settings::Settings;

    /// Turns a quarter on, as the running gateway does.
    fn turn(instance: &str, settings: &LedgerSettings) -> VerifierKey {
        let shards = Shards::open_newest(checked(instance, settings).unwrap()).unwrap();
        let quarter = shards.newest().origin().quarter().after(1);
        shards.turn(quarter.begins_us()).unwrap();
        let verifier = shards.newest().verifier().clone();
        shards.close().unwrap();
        verifier
    }

    #[tokio::test]
    async fn each_key_gets_its_turn_and_all_names_are_settled_by_the_next_rotation() {
        // R109.
        let dir = tempfile::tempdir().unwrap();
        let world = World::lay(dir.path(), 7).await.unwrap();
        let settings = Settings::read(&world.config()).unwrap().ledger;
        let made = init("hn1", &settings).unwrap();
        let rotate = || rotate_key("hn1", &settings).unwrap();
        let first = rotate();
        assert!(first.is_new && first.verifier != made.verifier);
        let again = rotate();
        assert!(!again.is_new && again.verifier == first.verifier);
        assert_eq!(next("hn1", &settings).unwrap().verifier, first.verifier);
        assert_eq!(turn("hn1", &settings), first.verifier);
        assert_eq!(turn("hn1", &settings), first.verifier);
        let second = rotate();
        let kept = beside(&settings.key, &made.origin.quarter().to_string());
        assert_eq!(second.retired.as_ref(), Some(&kept));
        assert_eq!(SignerKey::read(&kept).unwrap().verifier(), &made.verifier);
        assert_eq!(read_key(&settings).unwrap().verifier(), &first.verifier);
        assert_eq!(turn("hn1", &settings), second.verifier);
        // All logs open, each with its own key.
        let shards = open("hn1", &settings).unwrap();
        assert_eq!(shards.quarters().len(), 4);
        for quarter in shards.quarters() {
            shards.past(quarter).unwrap();
        }
        shards.close().unwrap();
    }

    #[tokio::test]
    async fn a_renaming_that_was_cut_short_is_gone_on_with() {
        // R109.
        let dir = tempfile::tempdir().unwrap();
        let world = World::lay(dir.path(), 7).await.unwrap();
        let settings = Settings::read(&world.config()).unwrap().ledger;
        let made = init("hn1", &settings).unwrap();
        let first = rotate_key("hn1", &settings).unwrap();
        turn("hn1", &settings);
        let kept = beside(&settings.key, &made.origin.quarter().to_string());
        fs::hard_link(&settings.key, &kept).unwrap();
        fs::write(beside(&first.file, "new"), "PRIVATE+KEY+").unwrap();
        open("hn1", &settings).unwrap().close().unwrap();
        assert_eq!(rotate_key("hn1", &settings).unwrap().retired, Some(kept));
        fs::remove_file(&first.file).unwrap();
        open("hn1", &settings).unwrap().close().unwrap();
    }
}
