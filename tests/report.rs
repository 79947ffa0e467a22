//! The figures of a period: they are those of the ledger's records, counted here another way.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use motlan_api::audit::v1::{
    Channel, Component, EraseRequest, GroundOutcome, Record, RecordKind, Result as Ended, Sealed,
};
use motlan_api::once::v1::{OutcomeCount, ReportRequest, ReportResponse, SourceCount};
use motlan_audit::{Entry, Ground, Layout, Opened, ReadEntry, Sealing, read_entries};
use motlan_gateway::{Settings, ledger};
use tokio::task::JoinSet;
use tonic::Code;

use crate::corrections::asking::REPORTING;
use crate::system::question::DESK;
use crate::system::refused::{refused_on_record, turned_away};
use crate::system::running::Running;
use crate::trail::asking::{AUDITOR, PROTECTOR, ask, get};

const CALLERS: [&str; 4] = [DESK, "H29/one-stop", "G15/civil-status", "G15/approval"];
const COLLECT: &str = "/motlan.once.v1.OnceOnly/Collect";
const START_US: i64 = 1_795_305_600_000_000;
const DAY_US: i64 = 86_400_000_000;
const DAYS: u64 = 60;
const ERASED: &str = "001099000003";

/// Numbers that look random, and are the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % end
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        let place = self.below(texts.len() as u64);
        texts[usize::try_from(place).unwrap()]
    }
}

/// What became of some component, so few of each kind that some come twice. With its ground, where
/// it is one.
fn component(draw: &mut Draw) -> (Entry, Option<Ground>) {
    // Mostly evidence.
    let outcome = i32::try_from(draw.below(12)).unwrap();
    let outcome = GroundOutcome::try_from(outcome).unwrap_or_default();
    let is_held = outcome != GroundOutcome::NotPublished;
    let differs = [GroundOutcome::Incomplete, GroundOutcome::Mismatch].contains(&outcome);
    let text = |is: bool, text: &str| if is { text.to_owned() } else { String::new() };
    let ground = Ground {
        caller: draw.of(&CALLERS).to_owned(),
        procedure: draw.of(&["1.004222", "1.014177"]).to_owned(),
        variant: String::new(),
        dossier: format!("000.00.00.H26-261122-000{}", draw.below(5)),
        subject: format!("00109900000{}", draw.below(4)),
        document: draw.of(&["identity_paper", "birth_certificate"]).to_owned(),
        dataset: text(is_held, draw.of(&["population", "civil_status"])),
        database: text(!is_held, draw.of(&["health_insurance", "driving_licence"])),
        outcome,
        fields: differs.then(|| "sex".to_owned()).into_iter().collect(),
        clauses: vec!["Điều 4".to_owned()],
        channel: Channel::Online,
        received_us: START_US,
        due_us: None,
        lookup: is_held.then(|| "demo-2026q4-7".parse().unwrap()),
    };
    let mut record = Record {
        kind: RecordKind::Component.into(),
        method: COLLECT.to_owned(),
        time_us: START_US + i64::try_from(draw.below(DAYS * 24)).unwrap() * (DAY_US / 24),
        ..Record::default()
    };
    let mut sealed = Sealed {
        official: "official-0001".to_owned(),
        ..Sealed::default()
    };
    if outcome != GroundOutcome::Unspecified {
        return (Entry { record, sealed }, Some(ground));
    }
    record.caller = ground.caller;
    record.procedure = ground.procedure;
    record.dataset = ground.dataset;
    record.component = Some(Component {
        document: ground.document,
        clauses: ground.clauses,
        channel: ground.channel.into(),
        received_us: ground.received_us,
        lookup: ground.lookup.map(|it| it.to_string()).unwrap_or_default(),
        ..Component::default()
    });
    sealed.subject = ground.subject;
    sealed.dossier = ground.dossier;
    (Entry { record, sealed }, None)
}

/// Adds so many components to the log that is written, beside the gateway that has stopped.
async fn add(settings: &Settings, draw: &mut Draw, components: usize) {
    let shards = ledger::open(&settings.instance, &settings.ledger).unwrap();
    let mut adding = JoinSet::new();
    for _ in 0..components {
        let (ledger, (entry, ground)) = (shards.newest(), component(draw));
        adding.spawn(async move {
            match ground {
                None => drop(ledger.append(entry).await.unwrap()),
                Some(ground) => drop(ledger.ground(entry, &ground).await.unwrap()),
            }
        });
    }
    adding.join_all().await;
    shards.close().unwrap();
}

/// All records of all logs.
fn records(layout: &Layout) -> Vec<ReadEntry> {
    let mut records = Vec::new();
    for quarter in layout.quarters().unwrap() {
        let sealing = Sealing::read(&layout.sealing(quarter)).unwrap();
        let read = read_entries(&layout.ledger(quarter), Some(&sealing), |entry| {
            records.push(entry);
            ControlFlow::Continue(())
        });
        assert_eq!(read.unwrap().count, 0);
    }
    records
}

fn period(from_day: i64, until_day: i64, agency: &str) -> ReportRequest {
    ReportRequest {
        from_us: START_US + from_day * DAY_US,
        until_us: START_US + until_day * DAY_US,
        agency: agency.to_owned(),
    }
}

/// The figures, each counted by going through all records once more.
fn counted(all: &[ReadEntry], request: &ReportRequest) -> ReportResponse {
    let agency = |entry: &ReadEntry| entry.record.caller.split('/').next().unwrap().to_owned();
    let within = |entry: &&ReadEntry| {
        let of = &request.agency;
        entry.record.kind() == RecordKind::Component
            && (request.from_us..request.until_us).contains(&entry.record.time_us)
            && (of.is_empty() || agency(entry) == *of)
    };
    let all: Vec<&ReadEntry> = all.iter().filter(within).collect();
    let outcome = |entry: &ReadEntry| entry.record.component.as_ref().unwrap().outcome;
    let source = |entry: &ReadEntry| {
        let database = &entry.record.component.as_ref().unwrap().database;
        (entry.record.dataset.clone(), database.clone())
    };
    let counts = |of: &dyn Fn(&ReadEntry) -> bool| -> Vec<OutcomeCount> {
        let count = |outcome_of: i32| OutcomeCount {
            outcome: outcome_of,
            grounds: all
                .iter()
                .filter(|it| of(it) && outcome(it) == outcome_of)
                .count() as u64,
        };
        (1..=6)
            .map(count)
            .filter(|count| count.grounds > 0)
            .collect()
    };
    let served: Vec<_> = all.iter().filter(|entry| outcome(entry) == 0).collect();
    let opened = served.iter().filter_map(|entry| {
        let sealed = entry.sealed.sealed()?;
        let document = &entry.record.component.as_ref().unwrap().document;
        let procedure = &entry.record.procedure;
        Some((
            agency(entry),
            procedure,
            &sealed.dossier,
            document,
            &sealed.subject,
        ))
    });
    let erased = served
        .iter()
        .filter(|entry| entry.sealed.sealed().is_none())
        .count();
    let distinct: BTreeSet<_> = opened.collect();
    let names: BTreeSet<_> = all.iter().map(|entry| source(entry)).collect();
    let mut sources: Vec<SourceCount> = names
        .into_iter()
        .map(|name| SourceCount {
            served: served.iter().filter(|entry| source(entry) == name).count() as u64,
            grounds: counts(&|entry| source(entry) == name),
            dataset: name.0,
            database: name.1,
        })
        .collect();
    let grounds = |it: &SourceCount| it.grounds.iter().map(|count| count.grounds).sum::<u64>();
    sources.sort_by_key(|it| std::cmp::Reverse(grounds(it)));
    ReportResponse {
        served: served.len() as u64,
        documents_not_brought: (distinct.len() + erased) as u64,
        grounds: counts(&|_| true),
        sources,
        look: String::new(),
    }
}

/// A report without the name of its look.
async fn reported(running: &Running, request: &ReportRequest) -> ReportResponse {
    let mut response = get(running, REPORTING, request).await;
    response.look.clear();
    response
}

/// R104.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_figures_of_a_report_are_those_of_the_ledgers_records() {
    let running = Running::start().await;
    let settings = Settings::read(&running.world().config()).unwrap();
    let (layout, mut draw) = (running.layout(), Draw(661_177));
    let running = running
        .again_after(async || add(&settings, &mut draw, 300).await)
        .await;
    let newest = running.newest();
    assert!(running.turn(newest.after(1)).await.unwrap());
    let running = running
        .again_after(async || add(&settings, &mut draw, 100).await)
        .await;
    let mut all = records(&layout);
    let periods = [
        period(0, 60, ""),
        period(0, 60, "H26"),
        period(0, 60, "G15"),
        period(0, 60, "G01"),
        period(10, 11, ""),
        period(-300, 20, "H29"),
        period(61, 70, ""),
    ];
    for request in &periods {
        assert_eq!(
            reported(&running, request).await,
            counted(&all, request),
            "{request:?}"
        );
    }
    let whole = reported(&running, &periods[0]).await;
    // The seed draws what tells the ways of counting apart.
    assert_eq!(whole.grounds.len(), 6);
    assert_eq!(whole.sources.len(), 4);
    assert!(0 < whole.documents_not_brought && whole.documents_not_brought < whole.served);
    assert_eq!(
        reported(&running, &periods[6]).await,
        ReportResponse::default()
    );

    // Whose sealed part is gone counts by itself; all other figures stay.
    let erase = EraseRequest {
        subject: ERASED.to_owned(),
        ground: "order 17 of the authority".to_owned(),
        ..EraseRequest::default()
    };
    get(&running, PROTECTOR, &erase).await;
    let erased = reported(&running, &periods[0]).await;
    assert!(erased.documents_not_brought > whole.documents_not_brought);
    let documents_not_brought = erased.documents_not_brought;
    assert_eq!(
        erased,
        ReportResponse {
            documents_not_brought,
            ..whole
        }
    );
    let is_gone = |it: &&mut ReadEntry| it.sealed.sealed().is_some_and(|it| it.subject == ERASED);
    for gone in all.iter_mut().filter(is_gone) {
        gone.sealed = Opened::Erased;
    }
    assert_eq!(erased, counted(&all, &periods[0]));
}

/// R73, R74, R104.
#[tokio::test]
async fn a_report_is_on_record_and_for_those_with_the_role_alone() {
    let running = Running::start().await;
    let request = period(0, 366, "H26");
    let look = get(&running, REPORTING, &request).await.look;
    let mut refused = Vec::new();
    for system in [DESK, AUDITOR] {
        let reply = ask(&running, system, &request).await;
        refused.push(refused_on_record(
            &reply,
            Code::PermissionDenied,
            "ROLE_NOT_HELD",
        ));
    }
    for wrong in [
        period(0, 0, ""),
        period(1, 0, ""),
        period(0, 367, ""),
        period(0, 1, "H2"),
        period(0, 1, "H26/one-stop"),
        ReportRequest {
            from_us: i64::MIN,
            until_us: i64::MAX,
            ..ReportRequest::default()
        },
    ] {
        let reply = ask(&running, REPORTING, &wrong).await;
        turned_away(&reply, Code::InvalidArgument, "REQUEST_MALFORMED");
    }
    let past = running.stop().await;
    let look = &past.entry(&look).record;
    assert_eq!(
        (look.kind(), look.result()),
        (RecordKind::Look, Ended::Released)
    );
    assert_eq!(look.method, "/motlan.once.v1.OnceOnly/Report");
    let told = look.look.as_ref().unwrap();
    assert_eq!(
        (told.filters.join(" ").as_str(), told.shown),
        ("agency from_us until_us", 0)
    );
    for record in refused {
        assert_eq!(past.entry(&record).record.kind(), RecordKind::Look);
    }
    assert_eq!(past.entries.len(), 3);
}
