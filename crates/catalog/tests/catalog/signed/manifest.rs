//! R85: a set is exactly the files of its manifest, and that is signed by the one key.

use std::fs;
use std::os::unix::fs::symlink;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use motlan_catalog::Faults;

use super::set::{Pair, SIGNATURES, Set};

const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.json.jws.json";

/// Every file below the set's folder, by its path from there.
fn files(set: &Set) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![set.small.folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let path = path.strip_prefix(set.small.folder()).unwrap();
            files.push(path.to_str().unwrap().to_owned());
        }
    }
    files
}

#[test]
fn one_changed_bit_in_any_file_is_found_and_the_file_is_named() {
    let set = Set::new();
    set.small
        .write("keys/H26/one-stop/a.pem", Pair::p256().public_pem);
    set.small.write("rules/people.cedar", "// none\n");
    set.seal(2);
    let files = files(&set);
    assert!(files.len() >= 17, "{files:?}");
    for file in files {
        let path = set.small.path(&file);
        let content = fs::read(&path).unwrap();
        for at in [0, content.len() / 3, content.len() / 2, content.len() - 1] {
            let mut changed = content.clone();
            changed[at] ^= 1 << (at % 7);
            fs::write(&path, changed).unwrap();
            let faults = set.faults();
            let named = if file == MANIFEST {
                SIGNATURE
            } else {
                file.as_str()
            };
            let is_named = |fault: &String| fault.starts_with(&format!("{named}:"));
            assert!(
                faults.iter().any(is_named),
                "byte {at} of {file}: {faults:#?}"
            );
        }
        fs::write(&path, content).unwrap();
    }
    set.assert_good();
}

#[test]
fn a_file_that_is_missing_or_extra_is_named() {
    let set = Set::new();
    fs::remove_file(set.small.path("procedures/README.md")).unwrap();
    set.assert_fault(
        "procedures/README.md:",
        "is in the manifest of revision 1, and not there",
    );
    set.small.write("procedures/README.md", "any text");
    set.small.write("contracts/vn/people/v1/unused.proto", "");
    set.assert_fault(
        "contracts/vn/people/v1/unused.proto:",
        "is not in the manifest of revision 1",
    );
    fs::remove_file(set.small.path("contracts/vn/people/v1/unused.proto")).unwrap();
    // An owner's rule that is taken away would let out more.
    set.small.write("rules/people.cedar", "// none\n");
    set.seal(2);
    fs::remove_file(set.small.path("rules/people.cedar")).unwrap();
    set.assert_fault("rules/people.cedar:", "and not there");
}

#[test]
fn what_is_hidden_is_no_part_of_a_set_and_no_contract_comes_from_there() {
    let set = Set::new();
    set.small.write(".git/config", "x");
    set.small.write("contracts/.hidden/date.proto", "x");
    set.assert_good();

    let hidden = "contracts/.hidden/vn/shared/v1/date.proto";
    set.small
        .write(hidden, set.text("contracts/vn/shared/v1/date.proto"));
    let contract = "contracts/vn/people/v1/people.proto";
    set.small.change(
        contract,
        "\"vn/shared/v1/date.proto\"",
        "\".hidden/vn/shared/v1/date.proto\"",
    );
    set.small.catalog();
    set.seal(2);
    set.assert_fault(contract, "does not compile");
}

#[test]
fn links_are_not_followed() {
    let set = Set::new();
    let path = set.small.path("procedures/README.md");
    fs::remove_file(&path).unwrap();
    fs::write(set.beside("README.md"), "any text").unwrap();
    symlink(set.beside("README.md"), &path).unwrap();
    let faults = set.faults();
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(faults[0].contains("is in the manifest of revision 1, and not there"));
    assert!(faults[1].contains("is no file; put the file itself here: links are not followed"));
    fs::remove_file(&path).unwrap();
    set.small.write("procedures/README.md", "any text");

    // Nor a folder that is one.
    fs::create_dir(set.beside("rules")).unwrap();
    fs::write(set.beside("rules/people.cedar"), "x").unwrap();
    symlink(set.beside("rules"), set.small.path("rules")).unwrap();
    set.assert_fault("rules:", "is no file");
}

#[test]
fn contracts_outside_the_folder_are_for_drafts_only() {
    let set = Set::new();
    fs::rename(set.small.path("contracts"), set.beside("contracts")).unwrap();
    let outside = format!("contracts = [{:?}]", set.beside("contracts"));
    set.small
        .change("catalog.toml", "contracts = [\"contracts\"]", &outside);
    set.small.catalog();
    set.seal(2);
    let faults = set.faults();
    let says = "a set that is sealed holds its contracts";
    assert!(
        faults.iter().any(|fault| fault.contains(says)),
        "{faults:#?}"
    );
}

#[test]
fn a_set_without_manifest_or_signature_is_not_in_force() {
    let set = Set::new();
    let signature = set.text(SIGNATURE);
    fs::remove_file(set.small.path(SIGNATURE)).unwrap();
    set.assert_fault(SIGNATURE, "is not there");
    set.small.write(SIGNATURE, signature);
    fs::remove_file(set.small.path(MANIFEST)).unwrap();
    set.assert_fault(MANIFEST, "is not there: the set is not sealed");
}

#[test]
fn only_the_key_that_the_configuration_names_seals() {
    let mut set = Set::new();
    let own = std::mem::replace(&mut set.manifest, Pair::ed25519());
    set.seal(2);
    set.assert_fault(
        SIGNATURE,
        "is of another key than the one that `motlan.toml` names",
    );

    // A thief of a name: the right key's, with a signature by another.
    let thief = std::mem::replace(&mut set.manifest, own);
    set.seal(2);
    let signature = set.text(SIGNATURE);
    let (protected, old) = parts(&signature);
    let payload = URL_SAFE_NO_PAD.encode(set.text(MANIFEST));
    let forged = thief.forge(&format!("{protected}.{payload}"));
    set.small.write(SIGNATURE, signature.replace(&old, &forged));
    set.assert_fault(SIGNATURE, "is not a signature of this manifest");

    // The key for the manifest is nobody's who signs an agreement.
    fs::write(set.place().manifest_key, &set.parties[0].pair.public_pem).unwrap();
    set.manifest = set.parties[0].pair.clone();
    set.seal(2);
    set.assert_fault(
        "manifest.pem",
        "is the same key as `signers/G01/owner/k1.pem`",
    );

    fs::write(set.place().manifest_key, "x").unwrap();
    set.assert_fault("manifest.pem", "is not a public key in PEM");
    fs::remove_file(set.place().manifest_key).unwrap();
    set.assert_fault("manifest.pem", "cannot be read");
}

#[test]
fn a_signature_of_something_else_is_none_of_a_manifest() {
    let set = Set::new();
    let signature = set.text(SIGNATURE);
    let (protected, old) = parts(&signature);
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(&protected).unwrap()).unwrap();
    let payload = URL_SAFE_NO_PAD.encode(set.text(MANIFEST));
    let right = "motlan-manifest+jws";
    for (from, to, says) in [
        (
            right,
            "motlan-agreement+jws",
            "is not a signature of a manifest",
        ),
        (right, "JWT", "is not a signature of a manifest"),
        ("\"EdDSA\"", "\"none\"", "has the `alg` `none`"),
        ("\"EdDSA\"", "\"ES256\"", "has the `alg` `ES256`"),
        ("\"typ\"", "\"crit\":[],\"typ\"", "has the key `crit`"),
        (
            "\"typ\"",
            "\"role\":\"owner\",\"agency\":\"G01\",\"typ\"",
            "is not a signature of a manifest",
        ),
    ] {
        let changed = header.replacen(from, to, 1);
        assert_ne!(changed, header);
        let changed = URL_SAFE_NO_PAD.encode(changed);
        let forged = set.manifest.forge(&format!("{changed}.{payload}"));
        let text = signature
            .replace(&protected, &changed)
            .replace(&old, &forged);
        set.small.write(SIGNATURE, text);
        set.assert_fault(SIGNATURE, says);
    }
    let agreement = set.text(SIGNATURES);
    set.small.write(SIGNATURE, agreement);
    set.assert_fault(SIGNATURE, "holds more than one signature");
}

#[test]
fn a_manifest_that_is_not_of_its_form_is_refused() {
    let set = Set::new();
    let manifest = set.text(MANIFEST);
    let hash = "0".repeat(64);
    let with = |path: &str| {
        let entry = format!("\"files\": {{ \"{path}\": \"{hash}\",");
        manifest.replacen("\"files\": {", &entry, 1)
    };
    for (text, says) in [
        (
            with("../x"),
            "names `../x`, which is no path within the folder",
        ),
        (with("a/../../x"), "names `a/../../x`"),
        (with("/etc/passwd"), "names `/etc/passwd`"),
        (with("./x"), "names `./x`"),
        (with("a//x"), "names `a//x`"),
        (with("a/"), "names `a/`"),
        (with(""), "names ``"),
        (with("catalog.toml"), "`catalog.toml` stands here twice"),
        (
            manifest.replace(&hash_of(&manifest), "ABC"),
            "with a SHA-256",
        ),
        (
            manifest.replace("\"revision\": 1", "\"revision\": 0"),
            "has the revision 0",
        ),
        (
            manifest.replace("\"revision\": 1", "\"revision\": -1"),
            "-1",
        ),
        (
            manifest.replace("\"revision\": 1", "\"revision\": 1, \"revision\": 2"),
            "stands here twice",
        ),
        (
            manifest.replace("\"format\": 1", "\"format\": 2"),
            "is of the format 2",
        ),
        (
            manifest.replace("\"format\": 1", "\"format\": 1, \"x\": 1"),
            "has the key `x`",
        ),
        (
            manifest.replace("\"issued\": \"2026", "\"issued\": \"x"),
            "no time of RFC 3339",
        ),
    ] {
        assert_ne!(text, manifest, "{says}");
        set.small.write(MANIFEST, text);
        let faults = set.faults();
        let told = |fault: &String| fault.starts_with(MANIFEST) && fault.contains(says);
        assert!(faults.iter().any(told), "{says}: {faults:#?}");
        // And whatever it says, nobody signed it.
        let unsigned = |fault: &String| fault.starts_with(SIGNATURE);
        assert!(faults.iter().any(unsigned), "{faults:#?}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_a_fault_and_no_empty_set() {
    let set = Set::new();
    let mut place = set.place();
    place.folder = set.beside("gone");
    let faults: Faults = motlan_catalog::SignedCatalog::load(&place).unwrap_err();
    let faults = set.told(&faults);
    assert!(
        faults
            .iter()
            .any(|fault| fault.contains("cannot be listed")),
        "{faults:#?}"
    );
}

#[test]
fn the_key_that_seals_signs_no_tokens() {
    let set = Set::new();
    set.small
        .write("keys/H26/one-stop/a.pem", &set.manifest.public_pem);
    set.seal(2);
    set.assert_fault(
        "manifest.pem:",
        "is the same key as `keys/H26/one-stop/a.pem`",
    );
}

fn hash_of(manifest: &str) -> String {
    let (_, rest) = manifest.split_once("\"agencies.csv\": \"").unwrap();
    rest[..64].to_owned()
}

/// The header and the signature, as they stand there.
fn parts(signature: &str) -> (String, String) {
    let value = |key: &str| {
        let (_, rest) = signature.split_once(&format!("\"{key}\": \"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    (value("protected"), value("signature"))
}
