//! R86: the revision only grows, and only a command begins to remember it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Barrier;
use std::thread;

use motlan_catalog::signed::{AcceptError, Acceptable, Accepted, accept};

use super::set::Set;

fn known(set: &Set) -> Accepted {
    Accepted::read(&set.place().known_revision).unwrap()
}

#[test]
fn a_newer_set_is_taken_and_remembered_and_an_older_one_is_not_again() {
    let set = Set::new();
    let old: Vec<_> = ["manifest.json", "manifest.json.jws.json"]
        .map(|file| (file, set.text(file)))
        .into();
    set.seal(7);
    let newer = set.load().unwrap_or_else(|faults| panic!("{faults}"));
    // Loading alone remembers nothing: it may not be taken after all.
    assert_eq!(known(&set).revision, 1);
    newer.remember().unwrap();
    assert_eq!(known(&set).revision, 7);
    newer.remember().unwrap();

    for (file, text) in old {
        set.small.write(file, text);
    }
    set.assert_fault(
        "manifest.json:",
        "the set is revision 1, but revision 7 was in force already",
    );
    let faults = set.told(&accept(&set.place()).unwrap_err());
    assert!(
        faults[0].contains("but revision 7 was in force already"),
        "{faults:#?}"
    );
    assert_eq!(known(&set).revision, 7);
}

#[test]
fn a_set_that_was_loaded_before_a_newer_one_was_taken_is_not_taken_after_it() {
    let set = Set::new();
    let earlier = set.load().unwrap_or_else(|faults| panic!("{faults}"));
    set.seal(2);
    let later = set.load().unwrap_or_else(|faults| panic!("{faults}"));
    later.remember().unwrap();
    let refused = earlier.remember().unwrap_err();
    assert!(
        matches!(refused, AcceptError::RolledBack { found: 1, known: 2 }),
        "{refused}"
    );
    assert_eq!(known(&set).revision, 2);
}

#[test]
fn two_sets_under_one_number_are_one_too_many() {
    let set = Set::new();
    set.small
        .change("systems/all.toml", "suspended = true", "suspended = false");
    set.seal(1);
    set.assert_fault(
        "manifest.json:",
        "the set is another revision 1 than the one that was in force",
    );
    let faults = set.told(&accept(&set.place()).unwrap_err());
    assert!(faults[0].contains("is another revision 1"), "{faults:#?}");
}

#[test]
fn nothing_begins_to_remember_silently() {
    let set = Set::new();
    let file = set.place().known_revision;
    fs::remove_file(&file).unwrap();
    set.assert_fault("known.json:", "make it with `motlan policy accept`");
    assert!(!file.exists());
    assert_eq!(accept(&set.place()).unwrap().revision, 1);
    set.assert_good();
    // A file that went missing while a set was loaded is not made anew either.
    let loaded = set.load().unwrap_or_else(|faults| panic!("{faults}"));
    fs::remove_file(&file).unwrap();
    assert!(matches!(
        loaded.remember(),
        Err(AcceptError::Missing { .. })
    ));
    assert!(!file.exists());
}

#[test]
fn what_is_remembered_is_replaced_whole_or_not_at_all() {
    let set = Set::new();
    set.seal(2);
    let loaded = set.load().unwrap_or_else(|faults| panic!("{faults}"));
    // What it is written to on the way cannot be written.
    let draft = set.beside(".known.json.new");
    fs::create_dir(&draft).unwrap();
    assert!(matches!(loaded.remember(), Err(AcceptError::File { .. })));
    assert_eq!(known(&set).revision, 1);
    fs::remove_dir(&draft).unwrap();
    // What a crash left half-written on the way is in nobody's way.
    fs::write(&draft, "{\"revision\": 9, \"manif").unwrap();
    loaded.remember().unwrap();
    assert_eq!(known(&set).revision, 2);
    assert!(!draft.exists());
}

#[test]
fn what_is_remembered_is_read_strictly() {
    let set = Set::new();
    let file = set.place().known_revision;
    let right = fs::read_to_string(&file).unwrap();
    for (text, says) in [
        (String::new(), "is not the JSON that it must be"),
        ("{\"revision\": 1}".to_owned(), "has no text `manifest`"),
        (
            right.replacen('{', "{\"revision\": 0,", 1),
            "`revision` stands here twice",
        ),
        (right.replacen('{', "{\"x\": 0,", 1), "has the key `x`"),
        (
            format!("{right}{}", " ".repeat(5000)),
            "larger than 4096 bytes",
        ),
    ] {
        fs::write(&file, text).unwrap();
        set.assert_fault("known.json:", says);
        accept(&set.place()).unwrap_err();
    }
}

#[test]
fn a_set_that_is_not_good_is_not_accepted() {
    let set = Set::new();
    fs::remove_file(set.place().known_revision).unwrap();
    set.sign_by(&[0, 1]);
    set.seal(2);
    accept(&set.place()).unwrap_err();
    assert!(!set.place().known_revision.exists());
}

#[test]
fn what_is_accepted_is_what_was_read_and_tried_unless_a_later_set_was_accepted_by_then() {
    let set = Set::new();
    let load = || Acceptable::load(&set.place()).unwrap_or_else(|faults| panic!("{faults}"));
    set.seal(2);
    let second = load();
    set.seal(3);
    assert_eq!(second.accept().unwrap().revision, 2);
    let third = load();
    set.seal(4);
    accept(&set.place()).unwrap();
    let faults = set.told(&third.accept().unwrap_err());
    assert!(
        faults[0].contains("the set is revision 3, but revision 4 was in force already"),
        "{faults:#?}"
    );
    assert_eq!(known(&set).revision, 4);
}

#[test]
fn however_many_take_sets_at_once_the_newest_is_what_is_known() {
    const SETS: u64 = 8;
    let set = Set::new();
    let loaded: Vec<_> = (2..2 + SETS)
        .map(|revision| {
            set.seal(revision);
            set.load().unwrap()
        })
        .collect();
    set.seal(1);
    for round in 0..100 {
        fs::remove_file(set.place().known_revision).unwrap();
        accept(&set.place()).unwrap();
        let start = Barrier::new(loaded.len());
        thread::scope(|scope| {
            for one in &loaded {
                scope.spawn(|| {
                    start.wait();
                    match one.remember() {
                        Ok(()) | Err(AcceptError::RolledBack { .. }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                });
            }
        });
        assert_eq!(known(&set).revision, 1 + SETS, "round {round}");
    }
}

#[test]
fn a_link_under_the_name_of_the_draft_is_not_followed_and_who_may_read_stays() {
    let set = Set::new();
    let others = set.beside("others");
    fs::write(&others, "theirs").unwrap();
    symlink(&others, set.beside(".known.json.new")).unwrap();
    let file = set.place().known_revision;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    set.seal(2);
    set.load().unwrap().remember().unwrap();
    assert_eq!(known(&set).revision, 2);
    assert_eq!(fs::read_to_string(&others).unwrap(), "theirs");
    let found = fs::symlink_metadata(&file).unwrap();
    assert!(found.is_file());
    assert_eq!(found.permissions().mode() & 0o777, 0o640);
}
