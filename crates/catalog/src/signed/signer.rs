//! Who signs agreements.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::key::PublicKey;
use crate::agreement::Agreement;
use crate::name::AgencyCode;

/// As whom somebody signs an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignerRole {
    /// Answers at the provider for the data.
    Owner,
    /// Watches at the provider over personal data.
    DataProtection,
    /// Answers at the consumer for what is done with the data.
    Consumer,
}

/// A role that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role of a signer: it is `owner`, `data_protection` or `consumer`")]
pub struct SignerRoleError(String);

impl SignerRole {
    /// All roles. An agreement needs a signature of each.
    pub const ALL: [Self; 3] = [Self::Owner, Self::DataProtection, Self::Consumer];

    /// The role as it stands in headers and in the catalogue.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::DataProtection => "data_protection",
            Self::Consumer => "consumer",
        }
    }

    /// The agency whose people have this role in an agreement.
    #[must_use]
    pub fn agency(self, agreement: &Agreement) -> &AgencyCode {
        match self {
            Self::Owner | Self::DataProtection => &agreement.provider,
            Self::Consumer => &agreement.consumer,
        }
    }
}

impl fmt::Display for SignerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SignerRole {
    type Err = SignerRoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| SignerRoleError(text.to_owned()))
    }
}

/// One who signs, by the name of the key: `signers/<agency>/<role>/<kid>.pem`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signer {
    /// Of which agency.
    pub agency: AgencyCode,
    /// As whom.
    pub role: SignerRole,
    /// The key's name.
    pub kid: String,
}

impl Signer {
    /// Where the public key lies, from the catalogue's folder.
    #[must_use]
    pub fn file(&self) -> String {
        format!("signers/{}/{}/{}.pem", self.agency, self.role, self.kid)
    }
}

/// The registered keys of those who sign.
#[derive(Default)]
pub(crate) struct Signers(BTreeMap<Signer, PublicKey>);

impl Signers {
    pub(super) fn key(&self, signer: &Signer) -> Option<&PublicKey> {
        self.0.get(signer)
    }

    /// The signers with their keys' DER.
    pub(super) fn ders(&self) -> impl Iterator<Item = (&Signer, &[u8])> {
        self.0.iter().map(|(signer, key)| (signer, key.der()))
    }
}

impl Extend<(Signer, PublicKey)> for Signers {
    fn extend<I: IntoIterator<Item = (Signer, PublicKey)>>(&mut self, signers: I) {
        self.0.extend(signers);
    }
}
