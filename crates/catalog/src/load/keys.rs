//! Public keys: `keys/<agency>/<system>/<kid>.pem`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::folder::Folder;
use crate::document::nearest;
use crate::fault::Faults;
use crate::name::{SystemId, is_label};
use crate::party::{TokenAlgorithm, TokenKey};

/// The largest file of a key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 4096;

/// The most keys of one system, or of one role: two, while one takes over from the other, and some
/// to spare.
pub(super) const KEYS_MAX: usize = 8;

/// What a SubjectPublicKeyInfo (RFC 5280) with an uncompressed point of P-256 starts with (RFC
/// 5480).
const SPKI_P256: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// What a SubjectPublicKeyInfo with a key for Ed25519 starts with (RFC 8410).
const SPKI_ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The y coordinates of the four points of Ed25519 whose order is 8, as RFC 8032 writes numbers.
const ORDER_8: [[u8; 32]; 2] = [
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// All keys that were found so far, whatever they are for: no two may be the same.
#[derive(Default)]
pub(super) struct Registry(BTreeMap<Vec<u8>, PathBuf>);

impl Registry {
    /// Reads one public key, and its DER. One that was found before is a fault.
    pub(super) fn read(
        &mut self,
        folder: &mut Folder,
        name: &str,
        faults: &mut Faults,
    ) -> Option<(TokenKey, Vec<u8>)> {
        let content = folder.read(name, KEY_BYTES_MAX, faults)?;
        let file = folder.path(name);
        let (key, der) = key(&file, content, faults)?;
        if let Some(first) = self.0.insert(der.clone(), file.clone()) {
            let what = format!("is the same key as `{}`", first.display());
            let remedy = "make a key of its own for each system, each signer and each key id";
            faults.push(&file, None, what, remedy);
        }
        Some((key, der))
    }
}

/// The keys that were found, by the path of the system's folder below `keys`.
pub(super) struct Keys(BTreeMap<String, Vec<TokenKey>>);

impl Keys {
    /// Reads every key. A private key is a fault wherever it lies.
    pub(super) fn read(folder: &mut Folder, all: &mut Registry, faults: &mut Faults) -> Self {
        let mut keys = BTreeMap::new();
        for agency in folder.folders("keys", faults) {
            for system in folder.folders(&format!("keys/{agency}"), faults) {
                let of = format!("{agency}/{system}");
                let mut found = Vec::new();
                for name in folder.list(&format!("keys/{of}"), "pem", faults) {
                    found.extend(all.read(folder, &name, faults).map(|(key, _)| key));
                }
                if found.len() > KEYS_MAX {
                    let file = folder.path(&format!("keys/{of}"));
                    let what = format!("holds more than {KEYS_MAX} keys");
                    faults.push(&file, None, what, "remove those no longer used");
                }
                keys.insert(of, found);
            }
        }
        Self(keys)
    }

    /// The keys of one system.
    pub(super) fn of(&mut self, system: &SystemId) -> Vec<TokenKey> {
        self.0.remove(system.as_str()).unwrap_or_default()
    }

    /// Reports the keys that no system asked for.
    pub(super) fn finish<'a>(
        self,
        folder: &Folder,
        systems: impl Iterator<Item = &'a SystemId> + Clone,
        faults: &mut Faults,
    ) {
        for of in self.0.into_keys() {
            let remedy = match nearest(&of, systems.clone().map(SystemId::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "add the system to `systems/`, or remove the keys".to_owned(),
            };
            let file = folder.path(&format!("keys/{of}"));
            faults.push(
                &file,
                None,
                format!("holds keys of the unknown system `{of}`"),
                remedy,
            );
        }
    }
}

/// Reads one public key, and its DER.
pub(crate) fn key(
    file: &Path,
    content: Vec<u8>,
    faults: &mut Faults,
) -> Option<(TokenKey, Vec<u8>)> {
    let mut fault = |what: &str, remedy: &str| {
        faults.push(file, None, what, remedy);
        None
    };
    let Ok(pem) = String::from_utf8(content) else {
        return fault("is not PEM", "write the public key as SPKI in PEM");
    };
    if pem.contains("PRIVATE KEY") {
        let remedy =
            "remove it, have the system make a new pair, and keep only the public key here";
        return fault("holds a private key, which is now known to others", remedy);
    }
    let kid = file
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    if !is_label(kid) {
        let remedy = "name the file with letters, digits, `.`, `_` and `-`";
        return fault("its name is no key id", remedy);
    }
    let Some(der) = spki(&pem) else {
        let remedy = "write one public key, as between `-----BEGIN PUBLIC KEY-----` and `-----END \
                      PUBLIC KEY-----`";
        return fault("is not a public key in PEM", remedy);
    };
    if is_weak(&der) {
        let remedy = "remove it, and have a new pair made, as `openssl genpkey` does";
        return fault("is a key with which anybody can sign", remedy);
    }
    let Some(algorithm) = algorithm(&der) else {
        let remedy = "use a key for P-256 (ES256) or for Ed25519 (EdDSA)";
        return fault("is a key of another kind", remedy);
    };
    Some((
        TokenKey {
            kid: kid.to_owned(),
            algorithm,
            pem,
        },
        der,
    ))
}

/// The content of the one block of PEM: SubjectPublicKeyInfo.
pub(crate) fn spki(pem: &str) -> Option<Vec<u8>> {
    let (before, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (body, after) = rest.split_once("-----END PUBLIC KEY-----")?;
    if !before.trim().is_empty() || !after.trim().is_empty() {
        return None;
    }
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok()
}

/// Whether it is a key for Ed25519 that anybody can sign for, without any private key: one of the
/// eight points of small order. Any number that is not written in the one form that RFC 8032 has
/// for it (from 2^255 - 19 on) counts as one too, whatever point it stands for.
fn is_weak(der: &[u8]) -> bool {
    let point = der.strip_prefix(&SPKI_ED25519);
    let Some(mut y) = point.and_then(|point| <[u8; 32]>::try_from(point).ok()) else {
        return false;
    };
    let [first, middle @ .., last] = &mut y;
    // The sign of x, and so which point of a pair it is.
    *last &= 0x7f;
    // 0 and 1, then 2^255 - 20, which is -1, and all that follow.
    let is_least = *first <= 1 && *last == 0 && middle.iter().all(|b| *b == 0);
    let is_most = *first >= 0xec && *last == 0x7f && middle.iter().all(|b| *b == 0xff);
    is_least || is_most || ORDER_8.contains(&y)
}

/// The algorithm a key is for, if the key is one that can verify at all.
fn algorithm(der: &[u8]) -> Option<TokenAlgorithm> {
    if der.len() == 91 && der.starts_with(&SPKI_P256) {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der).ok()?;
        return Some(TokenAlgorithm::Es256);
    }
    if der.len() == 44 && der.starts_with(&SPKI_ED25519) {
        ParsedPublicKey::new(&ED25519, der).ok()?;
        return Some(TokenAlgorithm::EdDsa);
    }
    None
}
