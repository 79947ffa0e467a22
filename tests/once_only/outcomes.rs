//! Each thing that can become of a component, provoked by what owners' systems really do.

use std::time::{SystemTime, UNIX_EPOCH};

use motlan_api::audit::v1::{Channel, GroundOutcome, RecordKind};
use motlan_api::once::v1::collect_response::Result as Told;
use motlan_api::once::v1::{CollectRequest, Evidence, Ground};
use motlan_audit::{GroundFault, verify_ground, verify_receipt};
use motlan_testkit::Sample;
use motlan_testkit::contracts::civil_status::v1::Marriage;
use motlan_testkit::contracts::population::v1::Person;
use motlan_testkit::provider::Misbehaviour;
use prost::Message as _;
use tonic::Code;

use super::asking::{UNLISTED, collect, declaring, evidence, ground, lay, request, wanted};
use crate::system::past::Past;
use crate::system::question::{DESK, DOSSIER, GET_PERSON, RESIDENCE};
use crate::system::running::Running;

const GET_MARRIAGE: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetMarriage";
const GET_MARITAL_STATUS: &str = "/vn.civil_status.v1.CivilStatusRegistry/GetMaritalStatus";

fn now_us() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since_epoch.as_micros()).unwrap()
}

/// What the registry says of the first marriage, without who married.
fn without_husband(sample: &Sample) -> Marriage {
    Marriage {
        husband: None,
        ..sample.marriages[0].clone()
    }
}

/// A ground, as an inspector checks it without the gateway: the signature, and the record.
#[track_caller]
fn checked(running: &Running, ground: &Ground, outcome: GroundOutcome, request: &CollectRequest) {
    // R98: from the token and the log's key alone.
    let signed = verify_ground(&ground.token, &running.verifier).unwrap();
    let proven = verify_receipt(ground.receipt.as_ref().unwrap(), &running.verifier).unwrap();
    signed.is_recorded_by(&proven).unwrap();
    assert_eq!(proven.id.to_string(), ground.record);
    assert_eq!(proven.record.kind(), RecordKind::Component);
    assert_eq!(proven.record.revision.len(), 32);
    let said = signed.ground();
    assert_eq!((said.outcome, ground.outcome()), (outcome, outcome));
    assert_eq!(said.caller, DESK);
    assert_eq!(said.dossier, request.dossier);
    assert_eq!(said.procedure, request.procedure);
    assert_eq!(said.variant, request.variant);
    assert_eq!(said.channel, Channel::Online);
    assert_eq!(said.clauses, ground.clauses);
    assert_eq!(said.fields, ground.fields);
    // The sentence is for the applicant: whole, and of nobody.
    for sentence in [&ground.sentence_vi, &ground.sentence_en] {
        assert!(sentence.ends_with('.') && !sentence.contains(&said.dossier));
        assert!(said.subject.is_empty() || !sentence.contains(&said.subject));
    }
    // Whoever alters a letter of it has none.
    let altered = ground.token.replacen('.', ".e", 1);
    assert!(verify_ground(&altered, &running.verifier).is_err());
}

/// Has the owners' systems go wrong, and gives what is asked of them then.
fn provoke(running: &Running) -> [CollectRequest; 2] {
    let (roles, sample) = (running.roles(), running.world().sample());
    let civil = running.provider("civil_status");
    let lacking = without_husband(sample).encode_to_vec();
    civil.misbehave(GET_MARRIAGE, None, Misbehaviour::Instead(lacking.into()));
    let down = Misbehaviour::Status(Code::Unavailable);
    civil.misbehave(GET_MARITAL_STATUS, None, down);
    let paper = |subject: &str| wanted("identity_paper", subject);
    // Written in capitals, as on the paper.
    let name = sample.people[0].full_name.to_uppercase();
    let of_residence = request(vec![
        declaring(paper(&roles.person), "full_name", &name),
        declaring(paper(&roles.spouse), "full_name", "Ai Khác"),
        paper(&roles.unknown_person),
        wanted("marriage_certificate", &roles.person),
        wanted("marital_status_certificate", &roles.person),
        wanted("birth_certificate", &roles.child),
    ]);
    let unlisted = CollectRequest {
        procedure: UNLISTED.to_owned(),
        variant: String::new(),
        ..request(vec![wanted("health_insurance_card", "")])
    };
    [of_residence, unlisted]
}

/// Data, as it was masked, with the receipt of its lookup.
#[track_caller]
fn checked_data(running: &Running, whole: &Evidence) {
    let message = whole.message.as_ref().unwrap();
    let full_name = "type.googleapis.com/vn.population.v1.Person";
    assert_eq!(message.type_url, full_name);
    let person = Person::decode(message.value.as_slice()).unwrap();
    let held = &running.world().sample().people[0];
    assert_eq!(person.personal_id, running.roles().person);
    assert_eq!(person.full_name, held.full_name);
    // Only what the document shows is asked for, though more is granted.
    assert_eq!(person.permanent_residence, None);
    assert!(whole.withheld.contains(&"religion".to_owned()));
    assert!(whole.as_of.ends_with('Z'));
    let proven = verify_receipt(whole.receipt.as_ref().unwrap(), &running.verifier).unwrap();
    assert_eq!(proven.id.to_string(), whole.record);
}

#[tokio::test]
async fn each_of_the_six_outcomes_comes_of_what_a_provider_does_and_is_a_ground() {
    let laid = lay().await.configured("[limits]\nlookup_ms_max = 2000");
    let running = laid.start().await;
    let person = running.roles().person;
    let before_us = now_us();
    let [of_residence, unlisted] = provoke(&running);
    let told = collect(&running, &of_residence).await;
    let not_listed = collect(&running, &unlisted).await;

    checked_data(&running, evidence(&told[0]));
    let grounds = [
        (&told[1], GroundOutcome::Mismatch, &of_residence),
        (&told[2], GroundOutcome::NotFound, &of_residence),
        (&told[3], GroundOutcome::Incomplete, &of_residence),
        (&told[4], GroundOutcome::Unavailable, &of_residence),
        (&told[5], GroundOutcome::NotShared, &of_residence),
        (&not_listed[0], GroundOutcome::NotPublished, &unlisted),
    ];
    for (told, outcome, request) in grounds {
        checked(&running, ground(told), outcome, request);
    }
    // R100: by name, and never by value.
    assert_eq!(ground(&told[1]).fields, ["full_name"]);
    assert_eq!(ground(&told[3]).fields, ["husband"]);
    assert!(ground(&told[1]).correction > 0 && ground(&told[3]).correction > 0);
    assert_eq!(ground(&told[2]).correction, 0);
    // R82: where the year is settled, by when the applicant must be told.
    let due_us = ground(&told[2]).due_us;
    assert!(due_us == 0 || due_us > before_us);
    assert_eq!(running.provider("population").calls(), 3);
    // Asked again within the deadline, as often as may be.
    let asked = running.provider("civil_status").seen();
    let again = asked.iter().filter(|seen| seen.path == GET_MARITAL_STATUS);
    assert_eq!(again.count(), 3);

    replayed_for_another_dossier(&running, ground(&told[2])).await;
    let past = running.stop().await;
    on_record(&past, &told, &person);
    let last = past.entry(&ground(&not_listed[0]).record);
    let component = last.record.component.as_ref().unwrap();
    assert_eq!(component.document, "health_insurance_card");
    assert_eq!(component.database, "insurance");
    assert_eq!(
        (component.lookup.as_str(), last.record.dataset.as_str()),
        ("", "")
    );
}

/// A ground speaks for its own dossier, and its record for no other ground.
async fn replayed_for_another_dossier(running: &Running, first: &Ground) {
    let other = CollectRequest {
        dossier: "000.00.00.H26-261122-0002".to_owned(),
        ..request(vec![wanted(
            "identity_paper",
            &running.roles().unknown_person,
        )])
    };
    let told = collect(running, &other).await;
    let second = ground(&told[0]);
    checked(running, second, GroundOutcome::NotFound, &other);
    let signed = verify_ground(&first.token, &running.verifier).unwrap();
    assert_eq!(signed.ground().dossier, DOSSIER);
    let proven = verify_receipt(second.receipt.as_ref().unwrap(), &running.verifier).unwrap();
    let fault = signed.is_recorded_by(&proven).unwrap_err();
    assert!(matches!(fault, GroundFault::OtherRecord { .. }), "{fault}");
    // The claims of one under the signature of the other.
    let parts = |token: &str| -> Vec<String> { token.split('.').map(str::to_owned).collect() };
    let (ours, theirs) = (parts(&first.token), parts(&second.token));
    let forged = format!("{}.{}.{}", theirs[0], theirs[1], ours[2]);
    let fault = verify_ground(&forged, &running.verifier).unwrap_err();
    assert!(matches!(fault, GroundFault::Signature), "{fault}");
}

/// R102: each is a record of its own, which names the lookup, and nobody in public.
fn on_record(past: &Past, told: &[Told], person: &str) {
    let components: Vec<_> = past
        .entries
        .iter()
        .filter(|entry| entry.record.kind() == RecordKind::Component)
        .collect();
    // Seven, and one for the other dossier.
    assert_eq!(components.len(), 8);
    let of_lookup = |lookup: &str| {
        let mut found = components.iter();
        found.find(|entry| entry.record.component.as_ref().unwrap().lookup == lookup)
    };
    let entry = of_lookup(&evidence(&told[0]).record).unwrap();
    let component = entry.record.component.as_ref().unwrap();
    assert_eq!(component.outcome(), GroundOutcome::Unspecified);
    assert!(component.commitment.is_empty());
    assert_eq!(entry.record.dataset, "population");
    assert_eq!(entry.record.procedure, RESIDENCE);
    assert_eq!(entry.sealed.subject, person);
    assert_eq!(entry.sealed.dossier, DOSSIER);
    for one in &told[1..] {
        let entry = past.entry(&ground(one).record);
        let component = entry.record.component.as_ref().unwrap();
        let (_, lookup) = match ground(one).outcome() {
            GroundOutcome::NotShared => {
                let refused = past.assert_refused(&component.lookup, "NO_AGREEMENT");
                (None, refused)
            }
            _ => {
                let (question, outcome) = past.lookup(&component.lookup);
                (Some(question), outcome)
            }
        };
        assert_eq!(lookup.sealed.subject, entry.sealed.subject);
        assert!(lookup.id.index() < entry.id.index());
        assert_eq!(entry.record.method, super::asking::COLLECT);
    }
    assert!(
        past.entries
            .iter()
            .any(|entry| entry.record.method == GET_PERSON)
    );
}
