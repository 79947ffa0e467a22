//! Whether agreements are signed: `agreements/<name>.toml.jws.json` beside each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::jws::{Header, JWS_BYTES_MAX, Payload, Signature};
use super::key::{PublicKey, name};
use super::signer::{Signer, SignerRole, Signers};
use crate::agreement::Agreement;
use crate::document::DOCUMENT_BYTES_MAX;
use crate::fault::{Fault, Faults};
use crate::load::{Files, SIGNATURE};
use crate::spread::spread;

/// The `typ` of a signature of an agreement: it is good for nothing else.
pub(super) const TYP: &str = "motlan-agreement+jws";

/// What is wrong with a signature, and what to do about it.
type Flaw = (String, String);

/// The file with the signatures of `file`.
pub(super) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(SIGNATURE);
    PathBuf::from(name)
}

/// R84: reports every agreement that is not signed by its provider's owner and data-protection
/// officer and by its consumer, each with a key of their own, and every signature that is wrong.
/// One with faults of its own is to be corrected before anybody signs it.
pub(crate) fn check(
    files: &Files,
    agreements: &[Agreement],
    signers: &Signers,
    faults: &mut Faults,
) {
    let is_faulty = |file: &Path| faults.iter().any(|fault| fault.file == file);
    let found = spread(agreements, |part| -> Vec<Fault> {
        let whole = part.iter().filter(|one| !is_faulty(&one.file));
        whole
            .flat_map(|one| check_one(files, one, signers))
            .collect()
    });
    // In the order of the agreements, however many threads looked at them.
    faults.extend(found.into_iter().flatten());
}

/// All that is wrong with the signatures of one agreement.
fn check_one(files: &Files, agreement: &Agreement, signers: &Signers) -> Vec<Fault> {
    let file = beside(&agreement.file);
    let content = match files.read(&agreement.file, DOCUMENT_BYTES_MAX) {
        Ok(content) => content,
        Err(error) => {
            let what = format!("cannot be read again: {error}");
            let remedy = "check that it can be read";
            return vec![fault(&agreement.file, (what, remedy.to_owned()))];
        }
    };
    let Signed { by, flaws } = match read(files, &file) {
        Ok(None) => {
            return missing_of(agreement, &BTreeSet::new())
                .into_iter()
                .collect();
        }
        Ok(Some(signatures)) => signed(&signatures, &content, agreement, signers),
        Err(what) => {
            let remedy = "remove it, and have the agreement signed again";
            return vec![fault(&file, (what, remedy.to_owned()))];
        }
    };
    // A signature that is wrong is told as such, and not as missing too.
    if flaws.is_empty() {
        return missing_of(agreement, &by).into_iter().collect();
    }
    let flaws = flaws.into_iter().map(|flaw| fault(&file, flaw));
    flaws.collect()
}

fn fault(file: &Path, (what, remedy): Flaw) -> Fault {
    Fault {
        file: file.to_owned(),
        line: None,
        what,
        remedy,
    }
}

/// The signatures in a file; none where there is no file.
pub(super) fn read(files: &Files, file: &Path) -> Result<Option<Vec<Signature>>, String> {
    if !files.is_file(file) {
        return Ok(None);
    }
    let content = files.read(file, JWS_BYTES_MAX);
    let content = content.map_err(|error| format!("cannot be read: {error}"))?;
    Signature::read(&content).map(Some)
}

/// Who signed an agreement, and what is wrong with the signatures of others.
pub(super) struct Signed {
    pub(super) by: BTreeSet<SignerRole>,
    flaws: Vec<Flaw>,
}

impl Signed {
    /// Whether every signature was a good one.
    pub(super) fn is_flawless(&self) -> bool {
        self.flaws.is_empty()
    }
}

/// Verifies the signatures of an agreement.
pub(super) fn signed(
    signatures: &[Signature],
    content: &[u8],
    agreement: &Agreement,
    signers: &Signers,
) -> Signed {
    let payload = Payload::of(content);
    let (mut by, mut flaws) = (BTreeSet::new(), Vec::new());
    for signature in signatures {
        match verified(signature, &payload, agreement, signers) {
            Ok(role) if !by.insert(role) => {
                let what = format!("holds two signatures as `{role}`");
                flaws.push((what, "keep one".to_owned()));
            }
            Ok(_) => {}
            Err(flaw) => flaws.push(flaw),
        }
    }
    Signed { by, flaws }
}

/// Whoever `signature` is of, if it is a good one.
fn verified(
    signature: &Signature,
    payload: &Payload,
    agreement: &Agreement,
    signers: &Signers,
) -> Result<SignerRole, Flaw> {
    let header = &signature.header;
    let signer = signer(header)?;
    let (role, agency) = (signer.role, role_agency(&signer, agreement));
    if let Some(expected) = agency {
        let what = format!(
            "holds a signature of `{}` as `{role}`, but there that is `{expected}`",
            signer.agency
        );
        return Err((what, format!("have `{expected}` sign it")));
    }
    let key = key(&signer, signers)?;
    if !signature.has_algorithm_of(key) {
        let (says, is) = (&header.alg, name(key.algorithm()));
        let file = signer.file();
        let what = format!("holds a signature whose `alg` is `{says}`, but `{file}` is for `{is}`");
        return Err((
            what,
            "have it signed again by `motlan policy sign`".to_owned(),
        ));
    }
    if !signature.verifies(payload, key) {
        let what = format!(
            "the signature of `{}` as `{role}` is not one of this agreement as it stands",
            signer.agency
        );
        let remedy = "put back what was signed, or have it signed again";
        return Err((what, remedy.to_owned()));
    }
    Ok(role)
}

/// Who says to have signed.
fn signer(header: &Header) -> Result<Signer, Flaw> {
    let again = || "have it signed again by `motlan policy sign`".to_owned();
    if header.typ != TYP {
        let what = format!(
            "holds a signature whose `typ` is `{}`, not `{TYP}`",
            header.typ
        );
        return Err((what, again()));
    }
    let Some((role, agency)) = &header.party else {
        let what = "holds a signature that does not say as whom: `role` and `agency`";
        return Err((what.to_owned(), again()));
    };
    let role = role.parse::<SignerRole>();
    let role = role.map_err(|error| (format!("holds a signature as whom: {error}"), again()))?;
    let agency = agency.parse().map_err(|error| {
        let what = format!("holds a signature of no agency: {error}");
        (what, again())
    })?;
    let kid = header.kid.clone();
    Ok(Signer { agency, role, kid })
}

/// The agency that has this role in the agreement, where it is another.
fn role_agency(signer: &Signer, agreement: &Agreement) -> Option<String> {
    let expected = signer.role.agency(agreement);
    (*expected != signer.agency).then(|| expected.to_string())
}

/// The registered key of a signer.
fn key<'s>(signer: &Signer, signers: &'s Signers) -> Result<&'s PublicKey, Flaw> {
    signers.key(signer).ok_or_else(|| {
        let (kid, file) = (&signer.kid, signer.file());
        let what = format!("is signed with the key `{kid}`, but there is no `{file}`");
        let remedy = "register the public key there, or sign with one that is registered";
        (what, remedy.to_owned())
    })
}

/// Whose signatures an agreement lacks, told as a fault.
fn missing_of(agreement: &Agreement, by: &BTreeSet<SignerRole>) -> Option<Fault> {
    let missing: Vec<String> = missing(by)
        .map(|role| format!("`{}` as `{role}`", role.agency(agreement)))
        .collect();
    let what = format!("is not signed by {}", missing.join(", "));
    let remedy = "have it signed by `motlan policy sign`";
    (!missing.is_empty()).then(|| fault(&agreement.file, (what, remedy.to_owned())))
}

/// The roles whose signature is still to come.
pub(super) fn missing(by: &BTreeSet<SignerRole>) -> impl Iterator<Item = SignerRole> {
    SignerRole::ALL
        .into_iter()
        .filter(|role| !by.contains(role))
}
