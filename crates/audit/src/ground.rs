//! Grounds: signed statements that a desk may ask an applicant for a document which the law has
//! replaced, and why. Each stands for one durable record of kind COMPONENT, which says the same
//! without whom it is about; a commitment in it binds the two.
//!
//! In scope: what a ground says, its form (a compact JWS), and whether it and a record say the
//! same. Out of scope: whether there is a ground; that is for whoever asks the ledger for one.
//!
//! Limits: a text has at most 512 bytes, a list at most 256 texts, all of them together at most
//! 20,000 bytes; a signed ground that is read has at most 64 KiB. Times are whole seconds: what is
//! less is cut off.

mod claims;
mod fault;
mod record;

use std::fmt;

use motlan_api::audit::v1::{Channel, GroundOutcome};

use crate::ledger::Durable;
use crate::note::{SignerKey, VerifierKey, jws};
use crate::origin::{Origin, RecordId};
use crate::verify::Proven;

pub use fault::{GroundError, GroundFault};
pub(crate) use record::entry;

/// The longest signed ground that is read.
const TOKEN_BYTES_MAX: usize = 64 * 1024;
/// How long the id of a ground is.
pub(crate) const ID_BYTES: usize = 16;
/// The random bytes that tell grounds apart, and that bind one to its record.
pub(crate) type GroundId = [u8; ID_BYTES];

const US_PER_S: i64 = 1_000_000;

/// Why one document of one dossier may be asked for. Personal: it names whom it is about.
#[derive(Clone, PartialEq, Eq)]
pub struct Ground {
    /// The calling system, e.g. "H26/one-stop".
    pub caller: String,
    /// The procedure, e.g. "1.004222".
    pub procedure: String,
    /// Its variant; empty where it has none.
    pub variant: String,
    /// The dossier.
    pub dossier: String,
    /// Whom or what the document is about; empty where nobody was named.
    pub subject: String,
    /// The kind of document, e.g. "birth_certificate".
    pub document: String,
    /// The dataset that holds it; empty for a database that is none.
    pub dataset: String,
    /// The database that is to hold it, where no dataset does; else empty.
    pub database: String,
    /// Why it may be asked for. Never UNSPECIFIED.
    pub outcome: GroundOutcome,
    /// INCOMPLETE, MISMATCH: the fields, never their values; else none.
    pub fields: Vec<String>,
    /// By which clauses the law has replaced the document; at least one.
    pub clauses: Vec<String>,
    /// How the dossier came in. Never UNSPECIFIED.
    pub channel: Channel,
    /// When it came in, in microseconds since the Unix epoch.
    pub received_us: i64,
    /// By when the applicant must be told, in microseconds since the Unix epoch; `None` where the
    /// working days of that time are not settled.
    pub due_us: Option<i64>,
    /// The record of the outcome of the lookup. `None` for NOT_PUBLISHED, and for nothing else.
    pub lookup: Option<RecordId>,
}

impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ground(..)")
    }
}

/// Proof that a ground was signed behind its durable record: made only by
/// [`Ledger::ground`](crate::Ledger::ground).
#[must_use]
pub struct Issued {
    pub(crate) proof: Durable,
    pub(crate) token: String,
}

impl Issued {
    /// Proof of the record.
    pub fn proof(&self) -> &Durable {
        &self.proof
    }

    /// The signed ground, a compact JWS. Personal.
    pub fn token(&self) -> &str {
        &self.token
    }
}

/// A ground that a log's key has signed: made only by [`verify_ground`].
#[must_use]
pub struct SignedGround {
    ground: Ground,
    id: GroundId,
    origin: Origin,
    record: RecordId,
    issued_s: i64,
}

impl SignedGround {
    /// What it says. Its times are whole seconds.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// The record that it stands for.
    pub fn record(&self) -> &RecordId {
        &self.record
    }

    /// The log in which the record stands.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// When it was signed, in seconds since the Unix epoch.
    pub fn issued_s(&self) -> i64 {
        self.issued_s
    }

    /// Checks that it stands for this record: the same in every claim, and in whom it is about.
    ///
    /// # Errors
    /// [`GroundFault::OtherLog`], [`GroundFault::OtherRecord`] and [`GroundFault::Differs`].
    pub fn is_recorded_by(&self, proven: &Proven) -> Result<(), GroundFault> {
        if proven.id != self.record {
            let (due, found) = (self.record.clone(), proven.id.clone());
            return Err(GroundFault::OtherRecord { due, found });
        }
        if proven.origin != self.origin {
            let (due, found) = (self.origin.clone(), proven.origin.clone());
            return Err(GroundFault::OtherLog { due, found });
        }
        record::agrees(self, &proven.record)
    }

    /// The compact JWS.
    fn sign(&self, key: &SignerKey) -> String {
        jws::sign(&claims::header(key.verifier()), &claims::encode(self), key)
    }
}

impl fmt::Debug for SignedGround {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedGround({}, ..)", self.record)
    }
}

/// Checks that the log of `key` signed this ground. Needs neither gateway nor network, and proves
/// nothing of the record: [`SignedGround::is_recorded_by`] does.
///
/// # Errors
/// [`GroundFault`]; nothing of the token is to be believed then.
pub fn verify_ground(token: &str, key: &VerifierKey) -> Result<SignedGround, GroundFault> {
    // R98: from the token and the key alone.
    if token.len() > TOKEN_BYTES_MAX {
        return Err(GroundFault::TooLong { bytes: token.len() });
    }
    let jws = jws::Jws::parse(token).ok_or(GroundFault::Form)?;
    claims::check_header(&jws.header, key)?;
    let payload = jws.verify(key).map_err(|_| GroundFault::Signature)?;
    let signed = claims::decode(&payload)?;
    if !key.speaks_for(&signed.origin) {
        let (key, origin) = (key.name().to_owned(), signed.origin);
        return Err(GroundFault::Name { key, origin });
    }
    record::check(&signed)?;
    Ok(signed)
}

/// Signs a ground for the record that `proof` proves, and which is `record`.
pub(crate) fn issue(
    ground: &Ground,
    id: GroundId,
    origin: &Origin,
    record: &motlan_api::audit::v1::Record,
    proof: Durable,
    key: &SignerKey,
) -> Result<Issued, GroundError> {
    let signed = SignedGround {
        ground: ground.clone(),
        id,
        origin: origin.clone(),
        record: proof.id().clone(),
        issued_s: seconds(record.time_us),
    };
    record::agrees(&signed, record)?;
    let token = signed.sign(key);
    // Nothing goes out that the receiver would find wrong.
    record::agrees(&verify_ground(&token, key.verifier())?, record)?;
    Ok(Issued { proof, token })
}

/// Whole seconds.
fn seconds(time_us: i64) -> i64 {
    time_us.div_euclid(US_PER_S)
}

#[cfg(test)]
mod tests;
