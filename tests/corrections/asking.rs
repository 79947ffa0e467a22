//! What was met beforehand, and how owners ask for it.

use motlan_api::audit::v1::GroundOutcome;
use motlan_api::once::v1::{
    CloseCorrectionRequest, CloseCorrectionResponse, Correction, CorrectionsRequest,
    CorrectionsResponse, ReportRequest, ReportResponse,
};
use motlan_gateway::state::{State, Ticket, Upkeep};

use crate::system::question::{GET_BIRTH, GET_PERSON, birth, person};
use crate::system::running::{Laid, Running};
use crate::trail::asking::{Asked, get};

/// The correction desks of two owners.
pub(crate) const POPULATION_OWNER: &str = "G01/data-quality";
pub(crate) const CIVIL_STATUS_OWNER: &str = "G15/data-quality";
/// Where the figures are followed.
pub(crate) const REPORTING: &str = "G22/reform-report";
pub(crate) const GROUND: &str = "taken over from the register of births";

impl Asked for CorrectionsRequest {
    const METHOD: &'static str = "/motlan.once.v1.OnceOnly/Corrections";
    type Response = CorrectionsResponse;
}

impl Asked for CloseCorrectionRequest {
    const METHOD: &'static str = "/motlan.once.v1.OnceOnly/CloseCorrection";
    type Response = CloseCorrectionResponse;
}

impl Asked for ReportRequest {
    const METHOD: &'static str = "/motlan.once.v1.OnceOnly/Report";
    type Response = ReportResponse;
}

/// What an owner has to look at.
pub(crate) async fn listed(running: &Running, system: &str) -> Vec<Correction> {
    let request = CorrectionsRequest::default();
    get(running, system, &request).await.corrections
}

pub(crate) fn numbers(corrections: &[Correction]) -> Vec<u64> {
    corrections.iter().map(|it| it.correction).collect()
}

pub(crate) fn close(correction: u64) -> CloseCorrectionRequest {
    CloseCorrectionRequest {
        correction,
        ground: GROUND.to_owned(),
    }
}

/// A gateway with a state, in which two lookups of the desk met something: 1 and 3 of the
/// population, 1 of them twice and in two fields; 2 of civil status. With the records of the
/// lookups.
pub(crate) async fn met() -> (Running, [String; 2]) {
    let laid = Laid::out()
        .await
        .configured("[state]\nfile = \"state.redb\"");
    let running = laid.start().await;
    let subject = running.roles().person;
    let mut records = Vec::new();
    for question in [person(&subject), birth(&subject)] {
        let reply = running.ask(&question).await;
        records.push(reply.metadata("motlan-record").unwrap().to_owned());
    }
    let file = running.world().dir().join("state.redb");
    let named = records.clone();
    let running = running
        .again_after(async move || {
            let upkeep = Upkeep::new(Some(State::open(&file).unwrap()));
            let ticket = |dataset: &str, field: &str| Ticket {
                // By the catalogue the second is another's: that counts.
                owner: "G01".parse().unwrap(),
                dataset: dataset.parse().unwrap(),
                method: GET_PERSON.to_owned(),
                outcome: GroundOutcome::Incomplete,
                fields: vec![field.to_owned()],
                subject: subject.clone(),
                record: named[0].parse().unwrap(),
            };
            let first = ticket("population", "sex");
            let second = Ticket {
                method: GET_BIRTH.to_owned(),
                outcome: GroundOutcome::Mismatch,
                record: named[1].parse().unwrap(),
                ..ticket("civil_status", "registered_on")
            };
            let third = Ticket {
                outcome: GroundOutcome::Mismatch,
                ..first.clone()
            };
            let again = ticket("population", "full_name");
            for (ticket, number) in [(first, 1), (second, 2), (third, 3), (again, 1)] {
                assert_eq!(upkeep.correct(ticket).await.unwrap(), number);
            }
        })
        .await;
    (running, records.try_into().unwrap())
}
