//! What the owner's system hears of a lookup.

use motlan_audit::wire::RecordKind;
use motlan_testkit::provider::Seen;
use tonic::Code;

use crate::system::question::{DESK, DOSSIER, GET_PERSON, RESIDENCE, person};
use crate::system::running::Running;

const TRACE_PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE_ID: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
/// Stands in every metadatum that must not be forwarded.
const PRIVATE: &str = "of-the-caller-only";

/// What the design names, and what HTTP/2 and gRPC need.
const FORWARDED: [&str; 10] = [
    "content-type",
    "grpc-timeout",
    "motlan-caller",
    "motlan-dossier",
    "motlan-procedure",
    "motlan-record",
    "motlan-token",
    "te",
    "traceparent",
    "user-agent",
];

/// What a caller may send and no provider hears.
const NOT_FORWARDED: [&str; 17] = [
    "cookie",
    "x-foo",
    "x-foo-bin",
    "x-forwarded-for",
    "forwarded",
    "grpc-accept-encoding",
    "grpc-trace-bin",
    "accept-encoding",
    "user-agent",
    "tracestate",
    "baggage",
    // What the gateway alone may say.
    "motlan-caller",
    "motlan-dossier",
    "motlan-procedure",
    "motlan-record",
    "motlan-token",
    "motlan-anything",
];

#[tokio::test]
async fn the_provider_hears_what_the_design_names_and_nothing_else() {
    // R40.
    let running = Running::start().await;
    let roles = running.roles();
    let desk = running.world().system(DESK).unwrap();
    let token = desk.token(RESIDENCE).unwrap().dossier(DOSSIER);
    let token = desk.sign(&token).unwrap();
    let mut call = person(&roles.person)
        .with("traceparent", TRACE_PARENT)
        .bearing(&token);
    for name in NOT_FORWARDED {
        call = call.metadata(name, PRIVATE).unwrap();
    }
    let reply = running.desk.call(&call).await.unwrap();
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);

    let seen = running.provider("population").take_seen();
    let [seen] = seen.as_slice() else {
        panic!("{} questions", seen.len());
    };
    assert_eq!(seen.names(), FORWARDED);
    assert_eq!(seen.headers.len(), FORWARDED.len(), "a name stands twice");
    for value in seen.headers.values() {
        assert_ne!(value, PRIVATE);
    }
    assert_eq!(seen.path, GET_PERSON);
    assert_eq!(seen.subject, roles.person);
    let expected = [
        ("motlan-caller", DESK),
        ("motlan-dossier", DOSSIER),
        ("motlan-procedure", RESIDENCE),
        ("motlan-token", &token),
        ("traceparent", TRACE_PARENT),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    for (name, value) in expected {
        assert_eq!(seen.metadata(name), Some(value), "{name}");
    }
    assert!(seen.metadata("user-agent").unwrap().starts_with("motlan/"));
    let gateway = running.world().gateway_client().certificate().unwrap();
    assert_eq!(*seen.certificate, gateway);

    let past = running.stop().await;
    let (question, outcome) = past.lookup(reply.metadata("motlan-record").unwrap());
    // R31: the record that the provider is told of is that of the question.
    assert_eq!(
        seen.metadata("motlan-record"),
        Some(question.id.to_string().as_str())
    );
    assert_eq!(question.record.kind(), RecordKind::Question);
    assert_eq!(outcome.record.trace_id, TRACE_ID.to_be_bytes());
}

#[tokio::test]
async fn what_the_caller_leaves_out_is_not_made_up() {
    // R40: no dossier and no trace, where the caller names none.
    let running = Running::start().await;
    let roles = running.roles();
    let desk = running.world().system(DESK).unwrap();
    let call = person(&roles.person).bearing(&desk.signed(RESIDENCE).unwrap());
    assert_eq!(running.desk.call(&call).await.unwrap().code(), Code::Ok);
    let seen = running.provider("population").take_seen();
    let expected = FORWARDED.into_iter();
    let expected = expected.filter(|name| !["motlan-dossier", "traceparent"].contains(name));
    assert_eq!(seen[0].names(), expected.collect::<Vec<_>>());
    running.stop().await;
}

/// What is left of the deadline, as the provider is told.
fn left_ms(seen: &Seen) -> u64 {
    let told = seen.metadata("grpc-timeout").unwrap();
    let digits = told.strip_suffix('m').expect("milliseconds");
    digits.parse().unwrap()
}

#[tokio::test]
async fn the_provider_is_told_how_long_the_caller_waits() {
    // R43: the caller's own deadline, or the gateway's limit where that is shorter.
    let running = Running::start().await;
    let roles = running.roles();
    for (deadline, at_most_ms) in [(None, 10_000), (Some("4S"), 4_000), (Some("1H"), 10_000)] {
        let mut question = person(&roles.person);
        if let Some(deadline) = deadline {
            question = question.with("grpc-timeout", deadline);
        }
        assert_eq!(running.ask(&question).await.code(), Code::Ok);
        let seen = running.provider("population").take_seen();
        let left = left_ms(&seen[0]);
        assert!((1..=at_most_ms).contains(&left), "{deadline:?}: {left}");
        // A machine so slow that half of it is gone would have failed elsewhere.
        assert!(left > at_most_ms / 2, "{deadline:?}: {left}");
    }
    running.stop().await;
}
