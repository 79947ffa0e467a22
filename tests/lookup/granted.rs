//! What a lookup that is granted brings, and what the ledger then holds.

use std::collections::BTreeSet;

use bytes::Bytes;
use motlan_audit::wire::{Result as Ended, frames_sha256};
use motlan_testkit::client::Reply;
use motlan_testkit::contracts;
use motlan_testkit::contracts::population::v1::{Person, Relative};
use motlan_testkit::provider::{Misbehaviour, UNKNOWN_FIELD_TEXT};
use motlan_testkit::sample::SECRET_NOTE;
use motlan_testkit::world::OFFICIAL;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use tonic::Code;

use crate::system::question::{
    DESK, DOSSIER, GET_PERSON, LIST_HOUSEHOLD, RESIDENCE, household, person,
};
use crate::system::running::Running;

/// What the view `residence` gives, sorted.
const RESIDENCE_VIEW: [&str; 6] = [
    "current_address",
    "date_of_birth",
    "full_name",
    "permanent_residence",
    "personal_id",
    "sex",
];

/// What the owner's system holds of `personal_id`.
fn held(running: &Running, personal_id: &str) -> Person {
    let people = &running.world().sample().people;
    let found = people.iter().find(|one| one.personal_id == personal_id);
    found.unwrap().clone()
}

/// A person as the view `residence` shows them.
fn in_residence_view(person: Person) -> Person {
    Person {
        personal_id: person.personal_id,
        full_name: person.full_name,
        date_of_birth: person.date_of_birth,
        sex: person.sex,
        permanent_residence: person.permanent_residence,
        current_address: person.current_address,
        ..Person::default()
    }
}

/// A person as the view `household` shows them.
fn in_household_view(person: Person) -> Person {
    let relatives = person.relatives.iter().map(|relative| Relative {
        date_of_birth: None,
        ..relative.clone()
    });
    Person {
        household_code: person.household_code.clone(),
        relation_to_head: person.relation_to_head,
        relatives: relatives.collect(),
        ..in_residence_view(person)
    }
}

/// The one message of an answer.
fn message(reply: &Reply) -> Bytes {
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let messages = reply.messages().unwrap();
    let [message] = messages.as_slice() else {
        panic!("{} messages", messages.len());
    };
    message.clone()
}

/// The fields of a `Person` that are set, by the contract's descriptors; none may be unknown.
fn fields_set(message: &Bytes) -> BTreeSet<String> {
    let pool = contracts::pool().unwrap();
    let person = pool.get_message_by_name("vn.population.v1.Person").unwrap();
    let decoded = DynamicMessage::decode(person, message.clone()).unwrap();
    assert_eq!(decoded.unknown_fields().count(), 0);
    let fields = decoded.fields();
    fields
        .map(|(field, _value)| field.name().to_owned())
        .collect()
}

fn record_of(reply: &Reply) -> String {
    reply.metadata("motlan-record").unwrap().to_owned()
}

#[tokio::test]
async fn a_granted_lookup_brings_exactly_the_fields_of_the_view() {
    // R30, R52: the working note is unmarked, so it is secret; the contract has no view of it.
    let running = Running::start().await;
    let roles = running.roles();
    let reply = running.ask(&person(&roles.person)).await;

    let message = message(&reply);
    assert_eq!(
        fields_set(&message),
        RESIDENCE_VIEW.map(str::to_owned).into()
    );
    let held = held(&running, &roles.person);
    assert_eq!(message, in_residence_view(held.clone()).encode_to_vec());
    assert_eq!(held.working_note, SECRET_NOTE);
    for private in [SECRET_NOTE, &held.religion, &held.household_code] {
        assert!(!reply.contains(private), "{private}");
    }
    let withheld: Vec<&str> = reply
        .metadata("motlan-withheld")
        .unwrap()
        .split(',')
        .collect();
    for name in ["religion", "relatives", "working_note"] {
        assert!(withheld.contains(&name), "{withheld:?}");
    }
    let as_of = reply.metadata("motlan-as-of").unwrap();
    assert!(as_of.len() == 20 && as_of.ends_with('Z'), "{as_of}");
    assert_eq!(reply.metadata("motlan-receipt-bin"), None);

    let past = running.stop().await;
    assert_eq!(past.entries.len(), 2);
    let (question, outcome) = past.lookup(&record_of(&reply));
    for entry in [question, outcome] {
        assert_eq!(entry.record.caller, DESK);
        assert_eq!(entry.record.dataset, "population");
        assert_eq!(entry.record.method, GET_PERSON);
        assert_eq!(entry.record.procedure, RESIDENCE);
        assert_eq!(entry.record.grant, "g01-h26-population-2026/residence");
        assert_eq!(entry.record.view, "residence");
        assert!(entry.record.fields_asked.is_empty());
        assert_eq!(entry.sealed.subject, roles.person);
        assert_eq!(entry.sealed.dossier, DOSSIER);
        assert_eq!(entry.sealed.official, OFFICIAL);
        assert!(!entry.sealed.token_id.is_empty());
    }
    let record = &outcome.record;
    assert_eq!(
        (record.result(), record.reason.as_str()),
        (Ended::Released, "")
    );
    assert_eq!(record.fields_released, RESIDENCE_VIEW);
    assert_eq!(record.fields_withheld, withheld);
    assert_eq!(record.provider_status, Some(0));
    assert_eq!(record.answers, 1);
    assert_eq!(record.answer_bytes, message.len() as u64);
    assert_eq!(outcome.sealed.answer_sha256, frames_sha256(&[message]));
}

#[tokio::test]
async fn a_field_that_no_contract_names_does_not_leave() {
    // R30.
    let running = Running::start().await;
    let roles = running.roles();
    let population = running.provider("population");
    population.misbehave(GET_PERSON, None, Misbehaviour::UnknownFields);
    let reply = running.ask(&person(&roles.person)).await;

    let message = message(&reply);
    fields_set(&message);
    let held = held(&running, &roles.person);
    assert_eq!(message, in_residence_view(held).encode_to_vec());
    assert!(!reply.contains(UNKNOWN_FIELD_TEXT));
    let withheld = reply.metadata("motlan-withheld").unwrap();
    assert!(withheld.split(',').any(|name| name == "?"), "{withheld}");
    running.stop().await;
}

#[tokio::test]
async fn a_caller_that_asks_for_less_gets_less() {
    let running = Running::start().await;
    let roles = running.roles();
    let asked = "sex,permanent_residence.province_code";
    let question = person(&roles.person).with("motlan-fields", asked);
    let reply = running.ask(&question).await;

    let held = held(&running, &roles.person);
    let mut expected = Person {
        sex: held.sex,
        permanent_residence: Some(Default::default()),
        ..Person::default()
    };
    let residence = expected.permanent_residence.as_mut().unwrap();
    residence.province_code = held.permanent_residence.unwrap().province_code;
    assert_eq!(message(&reply), expected.encode_to_vec());

    let past = running.stop().await;
    let (_, outcome) = past.lookup(&record_of(&reply));
    let mut asked: Vec<&str> = asked.split(',').collect();
    assert_eq!(outcome.record.fields_asked, asked);
    asked.sort_unstable();
    assert_eq!(outcome.record.fields_released, asked);
    let withheld = &outcome.record.fields_withheld;
    assert!(withheld.contains(&"full_name".to_owned()), "{withheld:?}");
}

#[tokio::test]
async fn a_list_comes_whole_and_in_order() {
    let running = Running::start().await;
    let roles = running.roles();
    let reply = running.ask(&household(&roles.person)).await;

    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let members = &running.world().sample().households[0];
    assert!(members.len() > 2);
    let expected: Vec<Vec<u8>> = members
        .iter()
        .map(|member| in_household_view(held(&running, member)).encode_to_vec())
        .collect();
    let messages = reply.messages().unwrap();
    assert_eq!(messages, expected);
    assert!(!reply.contains(SECRET_NOTE));

    let past = running.stop().await;
    let (_, outcome) = past.lookup(&record_of(&reply));
    let record = &outcome.record;
    assert_eq!(record.method, LIST_HOUSEHOLD);
    assert_eq!(record.view, "household");
    assert_eq!(record.answers as usize, expected.len());
    let released = [
        "relatives.full_name",
        "relatives.personal_id",
        "relatives.relation",
    ];
    for path in released {
        assert!(
            record.fields_released.contains(&path.to_owned()),
            "{record:?}"
        );
    }
    let kept = &record.fields_withheld;
    assert!(
        kept.contains(&"relatives.date_of_birth".to_owned()),
        "{kept:?}"
    );
    assert_eq!(outcome.sealed.answer_sha256, frames_sha256(&messages));
}

#[tokio::test]
async fn every_lookup_has_records_of_its_own() {
    // R12, R31, R32: two records for each that was announced, in the order of the way.
    let running = Running::start().await;
    let roles = running.roles();
    let subjects = [roles.person, roles.spouse, roles.child];
    let mut records = Vec::new();
    for subject in &subjects {
        records.push(record_of(&running.ask(&person(subject)).await));
    }
    let past = running.stop().await;
    assert_eq!(past.entries.len(), 6);
    for (record, subject) in records.iter().zip(&subjects) {
        let (question, outcome) = past.lookup(record);
        assert_eq!(question.sealed.subject, *subject);
        assert_eq!(outcome.sealed.subject, *subject);
        assert_eq!(outcome.id.index(), question.id.index() + 1);
    }
}
