//! Calls that are no question, questions that are not what the contract says, and questions about
//! nobody.

use bytes::{BufMut as _, Bytes, BytesMut};
use motlan_audit::wire::Result as Ended;
use motlan_testkit::client::Call;
use tonic::Code;

use crate::system::question::{DESK, GET_PERSON, Question, household, person};
use crate::system::refused::{refused_on_record, turned_away};
use crate::system::running::{Laid, Running};

#[tokio::test]
async fn nobody_of_this_number_is_an_answer_on_record() {
    let running = Running::start().await;
    let unknown = running.roles().unknown_person;
    let mut records = Vec::new();
    for question in [person(&unknown), household(&unknown)] {
        let reply = running.ask(&question).await;
        let record = refused_on_record(&reply, Code::NotFound, "SUBJECT_NOT_FOUND");
        // R41: not even the owner's words for it.
        assert!(!reply.contains("nothing is held under this identifier"));
        records.push(record);
    }
    assert_eq!(running.heard(), 2);
    let past = running.stop().await;
    assert_eq!(past.entries.len(), 4);
    for record in records {
        let outcome = past.assert_failed(&record, Ended::NotFound, "SUBJECT_NOT_FOUND");
        assert_eq!(outcome.record.provider_status, Some(5));
        assert_eq!(outcome.sealed.subject, unknown);
    }
}

#[tokio::test]
async fn a_request_that_breaks_its_contract_is_recorded_and_no_provider_hears_of_it() {
    // R12, R21.
    let running = Running::start().await;
    let with_message = |message: &[u8]| Question {
        message: message.to_vec(),
        ..person("")
    };
    let cases = [
        ("no protobuf", with_message(&[0xff; 8]), "GetPersonRequest"),
        (
            "cut off",
            with_message(&[0x0a, 12, b'0']),
            "GetPersonRequest",
        ),
        (
            "not UTF-8",
            with_message(&[0x0a, 1, 0xff]),
            "GetPersonRequest",
        ),
        ("empty", with_message(&[]), "`personal_id`"),
        ("blank", person("  "), "`personal_id`"),
        ("too long", person(&"0".repeat(300)), "`personal_id`"),
    ];
    let mut records = Vec::new();
    for (name, question, names) in &cases {
        let reply = running.ask(question).await;
        records.push(refused_on_record(
            &reply,
            Code::InvalidArgument,
            "REQUEST_MALFORMED",
        ));
        let sentence = reply.status.message();
        assert!(sentence.contains(names), "{name}: {sentence}");
    }
    assert_eq!(running.heard(), 0);
    let past = running.stop().await;
    assert_eq!(past.entries.len(), cases.len());
    for record in records {
        let entry = past.assert_refused(&record, "REQUEST_MALFORMED");
        assert_eq!(entry.sealed.subject, "");
    }
}

/// One message in its frame.
fn framed(message: &[u8], flag: u8) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(flag);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(message);
    frame.freeze()
}

/// A call that is right but for its body.
fn with_body(running: &Running, body: Bytes) -> Call {
    let system = running.world().system(DESK).unwrap();
    let token = system.signed(person("").procedure).unwrap();
    Call::raw(GET_PERSON, body).unwrap().bearer(&token).unwrap()
}

/// Sends each call; it must be turned away with this code, uncounted by ledger and providers, and
/// counted by the metrics.
async fn assert_turned_away(running: &Running, reason: &str, calls: Vec<(&str, Call, Code)>) {
    for (name, call, code) in calls {
        let before = running.admin.turned_away(reason).await;
        let reply = running.desk.call(&call).await;
        let reply = reply.unwrap_or_else(|error| panic!("{name}: {error}"));
        turned_away(&reply, code, reason);
        assert_eq!(
            running.admin.turned_away(reason).await,
            before + 1,
            "{name}"
        );
    }
    assert_eq!(running.heard(), 0);
    assert_eq!(running.admin.records().await, 0);
}

#[tokio::test]
async fn a_call_that_is_not_one_plain_message_is_turned_away() {
    // R4: a message has a limit in number and size.
    let laid = Laid::out().await;
    let running = laid
        .configured("[limits]\nrequest_bytes_max = 1024")
        .start()
        .await;
    let roles = running.roles();
    let one = framed(&person(&roles.person).message, 0);
    let two = Bytes::from([one.as_ref(), one.as_ref()].concat());
    let flagged = framed(&person(&roles.person).message, 1);
    let cut_off = one.slice(..one.len() - 1);
    let oversize = framed(&[0; 1025], 0);
    let far_oversize = framed(&[0; 200_000], 0);
    let declared_oversize = Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff, 0]);
    let right = || with_body(&running, one.clone());
    let gzip = right().metadata("grpc-encoding", "gzip").unwrap();
    let json = right().metadata("content-type", "application/json");
    let invalid = Code::InvalidArgument;
    let calls = vec![
        ("two messages", with_body(&running, two), invalid),
        ("no message", with_body(&running, Bytes::new()), invalid),
        ("cut off", with_body(&running, cut_off), invalid),
        (
            "flagged as compressed",
            with_body(&running, flagged),
            invalid,
        ),
        ("compressed", gzip, Code::Unimplemented),
        ("oversize", with_body(&running, oversize), invalid),
        ("far oversize", with_body(&running, far_oversize), invalid),
        (
            "declared oversize",
            with_body(&running, declared_oversize),
            invalid,
        ),
        ("no gRPC", json.unwrap(), invalid),
    ];
    assert_turned_away(&running, "MESSAGE_MALFORMED", calls).await;
    // The connection is as good as before.
    assert_eq!(running.desk.call(&right()).await.unwrap().code(), Code::Ok);
    running.stop().await;
}

#[tokio::test]
async fn a_method_that_the_catalogue_lacks_is_unimplemented() {
    let running = Running::start().await;
    let roles = running.roles();
    let calls = [
        "/vn.population.v1.PopulationRegistry/DeletePerson",
        "/vn.nothing.v1.Nothing/GetPerson",
        "/vn.population.v1.PopulationRegistry/GetPerson/",
        "/",
    ]
    .map(|path| {
        let question = Question {
            path,
            ..person(&roles.person)
        };
        let call = question.by(running.world().system(DESK).unwrap());
        (path, call, Code::Unimplemented)
    });
    assert_turned_away(&running, "METHOD_UNKNOWN", calls.into()).await;
    running.stop().await;
}

#[tokio::test]
async fn metadata_that_cannot_be_read_is_turned_away() {
    let running = Running::start().await;
    let roles = running.roles();
    let with = |name, value: &str| person(&roles.person).with(name, value);
    let calls = [
        ("no fields", with("motlan-fields", "")),
        ("a wild card", with("motlan-fields", "*")),
        (
            "two grants",
            with("motlan-grant", "a/b").with("motlan-grant", "a/c"),
        ),
        ("half a receipt", with("motlan-receipt", "half")),
        ("no deadline", with("grpc-timeout", "soon")),
    ]
    .map(|(name, question)| {
        let call = question.by(running.world().system(DESK).unwrap());
        (name, call, Code::InvalidArgument)
    });
    assert_turned_away(&running, "METADATA_MALFORMED", calls.into()).await;
    running.stop().await;
}
