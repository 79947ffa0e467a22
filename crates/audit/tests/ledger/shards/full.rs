//! A disk that others have filled: the reserve makes room for what is under way, once.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use motlan_audit::{Disk, LocalDisk, Reserve, Shards};

use super::{Years, in_us, look_up};

/// Full once it is said to be, as long as a file is there, or for good where there was none.
#[derive(Debug, Default)]
struct Filled {
    is_full: AtomicBool,
    until_gone: Option<PathBuf>,
}

impl Disk for Filled {
    fn create(&self, file: &Path) -> io::Result<File> {
        let holds = self.until_gone.as_ref().is_none_or(|file| file.exists());
        match self.is_full.load(Ordering::Relaxed) && holds {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => LocalDisk.create(file),
        }
    }
}

/// Looks up on a disk that is filled meanwhile; whether all could be closed well, and what of the
/// reserve is left.
async fn filled(has_reserve: bool) -> (bool, u64) {
    let years = Years::new();
    let reserve = Reserve::of(&years.layout().ledgers);
    if has_reserve {
        reserve.make(4096).unwrap();
    }
    let disk = Arc::new(Filled {
        until_gone: has_reserve.then(|| reserve.file().to_owned()),
        ..Filled::default()
    });
    let mut settings = years.settings();
    settings.disk = Arc::clone(&disk) as Arc<dyn Disk>;
    let shards = Shards::open(settings, in_us("2026q3")).unwrap();
    look_up(&shards).await;
    disk.is_full.store(true, Ordering::Relaxed);
    look_up(&shards).await;
    let is_closed = shards.close().is_ok();
    years.must_be_sound();
    (is_closed, reserve.bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_fails_no_ledger_that_has_a_reserve() {
    assert_eq!(filled(true).await, (true, 0));
    assert_eq!(filled(false).await, (false, 0));
}
