//! Signing and sealing, as the commands do it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use motlan_catalog::signed::{
    PrivateKey, PrivateKeyError, SealError, SignError, Signer, SignerRole, Survey, seal, sign,
};

use super::set::{AGREEMENT, Pair, SIGNATURES, Set, at};

fn sign_as(set: &Set, party: usize) -> Vec<String> {
    let (catalog, party) = (set.small.catalog(), set.party(party));
    let file = set.small.path(AGREEMENT);
    let signing = sign(&catalog, &file, &party.signer, &party.pair.private(), at()).unwrap();
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
    let refused = seal(set.small.folder(), &set.manifest.private(), at()).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("g01-h26.toml: is not signed by `G01` as `data_protection`"),
        "{refused}"
    );
    assert!(!set.small.path("manifest.json").exists());
    assert!(sign_as(&set, 1).is_empty());
    assert_eq!(survey(&set), "all signed, not sealed");

    let sealed = seal(set.small.folder(), &set.manifest.private(), at()).unwrap();
    assert_eq!(sealed.revision, 1);
    assert_eq!(survey(&set), "all signed, as sealed in revision 1");
    fs::remove_file(set.place().known_revision).unwrap();
    motlan_catalog::signed::accept(&set.place()).unwrap_or_else(|faults| panic!("{faults}"));
    let sealed = seal(set.small.folder(), &set.manifest.private(), at()).unwrap();
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
    let refused = seal(set.small.folder(), &set.manifest.private(), at()).unwrap_err();
    assert!(matches!(refused, SealError::Faults(_)), "{refused}");
    sign_as(&set, 1);
    assert!(sign_as(&set, 2).is_empty());
    seal(set.small.folder(), &set.manifest.private(), at()).unwrap();
    set.assert_good();
}

#[test]
fn nobody_signs_with_a_key_that_is_not_theirs() {
    let set = Set::new();
    let before = set.text(SIGNATURES);
    let catalog = set.small.catalog();
    let [owner, officer, consumer] = &set.parties;
    let try_as = |signer: &Signer, pair: &Pair, file: &str| {
        sign(
            &catalog,
            &set.small.path(file),
            signer,
            &pair.private(),
            at(),
        )
        .unwrap_err()
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
    let refused = seal(set.small.folder(), &set.manifest.private(), at()).unwrap_err();
    assert!(
        refused.to_string().contains("put the last manifest back"),
        "{refused}"
    );
    assert_eq!(set.text("manifest.json"), "{}");
}
