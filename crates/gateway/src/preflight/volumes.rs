//! Where the gateway writes: tried with a file that has no name, so that nothing is left behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::findings::Findings;
use crate::settings::{LedgerSettings, Settings};

const MIB: u64 = 1 << 20;

/// R110: a volume that cannot be written is told before anything is opened.
pub(super) fn ledger(settings: &LedgerSettings, findings: &mut Findings) {
    let layout = settings.layout();
    let newest = layout.quarters().ok().and_then(|all| all.last().copied());
    let mut folders = vec![("ledger.index", Some(settings.index.clone()))];
    // What must be there and is not is told with the ledger.
    let there = |folder: &PathBuf| folder.is_dir();
    folders.push(("ledger.folder", Some(settings.folder.clone()).filter(there)));
    folders.push(("ledger.folder", newest.map(|it| layout.ledger(it))));
    folders.push((
        "ledger.sealing",
        Some(settings.sealing.clone()).filter(there),
    ));
    folders.push(("ledger.known_checkpoint", settings.known_checkpoint.clone()));
    for (key, folder) in folders {
        if let Some(folder) = folder {
            writable(key, &folder, findings);
        }
    }
}

/// The file that remembers what was in force, and the state.
pub(super) fn others(known_revision: Option<&Path>, state: Option<&Path>, findings: &mut Findings) {
    if let Some(folder) = known_revision.and_then(Path::parent) {
        writable("catalog.known_revision", folder, findings);
    }
    if let Some(file) = state.filter(|file| file.exists())
        && let Err(error) = OpenOptions::new().read(true).write(true).open(file)
    {
        unwritable("state.file", file, &error, findings);
    }
}

/// Less than this is free where the ledger lies.
pub(super) fn room(settings: &LedgerSettings, findings: &mut Findings) {
    let Ok(found) = rustix::fs::statvfs(&settings.folder) else {
        return;
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let (due, folder) = (settings.free_bytes_min, settings.folder.display());
    if free < due {
        let what = format!(
            "{} MiB are free on the disk of `{folder}`, and {} MiB are wanted",
            free / MIB,
            due / MIB
        );
        let remedy = "make room, or the gateway will not be ready";
        findings.fault("ledger.free_bytes_min", what, remedy);
    } else {
        let free = free / MIB;
        let line = format!("room        {free} MiB are free on the disk of `{folder}`");
        findings.looked.push(line);
    }
}

/// R110: a ledger or a state that another process holds.
pub(super) fn held(ledger: Option<&LedgerSettings>, state: Option<&Path>, findings: &mut Findings) {
    let log = ledger.and_then(|settings| {
        let layout = settings.layout();
        let newest = layout.quarters().ok()?.last().copied()?;
        Some(layout.ledger(newest))
    });
    let held = [
        ("ledger.folder", log),
        ("state.file", state.map(Path::to_owned)),
    ];
    for (key, place) in held {
        let Some(place) = place else { continue };
        let Ok(file) = File::open(&place) else {
            continue;
        };
        // Let go again at once, with the file.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let what = format!("`{}` is held by another process", place.display());
            let remedy = "one process may write it: stop the gateway or the command that has it; \
                          beside this gateway, running, use `motlan check --running`";
            findings.fault(key, what, remedy);
        }
    }
}

fn writable(key: &str, folder: &Path, findings: &mut Findings) {
    // What is made when it is needed is made in the next one that is there.
    let own = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let Some(there) = own.ancestors().find(|it| it.exists()) else {
        return;
    };
    let tried = tempfile::tempfile_in(there).and_then(|mut file| file.write_all(b"?"));
    if let Err(error) = tried {
        unwritable(key, folder, &error, findings);
    }
}

fn unwritable(key: &str, place: &Path, error: &io::Error, findings: &mut Findings) {
    let place = place.display();
    let own = rustix::process::geteuid().as_raw();
    let (what, remedy) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
            format!("`{place}` lies on a disk that is full"),
            "make room".to_owned(),
        ),
        io::ErrorKind::ReadOnlyFilesystem => (
            format!("`{place}` lies on a volume that cannot be written"),
            "mount it for writing".to_owned(),
        ),
        io::ErrorKind::NotADirectory => (
            format!("`{place}` lies below a file"),
            "name a folder".to_owned(),
        ),
        io::ErrorKind::PermissionDenied => (
            format!("`{place}` cannot be written by us"),
            format!("give it to the user that runs the gateway: `chown -R {own} {place}`"),
        ),
        _ => (
            format!("`{place}` cannot be written: {error}"),
            "name a place on a disk that can".to_owned(),
        ),
    };
    findings.fault(key, what, remedy);
}

/// What is written, for a check that found nothing.
pub(super) fn looked(settings: &Settings) -> String {
    let ledger = &settings.ledger;
    format!(
        "volumes     `{}`, `{}` and `{}` can be written",
        ledger.folder.display(),
        ledger.sealing.display(),
        ledger.index.display()
    )
}
