//! The small catalogue, signed and sealed, to be spoilt and loaded.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use motlan_catalog::signed::{PrivateKey, Signer, SignerRole, accept, seal_unchecked, signatures};
use motlan_catalog::{Faults, SignedCatalog, SignedFolder};

use crate::small::{Small, pem};

pub(crate) const AGREEMENT: &str = "agreements/g01-h26.toml";
pub(crate) const SIGNATURES: &str = "agreements/g01-h26.toml.jws.json";

/// A key pair: to sign with through the library, and to forge with.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) private_pem: String,
    pub(crate) public_pem: String,
}

impl Pair {
    pub(crate) fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        Self {
            private_pem: pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()),
            public_pem: pem("PUBLIC KEY", pair.public_key().as_der().unwrap().as_ref()),
        }
    }

    pub(crate) fn p256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self {
            private_pem: pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()),
            public_pem: pem("PUBLIC KEY", pair.public_key().as_der().unwrap().as_ref()),
        }
    }

    pub(crate) fn private(&self) -> PrivateKey {
        PrivateKey::from_pem(&self.private_pem).unwrap()
    }

    /// Signs anything with Ed25519, past the library.
    pub(crate) fn forge(&self, message: &str) -> String {
        let body: String = self
            .private_pem
            .lines()
            .filter(|l| !l.contains('-'))
            .collect();
        let der = base64::engine::general_purpose::STANDARD
            .decode(body)
            .unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(&der).unwrap();
        URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()))
    }
}

/// One that is registered.
pub(crate) struct Party {
    pub(crate) signer: Signer,
    pub(crate) pair: Pair,
}

impl Party {
    fn new(agency: &str, role: SignerRole, kid: &str, pair: Pair) -> Self {
        let (agency, kid) = (agency.parse().unwrap(), kid.to_owned());
        let signer = Signer { agency, role, kid };
        Self { signer, pair }
    }
}

/// The set, with all its keys.
pub(crate) struct Set {
    pub(crate) small: Small,
    /// Owner, data-protection officer, consumer.
    pub(crate) parties: [Party; 3],
    pub(crate) manifest: Pair,
    beside: tempfile::TempDir,
}

pub(crate) fn at() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_772_416_800)
}

impl Set {
    /// Signed by all, sealed as revision 1, and accepted.
    pub(crate) fn new() -> Self {
        let set = Self {
            small: Small::new(),
            parties: [
                Party::new("G01", SignerRole::Owner, "k1", Pair::ed25519()),
                Party::new("G01", SignerRole::DataProtection, "k1", Pair::ed25519()),
                Party::new("H26", SignerRole::Consumer, "2026-a", Pair::p256()),
            ],
            manifest: Pair::ed25519(),
            beside: tempfile::tempdir().unwrap(),
        };
        for party in &set.parties {
            set.small
                .write(&party.signer.file(), &party.pair.public_pem);
        }
        fs::write(set.place().manifest_key, &set.manifest.public_pem).unwrap();
        set.sign();
        set.seal(1);
        accept(&set.place()).unwrap_or_else(|faults| panic!("{faults}"));
        set
    }

    pub(crate) fn place(&self) -> SignedFolder {
        SignedFolder {
            folder: self.small.folder().to_owned(),
            manifest_key: self.beside.path().join("manifest.pem"),
            known_revision: self.beside.path().join("known.json"),
        }
    }

    pub(crate) fn text(&self, file: &str) -> String {
        fs::read_to_string(self.small.path(file)).unwrap()
    }

    /// A file beside the catalogue.
    pub(crate) fn beside(&self, file: &str) -> PathBuf {
        self.beside.path().join(file)
    }

    /// Owner, data-protection officer or consumer.
    pub(crate) fn party(&self, number: usize) -> &Party {
        self.parties.get(number).unwrap()
    }

    /// Has all sign the agreement as it stands.
    pub(crate) fn sign(&self) {
        self.sign_by(&[0, 1, 2]);
    }

    /// Has some sign it.
    pub(crate) fn sign_by(&self, parties: &[usize]) {
        let parties = parties.iter().map(|party| self.party(*party));
        let keys: Vec<_> = parties
            .map(|party| (&party.signer, party.pair.private()))
            .collect();
        let keys = keys.iter().map(|(signer, key)| (*signer, key));
        let content = fs::read(self.small.path(AGREEMENT)).unwrap();
        let text = signatures(&content, keys, at()).unwrap();
        self.small.write(SIGNATURES, text);
    }

    /// Seals what is there.
    pub(crate) fn seal(&self, revision: u64) {
        let key = self.manifest.private();
        seal_unchecked(self.small.folder(), revision, &key, at()).unwrap();
    }

    pub(crate) fn load(&self) -> Result<SignedCatalog, Faults> {
        SignedCatalog::load(&self.place())
    }

    #[track_caller]
    pub(crate) fn assert_good(&self) {
        if let Err(faults) = self.load() {
            panic!("{faults}");
        }
    }

    /// Everything that is wrong, with the folder's name left out.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<String> {
        let Err(faults) = self.load() else {
            panic!("nothing is wrong");
        };
        self.told(&faults)
    }

    pub(crate) fn told(&self, faults: &Faults) -> Vec<String> {
        let folder = format!("{}/", self.small.folder().display());
        let beside = format!("{}/", self.beside.path().display());
        let lines = faults.iter().map(ToString::to_string);
        lines
            .map(|line| line.replace(&folder, "").replace(&beside, ""))
            .collect()
    }

    /// That exactly one thing is wrong, and is told so.
    #[track_caller]
    pub(crate) fn assert_fault(&self, begins: &str, says: &str) {
        let faults = self.faults();
        let [fault] = faults.as_slice() else {
            panic!("not one fault: {faults:#?}");
        };
        assert!(fault.starts_with(begins) && fault.contains(says), "{fault}");
    }
}
