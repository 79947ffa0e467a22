//! `motlan-audit` on the logs of several quarters.

use std::fs;

use motlan_audit::{Layout, Quarter, ShardSettings, Shards, SignerKey};
use tempfile::TempDir;

use crate::program;

const INSTANCE: &str = "motlan.example/audit/hn1";

/// The logs of 2026q3 and 2026q4, closed, and the key that checks them.
fn case() -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let key = SignerKey::generate(INSTANCE).unwrap();
    let verifier = key.verifier().to_string();
    let settings = ShardSettings::new(Layout::beside(dir.path().join("ledger")), key);
    let first: Quarter = "2026q3".parse().unwrap();
    Shards::create(&settings, &format!("{INSTANCE}/{first}").parse().unwrap()).unwrap();
    let shards = Shards::open(settings, first.begins_us()).unwrap();
    assert!(shards.turn(first.after(1).begins_us()).unwrap());
    shards.close().unwrap();
    (dir, verifier)
}

#[test]
fn a_log_that_is_missing_off_record_is_found_unless_it_is_said_to_be_elsewhere() {
    let (dir, key) = case();
    let verify = |more: &[&str]| {
        let arguments = ["verify", "--ledger", "ledger", "--key", &key];
        program::run(dir.path(), &[&arguments, more].concat())
    };
    let (code, told, _) = verify(&[]);
    assert_eq!(code, 0, "{told}");
    fs::remove_dir_all(dir.path().join("ledger/2026q3")).unwrap();
    let (code, told, _) = verify(&[]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("not on record as dropped"), "{told}");
    assert_eq!(verify(&["--from", "2026q3"]).0, 1);
    let (code, told, _) = verify(&["--from", "2026q4"]);
    assert_eq!(code, 0, "{told}");
    let (code, _, said) = verify(&["--from", "2026q4", "--quarter", "2026q4"]);
    assert_eq!(code, 2, "{said}");
}

#[test]
fn that_only_the_newest_log_is_read_is_said() {
    let (dir, _) = case();
    let export = |more: &[&str]| {
        let arguments = ["export", "--format", "ocsf", "--ledger", "ledger"];
        program::run(dir.path(), &[&arguments, more].concat())
    };
    let (code, _, said) = export(&[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2026q4` is read"), "{said}");
    let (code, _, said) = export(&["--quarter", "2026q3"]);
    assert_eq!((code, said.as_str()), (0, ""));
}
