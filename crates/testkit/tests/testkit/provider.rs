use bytes::Bytes;
use motlan_testkit::Client;
use motlan_testkit::client::Call;
use motlan_testkit::contracts::population::v1::Person;
use prost::Message;
use tonic::Code;

use crate::stage::{GET_PERSON, LIST_HOUSEHOLD, SAMPLE, Stage, about, held};

#[tokio::test]
async fn a_provider_answers_over_mutual_tls_with_what_it_holds() {
    let stage = Stage::set().await;
    let id = &SAMPLE.roles.person;
    let reply = stage.client.call(&about(GET_PERSON, id)).await.unwrap();
    assert_eq!(reply.code(), Code::Ok);
    assert_eq!(reply.messages().unwrap(), held(GET_PERSON, id));
    let person = Person::decode(reply.messages().unwrap().remove(0)).unwrap();
    assert_eq!(&person.personal_id, id);
}

#[tokio::test]
async fn a_stream_brings_the_whole_household_in_order() {
    let stage = Stage::set().await;
    let id = &SAMPLE.roles.child;
    let reply = stage.client.call(&about(LIST_HOUSEHOLD, id)).await.unwrap();
    assert_eq!(reply.code(), Code::Ok);
    assert_eq!(reply.messages().unwrap(), held(LIST_HOUSEHOLD, id));
    assert_eq!(reply.messages().unwrap().len(), 5);
}

#[tokio::test]
async fn who_is_not_held_is_not_found() {
    let stage = Stage::set().await;
    let unknown = &SAMPLE.roles.unknown_person;
    for path in [GET_PERSON, LIST_HOUSEHOLD] {
        let reply = stage.client.call(&about(path, unknown)).await.unwrap();
        assert_eq!(reply.code(), Code::NotFound);
        assert!(reply.body.is_empty());
        assert!(!reply.contains(unknown));
    }
}

#[tokio::test]
async fn a_provider_writes_down_all_that_it_was_sent() {
    let stage = Stage::set().await;
    let id = &SAMPLE.roles.person;
    let call = about(GET_PERSON, id)
        .metadata("motlan-record", "demo-2026q1-7")
        .and_then(|call| call.metadata("grpc-timeout", "900m"))
        .and_then(|call| call.metadata("x-anything", "else"))
        .unwrap();
    stage.client.call(&call).await.unwrap();
    let seen = stage.provider.take_seen();
    let [seen] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    assert_eq!((seen.path.as_str(), &seen.subject), (GET_PERSON, id));
    assert_eq!(seen.metadata("motlan-record"), Some("demo-2026q1-7"));
    assert_eq!(seen.metadata("grpc-timeout"), Some("900m"));
    assert_eq!(seen.metadata("motlan-caller"), None);
    let names = [
        "content-length",
        "content-type",
        "grpc-timeout",
        "motlan-record",
        "te",
        "x-anything",
    ];
    assert_eq!(seen.names(), names);
    assert!(!seen.certificate.is_empty());
    assert!(stage.provider.seen().is_empty());
}

#[tokio::test]
async fn with_recording_off_only_the_counter_moves() {
    let stage = Stage::set().await;
    stage.provider.record(false);
    stage
        .client
        .call(&about(GET_PERSON, &SAMPLE.roles.person))
        .await
        .unwrap();
    assert_eq!(stage.provider.calls(), 1);
    assert!(stage.provider.seen().is_empty());
}

#[tokio::test]
async fn what_is_no_single_plain_request_is_refused_and_still_written_down() {
    let stage = Stage::set().await;
    let whole = motlan_testkit::client::Call::new(GET_PERSON, b"").unwrap();
    let cut = Call::raw(GET_PERSON, Bytes::from_static(&[0, 0, 0, 0, 9, 1])).unwrap();
    let none = Call::raw(GET_PERSON, Bytes::new()).unwrap();
    let packed = Call::raw(GET_PERSON, Bytes::from_static(&[1, 0, 0, 0, 1, 1])).unwrap();
    let nowhere = Call::new("/vn.population.v1.PopulationRegistry/Nothing", b"").unwrap();
    for (call, code) in [
        (whole, Code::NotFound),
        (cut, Code::Internal),
        (none, Code::Internal),
        (packed, Code::Unimplemented),
        (nowhere, Code::Unimplemented),
    ] {
        assert_eq!(stage.client.call(&call).await.unwrap().code(), code);
    }
    assert_eq!(stage.provider.seen().len(), 5);
    assert!(
        stage
            .provider
            .seen()
            .iter()
            .all(|seen| seen.subject.is_empty())
    );
}

#[tokio::test]
async fn the_last_occurrence_of_the_subject_counts() {
    let stage = Stage::set().await;
    let id = &SAMPLE.roles.person;
    let request = |id: &str| {
        let mut bytes = vec![0x0a, u8::try_from(id.len()).unwrap()];
        bytes.extend(id.as_bytes());
        bytes
    };
    // Unknown fields of every kind stand between the two.
    let between = [
        0x10, 0x96, 0x01, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4, 0x2a, 1, 0x41,
    ];
    let bytes = [request("000000000000").as_slice(), &between, &request(id)].concat();
    let reply = stage
        .client
        .call(&Call::new(GET_PERSON, &bytes).unwrap())
        .await
        .unwrap();
    assert_eq!(reply.messages().unwrap(), held(GET_PERSON, id));
}

#[tokio::test]
async fn one_connection_serves_many_calls_at_a_time() {
    let stage = Stage::set().await;
    let calls = (0..200).map(|number| {
        let client = stage.client.clone();
        let person = &SAMPLE.people[number % SAMPLE.people.len()];
        tokio::spawn(async move { client.call(&about(GET_PERSON, &person.personal_id)).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap().code(), Code::Ok);
    }
    assert_eq!(stage.provider.calls(), 200);
}

#[tokio::test]
async fn a_stopped_provider_breaks_its_connections_and_comes_back_at_the_same_port() {
    let mut stage = Stage::set().await;
    let address = stage.provider.address();
    let call = about(GET_PERSON, &SAMPLE.roles.person);
    stage.client.call(&call).await.unwrap();
    stage.provider.stop().await.unwrap();
    stage.provider.stop().await.unwrap();
    assert!(stage.client.call(&call).await.is_err());
    let identity = stage
        .authority
        .issue(&motlan_testkit::pki::Leaf::system(
            "vn.example",
            "H26/one-stop",
        ))
        .unwrap();
    let tls = stage.authority.client_config(Some(&identity)).unwrap();
    assert!(
        Client::connect(&address.to_string(), tls.clone())
            .await
            .is_err()
    );
    stage.provider.start_again().await.unwrap();
    assert_eq!(stage.provider.address(), address);
    let client = Client::connect(&address.to_string(), tls).await.unwrap();
    assert_eq!(client.call(&call).await.unwrap().code(), Code::Ok);
    assert_eq!(stage.provider.calls(), 2);
}
