//! Requests that are wrong: refused with the field's name, with nobody asked and nothing recorded.

use motlan_api::audit::v1::GroundOutcome;
use motlan_api::once::v1::{CollectRequest, Wanted};
use motlan_testkit::Token;
use motlan_testkit::client::{Call, Reply};
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::asking::{
    COLLECT, UNLISTED, ask, ask_plan, call, collect, declaring, evidence, ground, request, start,
    wanted,
};
use crate::system::question::{DESK, DOSSIER, RESIDENCE};
use crate::system::refused::turned_away;
use crate::system::running::{Laid, Running};

/// A subject that cannot be one.
const ODD: &str = "001299000017x";

/// The fields that a reply finds wrong.
#[track_caller]
fn fields(reply: &Reply) -> Vec<String> {
    turned_away(reply, Code::InvalidArgument, "REQUEST_MALFORMED");
    let details = reply.status.get_details_bad_request().unwrap();
    let violations = details.field_violations.into_iter();
    violations.map(|violation| violation.field).collect()
}

fn one(wanted: Wanted) -> CollectRequest {
    request(vec![wanted])
}

fn right(running: &Running) -> CollectRequest {
    one(wanted("identity_paper", &running.roles().person))
}

/// Each request of which something is wrong that is about all components, with the field that is.
fn wrong(running: &Running) -> Vec<(&'static str, CollectRequest)> {
    let roles = running.roles();
    let right = || right(running);
    let variant = |variant: &str| CollectRequest {
        variant: variant.to_owned(),
        ..right()
    };
    let dossier = |dossier: &str| CollectRequest {
        dossier: dossier.to_owned(),
        ..right()
    };
    let received = |received_us: i64| CollectRequest {
        received_us,
        ..right()
    };
    let channel = CollectRequest {
        channel: 0,
        ..right()
    };
    let many = vec![wanted("identity_paper", &roles.person); 33];
    vec![
        ("variant", variant("")),
        ("variant", variant("5")),
        ("dossier", dossier("H26-1")),
        ("dossier", dossier("000.00.00.H26-261322-0001")),
        ("channel", channel),
        ("received_us", received(i64::MAX / 2)),
        ("received_us", received(-1)),
        // Seconds, and the last moment before the law.
        ("received_us", received(1_767_300_000)),
        ("received_us", received(1_767_200_399_999_999)),
        ("components", request(Vec::new())),
        ("components", request(many)),
    ]
}

/// Each component that is wrong, with the field of it that is.
fn wrong_components(running: &Running) -> Vec<(&'static str, Wanted)> {
    let roles = running.roles();
    let paper = || wanted("identity_paper", &roles.person);
    let subject = |subject: &str| ("subject", wanted("identity_paper", subject));
    let seven = Value {
        kind: Some(Kind::NumberValue(7.0)),
    };
    let of_another_type = Wanted {
        declared: Some(Struct {
            fields: [("full_name".to_owned(), seven)].into(),
        }),
        ..paper()
    };
    let long = declaring(paper(), "full_name", &"y".repeat(16 * 1024));
    let grant = Wanted {
        grant: "x".repeat(257),
        ..paper()
    };
    let consent = Wanted {
        consent: "x.y.z".to_owned(),
        ..paper()
    };
    let approvals = Wanted {
        approvals: vec!["x.y.z".to_owned()],
        ..paper()
    };
    vec![
        ("document", wanted("identity_papers", &roles.person)),
        ("document", wanted("land_certificate", &roles.certificate)),
        subject(""),
        subject(ODD),
        subject(&roles.person[..11]),
        subject(&format!("999{}", &roles.person[3..])),
        ("declared.full_name", of_another_type),
        ("declared.nickname", declaring(paper(), "nickname", "x")),
        ("declared.religion", declaring(paper(), "religion", "x")),
        ("declared", long),
        ("grant", grant),
        ("consent", consent),
        ("approvals", approvals),
    ]
}

/// An enterprise whose check digit is wrong.
fn wrong_enterprise(running: &Running) -> CollectRequest {
    let code = running.roles().enterprise;
    let (body, check) = code.split_at(9);
    let other = (check.parse::<u8>().unwrap() + 1) % 10;
    let code = format!("{body}{other}");
    CollectRequest {
        procedure: UNLISTED.to_owned(),
        variant: String::new(),
        ..one(wanted("enterprise_registration", &code))
    }
}

/// Calls with this token.
async fn bearing(running: &Running, token: Token, request: &CollectRequest) -> Reply {
    let desk = running.world().system(DESK).unwrap();
    let call = Call::new(COLLECT, &request.encode_to_vec()).unwrap();
    let call = call.bearer(&desk.sign(&token).unwrap()).unwrap();
    running.desk.call(&call).await.unwrap()
}

fn token(running: &Running) -> Token {
    let desk = running.world().system(DESK).unwrap();
    let token = desk.token(RESIDENCE).unwrap();
    token.variant("3").dossier(DOSSIER)
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_by_field_before_anybody_is_asked() {
    // R99.
    let running = start().await;
    for (field, wrong) in wrong(&running) {
        assert_eq!(fields(&ask(&running, &wrong).await), [field]);
    }
    for (field, wrong) in wrong_components(&running) {
        let reply = ask(&running, &one(wrong)).await;
        let field = format!("components[0].{field}");
        assert_eq!(fields(&reply), [field], "{:?}", reply.status);
        assert!(!reply.contains(ODD));
    }
    let reply = ask(&running, &wrong_enterprise(&running)).await;
    assert_eq!(fields(&reply), ["components[0].subject"]);
    all_at_once(&running).await;
    signed_for_something_else(&running).await;
    too_large(&running).await;
    by_an_edition(&running).await;
    assert_eq!((running.heard(), running.admin.records().await), (0, 0));

    // Only in the days of the law.
    let file = "catalog/once/law.toml";
    let law = include_str!("../../deploy/catalog/once/law.toml");
    let over = law.replace("valid_until = 2027-02-28", "valid_until = 2026-01-02");
    assert_ne!(over, law);
    running.world().write(file, &over).unwrap();
    running.reload().await.unwrap();
    let reply = ask(&running, &right(&running)).await;
    turned_away(&reply, Code::FailedPrecondition, "LAW_NOT_IN_FORCE");
    running.world().write(file, law).unwrap();
    running.reload().await.unwrap();
    evidence(&collect(&running, &right(&running)).await[0]);
    running.stop().await;
}

/// All that is wrong is told, and what is right beside it is not asked for.
async fn all_at_once(running: &Running) {
    let mut several = request(vec![
        wanted("identity_paper", &running.roles().person),
        wanted("identity_paper", ODD),
        wanted("nothing", ""),
    ]);
    several.channel = 0;
    let all = ["channel", "components[1].subject", "components[2].document"];
    assert_eq!(fields(&ask(running, &several).await), all);
    // However much is wrong, it fits into what clients take.
    let reply = ask(running, &request(vec![wanted("nothing", ODD); 32])).await;
    let headers = reply.headers.iter();
    let size = headers.map(|(name, value)| name.as_str().len() + value.len());
    let fields = fields(&reply);
    assert!((2..=32).contains(&fields.len()));
    assert!(size.sum::<usize>() < 8192);
    // What is not told is counted: the last one is of no field.
    let last = reply.status.get_details_bad_request().unwrap();
    let last = last.field_violations.last().unwrap().clone();
    let more = 32 - (fields.len() - 1);
    assert_eq!(
        (last.field, last.description),
        (String::new(), format!("and {more} more"))
    );
    let told = format!("32 faults, of which {more} are not told");
    assert!(reply.status.message().starts_with(&told));
}

/// A local edition is its own agency's: another one may not collect by it.
async fn by_an_edition(running: &Running) {
    let by = |procedure: String| CollectRequest {
        procedure,
        ..right(running)
    };
    let other = by(format!("{RESIDENCE}.000.00.00.H29"));
    assert_eq!(fields(&ask(running, &other).await), ["procedure"]);
    let own = CollectRequest {
        channel: 0,
        ..by(format!("{RESIDENCE}.000.00.00.H26"))
    };
    assert_eq!(fields(&ask(running, &own).await), ["channel"]);
}

/// What the official signed for is what is collected for, and in time for somebody to answer.
async fn signed_for_something_else(running: &Running) {
    let right = right(running);
    let fitting = || token(running);
    let bare = running.world().system(DESK).unwrap().token(RESIDENCE);
    let other = "000.00.00.H26-261122-0009";
    for (field, token) in [
        ("procedure", fitting().procedure("1.014177")),
        ("variant", fitting().variant("4")),
        ("dossier", fitting().dossier(other)),
        ("dossier", bare.unwrap().variant("3")),
        ("purpose.incident", fitting().incident("flood")),
    ] {
        assert_eq!(fields(&bearing(running, token, &right).await), [field]);
    }
    let no_lookup = fitting().claim("purpose", json!({ "basis": "x" }));
    for (token, reason) in [
        (no_lookup, "TOKEN_CLAIM"),
        (fitting().issued_s(1).expires_s(2), "TOKEN_EXPIRED"),
    ] {
        let reply = bearing(running, token, &right).await;
        turned_away(&reply, Code::Unauthenticated, reason);
    }
    let hasty = call(running, &right).metadata("grpc-timeout", "1999m");
    let reply = running.desk.call(&hasty.unwrap()).await.unwrap();
    assert_eq!(fields(&reply), ["grpc-timeout"]);
}

/// A larger message than those of other services is taken, and not just any.
async fn too_large(running: &Running) {
    let padded = |bytes: usize| {
        let paper = wanted("identity_paper", ODD);
        one(declaring(paper, "x", &"y".repeat(bytes)))
    };
    assert_eq!(fields(&ask(running, &padded(200 * 1024)).await).len(), 3);
    let reply = ask(running, &padded(256 * 1024)).await;
    turned_away(&reply, Code::OutOfRange, "MESSAGE_MALFORMED");
    let reply = ask_plan(running, DESK, &"1".repeat(17 * 1024), "").await;
    turned_away(&reply, Code::OutOfRange, "MESSAGE_MALFORMED");
}

#[tokio::test]
async fn where_no_correction_could_be_kept_nothing_is_collected() {
    let running = Laid::out().await.start().await;
    let reply = ask(&running, &right(&running)).await;
    turned_away(&reply, Code::FailedPrecondition, "STATE_ABSENT");
    assert_eq!((running.heard(), running.admin.records().await), (0, 0));
    running.stop().await;
}

#[tokio::test]
async fn what_was_declared_is_sealed_with_the_difference_that_comes_of_it_and_with_nothing_else() {
    // R100.
    let running = start().await;
    let roles = running.roles();
    let invented = declaring(
        wanted("identity_paper", &roles.spouse),
        "full_name",
        "Ai Khác",
    );
    let name = &running.world().sample().people[0].full_name;
    let true_one = declaring(wanted("identity_paper", &roles.person), "full_name", name);
    let lacking = declaring(
        wanted("identity_paper", &roles.unknown_person),
        "full_name",
        "Ai Khác",
    );
    let request = request(vec![invented, true_one, lacking]);
    let told = collect(&running, &request).await;
    let differing = ground(&told[0]);
    assert_eq!(differing.outcome(), GroundOutcome::Mismatch);
    assert_eq!(ground(&told[2]).outcome(), GroundOutcome::NotFound);
    evidence(&told[1]);

    let past = running.stop().await;
    let entry = past.entry(&differing.record);
    let declared = Struct::decode(entry.sealed.query.as_slice()).unwrap();
    assert_eq!(Some(declared), request.components[0].declared);
    let leaf = entry.record.encode_to_vec();
    assert!(!String::from_utf8_lossy(&leaf).contains("Ai Khác"));
    let kept = past.entries.iter();
    assert_eq!(kept.filter(|it| !it.sealed.query.is_empty()).count(), 1);
}
