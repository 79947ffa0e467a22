//! What a desk asks.

use motlan_testkit::client::Call;
use motlan_testkit::contracts::{business, civil_status, land, population};
use motlan_testkit::world::System;
use prost::Message;

/// The desk that most agreements of the reference catalogue are for.
pub(crate) const DESK: &str = "H26/one-stop";
/// A desk without any agreement.
pub(crate) const OTHER_DESK: &str = "H29/one-stop";
/// The registration of residence.
pub(crate) const RESIDENCE: &str = "1.004222";
/// The funeral grant.
pub(crate) const FUNERAL: &str = "1.014177";
/// The licence for restricted chemicals.
pub(crate) const CHEMICALS: &str = "2.002093";
pub(crate) const DOSSIER: &str = "000.00.00.H26-261122-0001";

pub(crate) const GET_PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
pub(crate) const LIST_HOUSEHOLD: &str = "/vn.population.v1.PopulationRegistry/ListHousehold";
pub(crate) const GET_PARCEL: &str = "/vn.land.v1.LandRegistry/GetParcel";
pub(crate) const GET_BIRTH: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetBirth";
pub(crate) const GET_DEATH: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetDeath";
pub(crate) const GET_ENTERPRISE: &str = "/vn.business.v1.BusinessRegistry/GetEnterprise";

#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) path: &'static str,
    pub(crate) message: Vec<u8>,
    pub(crate) procedure: &'static str,
    pub(crate) metadata: Vec<(&'static str, String)>,
}

impl Question {
    fn new(path: &'static str, message: &impl Message) -> Self {
        Self {
            path,
            message: message.encode_to_vec(),
            procedure: RESIDENCE,
            metadata: Vec::new(),
        }
    }

    pub(crate) fn procedure(mut self, procedure: &'static str) -> Self {
        self.procedure = procedure;
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.metadata.push((name, value.to_owned()));
        self
    }

    /// The question as `system` sends it, with a right token for [`DOSSIER`].
    pub(crate) fn by(&self, system: &System) -> Call {
        let token = system.token(self.procedure).unwrap().dossier(DOSSIER);
        self.bearing(&system.sign(&token).unwrap())
    }

    pub(crate) fn bearing(&self, token: &str) -> Call {
        self.bare().bearer(token).unwrap()
    }

    /// Without a token.
    pub(crate) fn bare(&self) -> Call {
        let call = Call::new(self.path, &self.message).unwrap();
        self.metadata.iter().fold(call, |call, (name, value)| {
            call.metadata(name, value).unwrap()
        })
    }
}

pub(crate) fn person(personal_id: &str) -> Question {
    let personal_id = personal_id.to_owned();
    Question::new(
        GET_PERSON,
        &population::v1::GetPersonRequest { personal_id },
    )
}

pub(crate) fn household(personal_id: &str) -> Question {
    let personal_id = personal_id.to_owned();
    Question::new(
        LIST_HOUSEHOLD,
        &population::v1::ListHouseholdRequest { personal_id },
    )
}

pub(crate) fn parcel(certificate_no: &str) -> Question {
    let certificate_no = certificate_no.to_owned();
    Question::new(GET_PARCEL, &land::v1::GetParcelRequest { certificate_no })
}

pub(crate) fn birth(personal_id: &str) -> Question {
    let personal_id = personal_id.to_owned();
    Question::new(
        GET_BIRTH,
        &civil_status::v1::GetBirthRequest { personal_id },
    )
}

pub(crate) fn death(personal_id: &str) -> Question {
    let personal_id = personal_id.to_owned();
    Question::new(
        GET_DEATH,
        &civil_status::v1::GetDeathRequest { personal_id },
    )
    .procedure(FUNERAL)
}

pub(crate) fn enterprise(enterprise_code: &str) -> Question {
    let enterprise_code = enterprise_code.to_owned();
    Question::new(
        GET_ENTERPRISE,
        &business::v1::GetEnterpriseRequest { enterprise_code },
    )
    .procedure(CHEMICALS)
}
