//! The cosigned checkpoint: shown to others, and kept in `<folder of the log>.cosigned`.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motlan_audit::witness::Policy;
use motlan_audit::{Checkpoint, ConsistencyError, Ledger, verify_consistency};
use tempfile::NamedTempFile;
use tokio::sync::watch;

use super::{CosignedNote, WitnessesError};

const NOTE_BYTES_MAX: u64 = 64 * 1024;

pub(super) struct Kept {
    file: PathBuf,
    shown: watch::Sender<Option<Arc<str>>>,
}

impl Kept {
    /// Reads what was kept, and shows it if it still counts. The log must go on from it.
    pub(super) fn read(
        file: PathBuf,
        ledger: &Ledger,
        policy: &Policy,
    ) -> Result<(Self, CosignedNote), WitnessesError> {
        let mut kept = None;
        match read(&file) {
            Ok(note) => {
                check(&file, &note, ledger)?;
                if policy.check(&note, ledger.verifier()).is_ok() {
                    kept = Some(note.into());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => unusable(&file, &error),
        }
        let (shown, note) = watch::channel(kept);
        Ok((Self { file, shown }, note))
    }

    /// Goes over to a log of which nothing is cosigned yet.
    pub(super) fn begin(&mut self, file: PathBuf) {
        self.file = file;
        self.shown.send_replace(None);
    }

    /// Shows it, then keeps it. It can be had again, so what is kept may be lost.
    pub(super) async fn replace(&self, note: Arc<str>) {
        self.shown.send_replace(Some(Arc::clone(&note)));
        let file = self.file.clone();
        let written = tokio::task::spawn_blocking(move || write(&file, &note)).await;
        if let Ok(Err(error)) = written {
            let file = self.file.display().to_string();
            tracing::warn!(file, %error, "the cosigned checkpoint was not kept");
        }
    }
}

/// R71: whether the log goes on from what was cosigned, if that is of this log.
fn check(file: &Path, note: &str, ledger: &Ledger) -> Result<(), WitnessesError> {
    let kept = match Checkpoint::open(note, ledger.verifier()) {
        Ok(kept) if kept.origin() == ledger.origin() => kept,
        Ok(_) => return Ok(()),
        Err(error) => {
            unusable(file, &error);
            return Ok(());
        }
    };
    let other = |source| WitnessesError::Kept {
        file: file.display().to_string(),
        source,
    };
    let own = Checkpoint::open(&ledger.checkpoint(), ledger.verifier())?;
    let (old_size, new_size) = (kept.size(), own.size());
    if old_size > new_size {
        return Err(other(ConsistencyError::Shrunk { old_size, new_size }));
    }
    let proof = ledger.consistency(old_size, new_size)?;
    verify_consistency(&kept, &own, &proof)
        .map(|_| ())
        .map_err(other)
}

fn unusable(file: &Path, error: &dyn std::error::Error) {
    let file = file.display().to_string();
    tracing::warn!(file, %error, "the cosigned checkpoint that was kept cannot be used");
}

fn read(file: &Path) -> io::Result<String> {
    let mut note = String::new();
    File::open(file)?
        .take(NOTE_BYTES_MAX)
        .read_to_string(&mut note)?;
    Ok(note)
}

fn write(file: &Path, note: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let mut fresh = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    fresh.write_all(note.as_bytes())?;
    fresh.as_file().sync_all()?;
    fresh.persist(file)?;
    Ok(())
}
