//! A folder that was put back from an earlier day is known as such by what is kept outside it.

use std::fs;
use std::path::PathBuf;

use motlan_audit::{CreateError, Ledger, OpenError, Settings, SignerKey};

use crate::common::{ORIGIN, Place, question, temporary};

/// A ledger with a known checkpoint beside it.
struct Kept {
    place: Place,
    outside: tempfile::TempDir,
}

impl Kept {
    fn new() -> Kept {
        let kept = Kept {
            place: Place::new(1 << 16),
            outside: temporary(),
        };
        assert_eq!(Ledger::make_known(kept.settings()).unwrap(), 0);
        kept
    }

    fn file(&self) -> PathBuf {
        self.outside.path().join("known/checkpoint")
    }

    fn settings(&self) -> Settings {
        let mut settings = self.place.settings();
        settings.known_checkpoint = Some(self.file());
        settings
    }

    async fn append(&self, n: u64) -> u64 {
        let ledger = Ledger::open(self.settings()).unwrap();
        let _ = ledger.append(question(n)).await.unwrap();
        let size = ledger.size();
        ledger.close().unwrap();
        size
    }

    fn refused(&self) -> OpenError {
        Ledger::open(self.settings()).unwrap_err()
    }
}

#[tokio::test]
async fn a_snapshot_from_an_earlier_day_is_refused_with_both_sizes() {
    let kept = Kept::new();
    kept.append(1).await;
    let earlier = kept.place.copy();
    assert_eq!(kept.append(2).await, 2);
    kept.place.restore(&earlier);
    let refused = kept.refused();
    assert!(
        matches!(
            refused,
            OpenError::Restored {
                known: 2,
                found: 1,
                ..
            }
        ),
        "{refused}"
    );
    let text = refused.to_string();
    assert!(
        text.contains("known/checkpoint` speaks for 2 records, and the log holds 1"),
        "{text}"
    );
    assert!(
        text.contains("from an earlier day; restore it from a copy that has all 2"),
        "{text}"
    );
    // Without what is kept outside nothing tells.
    assert_eq!(kept.place.open().size(), 1);
}

#[tokio::test]
async fn a_second_history_of_the_same_length_is_refused() {
    let kept = Kept::new();
    kept.append(1).await;
    let twin = kept.place.copy();
    kept.append(2).await;
    let ledger = twin.open();
    let _ = ledger.append(question(3)).await.unwrap();
    let _ = ledger.append(question(4)).await.unwrap();
    ledger.close().unwrap();
    kept.place.restore(&twin);
    let refused = kept.refused();
    assert!(
        matches!(
            refused,
            OpenError::Contradicted {
                known: 2,
                found: 3,
                ..
            }
        ),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("this is a second history"),
        "{refused}"
    );
}

#[test]
fn the_known_checkpoint_is_never_made_silently() {
    let kept = Kept::new();
    fs::remove_file(kept.file()).unwrap();
    let refused = kept.refused();
    assert!(
        matches!(refused, OpenError::KnownMissing { .. }),
        "{refused}"
    );
    assert!(
        refused
            .to_string()
            .contains("`motlan ledger init` makes it"),
        "{refused}"
    );
    assert!(!kept.file().exists());
    fs::write(kept.file(), "garbage").unwrap();
    assert!(matches!(kept.refused(), OpenError::Checkpoint { .. }));
    // What is there is not replaced.
    assert!(Ledger::make_known(kept.settings()).is_ok());
    assert_eq!(fs::read_to_string(kept.file()).unwrap(), "garbage");
}

#[test]
fn the_known_checkpoint_lies_outside_and_is_no_other_ledgers() {
    let kept = Kept::new();
    let mut settings = kept.place.settings();
    settings.known_checkpoint = Some(kept.place.folder().join("known"));
    assert!(matches!(
        Ledger::open(settings),
        Err(OpenError::KnownInside { .. })
    ));

    let place = temporary();
    let origin = ORIGIN.parse().unwrap();
    let with = |known: PathBuf| {
        let key = SignerKey::read(&kept.place.key_file()).unwrap();
        let mut settings = Settings::new(place.path().join("ledger"), key);
        settings.known_checkpoint = Some(known);
        Ledger::create_with(&settings, &origin)
    };
    let inside = with(place.path().join("ledger/known"));
    assert!(
        matches!(inside, Err(CreateError::KnownInside { .. })),
        "{inside:?}"
    );
    fs::write(kept.file(), "garbage").unwrap();
    let taken = with(kept.file());
    assert!(
        matches!(taken, Err(CreateError::KnownTaken { .. })),
        "{taken:?}"
    );
    with(place.path().join("known")).unwrap();
}

#[tokio::test]
async fn a_new_ledger_in_the_place_of_one_that_is_known_is_not_made() {
    let kept = Kept::new();
    kept.append(1).await;
    fs::remove_dir_all(kept.place.folder()).unwrap();
    fs::remove_file(kept.place.sealing_file()).unwrap();
    let made = Ledger::create_with(&kept.settings(), &ORIGIN.parse().unwrap());
    assert!(
        matches!(made, Err(CreateError::KnownTaken { .. })),
        "{made:?}"
    );
    assert!(!kept.place.folder().exists());
}
