use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use motlan_testkit::client::{CallError, Reply, Unfinished};
use motlan_testkit::contracts::population::v1::Person;
use motlan_testkit::provider::{
    CHATTER, CHATTER_HEADER, Meeting, Misbehaviour, UNKNOWN_FIELD_TEXT,
};
use prost::Message;
use tonic::Code;

use crate::stage::{GET_PERSON, LIST_HOUSEHOLD, SAMPLE, Stage, about, held};

/// Long enough to be measured, short enough to wait for.
const A_WHILE: Duration = Duration::from_millis(60);

/// What a call about the first person brings when the provider misbehaves so.
async fn ask(path: &str, how: Misbehaviour) -> Result<Reply, CallError> {
    let stage = Stage::set().await;
    let id = &SAMPLE.roles.person;
    stage.provider.misbehave(path, Some(id), how);
    let reply = stage
        .client
        .call(&about(path, id).patience(A_WHILE * 20))
        .await;
    assert_eq!(stage.provider.seen().len(), 1);
    reply
}

#[tokio::test]
async fn it_can_be_silent_before_and_after_the_headers() {
    for how in [Misbehaviour::Silent, Misbehaviour::SilentAfterHeaders] {
        assert!(matches!(
            ask(GET_PERSON, how).await,
            Err(CallError::Patience)
        ));
    }
}

#[tokio::test]
async fn it_can_be_slow_with_the_whole_and_with_each_message() {
    let start = Instant::now();
    let slow = ask(GET_PERSON, Misbehaviour::Slow(A_WHILE)).await.unwrap();
    assert!(start.elapsed() >= A_WHILE);
    assert_eq!(
        slow.messages().unwrap(),
        held(GET_PERSON, &SAMPLE.roles.person)
    );
    let start = Instant::now();
    let trickle = ask(LIST_HOUSEHOLD, Misbehaviour::Trickle(A_WHILE))
        .await
        .unwrap();
    assert!(start.elapsed() >= A_WHILE * 5);
    assert_eq!(trickle.messages().unwrap().len(), 5);
    assert_eq!(trickle.code(), Code::Ok);
}

#[tokio::test]
async fn it_can_answer_with_another_message() {
    let other = Person {
        full_name: "Ai Khác".to_owned(),
        ..Person::default()
    };
    let other = Bytes::from(other.encode_to_vec());
    let reply = ask(GET_PERSON, Misbehaviour::Instead(other.clone())).await;
    assert_eq!(reply.unwrap().messages().unwrap(), [other]);
}

#[tokio::test]
async fn it_can_misbehave_once() {
    let stage = Stage::set().await;
    let id = &SAMPLE.roles.person;
    let once = Misbehaviour::Once(Box::new(Misbehaviour::Status(Code::Unavailable)));
    stage.provider.misbehave(GET_PERSON, None, once);
    for code in [Code::Unavailable, Code::Ok, Code::Ok] {
        let reply = stage.client.call(&about(GET_PERSON, id)).await.unwrap();
        assert_eq!(reply.code(), code);
    }
}

#[tokio::test]
async fn it_can_wait_for_other_questions() {
    let stage = Stage::set().await;
    let id = &SAMPLE.roles.person;
    let meets = Misbehaviour::Meets(Meeting::of(2));
    stage.provider.misbehave(GET_PERSON, None, meets);
    let first = about(GET_PERSON, id).patience(A_WHILE);
    assert!(matches!(
        stage.client.call(&first).await,
        Err(CallError::Patience)
    ));
    // The one that hung up has come as well.
    let second = stage.client.call(&about(GET_PERSON, id)).await.unwrap();
    assert_eq!(second.messages().unwrap(), held(GET_PERSON, id));
}

#[tokio::test]
async fn it_can_send_what_is_no_protobuf() {
    let reply = ask(GET_PERSON, Misbehaviour::Garbage).await.unwrap();
    assert_eq!(reply.code(), Code::Ok);
    assert!(Person::decode(reply.messages().unwrap().remove(0)).is_err());
}

#[tokio::test]
async fn it_can_send_a_message_of_any_length() {
    let bytes = 5_000_000;
    let reply = ask(GET_PERSON, Misbehaviour::Oversized(bytes))
        .await
        .unwrap();
    let message = reply.messages().unwrap().remove(0);
    assert!(message.len() >= bytes && message.len() < bytes + 16);
    assert_eq!(Person::decode(message).unwrap().personal_id.len(), bytes);
}

#[tokio::test]
async fn it_can_answer_an_error_and_talk_too_much() {
    let reply = ask(GET_PERSON, Misbehaviour::Status(Code::PermissionDenied))
        .await
        .unwrap();
    assert_eq!(reply.code(), Code::PermissionDenied);
    assert_eq!(reply.status.message(), CHATTER);
    assert_eq!(reply.status.details(), CHATTER.as_bytes());
    assert_eq!(reply.metadata(CHATTER_HEADER), Some(CHATTER));
    assert!(reply.contains(CHATTER));
}

#[tokio::test]
async fn it_can_talk_too_much_around_a_right_answer() {
    let reply = ask(GET_PERSON, Misbehaviour::Chatty).await.unwrap();
    assert_eq!(reply.code(), Code::Ok);
    assert_eq!(
        reply.messages().unwrap(),
        held(GET_PERSON, &SAMPLE.roles.person)
    );
    assert_eq!(reply.headers[CHATTER_HEADER], CHATTER);
    assert_eq!(reply.trailers[CHATTER_HEADER], CHATTER);
}

#[tokio::test]
async fn it_can_stop_a_stream_with_an_error() {
    let reply = ask(LIST_HOUSEHOLD, Misbehaviour::Truncated(2))
        .await
        .unwrap();
    assert_eq!(reply.code(), Code::Internal);
    let held = held(LIST_HOUSEHOLD, &SAMPLE.roles.person);
    assert_eq!(reply.messages().unwrap(), held[..2]);
}

#[tokio::test]
async fn it_can_reset_a_stream_before_and_after_some_messages() {
    let before = ask(LIST_HOUSEHOLD, Misbehaviour::Reset(0)).await;
    assert!(matches!(before, Err(CallError::Unanswered(_))));
    let after = ask(LIST_HOUSEHOLD, Misbehaviour::Reset(2)).await;
    let Err(CallError::Broken { received, .. }) = after else {
        panic!("{after:?}")
    };
    let whole: usize = held(LIST_HOUSEHOLD, &SAMPLE.roles.person)[..2]
        .iter()
        .map(|m| m.len() + 5)
        .sum();
    assert_eq!(received.len(), whole);
}

#[tokio::test]
async fn it_can_compress_whatever_was_accepted() {
    let reply = ask(GET_PERSON, Misbehaviour::Compressed).await.unwrap();
    assert_eq!(reply.headers["grpc-encoding"], "gzip");
    let message = reply.framed().unwrap().remove(0);
    assert!(message.compressed);
    assert_eq!(
        gunzip(&message.bytes),
        held(GET_PERSON, &SAMPLE.roles.person)[0]
    );
}

/// By Python's gzip, so that the stand-in's is not judged by itself.
fn gunzip(member: &[u8]) -> Vec<u8> {
    let unzip =
        "import gzip,sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
    let mut gzip = Command::new("python3")
        .args(["-c", unzip])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    gzip.stdin.take().unwrap().write_all(member).unwrap();
    let mut plain = Vec::new();
    gzip.stdout.take().unwrap().read_to_end(&mut plain).unwrap();
    assert!(gzip.wait().unwrap().success());
    plain
}

#[tokio::test]
async fn it_can_add_fields_that_no_contract_names() {
    let reply = ask(GET_PERSON, Misbehaviour::UnknownFields).await.unwrap();
    assert!(reply.contains(UNKNOWN_FIELD_TEXT));
    let right = held(GET_PERSON, &SAMPLE.roles.person).remove(0);
    let message = reply.messages().unwrap().remove(0);
    assert_eq!(
        Person::decode(message).unwrap(),
        Person::decode(right).unwrap()
    );
}

#[tokio::test]
async fn it_can_declare_a_wrong_length() {
    for by in [-3, 10] {
        let reply = ask(GET_PERSON, Misbehaviour::WrongLength(by))
            .await
            .unwrap();
        assert_eq!(reply.code(), Code::Ok);
        assert_eq!(reply.messages(), Err(Unfinished));
    }
}

#[tokio::test]
async fn it_can_end_without_a_status() {
    let reply = ask(GET_PERSON, Misbehaviour::NoStatus).await.unwrap();
    assert_eq!(reply.code(), Code::Unknown);
    assert!(reply.trailers.is_empty());
    assert_eq!(reply.messages().unwrap().len(), 1);
}

#[tokio::test]
async fn it_can_answer_something_other_than_grpc() {
    let reply = ask(GET_PERSON, Misbehaviour::NotGrpc(502)).await.unwrap();
    assert_eq!(reply.http_status, 502);
    assert_eq!(reply.headers["content-type"], "text/html");
    assert!(reply.contains(CHATTER));
}

#[tokio::test]
async fn it_misbehaves_towards_whom_it_was_told_to_until_it_behaves() {
    let stage = Stage::set().await;
    let (one, other) = (&SAMPLE.roles.person, &SAMPLE.roles.spouse);
    let code = async |id: &String| {
        stage
            .client
            .call(&about(GET_PERSON, id))
            .await
            .unwrap()
            .code()
    };
    stage
        .provider
        .misbehave(GET_PERSON, Some(one), Misbehaviour::Status(Code::Aborted));
    assert_eq!(
        (code(one).await, code(other).await),
        (Code::Aborted, Code::Ok)
    );
    stage
        .provider
        .misbehave(GET_PERSON, None, Misbehaviour::Status(Code::DataLoss));
    assert_eq!(
        (code(one).await, code(other).await),
        (Code::Aborted, Code::DataLoss)
    );
    stage.provider.behave();
    assert_eq!((code(one).await, code(other).await), (Code::Ok, Code::Ok));
}
