//! Signing and sealing, as the commands do it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use motlan_catalog::signed::{
    Accepted, PrivateKey, PrivateKeyError, SealError, SignError, Signer, SignerRole, Survey,
    Unsealed,
};

use super::set::{AGREEMENT, Pair, SIGNATURES, Set, at};

fn read(set: &Set) -> Unsealed {
    Unsealed::load(set.small.folder()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn seal(set: &Set) -> Result<Accepted, SealError> {
    read(set).seal(None, &set.manifest.private(), at())
}

fn sign_as(set: &Set, party: usize) -> Vec<String> {
    sign_read(&read(set), set, party)
}

/// Signs what was read before.
fn sign_read(unsealed: &Unsealed, set: &Set, party: usize) -> Vec<String> {
    let (file, party) = (set.small.path(AGREEMENT), set.party(party));
    let signing = unsealed.sign(&file, &party.signer, &party.pair.private(), at());
    let signing = signing.unwrap();
    assert_eq!(signing.agreement.as_str(), "g01-h26");
    let missing = signing.missing.into_iter();
    missing
        .map(|(agency, role)| format!("{agency} {role}"))
        .collect()
}

fn survey(set: &Set) -> String {
    Survey::of(set.small.folder(), &set.small.catalog()).to_string()
}

#[test]
fn three_sign_one_after_another_and_then_the_set_is_sealed() {
    let set = Set::new();
    for file in [SIGNATURES, "manifest.json", "manifest.json.jws.json"] {
        fs::remove_file(set.small.path(file)).unwrap();
    }
    assert_eq!(survey(&set), "1 not signed yet, not sealed");
    assert_eq!(sign_as(&set, 2), ["G01 owner", "G01 data_protection"]);
    assert_eq!(sign_as(&set, 0), ["G01 data_protection"]);
    // Signed once more, there is still one of each.
    assert_eq!(sign_as(&set, 0), ["G01 data_protection"]);
    assert_eq!(survey(&set), "1 not signed yet, not sealed");
    let refused = seal(&set).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("g01-h26.toml: is not signed by `G01` as `data_protection`"),
        "{refused}"
    );
    assert!(!set.small.path("manifest.json").exists());
    assert!(sign_as(&set, 1).is_empty());
    assert_eq!(survey(&set), "all signed, not sealed");

    let sealed = seal(&set).unwrap();
    assert_eq!(sealed.revision, 1);
    assert_eq!(survey(&set), "all signed, as sealed in revision 1");
    fs::remove_file(set.place().known_revision).unwrap();
    motlan_catalog::signed::accept(&set.place()).unwrap_or_else(|faults| panic!("{faults}"));
    let sealed = seal(&set).unwrap();
    assert_eq!(sealed.revision, 2);
    set.assert_good();
    set.small.write("README.md", "new");
    assert_eq!(
        survey(&set),
        "all signed, changed since revision 2 was sealed"
    );
}

#[test]
fn what_others_signed_before_a_change_is_left_out() {
    let set = Set::new();
    set.small.change(AGREEMENT, "version = 3", "version = 4");
    assert_eq!(
        survey(&set),
        "1 not signed yet, changed since revision 1 was sealed"
    );
    assert_eq!(sign_as(&set, 0), ["G01 data_protection", "H26 consumer"]);
    assert!(!set.text(SIGNATURES).contains("payload"));
    let refused = seal(&set).unwrap_err();
    assert!(matches!(refused, SealError::Faults(_)), "{refused}");
    sign_as(&set, 1);
    assert!(sign_as(&set, 2).is_empty());
    seal(&set).unwrap();
    set.assert_good();
}

#[test]
fn nobody_signs_with_a_key_that_is_not_theirs() {
    let set = Set::new();
    let before = set.text(SIGNATURES);
    let unsealed = read(&set);
    let [owner, officer, consumer] = &set.parties;
    let try_as = |signer: &Signer, pair: &Pair, file: &str| {
        let file = set.small.path(file);
        let refused = unsealed.sign(&file, signer, &pair.private(), at());
        refused.unwrap_err()
    };
    let error = try_as(&owner.signer, &officer.pair, AGREEMENT);
    assert!(matches!(error, SignError::OtherKey(_)), "{error}");
    let unknown = Signer {
        kid: "k2".to_owned(),
        ..owner.signer.clone()
    };
    let error = try_as(&unknown, &owner.pair, AGREEMENT);
    assert!(matches!(error, SignError::NotRegistered(_)), "{error}");
    let elsewhere = Signer {
        role: SignerRole::Owner,
        ..consumer.signer.clone()
    };
    let error = try_as(&elsewhere, &consumer.pair, AGREEMENT);
    assert!(matches!(error, SignError::Agency { .. }), "{error}");
    let error = try_as(&owner.signer, &owner.pair, "systems/all.toml");
    assert!(matches!(error, SignError::NoAgreement(_)), "{error}");
    assert_eq!(set.text(SIGNATURES), before);
    set.small.write(SIGNATURES, "x");
    let error = try_as(&owner.signer, &owner.pair, AGREEMENT);
    assert!(matches!(error, SignError::Signatures { .. }), "{error}");
    assert_eq!(set.text(SIGNATURES), "x");
}

#[test]
fn a_private_key_is_read_only_where_nobody_else_can() {
    let set = Set::new();
    let file = set.beside("key.pem");
    let write = |text: &str, mode: u32| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    for pair in [Pair::ed25519(), Pair::p256()] {
        write(&pair.private_pem, 0o600);
        PrivateKey::read(&file).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o620, 0o601] {
            write(&pair.private_pem, mode);
            let refused = PrivateKey::read(&file).err().unwrap();
            assert!(matches!(refused, PrivateKeyError::Open { .. }), "{mode:o}");
            assert!(refused.to_string().contains("`chmod 600 "), "{refused}");
        }
        for text in [pair.public_pem.as_str(), "", "x"] {
            write(text, 0o600);
            let refused = PrivateKey::read(&file).err().unwrap();
            assert!(matches!(refused, PrivateKeyError::Kind { .. }), "{refused}");
        }
    }
    fs::remove_file(&file).unwrap();
    let refused = PrivateKey::read(&file).err().unwrap();
    assert!(matches!(refused, PrivateKeyError::Read { .. }), "{refused}");
}

#[test]
fn a_manifest_that_cannot_be_read_is_not_followed_by_the_first_again() {
    let set = Set::new();
    set.small.write("manifest.json", "{}");
    let refused = seal(&set).unwrap_err();
    assert!(
        refused.to_string().contains("put the last manifest back"),
        "{refused}"
    );
    assert_eq!(set.text("manifest.json"), "{}");
}

#[test]
fn what_is_signed_is_what_was_read_and_tried_whatever_lies_there_by_then() {
    let set = Set::new();
    let before = set.text(AGREEMENT);
    let unsealed = read(&set);
    set.small.change(AGREEMENT, "version = 3", "version = 4");
    for party in [0, 1, 2] {
        sign_read(&unsealed, &set, party);
    }
    let refused = seal(&set).unwrap_err().to_string();
    assert!(
        refused.contains("`owner` is not one of this agreement as it stands"),
        "{refused}"
    );
    set.small.write(AGREEMENT, before);
    seal(&set).unwrap();
    set.assert_good();
}

#[test]
fn what_is_sealed_is_what_was_read_and_tried_whatever_lies_there_by_then() {
    let set = Set::new();
    let before = set.text("systems/all.toml");
    let unsealed = read(&set);
    set.small
        .change("systems/all.toml", "suspended = true", "suspended = false");
    unsealed.seal(None, &set.manifest.private(), at()).unwrap();
    set.assert_fault("systems/all.toml:", "is not what was sealed as revision 2");
    set.small.write("systems/all.toml", before);
    set.assert_good();
}

#[test]
fn a_set_whose_manifest_was_lost_is_sealed_after_the_revision_that_was_in_force() {
    let set = Set::new();
    set.seal(7);
    set.load().unwrap().remember().unwrap();
    let after = |after| read(&set).seal(Some(after), &set.manifest.private(), at());
    for lost in [true, false] {
        if lost {
            fs::remove_file(set.small.path("manifest.json")).unwrap();
            seal(&set).unwrap();
            set.assert_fault("manifest.json:", "`motlan policy seal --after 7`");
            fs::remove_file(set.small.path("manifest.json")).unwrap();
        } else {
            set.small.write("manifest.json", "{}");
        }
        assert_eq!(after(7).unwrap().revision, 8);
        set.assert_good();
    }
    // It only goes forward.
    let refused = after(7).unwrap_err();
    let is_told = matches!(
        refused,
        SealError::Sealed {
            sealed: 8,
            after: 7
        }
    );
    assert!(is_told, "{refused}");
    assert_eq!(after(8).unwrap().revision, 9);
    assert_eq!(after(20).unwrap().revision, 21);
}

#[test]
fn no_revision_follows_on_the_last_that_there_is() {
    let set = Set::new();
    let key = set.manifest.private();
    let sealed = read(&set).seal(Some(u64::MAX - 1), &key, at()).unwrap();
    assert_eq!(sealed.revision, u64::MAX);
    set.assert_good();
    let before = set.text("manifest.json");
    let refused = seal(&set).unwrap_err();
    assert!(matches!(refused, SealError::Last(u64::MAX)), "{refused}");
    assert_eq!(set.text("manifest.json"), before);
}
