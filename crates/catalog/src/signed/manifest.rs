//! The manifest: what a set consists of, file by file, under a number that only grows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use jiff::Timestamp;
use serde_json::json;

use super::json::{Json, Object};
use super::jws::{Header, Payload, Signature};
use super::key::{PrivateKey, PrivateKeyError, PublicKey, sha256};
use crate::fault::Faults;
use crate::load::Snapshot;

/// The manifest, in the catalogue's folder.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Its signature.
pub(crate) const MANIFEST_SIGNATURE: &str = "manifest.json.jws.json";
/// The `typ` of its signature.
pub(super) const TYP: &str = "motlan-manifest+jws";
/// The only form of a manifest.
const FORMAT: u64 = 1;

const SEAL: &str = "put back what was sealed, or seal the set anew with `motlan policy seal`";

/// What a set consists of.
pub(super) struct Manifest {
    /// The number of the set. 1 at first.
    pub(super) revision: u64,
    /// When it was sealed, in seconds since the Unix epoch, as its sealer's clock had it.
    pub(super) issued_s: u64,
    /// The SHA-256 of each file, by its path from the folder.
    pub(super) files: BTreeMap<String, String>,
}

impl Manifest {
    /// The manifest of a set as it is.
    pub(super) fn of(snapshot: &Snapshot, revision: u64, issued_s: u64) -> Self {
        Self {
            revision,
            issued_s,
            files: hashes(snapshot),
        }
    }

    /// Reads a manifest. What is wrong reads after the file's name.
    pub(super) fn read(content: &[u8]) -> Result<Self, String> {
        let mut file = Object::parse(content)?;
        let format = file.number("format")?;
        if format != FORMAT {
            return Err(format!("is of the format {format}, not {FORMAT}"));
        }
        let revision = file.number("revision")?;
        if revision == 0 {
            return Err("has the revision 0: the first is 1".to_owned());
        }
        let issued = file.text("issued")?.parse::<Timestamp>();
        let issued = issued.map_err(|_| "has an `issued` that is no time of RFC 3339")?;
        let issued_s = u64::try_from(issued.as_second()).unwrap_or_default();
        let files = file.object("files")?;
        file.finish()?;
        let files = files.entries().map(|(path, hash)| match hash {
            Json::Text(hash) if is_path(&path) && is_sha256(&hash) => Ok((path, hash)),
            _ => Err(format!(
                "names `{path}`, which is no path within the folder with a SHA-256"
            )),
        });
        Ok(Self {
            revision,
            issued_s,
            files: files.collect::<Result<_, _>>()?,
        })
    }

    /// The file's text.
    pub(super) fn write(&self) -> String {
        let issued = i64::try_from(self.issued_s).ok();
        let issued = issued.and_then(|issued_s| Timestamp::from_second(issued_s).ok());
        let manifest = json!({
            "format": FORMAT,
            "revision": self.revision,
            "issued": issued.unwrap_or_default().to_string(),
            "files": self.files,
        });
        format!("{manifest:#}\n")
    }

    /// R85: reports every file that is missing, extra or altered.
    pub(super) fn compare(&self, root: &Path, snapshot: &Snapshot, faults: &mut Faults) {
        let mut there = BTreeSet::new();
        for (path, content) in members(snapshot) {
            there.insert(path);
            let what = match self.files.get(path) {
                Some(hash) if *hash == sha256(content) => continue,
                Some(_) => format!("is not what was sealed as revision {}", self.revision),
                None => format!("is not in the manifest of revision {}", self.revision),
            };
            faults.push(&root.join(path), None, what, SEAL);
        }
        for path in self
            .files
            .keys()
            .filter(|path| !there.contains(path.as_str()))
        {
            let what = format!(
                "is in the manifest of revision {}, and not there",
                self.revision
            );
            faults.push(&root.join(path), None, what, SEAL);
        }
    }
}

/// The SHA-256 of each file of a set, by its path from the folder.
pub(super) fn hashes(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let files = members(snapshot);
    files
        .map(|(path, content)| (path.to_owned(), sha256(content)))
        .collect()
}

/// The files that belong to a set: all but its manifest and what signs that.
fn members(snapshot: &Snapshot) -> impl Iterator<Item = (&str, &[u8])> {
    let files = snapshot.files().iter();
    files
        .map(|(path, content)| (path.as_str(), content.as_slice()))
        .filter(|(path, _)| *path != MANIFEST && *path != MANIFEST_SIGNATURE)
}

fn is_path(path: &str) -> bool {
    let steps = Path::new(path).components();
    let is_plain = |step| matches!(step, Component::Normal(_));
    !path.is_empty()
        && steps.clone().all(is_plain)
        && steps.collect::<std::path::PathBuf>().as_os_str() == path
}

fn is_sha256(hash: &str) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f');
    hash.len() == 64 && hash.bytes().all(is_digit)
}

/// Signs the text of a manifest.
pub(super) fn sign(text: &str, issued_s: u64, key: &PrivateKey) -> Result<String, PrivateKeyError> {
    let public = key.public().ok_or(PrivateKeyError::Sign)?;
    let header = Header {
        alg: String::new(),
        kid: public.id(),
        typ: TYP.to_owned(),
        iat: issued_s,
        party: None,
    };
    let signature = Signature::make(header, &Payload::of(text.as_bytes()), key)?;
    Ok(Signature::write(&[signature]))
}

/// R85: whether `signature`, a file, is one of the manifest by the key that is trusted. What is
/// wrong reads after the file's name.
pub(super) fn verify(manifest: &[u8], signature: &[u8], key: &PublicKey) -> Result<(), String> {
    let signatures = Signature::read(signature)?;
    let [signature] = signatures.as_slice() else {
        return Err("holds more than one signature".to_owned());
    };
    let header = &signature.header;
    if header.typ != TYP || header.party.is_some() {
        return Err(format!(
            "is not a signature of a manifest, whose `typ` is `{TYP}`"
        ));
    }
    if header.kid != key.id() {
        return Err("is of another key than the one that `motlan.toml` names".to_owned());
    }
    if !signature.has_algorithm_of(key) {
        return Err(format!(
            "has the `alg` `{}`, which is not that of the key",
            header.alg
        ));
    }
    if !signature.verifies(&Payload::of(manifest), key) {
        return Err("is not a signature of this manifest".to_owned());
    }
    Ok(())
}
