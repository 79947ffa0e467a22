//! Which question gets which records.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;

use super::Sample;
use crate::contracts::civil_status::v1::Party;

/// The answer of one method to one subject: the owner's messages, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The gRPC path, e.g. `/vn.population.v1.PopulationRegistry/GetPerson`.
    pub path: String,
    /// The subject's identifier.
    pub subject: String,
    /// The messages: one for a unary method.
    pub messages: Vec<Bytes>,
}

impl Sample {
    /// Everything that the four registries hold, by path and subject.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        let mut held = self.population();
        held.extend(self.civil_status());
        held.extend(self.business());
        held.extend(self.land());
        held
    }

    fn population(&self) -> Vec<Held> {
        let mut held = Shelf::of("vn.population.v1.PopulationRegistry");
        let mut people = BTreeMap::new();
        for person in &self.people {
            people.insert(person.personal_id.as_str(), person);
            held.put("GetPerson", &person.personal_id, [person]);
        }
        for household in &self.households {
            for member in household {
                let members = household
                    .iter()
                    .filter_map(|id| people.get(id.as_str()).copied());
                held.put("ListHousehold", member, members);
            }
        }
        held.held
    }

    fn civil_status(&self) -> Vec<Held> {
        let mut held = Shelf::of("vn.civil_status.v1.CivilStatusRegistry");
        for birth in &self.births {
            held.put("GetBirth", id(birth.child.as_ref()), [birth]);
        }
        for death in &self.deaths {
            held.put("GetDeath", id(death.deceased.as_ref()), [death]);
        }
        for marriage in &self.marriages {
            held.put("GetMarriage", id(marriage.husband.as_ref()), [marriage]);
            held.put("GetMarriage", id(marriage.wife.as_ref()), [marriage]);
        }
        for status in &self.marital_statuses {
            held.put("GetMaritalStatus", id(status.person.as_ref()), [status]);
        }
        held.held
    }

    fn business(&self) -> Vec<Held> {
        let mut held = Shelf::of("vn.business.v1.BusinessRegistry");
        let mut of_person: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for enterprise in &self.enterprises {
            held.put("GetEnterprise", &enterprise.enterprise_code, [enterprise]);
            for one in &enterprise.representatives {
                of_person
                    .entry(&one.personal_id)
                    .or_default()
                    .push(enterprise);
            }
        }
        for (person, mut enterprises) in of_person {
            enterprises.sort_by(|a, b| a.enterprise_code.cmp(&b.enterprise_code));
            held.put("ListEnterprisesOfRepresentative", person, enterprises);
        }
        held.held
    }

    fn land(&self) -> Vec<Held> {
        let mut held = Shelf::of("vn.land.v1.LandRegistry");
        let mut of_person: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for parcel in &self.parcels {
            held.put("GetParcel", &parcel.certificate_no, [parcel]);
            for holder in &parcel.holders {
                of_person
                    .entry(&holder.personal_id)
                    .or_default()
                    .push(parcel);
            }
        }
        for (person, mut parcels) in of_person {
            parcels.sort_by(|a, b| a.certificate_no.cmp(&b.certificate_no));
            held.put("ListParcelsOfHolder", person, parcels);
        }
        held.held
    }
}

fn id(party: Option<&Party>) -> &str {
    party
        .map(|party| party.personal_id.as_str())
        .unwrap_or_default()
}

/// Collects the answers of one service.
struct Shelf {
    service: &'static str,
    held: Vec<Held>,
}

impl Shelf {
    fn of(service: &'static str) -> Self {
        Self {
            service,
            held: Vec::new(),
        }
    }

    fn put<'a, M: Message + 'a>(
        &mut self,
        method: &str,
        subject: &str,
        messages: impl IntoIterator<Item = &'a M>,
    ) {
        self.held.push(Held {
            path: format!("/{}/{method}", self.service),
            subject: subject.to_owned(),
            messages: messages
                .into_iter()
                .map(|one| one.encode_to_vec().into())
                .collect(),
        });
    }
}
