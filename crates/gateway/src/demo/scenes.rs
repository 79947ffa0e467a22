//! What the desk does: who asks whom, for which procedure, and how it must end.

use motlan_testkit::contracts::{business, civil_status, land, population};
use motlan_testkit::sample::Roles;
use prost::Message as _;

const DESK: &str = "H26/one-stop";
const OTHER_DESK: &str = "H29/one-stop";
const RESIDENCE: &str = "1.004222";
const FUNERAL: &str = "1.014177";
const CHEMICALS: &str = "2.002093";
const DOSSIER: &str = "000.00.00.H26-261122-0001";

/// How a scene must end.
pub(super) enum End {
    /// With an answer.
    Released,
    /// With this reason, on record.
    Refused(&'static str),
    /// With this reason, at the door: no record.
    ClosedDoor(&'static str),
}

/// One lookup of the demo.
pub(super) struct Scene {
    /// What happens, for a newcomer.
    pub(super) story: &'static str,
    /// Whose connection it comes over.
    pub(super) system: &'static str,
    /// Whose token it carries.
    pub(super) signed_by: &'static str,
    pub(super) path: &'static str,
    pub(super) request: Vec<u8>,
    pub(super) procedure: &'static str,
    pub(super) dossier: &'static str,
    /// `motlan-fields`.
    pub(super) fields: Option<&'static str>,
    pub(super) end: End,
}

const PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";

/// The demo, in order.
pub(super) fn all(roles: &Roles) -> Vec<Scene> {
    let mut scenes = granted(roles);
    scenes.extend(refused(roles));
    scenes
}

fn granted(roles: &Roles) -> Vec<Scene> {
    let (personal_id, deceased) = (roles.person.clone(), roles.deceased.clone());
    let enterprise_code = roles.enterprise.clone();
    let parcels = land::v1::ListParcelsOfHolderRequest { personal_id };
    let death = civil_status::v1::GetDeathRequest {
        personal_id: deceased,
    };
    let enterprise = business::v1::GetEnterpriseRequest { enterprise_code };
    vec![
        Scene {
            story: "A family registers residence in its own house: the papers are not asked for.",
            path: "/vn.land.v1.LandRegistry/ListParcelsOfHolder",
            request: parcels.encode_to_vec(),
            ..person(&roles.person)
        },
        Scene {
            story: "Where the applicant lives now comes from the population database.",
            ..person(&roles.person)
        },
        Scene {
            story: "The desk needs the address only, and asks for less than it may have.",
            fields: Some("permanent_residence"),
            ..person(&roles.person)
        },
        Scene {
            story: "Another family claims a funeral grant: no death certificate is asked for.",
            path: "/vn.civil_status.v1.CivilStatusRegistry/GetDeath",
            request: death.encode_to_vec(),
            procedure: FUNERAL,
            ..person(&roles.person)
        },
        Scene {
            story: "A company applies for a permit: no registration certificate is asked for.",
            path: "/vn.business.v1.BusinessRegistry/GetEnterprise",
            request: enterprise.encode_to_vec(),
            procedure: CHEMICALS,
            ..person(&roles.person)
        },
    ]
}

fn refused(roles: &Roles) -> Vec<Scene> {
    vec![
        Scene {
            story: "Religion is nobody's business here: the view does not hold it.",
            fields: Some("full_name,religion"),
            end: End::Refused("FIELD_NOT_GRANTED"),
            ..person(&roles.person)
        },
        Scene {
            story: "The same desk, the same person, but no agreement for this purpose.",
            procedure: FUNERAL,
            end: End::Refused("PURPOSE_NOT_COVERED"),
            ..person(&roles.person)
        },
        Scene {
            story: "A desk in another city has no agreement at all.",
            system: OTHER_DESK,
            signed_by: OTHER_DESK,
            end: End::Refused("NO_AGREEMENT"),
            ..person(&roles.person)
        },
        Scene {
            story: "Nobody bears this number: asked, answered, on record.",
            end: End::Refused("SUBJECT_NOT_FOUND"),
            ..person(&roles.unknown_person)
        },
        Scene {
            story: "The first desk's token, sent by the other: a closed door, no record.",
            system: OTHER_DESK,
            end: End::ClosedDoor("TOKEN_"),
            ..person(&roles.person)
        },
    ]
}

/// The plainest lookup: the desk asks for a person, to register residence.
fn person(personal_id: &str) -> Scene {
    let request = population::v1::GetPersonRequest {
        personal_id: personal_id.to_owned(),
    };
    Scene {
        story: "",
        system: DESK,
        signed_by: DESK,
        path: PERSON,
        request: request.encode_to_vec(),
        procedure: RESIDENCE,
        dossier: DOSSIER,
        fields: None,
        end: End::Released,
    }
}
