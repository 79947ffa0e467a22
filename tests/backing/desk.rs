//! A desk whose one agreement demands what the test is about.

use std::time::SystemTime;

use motlan_testkit::Token;
use motlan_testkit::client::Reply;
use motlan_testkit::world::{AUDIENCE, OFFICIAL};
use serde_json::json;

use crate::system::question::{DOSSIER, GET_PERSON, Question, RESIDENCE, person};
use crate::system::running::{Laid, Running};

/// The system that asks. Its agency has no other agreement on the dataset.
pub(crate) const MINISTRY: &str = "G15/civil-status";
/// Where citizens consent.
pub(crate) const NATIONAL_ID: &str = "G01/national-id";
/// Where the officials of its agency approve.
pub(crate) const APPROVING: &str = "G15/approval";
pub(crate) const GRANT: &str = "g01-g15-backed/one";

/// An agreement with these terms, and what its tests must show for them.
pub(crate) fn agreement(terms: &str, shown: &str) -> String {
    let test = format!(
        "[[test]]\nname = \"tried\"\nsystem = \"{MINISTRY}\"\nmethod = \"population/GetPerson\"\n\
         at = 2026-03-02T09:00:00\n{shown}"
    );
    format!(
        "id = \"g01-g15-backed\"\nversion = 1\ntitle = \"Backed\"\nprovider = \"G01\"\n\
         consumer = \"G15\"\nlegal_basis = [\"Luật Căn cước\"]\nvalid_from = 2026-01-01\n\
         valid_until = 2099-12-31\n\
         [[grant]]\nid = \"one\"\ndataset = \"population\"\nview = \"identity\"\n\
         methods = [\"GetPerson\"]\nprocedures = [\"{RESIDENCE}\"]\n{terms}\n\
         {test}\nprocedure = \"{RESIDENCE}\"\nexpect = \"allowed\"\n\
         fields = [\"date_of_birth.*\", \"full_name\", \"personal_id\", \"sex\"]\n\
         {test}\nprocedure = \"1.014177\"\nexpect = \"PURPOSE_NOT_COVERED\"\n"
    )
}

/// A deployment with such an agreement, and a state.
pub(crate) async fn lay(terms: &str, shown: &str) -> Laid {
    let laid = Laid::out().await;
    let text = agreement(terms, shown);
    laid.world
        .write("catalog/agreements/backed.toml", &text)
        .unwrap();
    laid.configured("[state]\nfile = \"state.redb\"")
}

/// A gateway with such an agreement.
pub(crate) async fn start(terms: &str, shown: &str) -> Running {
    lay(terms, shown).await.start().await
}

pub(crate) fn now_s() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since_epoch.unwrap().as_secs()).unwrap()
}

/// A consent of the person that [`question`] is about, to what it asks.
pub(crate) fn consent(running: &Running) -> Token {
    Token::new(NATIONAL_ID, now_s())
        .unwrap()
        .header("typ", "motlan-consent+jwt")
        .audience(AUDIENCE)
        .official(&running.roles().person)
        .claim("recipient", "G15")
        .claim("dataset", "population")
        .claim("procedures", json!([RESIDENCE]))
}

/// What an approval of [`question`] approves of.
pub(crate) fn request(running: &Running) -> serde_json::Value {
    json!({
        "system": MINISTRY,
        "official": OFFICIAL,
        "method": GET_PERSON,
        "procedure": RESIDENCE,
        "dossier": DOSSIER,
        "subject": running.roles().person,
        "grant": GRANT,
    })
}

/// An approval of [`question`] by `official`.
pub(crate) fn approval(running: &Running, official: &str) -> Token {
    Token::new(APPROVING, now_s())
        .unwrap()
        .header("typ", "motlan-approval+jwt")
        .audience(AUDIENCE)
        .official(official)
        .claim("request", request(running))
}

/// Signed with the key of the system `by`.
pub(crate) fn signed(running: &Running, by: &str, token: &Token) -> String {
    running.world().system(by).unwrap().sign(token).unwrap()
}

pub(crate) fn question(running: &Running) -> Question {
    person(&running.roles().person).with("motlan-grant", GRANT)
}

/// Asks as [`MINISTRY`], with these artefacts.
pub(crate) async fn ask(running: &Running, shown: &[(&'static str, String)]) -> Reply {
    let question = shown
        .iter()
        .fold(question(running), |question, (name, text)| {
            question.with(name, text)
        });
    running.ask_as(MINISTRY, &question).await
}
