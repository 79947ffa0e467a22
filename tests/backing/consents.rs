//! A person's consent.

use motlan_testkit::Token;
use motlan_testkit::client::Reply;
use motlan_testkit::contracts::population::v1::Person;
use prost::Message as _;
use serde_json::json;
use tonic::Code;

use super::desk::{MINISTRY, NATIONAL_ID, ask, consent, now_s, question, signed, start};
use crate::system::refused::{refused_on_record, turned_away};
use crate::system::running::Running;

const TERMS: &str = "consent = \"required\"";
const SHOWN: &str = "consent = true\n";

async fn show(running: &Running, token: &Token) -> Reply {
    let text = signed(running, NATIONAL_ID, token);
    ask(running, &[("motlan-consent", text)]).await
}

/// R29.
#[tokio::test]
async fn with_the_persons_consent_it_is_answered_and_without_it_nobody_is_asked() {
    let running = start(TERMS, SHOWN).await;
    let without = ask(&running, &[]).await;
    let refused = refused_on_record(&without, Code::PermissionDenied, "CONSENT_REQUIRED");
    assert_eq!(running.heard(), 0);
    let reply = show(&running, &consent(&running).id("consent-17")).await;
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let record = reply.metadata("motlan-record").unwrap().to_owned();
    let past = running.stop().await;
    let entry = past.assert_refused(&refused, "CONSENT_REQUIRED");
    assert!(!entry.record.consent && entry.sealed.consent.is_empty());
    let (question, outcome) = past.lookup(&record);
    for entry in [question, outcome] {
        assert!(entry.record.consent);
        let sealed = (
            entry.sealed.consent.as_str(),
            entry.sealed.consent_issuer.as_str(),
        );
        assert_eq!(sealed, ("consent-17", NATIONAL_ID));
    }
}

/// R29: each claim by itself; the refusal names it, and never what it holds.
#[tokio::test]
async fn a_consent_that_does_not_fit_the_question_counts_for_nothing() {
    let running = start(TERMS, SHOWN).await;
    let right = || consent(&running);
    let (now_s, stranger) = (now_s(), "001099000000");
    let cases = [
        ("sub", right().official(stranger)),
        ("recipient", right().claim("recipient", "H26")),
        ("dataset", right().claim("dataset", "land")),
        (
            "procedures",
            right().claim("procedures", json!(["1.014177"])),
        ),
        ("exp", right().issued_s(now_s - 60).expires_s(now_s - 1)),
        ("nbf", right().not_before_s(now_s + 60)),
        ("iat", right().issued_s(now_s + 60)),
    ];
    for (claim, token) in cases {
        let reply = show(&running, &token).await;
        refused_on_record(&reply, Code::PermissionDenied, "CONSENT_REQUIRED");
        let message = reply.status.message();
        assert!(
            message.contains("the consent shown does not fit"),
            "{claim}: {message}"
        );
        assert!(message.contains(claim), "{claim}: {message}");
        assert!(!message.contains(stranger), "{message}");
    }
    assert_eq!(running.heard(), 0);
    running.stop().await;
}

/// R29: a subject is whom the ledger takes for the same.
#[tokio::test]
async fn spaces_around_the_subject_of_a_consent_do_not_count() {
    let running = start(TERMS, SHOWN).await;
    let padded = format!(" {} ", running.roles().person);
    let reply = show(&running, &consent(&running).official(&padded)).await;
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
}

/// R29: released is what the view, the caller and the person agree on.
#[tokio::test]
async fn a_narrow_consent_narrows_the_answer_and_refuses_what_is_asked_beyond() {
    let running = start(TERMS, SHOWN).await;
    let narrow = consent(&running).claim("fields", json!(["full_name", "religion"]));
    let reply = show(&running, &narrow).await;
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let person = Person::decode(reply.messages().unwrap()[0].as_ref()).unwrap();
    assert!(!person.full_name.is_empty());
    let name = person.full_name.clone();
    assert_eq!(
        person,
        Person {
            full_name: name,
            ..Person::default()
        }
    );
    let text = signed(&running, NATIONAL_ID, &narrow);
    let beyond = question(&running).with("motlan-fields", "full_name,sex");
    let reply = running
        .ask_as(MINISTRY, &beyond.with("motlan-consent", &text))
        .await;
    refused_on_record(&reply, Code::PermissionDenied, "FIELD_NOT_CONSENTED");
    assert!(reply.status.message().contains("`sex`"));
    let none = consent(&running).claim("fields", json!(["religion"]));
    let reply = show(&running, &none).await;
    refused_on_record(&reply, Code::PermissionDenied, "FIELD_NOT_CONSENTED");
    running.stop().await;
}

/// R29: turned away at the door, and so no line of the ledger.
#[tokio::test]
async fn a_consent_that_was_not_signed_as_it_must_be_is_turned_away() {
    let running = start(TERMS, SHOWN).await;
    let right = || consent(&running);
    let world = running.world();
    let by = |system: &str, token: &Token| world.system(system).unwrap().sign(token).unwrap();
    let id = |token: &Token| by(NATIONAL_ID, token);
    let whole = id(&right());
    let long = 6 * 366 * 86_400;
    let cases = [
        ("CONSENT_MALFORMED", "x".to_owned()),
        ("CONSENT_MALFORMED", "x".repeat(5000)),
        ("CONSENT_MALFORMED", id(&right().header("typ", "JWT"))),
        ("CONSENT_MALFORMED", id(&right().header("typ", json!(null)))),
        (
            "CONSENT_MALFORMED",
            id(&right().header("typ", "motlan-approval+jwt")),
        ),
        (
            "CONSENT_MALFORMED",
            id(&right().header("crit", json!(["exp"]))),
        ),
        ("CONSENT_MALFORMED", id(&right().claim("until_noon", true))),
        ("CONSENT_MALFORMED", id(&right().without("dataset"))),
        ("CONSENT_MALFORMED", id(&right().without("jti"))),
        ("CONSENT_MALFORMED", id(&right().claim("fields", json!([])))),
        (
            "CONSENT_MALFORMED",
            id(&right().claim("procedures", json!([]))),
        ),
        ("CONSENT_MALFORMED", id(&right().expires_s(now_s() + long))),
        ("CONSENT_MALFORMED", right().unsigned("2026-1")),
        (
            "CONSENT_ISSUER",
            by(MINISTRY, &right().claim("iss", MINISTRY)),
        ),
        ("CONSENT_ISSUER", id(&right().claim("iss", "H99/nobody"))),
        ("CONSENT_ISSUER", id(&right().without("iss"))),
        ("CONSENT_SIGNATURE", by(MINISTRY, &right())),
        ("CONSENT_SIGNATURE", id(&right().header("kid", "2026-9"))),
        (
            "CONSENT_SIGNATURE",
            whole[..whole.rfind('.').unwrap()].to_owned() + ".AAAA",
        ),
        (
            "CONSENT_AUDIENCE",
            id(&right().audience("https://other.example")),
        ),
    ];
    for (reason, text) in cases {
        let reply = ask(&running, &[("motlan-consent", text)]).await;
        turned_away(&reply, Code::Unauthenticated, reason);
    }
    let twice = [
        ("motlan-consent", whole.clone()),
        ("motlan-consent", whole.clone()),
    ];
    turned_away(
        &ask(&running, &twice).await,
        Code::InvalidArgument,
        "METADATA_MALFORMED",
    );
    // Nor is a consent taken for a token.
    let call = question(&running).bearing(&whole);
    let reply = running.client(NATIONAL_ID).await.call(&call).await.unwrap();
    turned_away(&reply, Code::Unauthenticated, "TOKEN_MALFORMED");
    assert_eq!(running.heard(), 0);
    let past = running.stop().await;
    assert!(past.entries.is_empty());
}
