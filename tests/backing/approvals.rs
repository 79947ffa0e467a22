//! Officials who approve of another's question.

use motlan_testkit::Token;
use motlan_testkit::client::Reply;
use motlan_testkit::world::OFFICIAL;
use serde_json::json;
use tonic::Code;

use super::desk::{APPROVING, MINISTRY, approval, ask, now_s, question, request, signed, start};
use crate::system::question::{DESK, LIST_HOUSEHOLD};
use crate::system::refused::{refused_on_record, turned_away};
use crate::system::running::Running;

const TERMS: &str = "approvals = 2";
const SHOWN: &str = "approvals = 2\n";

async fn show(running: &Running, tokens: &[Token]) -> Reply {
    let sign = |token| ("motlan-approval", signed(running, APPROVING, token));
    let shown: Vec<_> = tokens.iter().map(sign).collect();
    ask(running, &shown).await
}

/// R29.
#[tokio::test]
async fn two_others_who_approve_are_enough_and_one_is_not() {
    let running = start(TERMS, SHOWN).await;
    let (one, two) = (approval(&running, "chief-1"), approval(&running, "chief-2"));
    let alone = show(&running, std::slice::from_ref(&one)).await;
    let refused = refused_on_record(&alone, Code::PermissionDenied, "APPROVALS_REQUIRED");
    assert_eq!(running.heard(), 0);
    let reply = show(&running, &[one.clone(), two.clone()]).await;
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let record = reply.metadata("motlan-record").unwrap().to_owned();
    // As whoever passes metadata on may join it; and again, as an approval holds until it expires.
    let both = [&one, &two].map(|token| signed(&running, APPROVING, token));
    let reply = ask(&running, &[("motlan-approval", both.join(","))]).await;
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let past = running.stop().await;
    let refused = past.assert_refused(&refused, "APPROVALS_REQUIRED");
    assert_eq!(
        (refused.record.approvals, refused.sealed.approvers.len()),
        (1, 1)
    );
    let (question, outcome) = past.lookup(&record);
    for entry in [question, outcome] {
        assert_eq!(entry.record.approvals, 2);
        assert_eq!(entry.sealed.approvers, ["chief-1", "chief-2"]);
    }
}

/// R29: distinct people, none of them the one who asks.
#[tokio::test]
async fn who_asks_does_not_approve_and_who_approves_twice_counts_once() {
    let running = start(TERMS, SHOWN).await;
    for (approvers, why) in [
        (["chief-1", OFFICIAL], "by the official who asks"),
        (["chief-1", "OFFICIAL-0001 "], "by the official who asks"),
        (
            ["chief-1", "chief-1"],
            "by an official who approved already",
        ),
        (
            ["chief-1", "Chief-1"],
            "by an official who approved already",
        ),
        (
            ["chief-1", "chief-\u{ff11}"],
            "by an official who approved already",
        ),
        // With signs that nobody sees.
        (
            ["chief-1", "chief-1\u{200b}"],
            "by an official who approved already",
        ),
        (
            ["chief-1", "chief-1\u{3164}"],
            "by an official who approved already",
        ),
        (
            ["chief-1", "official\u{ad}-0001"],
            "by the official who asks",
        ),
        (
            ["chief-1", "chief  -1"],
            "by an official who approved already",
        ),
    ] {
        let tokens = approvers.map(|official| approval(&running, official));
        let reply = show(&running, &tokens).await;
        refused_on_record(&reply, Code::PermissionDenied, "APPROVALS_REQUIRED");
        let message = reply.status.message();
        assert!(
            message.contains("approval 2 is ") && message.contains(why),
            "{message}"
        );
    }
    assert_eq!(running.heard(), 0);
    running.stop().await;
}

/// R29: an approval is for one question and no other.
#[tokio::test]
async fn an_approval_of_another_question_counts_for_nothing() {
    let running = start(TERMS, SHOWN).await;
    let of = |name: &str, value: Option<&str>| {
        let mut request = request(&running);
        let request = request.as_object_mut().unwrap();
        match value {
            Some(value) => request.insert(name.to_owned(), value.into()),
            None => request.remove(name),
        };
        approval(&running, "chief-2").claim("request", request.clone())
    };
    let right = || approval(&running, "chief-2");
    let (now_s, stranger) = (now_s(), "001099000000");
    let cases = [
        ("request.system", of("system", Some(DESK))),
        ("request.official", of("official", Some("official-0002"))),
        ("request.method", of("method", Some(LIST_HOUSEHOLD))),
        ("request.procedure", of("procedure", Some("1.014177"))),
        ("request.dossier", of("dossier", Some("another"))),
        ("request.dossier", of("dossier", None)),
        ("request.subject", of("subject", Some(stranger))),
        ("request.grant", of("grant", Some("g01-g15-backed/two"))),
        ("exp", right().issued_s(now_s - 60).expires_s(now_s - 1)),
        ("iat", right().issued_s(now_s + 60)),
    ];
    for (claim, token) in cases {
        let reply = show(&running, &[approval(&running, "chief-1"), token]).await;
        refused_on_record(&reply, Code::PermissionDenied, "APPROVALS_REQUIRED");
        let message = reply.status.message();
        assert!(
            message.contains("approval 2 does not fit"),
            "{claim}: {message}"
        );
        assert!(message.contains(claim), "{claim}: {message}");
        assert!(!message.contains(stranger), "{message}");
    }
    assert_eq!(running.heard(), 0);
    running.stop().await;
}

/// R29.
#[tokio::test]
async fn an_approval_that_was_not_signed_as_it_must_be_is_turned_away() {
    let running = start(TERMS, SHOWN).await;
    let right = || approval(&running, "chief-1");
    let world = running.world();
    let by = |system: &str, token: &Token| world.system(system).unwrap().sign(token).unwrap();
    let own = |token: &Token| by(APPROVING, token);
    let cases = [
        ("APPROVAL_MALFORMED", "x".to_owned()),
        ("APPROVAL_MALFORMED", own(&right().header("typ", "JWT"))),
        (
            "APPROVAL_MALFORMED",
            own(&right().header("typ", "motlan-consent+jwt")),
        ),
        ("APPROVAL_MALFORMED", own(&right().without("request"))),
        (
            "APPROVAL_MALFORMED",
            own(&right().claim("request", json!({}))),
        ),
        (
            "APPROVAL_MALFORMED",
            own(&right().expires_s(now_s() + 25 * 3600)),
        ),
        ("APPROVAL_ISSUER", by(DESK, &right().claim("iss", DESK))),
        // By the system that asks, and by one with the role in another agency.
        (
            "APPROVAL_ISSUER",
            by(MINISTRY, &right().claim("iss", MINISTRY)),
        ),
        (
            "APPROVAL_ISSUER",
            by("H26/approval", &right().claim("iss", "H26/approval")),
        ),
        ("APPROVAL_SIGNATURE", by(DESK, &right())),
        (
            "APPROVAL_AUDIENCE",
            own(&right().audience("https://other.example")),
        ),
    ];
    for (reason, text) in cases {
        let reply = ask(&running, &[("motlan-approval", text)]).await;
        turned_away(&reply, Code::Unauthenticated, reason);
    }
    let one = own(&right());
    for joined in [
        [one.as_str(); 4].join(","),
        format!("{one},"),
        String::new(),
    ] {
        let reply = ask(&running, &[("motlan-approval", joined)]).await;
        turned_away(&reply, Code::InvalidArgument, "METADATA_MALFORMED");
    }
    let call = question(&running).bearing(&one);
    let reply = running.client(MINISTRY).await.call(&call).await.unwrap();
    turned_away(&reply, Code::Unauthenticated, "TOKEN_MALFORMED");
    let past = running.stop().await;
    assert!(past.entries.is_empty());
}

/// R29: what was approved of is what may leave: an approval is for one grant, which the call cites,
/// and where it names fields for no more than these.
#[tokio::test]
async fn an_approval_opens_no_more_than_the_fields_that_it_names() {
    let running = start("approvals = 1", "approvals = 1\n").await;
    let mut request = request(&running);
    request["fields"] = json!(["sex", "date_of_birth"]);
    let token = approval(&running, "chief-1").claim("request", request);
    let text = signed(&running, APPROVING, &token);
    let asking = async |fields: &'static str| {
        let shown = [("motlan-approval", text.clone())];
        let mut question = question(&running).with("motlan-approval", &shown[0].1);
        if !fields.is_empty() {
            question = question.with("motlan-fields", fields);
        }
        running.ask_as(MINISTRY, &question).await
    };
    assert_eq!(asking("sex").await.code(), Code::Ok);
    assert_eq!(asking("date_of_birth.year,sex").await.code(), Code::Ok);
    for more in ["", "full_name", "sex,full_name"] {
        let reply = asking(more).await;
        refused_on_record(&reply, Code::PermissionDenied, "APPROVALS_REQUIRED");
        assert!(reply.status.message().contains("request.fields"), "{more}");
    }
    running.stop().await;
}
