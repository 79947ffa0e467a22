//! A household of a hundred, as a boarding school is one: what a stream is asked for.

use anyhow::{Result, ensure};
use bytes::Bytes;
use motlan_testkit::Sample;
use motlan_testkit::contracts::population::v1::{Person, Relation};
use prost::Message as _;

use crate::owner::SEED;

/// What lists it.
pub(crate) const LIST_HOUSEHOLD: &str = "/vn.population.v1.PopulationRegistry/ListHousehold";
/// So many live in it.
pub(crate) const MEMBERS: usize = 100;
/// A sample of so many families has enough people.
const FAMILIES: usize = 40;
/// The household's number, of the form of those in the sample.
const CODE: &str = "HO-000000100";

/// Its members, encoded, the person of the sample first.
///
/// # Errors
/// Where the sample cannot be made or is too small.
pub(crate) fn members() -> Result<Vec<Bytes>> {
    let sample = Sample::of(SEED, FAMILIES)?;
    let first = sample.roles.person.clone();
    let mut people = sample.people;
    people.sort_by_key(|person| person.personal_id != first);
    let members: Vec<Bytes> = people.into_iter().take(MEMBERS).map(lodged).collect();
    ensure!(members.len() == MEMBERS, "the sample has too few people");
    Ok(members)
}

fn lodged(mut person: Person) -> Bytes {
    CODE.clone_into(&mut person.household_code);
    person.set_relation_to_head(Relation::Other);
    person.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_household_has_a_hundred_different_members_the_person_first() {
        let first = Sample::from_seed(SEED).unwrap().roles.person;
        let members = members().unwrap();
        let decode = |one: Bytes| Person::decode(one).unwrap().personal_id;
        let ids: Vec<String> = members.into_iter().map(decode).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), MEMBERS);
        assert_eq!(ids.first(), Some(&first));
    }
}
