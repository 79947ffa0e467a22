//! What the desk or somebody else can mend gives no ground: it is told what to do.

use std::time::{SystemTime, UNIX_EPOCH};

use motlan_api::audit::v1::{GroundOutcome, RecordKind};
use motlan_api::once::v1::{CollectRequest, Ground, Refusal, Wanted};
use motlan_audit::wire::Result as Ended;
use motlan_testkit::Token;
use motlan_testkit::contracts::population::v1::Person;
use motlan_testkit::provider::Misbehaviour;
use motlan_testkit::world::AUDIENCE;
use prost::Message as _;
use serde_json::json;
use tonic::Code;

use super::asking::{collect, evidence, ground, lay, plan, refusal, request, wanted};
use crate::limits::time_for_a_test;
use crate::system::past::Entry;
use crate::system::question::{DESK, FUNERAL, GET_BIRTH, GET_PERSON, RESIDENCE};
use crate::system::running::Running;

/// Where citizens consent.
const NATIONAL_ID: &str = "G01/national-id";
const GRANT: &str = "g15-h26-more/birth";

/// With what the reference agreements leave out: births, once a day and with consent, or without
/// for funerals, and the marital status a second time.
fn agreement() -> String {
    let grant_for = |procedure: &str, id: &str, view: &str, method: &str, terms: &str| {
        format!(
            "[[grant]]\nid = \"{id}\"\ndataset = \"civil_status\"\nview = \"{view}\"\n\
             methods = [\"{method}\"]\nprocedures = [\"{procedure}\"]\n{terms}\n"
        )
    };
    let grant = |id: &str, view: &str, method: &str, terms: &str| {
        grant_for(RESIDENCE, id, view, method, terms)
    };
    let test = "[[test]]\nname = \"tried\"\nsystem = \"H26/one-stop\"\n\
                method = \"civil_status/GetMaritalStatus\"\nat = 2026-03-02T09:00:00\n";
    let given = [
        "person.date_of_birth.*",
        "person.full_name",
        "person.personal_id",
        "since.*",
        "spouse.full_name",
        "spouse.personal_id",
        "state",
    ];
    [
        "id = \"g15-h26-more\"\nversion = 1\ntitle = \"More\"\nprovider = \"G15\"\n\
         consumer = \"H26\"\nlegal_basis = [\"Luật Hộ tịch\"]\nvalid_from = 2026-01-01\n\
         valid_until = 2099-12-31\n"
            .to_owned(),
        grant(
            "birth",
            "birth_extract",
            "GetBirth",
            "consent = \"required\"\nquota = { subject = 1 }",
        ),
        grant_for(FUNERAL, "burial", "birth_extract", "GetBirth", ""),
        grant("status", "marital_status", "GetMaritalStatus", ""),
        format!(
            "{test}procedure = \"{RESIDENCE}\"\nexpect = \"allowed\"\n\
             grant = \"g15-h26-more/status\"\nfields = {given:?}\n\
             {test}procedure = \"{FUNERAL}\"\nexpect = \"PURPOSE_NOT_COVERED\"\n"
        ),
    ]
    .concat()
}

/// A child's consent, given by whoever may.
fn consent(running: &Running, subject: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_s = i64::try_from(now.as_secs()).unwrap();
    let token = Token::new(NATIONAL_ID, now_s).unwrap();
    let token = token
        .header("typ", "motlan-consent+jwt")
        .audience(AUDIENCE)
        .official(subject)
        .claim("recipient", "H26")
        .claim("dataset", "civil_status")
        .claim("procedures", json!([RESIDENCE]));
    let system = running.world().system(NATIONAL_ID).unwrap();
    system.sign(&token).unwrap()
}

/// A refusal with a sentence to act on, twice. Gives its record.
#[track_caller]
fn told(refusal: &Refusal, reason: &str) -> String {
    assert_eq!(refusal.reason, reason);
    assert!(!refusal.message.is_empty() && !refusal.message_vi.is_empty());
    assert_ne!(refusal.message_vi, "Yêu cầu không thực hiện được.");
    refusal.record.clone()
}

fn citing(grant: &str, wanted: Wanted) -> Wanted {
    let grant = grant.to_owned();
    Wanted { grant, ..wanted }
}

/// What the reference agreements have for the marital status, and what [`agreement`] adds.
const OF_STATUS: [&str; 2] = [
    "g15-h26-civil-status-2026/marital-status",
    "g15-h26-more/status",
];

#[tokio::test]
async fn what_can_be_mended_is_no_ground() {
    // R101.
    time_for_a_test().await;
    let laid = lay().await.configured("[limits]\nlookup_ms_max = 2000");
    let more = "catalog/agreements/more.toml";
    laid.world.write(more, &agreement()).unwrap();
    let running = laid.start().await;
    grants_are_planned(&running).await;
    let roles = running.roles();
    let large = Person {
        full_name: "x".repeat((3 << 20) + 1),
        ..running.world().sample().people[0].clone()
    };
    let population = running.provider("population");
    let large = Misbehaviour::Instead(large.encode_to_vec().into());
    population.misbehave(GET_PERSON, Some(&roles.spouse), large);
    let birth = || wanted("birth_certificate", &roles.child);
    let consented = || Wanted {
        consent: consent(&running, &roles.child),
        ..citing(GRANT, birth())
    };
    let status = || wanted("marital_status_certificate", &roles.person);
    let first = request(vec![
        citing(GRANT, birth()),
        status(),
        citing("g15-h26-civil-status-2026/none", status()),
        wanted("identity_paper", &roles.spouse),
        citing(OF_STATUS[1], status()),
        consented(),
        // What is nearest to the question is for another procedure, and hides the one that
        // demands a consent; so does citing it.
        birth(),
        citing("g15-h26-more/burial", birth()),
    ]);
    let first = collect(&running, &first).await;
    let second = collect(&running, &request(vec![consented()])).await;
    evidence(&first[4]);
    evidence(&first[5]);
    // What is told, and what is recorded.
    let reasons = [
        (&first[0], "CONSENT_REQUIRED", "CONSENT_REQUIRED"),
        (&first[1], "GRANT_AMBIGUOUS", "GRANT_AMBIGUOUS"),
        (&first[2], "GRANT_UNKNOWN", "GRANT_UNKNOWN"),
        (&first[3], "EVIDENCE_TOO_LARGE", ""),
        (&first[6], "GRANT_NOT_CITED", "PURPOSE_NOT_COVERED"),
        (&first[7], "GRANT_NOT_CITED", "PURPOSE_NOT_COVERED"),
        (&second[0], "QUOTA_EXCEEDED", "QUOTA_EXCEEDED"),
    ];
    let records = reasons.map(|(result, told_as, recorded)| {
        let record = told(refusal(result), told_as);
        (record, recorded)
    });
    assert!(refusal(&second[0]).retry_ms > 0);
    assert_eq!(refusal(&first[0]).retry_ms, 0);
    assert!(refusal(&first[6]).message.contains(GRANT));
    for_an_edition(&running).await;
    let third = with_no_use_left(&running).await;

    let past = running.stop().await;
    for (record, recorded) in records {
        let lookup = &past.entry(&record).record;
        assert_eq!(lookup.kind(), RecordKind::Outcome);
        assert_eq!(lookup.reason, recorded);
    }
    // No component of what came to nothing.
    let is_component = |entry: &&Entry| entry.record.kind() == RecordKind::Component;
    assert_eq!(past.entries.iter().filter(is_component).count(), 3);
    let component = past.entry(&third.record).record.component.clone();
    past.assert_failed(&component.unwrap().lookup, Ended::Failed, "PROVIDER_FAILED");
}

/// All grants that would do are planned, whatever they demand beside.
async fn grants_are_planned(running: &Running) {
    let planned = plan(running, DESK, RESIDENCE).await;
    let grants = |document: &str| {
        let mut components = planned.components.iter();
        let found = components.find(|it| it.document == document);
        found.unwrap().grants.clone()
    };
    assert_eq!(grants("birth_certificate"), [GRANT]);
    assert_eq!(grants("marital_status_certificate"), OF_STATUS);
}

/// The grants name the whole procedure, and the desk its local edition.
async fn for_an_edition(running: &Running) {
    let edition = CollectRequest {
        procedure: format!("{RESIDENCE}.000.00.00.H26"),
        ..request(vec![wanted("identity_paper", &running.roles().person)])
    };
    let found = collect(running, &edition).await;
    told(refusal(&found[0]), "PROCEDURE_EDITION");
    assert!(
        refusal(&found[0])
            .message
            .contains(&format!("`{RESIDENCE}`"))
    );
}

/// A limit that the second attempt meets does not undo that the provider did not answer.
async fn with_no_use_left(running: &Running) -> Ground {
    let down = Misbehaviour::Status(Code::Unavailable);
    let civil = running.provider("civil_status");
    civil.misbehave(GET_BIRTH, None, down);
    let person = running.roles().person;
    let grown = Wanted {
        consent: consent(running, &person),
        ..citing(GRANT, wanted("birth_certificate", &person))
    };
    let told = collect(running, &request(vec![grown])).await;
    let given = ground(&told[0]);
    assert_eq!(given.outcome(), GroundOutcome::Unavailable);
    given.clone()
}
