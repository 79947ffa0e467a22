//! Tokens that are wrong in one way, over a connection that is right.

use std::time::{SystemTime, UNIX_EPOCH};

use motlan_testkit::Token;
use motlan_testkit::token::{KeyType, SigningKey};
use motlan_testkit::world::{System, TOKEN_KID};
use serde_json::{Value, json};

use super::assert_stranger;
use crate::system::question::{DESK, DOSSIER, OTHER_DESK, RESIDENCE, person};
use crate::system::running::Running;

/// Why it is wrong, the token, and the reason that the caller is told.
type Wrong = (&'static str, String, &'static str);

fn now_s() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since_epoch.as_secs()).unwrap()
}

fn right(desk: &System) -> Token {
    desk.token(RESIDENCE).unwrap().dossier(DOSSIER)
}

/// Sends each token over the desk's connection, and at last a right one.
async fn assert_all_turned_away(running: &Running, wrong: Vec<Wrong>) {
    let roles = running.roles();
    let question = person(&roles.person);
    for (why, token, reason) in wrong {
        let call = question.bearing(&token);
        assert_stranger(running, &running.desk, &call, reason, why).await;
    }
    assert_eq!(running.heard(), 0);
    // All the same, the connection and the key are good.
    let right = running.ask(&question).await;
    assert_eq!(right.code(), tonic::Code::Ok, "{:?}", right.status);
}

/// Stops; the ledger must hold the one right lookup and nothing of the strangers.
async fn stop(running: Running) {
    assert_eq!(running.stop().await.entries.len(), 2);
}

#[tokio::test]
async fn a_call_without_a_token_is_turned_away() {
    // R3.
    let running = Running::start().await;
    let roles = running.roles();
    let bare = person(&roles.person).bare();
    let calls = [
        ("no header", bare.clone()),
        (
            "another scheme",
            bare.clone()
                .metadata("authorization", "Basic QTpC")
                .unwrap(),
        ),
        (
            "in another header",
            bare.clone().metadata("motlan-token", "x").unwrap(),
        ),
        (
            // The door comes first: a stranger is not told what else is wrong.
            "with metadata that cannot be read",
            bare.metadata("motlan-fields", "*").unwrap(),
        ),
    ];
    for (why, call) in calls {
        assert_stranger(&running, &running.desk, &call, "TOKEN_MISSING", why).await;
    }
    let token = running.world().system(DESK).unwrap();
    let token = token.signed(RESIDENCE).unwrap();
    let twice = person(&roles.person).bearing(&token).bearer(&token);
    let twice = twice.unwrap();
    assert_stranger(&running, &running.desk, &twice, "TOKEN_MALFORMED", "twice").await;
    assert!(running.stop().await.entries.is_empty());
}

#[tokio::test]
async fn a_token_signed_in_a_way_that_is_not_the_keys_own_is_turned_away() {
    // R10.
    let running = Running::start().await;
    let desk = running.world().system(DESK).unwrap().clone();
    let other = running.world().system(OTHER_DESK).unwrap().clone();
    let token = right(&desk);
    let public = desk.token_key.public_pem().as_bytes();
    let types = [KeyType::Es256, KeyType::EdDsa];
    let forged = types.map(|one| SigningKey::generate(TOKEN_KID, one).unwrap());
    let same_type = forged
        .iter()
        .find(|key| key.key_type() == desk.token_key.key_type());
    let other_type = forged
        .iter()
        .find(|key| key.key_type() != desk.token_key.key_type());
    let (same_type, other_type) = (same_type.unwrap(), other_type.unwrap());
    let signed = |token: Token| desk.sign(&token).unwrap();
    let renamed = token.clone().header("kid", "2026-2");
    let nameless = token.clone().header("kid", Value::Null);
    let wrong = vec![
        ("none", token.unsigned(TOKEN_KID), "TOKEN_MALFORMED"),
        (
            "HS256 with the public key as secret",
            token.sign_hs256(TOKEN_KID, public).unwrap(),
            "TOKEN_ALGORITHM",
        ),
        (
            "another key",
            token.sign(same_type).unwrap(),
            "TOKEN_SIGNATURE",
        ),
        (
            "another type",
            token.sign(other_type).unwrap(),
            "TOKEN_ALGORITHM",
        ),
        (
            "another system's key",
            token.sign(&other.token_key).unwrap(),
            "TOKEN_ALGORITHM",
        ),
        (
            "its own key in the header",
            token
                .clone()
                .header(
                    "jwk",
                    json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" }),
                )
                .sign(same_type)
                .unwrap(),
            "TOKEN_SIGNATURE",
        ),
        ("an unknown `kid`", signed(renamed), "TOKEN_KEY_UNKNOWN"),
        ("no `kid`", signed(nameless), "TOKEN_KEY_UNKNOWN"),
        (
            "a critical header",
            signed(token.clone().header("crit", json!(["exp"]))),
            "TOKEN_MALFORMED",
        ),
        (
            "another type of token",
            signed(token.clone().header("typ", "at+jwt")),
            "TOKEN_MALFORMED",
        ),
    ];
    assert_all_turned_away(&running, wrong).await;
    stop(running).await;
}

#[tokio::test]
async fn a_header_that_lies_about_its_key_is_turned_away() {
    // R10: the registered key says what its algorithm is.
    let running = Running::start().await;
    let desk = running.world().system(DESK).unwrap().clone();
    let own = match desk.token_key.key_type() {
        KeyType::Es256 => "ES256",
        KeyType::EdDsa => "EdDSA",
    };
    let others = ["ES256", "EdDSA", "ES384", "RS256", "PS256", "HS256"].into_iter();
    let wrong = others.filter(|name| *name != own).map(|name| {
        let lying = right(&desk).header("alg", name);
        (name, desk.sign(&lying).unwrap(), "TOKEN_ALGORITHM")
    });
    assert_all_turned_away(&running, wrong.collect()).await;
    stop(running).await;
}

#[tokio::test]
async fn a_token_that_is_no_jwt_is_turned_away() {
    let running = Running::start().await;
    let desk = running.world().system(DESK).unwrap().clone();
    let token = desk.sign(&right(&desk)).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let other = desk.sign(&right(&desk).official("official-0002")).unwrap();
    let other_claims = other.split('.').nth(1).unwrap();
    let malformed = "TOKEN_MALFORMED";
    let wrong = vec![
        ("garbage", "garbage".to_owned(), malformed),
        ("dots", "..".to_owned(), malformed),
        ("no signature", signed.to_owned(), malformed),
        (
            "an empty signature",
            format!("{signed}."),
            "TOKEN_SIGNATURE",
        ),
        ("a fourth part", format!("{token}.AAAA"), malformed),
        ("no header", format!("{claims}.{signature}"), malformed),
        ("too long", "a".repeat(4097), malformed),
        (
            "another's claims",
            format!("{header}.{other_claims}.{signature}"),
            "TOKEN_SIGNATURE",
        ),
        (
            "half a signature",
            format!("{signed}.{}", &signature[..40]),
            "TOKEN_SIGNATURE",
        ),
    ];
    assert_all_turned_away(&running, wrong).await;
    stop(running).await;
}

#[tokio::test]
async fn a_token_of_another_time_gateway_or_system_is_turned_away() {
    // R11.
    let running = Running::start().await;
    let desk = running.world().system(DESK).unwrap().clone();
    let now = now_s();
    let token = || right(&desk);
    let spoilt = [
        (
            "expired",
            token().issued_s(now - 300).expires_s(now - 1),
            "TOKEN_EXPIRED",
        ),
        (
            "expires now",
            token().issued_s(now - 300).expires_s(now),
            "TOKEN_EXPIRED",
        ),
        (
            "expired long ago",
            token().issued_s(0).expires_s(1),
            "TOKEN_EXPIRED",
        ),
        (
            "issued ahead",
            token().issued_s(now + 120).expires_s(now + 300),
            "TOKEN_NOT_YET_VALID",
        ),
        (
            "not before",
            token().not_before_s(now + 120),
            "TOKEN_NOT_YET_VALID",
        ),
        (
            "601 seconds",
            token().issued_s(now).expires_s(now + 601),
            "TOKEN_TOO_LONG",
        ),
        ("forever", token().expires_s(i64::MAX), "TOKEN_TOO_LONG"),
        ("since ever", token().issued_s(i64::MIN), "TOKEN_TOO_LONG"),
        ("no expiry", token().without("exp"), "TOKEN_CLAIM"),
        ("no issue", token().without("iat"), "TOKEN_CLAIM"),
        (
            "an expiry in words",
            token().claim("exp", "tomorrow"),
            "TOKEN_CLAIM",
        ),
        (
            "another gateway",
            token().audience("https://other.example"),
            "TOKEN_AUDIENCE",
        ),
        ("no gateway", token().without("aud"), "TOKEN_AUDIENCE"),
        (
            "another system",
            token().claim("iss", OTHER_DESK),
            "TOKEN_ISSUER",
        ),
        ("no system", token().without("iss"), "TOKEN_ISSUER"),
    ];
    let wrong = spoilt
        .into_iter()
        .map(|(why, token, reason)| (why, desk.sign(&token).unwrap(), reason));
    assert_all_turned_away(&running, wrong.collect()).await;
    stop(running).await;
}

#[tokio::test]
async fn a_token_that_does_not_say_what_it_must_is_turned_away() {
    let running = Running::start().await;
    let desk = running.world().system(DESK).unwrap().clone();
    let token = || right(&desk);
    let purpose = |purpose: Value| token().claim("purpose", purpose);
    let mut spoilt = vec![
        ("no purpose", token().without("purpose")),
        ("a purpose in words", purpose(json!("residence"))),
        ("an empty purpose", purpose(json!({}))),
        (
            "more in the purpose",
            purpose(json!({ "procedure": RESIDENCE, "because": "x" })),
        ),
        ("no official", token().without("sub")),
        ("an empty official", token().official("")),
        ("an official in two lines", token().official("a\nb")),
        ("no id", token().without("jti")),
        ("an empty id", token().id("")),
        ("no certificate", token().without("cnf")),
        ("no thumbprint", token().claim("cnf", json!({}))),
        ("a thumbprint in words", token().bound_to("not base64url!")),
        ("a variant in two lines", token().variant("a\nb")),
    ];
    for procedure in [
        "",
        "residence",
        "1.004222 ",
        "1.004222\n",
        "1.0042220000000",
    ] {
        spoilt.push(("a malformed procedure", token().procedure(procedure)));
    }
    for dossier in [
        "",
        "H26\n0001",
        "hồ-sơ-0001",
        "H26 0001",
        "\u{0}",
        &"0".repeat(129),
    ] {
        spoilt.push(("a malformed dossier", token().dossier(dossier)));
    }
    let wrong = spoilt
        .into_iter()
        .map(|(why, token)| (why, desk.sign(&token).unwrap(), "TOKEN_CLAIM"));
    assert_all_turned_away(&running, wrong.collect()).await;
    stop(running).await;
}
