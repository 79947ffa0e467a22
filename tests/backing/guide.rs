//! What the guide for agencies shows is what the gateway takes.

use motlan_testkit::Token;
use serde_json::{Map, Value};
use tonic::Code;

use super::desk::{APPROVING, MINISTRY, NATIONAL_ID, ask, now_s, question, signed, start};
use crate::system::question::RESIDENCE;
use crate::system::running::Running;

const GUIDE: &str = include_str!("../../docs/agency/backing.md");

/// The claims of a block of the guide.
fn shown(kind: &str) -> Map<String, Value> {
    let begin = format!("```json {kind}\n");
    let (_, rest) = GUIDE.split_once(&begin).unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    serde_json::from_str(text).unwrap()
}

/// As the guide shows it, but for the time, which goes on, and the person of the sample.
fn token(kind: &str, issuer: &str, running: &Running) -> Token {
    let person = running.roles().person;
    let claims = shown(kind).into_iter().map(|(name, value)| match value {
        Value::String(text) if text == "001073092592" => (name, person.clone().into()),
        Value::Object(mut request) => {
            if let Some(subject) = request.get_mut("subject") {
                *subject = person.clone().into();
            }
            (name, request.into())
        }
        value => (name, value),
    });
    let header = format!("motlan-{kind}+jwt");
    let token = Token::new(issuer, now_s()).unwrap().header("typ", header);
    let times = ["iat", "exp"];
    claims
        .filter(|(name, _)| !times.contains(&name.as_str()))
        .fold(token, |token, (name, value)| token.claim(&name, value))
}

/// R29.
#[tokio::test]
async fn a_consent_and_an_approval_as_the_guide_shows_them_count() {
    let terms = "consent = \"required\"\napprovals = 1";
    let running = start(terms, "consent = true\napprovals = 1\n").await;
    let consent = token("consent", NATIONAL_ID, &running);
    let approval = token("approval", APPROVING, &running);
    let reply = ask(
        &running,
        &[
            ("motlan-consent", signed(&running, NATIONAL_ID, &consent)),
            ("motlan-approval", signed(&running, APPROVING, &approval)),
        ],
    )
    .await;
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
}

/// R94.
#[tokio::test]
async fn an_emergency_is_declared_as_the_guide_shows() {
    let terms = "[grant.break_glass]\nofficials = [\"official-0001\"]\n\
                 relaxes = [\"OUTSIDE_HOURS\"]\nminutes = 30\nreview_hours = 24\n";
    let running = start(terms, "emergency = \"official-0001\"\n").await;
    let purpose = shown("emergency");
    let incident = purpose["incident"].as_str().unwrap().to_owned();
    let system = running.world().system(MINISTRY).unwrap();
    let token = system.token(RESIDENCE).unwrap().claim("purpose", purpose);
    let question = question(&running).with("motlan-emergency", &incident);
    let call = question.bearing(&system.sign(&token).unwrap());
    let reply = running.client(MINISTRY).await.call(&call).await.unwrap();
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
}
