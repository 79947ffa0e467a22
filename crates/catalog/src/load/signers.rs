//! The public keys of those who sign agreements: `signers/<agency>/<role>/<kid>.pem`.

use std::collections::BTreeMap;

use super::folder::Folder;
use super::keys::{KEYS_MAX, Registry};
use super::known_agency;
use crate::document::nearest;
use crate::fault::Faults;
use crate::name::AgencyCode;
use crate::party::Agency;
use crate::signed::{PublicKey, Signer, SignerRole, Signers};

const FOLDER: &str = "signers";

/// Reads every key. One that is another's too, a token key included, is a fault.
pub(super) fn signers(
    folder: &mut Folder,
    agencies: &BTreeMap<AgencyCode, Agency>,
    registry: &mut Registry,
    faults: &mut Faults,
) -> Signers {
    let mut signers = Signers::default();
    for name in folder.folders(FOLDER, faults) {
        let of_agency = format!("{FOLDER}/{name}");
        let file = folder.path(&of_agency);
        let agency = match name.parse::<AgencyCode>() {
            Ok(agency) => agency,
            Err(error) => {
                faults.push(&file, None, error.to_string(), "name it after the agency");
                continue;
            }
        };
        if let Err((what, remedy)) = known_agency(&agency, agencies) {
            faults.push(&file, None, what, remedy);
        }
        for name in folder.folders(&of_agency, faults) {
            let of_role = format!("{of_agency}/{name}");
            let Ok(role) = name.parse::<SignerRole>() else {
                let known = SignerRole::ALL.map(SignerRole::as_str);
                let remedy = match nearest(&name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("name it one of `{}`", known.join("`, `")),
                };
                let what = format!("`{name}` is no role of a signer");
                faults.push(&folder.path(&of_role), None, what, remedy);
                continue;
            };
            let files = folder.list(&of_role, "pem", faults);
            if files.len() > KEYS_MAX {
                let what = format!("holds more than {KEYS_MAX} keys");
                let remedy = "remove those that no signature names";
                faults.push(&folder.path(&of_role), None, what, remedy);
            }
            for file in files {
                let Some((key, der)) = registry.read(folder, &file, faults) else {
                    continue;
                };
                let agency = agency.clone();
                let kid = key.kid;
                let public = PublicKey::new(key.algorithm, der);
                signers.extend(public.map(|public| (Signer { agency, role, kid }, public)));
            }
        }
    }
    signers
}
