//! Grounds: signed behind a durable record that says the same, and for nothing else.

use std::io;

use motlan_api::audit::v1::{Channel, Component, GroundOutcome, Record, RecordKind, Sealed};
use motlan_audit::{
    AppendError, Batch, Entry, Ground, GroundError, GroundFault, Index, Ledger, Query, Store,
    StoreError, verify_ground, verify_receipt,
};

use crate::common::{Place, outcome, question};
use crate::sealing::{of_subject, opened, subject};

const NOW_US: i64 = 1_790_787_600_000_007;
const METHOD: &str = "/motlan.once.v1.OnceOnly/Collect";

pub(crate) fn ground(n: u64) -> Ground {
    Ground {
        caller: "H26/one-stop".into(),
        procedure: "1.004222".into(),
        variant: "3".into(),
        dossier: "000.A0.01.H26-260302-0001".into(),
        subject: subject(n),
        document: "birth_certificate".into(),
        dataset: "population".into(),
        database: String::new(),
        outcome: GroundOutcome::NotFound,
        fields: Vec::new(),
        clauses: vec!["Nghị quyết 66.7/2025/NQ-CP, Phụ lục I, số 737".into()],
        channel: Channel::Online,
        received_us: NOW_US - 1,
        due_us: Some(NOW_US + 1),
        lookup: Some("hn1-2026q4-1".parse().unwrap()),
    }
}

/// What the caller brings along.
pub(crate) fn asked() -> Entry {
    Entry {
        record: Record {
            time_us: NOW_US,
            method: METHOD.into(),
            revision: "r1".into(),
            ..Record::default()
        },
        sealed: Sealed {
            official: "o-1".into(),
            token_id: "t-1".into(),
            ..Sealed::default()
        },
    }
}

/// That evidence was given.
fn evidence(n: u64) -> Entry {
    let ground = ground(n);
    let mut entry = asked();
    entry.record.kind = RecordKind::Component.into();
    entry.record.caller = ground.caller;
    entry.record.procedure = ground.procedure;
    entry.record.dataset = ground.dataset;
    entry.record.component = Some(Component {
        document: ground.document,
        clauses: ground.clauses,
        channel: ground.channel.into(),
        received_us: ground.received_us,
        lookup: "hn1-2026q4-1".into(),
        ..Component::default()
    });
    entry.sealed.subject = ground.subject;
    entry.sealed.dossier = ground.dossier;
    entry
}

async fn looked_up(ledger: &Ledger) {
    for entry in [question(1), outcome(Some(0))] {
        let _ = ledger.append(entry).await.unwrap();
    }
}

// R98: a ground is signed for a durable record that says the same.
#[tokio::test]
async fn a_ground_is_signed_for_the_durable_record_that_says_the_same_and_verifies_offline() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    looked_up(&ledger).await;
    let issued = ledger.ground(asked(), &ground(1)).await.unwrap();
    let other = ledger.ground(asked(), &ground(1)).await.unwrap();
    assert_eq!((issued.proof().index(), ledger.size()), (2, 4));
    let signed = verify_ground(issued.token(), &place.verifier()).unwrap();
    assert_eq!(signed.record(), issued.proof().id());
    assert_eq!(signed.issued_s(), NOW_US / 1_000_000);
    let proven = |index| verify_receipt(&ledger.receipt(index).unwrap(), ledger.verifier());
    signed.is_recorded_by(&proven(2).unwrap()).unwrap();
    // Two that say the same are two.
    assert_ne!(issued.token(), other.token());
    for index in [0, 1, 3] {
        let fault = signed.is_recorded_by(&proven(index).unwrap());
        assert!(
            matches!(fault, Err(GroundFault::OtherRecord { .. })),
            "{fault:?}"
        );
    }
    let record = ledger.record(2).unwrap();
    let component = record.component.as_ref().unwrap();
    assert_eq!(
        (record.method.as_str(), record.revision.as_str()),
        (METHOD, "r1")
    );
    assert_eq!(
        (component.received_us, component.due_us),
        (NOW_US - 1, NOW_US + 1)
    );
    assert_eq!(component.commitment.len(), 32);
    let sealed = ledger.opened(2).unwrap();
    let sealed = sealed.sealed().unwrap();
    assert_eq!(sealed.dossier, "000.A0.01.H26-260302-0001");
    assert_eq!(
        (sealed.subject.as_str(), sealed.official.as_str()),
        (&*subject(1), "o-1")
    );
    ledger.close().unwrap();
    let (findings, parts) = place.opened();
    assert_eq!((findings.as_str(), parts.opened), ("", 4));
}

#[tokio::test]
async fn what_is_no_whole_ground_leaves_no_record() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    type Change = fn(&mut Entry, &mut Ground);
    let changes: [Change; 23] = [
        |entry, _| entry.record.time_us = 0,
        |entry, _| entry.record.question = Some(0),
        |entry, _| entry.record.result = 1,
        |entry, _| entry.record.reason = "X".into(),
        |_, it| it.caller.clear(),
        |_, it| it.procedure.clear(),
        |_, it| it.dossier.clear(),
        |_, it| it.document.clear(),
        |_, it| it.clauses.clear(),
        |_, it| it.clauses.push(String::new()),
        |_, it| it.dataset.clear(),
        |_, it| it.database = "passport".into(),
        |_, it| it.outcome = GroundOutcome::Unspecified,
        |_, it| it.outcome = GroundOutcome::NotPublished,
        |_, it| it.outcome = GroundOutcome::Incomplete,
        |_, it| it.fields.push("born_on".into()),
        |_, it| it.channel = Channel::Unspecified,
        |_, it| it.received_us = 0,
        |_, it| it.received_us = 999_999,
        |_, it| it.due_us = Some(1),
        |_, it| it.lookup = None,
        |_, it| it.dossier = "a\nb".into(),
        |_, it| it.subject = "x".repeat(513),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (mut entry, mut ground) = (asked(), ground(1));
        change(&mut entry, &mut ground);
        let refused = ledger.ground(entry, &ground).await.map(|_| ());
        assert!(
            matches!(refused, Err(GroundError::Malformed(_))),
            "{number}: {refused:?}"
        );
    }
    assert_eq!(ledger.size(), 0);
}

#[tokio::test]
async fn a_database_that_is_no_dataset_makes_a_ground_without_a_lookup() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let ground = Ground {
        dataset: String::new(),
        database: "passport".into(),
        outcome: GroundOutcome::NotPublished,
        subject: String::new(),
        due_us: None,
        lookup: None,
        ..ground(1)
    };
    let issued = ledger.ground(asked(), &ground).await.unwrap();
    let signed = verify_ground(issued.token(), &place.verifier()).unwrap();
    assert!(signed.ground().database == "passport" && signed.ground().due_us.is_none());
    ledger.close().unwrap();
    assert_eq!(place.opened().0, "");
}

#[tokio::test]
async fn a_component_is_recorded_only_where_it_says_what_became_of_it() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let _ = ledger.append(evidence(1)).await.unwrap();
    type Change = fn(&mut Record, &mut Component);
    let changes: [Change; 12] = [
        |_, it| it.outcome = 99,
        |_, it| it.lookup.clear(),
        |_, it| it.lookup = "lookup 1".into(),
        |_, it| it.due_us = NOW_US,
        |_, it| it.fields.push("born_on".into()),
        |_, it| it.commitment = vec![0; 32],
        |_, it| it.clauses.clear(),
        |_, it| it.document.clear(),
        |record, _| record.dataset.clear(),
        |record, it| it.database = std::mem::take(&mut record.dataset),
        |record, _| record.caller.clear(),
        |record, _| record.fields_released.push("born_on".into()),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut entry = evidence(1);
        let mut component = entry.record.component.take().unwrap();
        change(&mut entry.record, &mut component);
        entry.record.component = Some(component);
        let refused = ledger.append(entry).await.map(|_| ());
        assert!(
            matches!(refused, Err(AppendError::Malformed(_))),
            "{number}: {refused:?}"
        );
    }
    // A ground has no other way in than the one that signs it.
    let issued = ledger.ground(asked(), &ground(1)).await.unwrap();
    let record = ledger.record(issued.proof().index()).unwrap();
    let copied = ledger
        .append(Entry {
            record,
            ..evidence(1)
        })
        .await;
    assert!(matches!(copied.map(|_| ()), Err(AppendError::Malformed(_))));
    assert_eq!(ledger.size(), 2);
}

/// A store that keeps nothing.
struct Full;

impl Store for Full {
    fn commit(&mut self, _: &Batch) -> Result<motlan_audit::Ack, StoreError> {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        Err(StoreError::Other(full.into()))
    }
}

#[tokio::test]
async fn without_a_durable_record_there_is_no_ground() {
    let place = Place::new(1 << 16);
    let ledger = Ledger::open_through(place.settings(), |_| Box::new(Full)).unwrap();
    let refused = ledger.ground(asked(), &ground(1)).await.map(|_| ());
    let is_failed = matches!(refused, Err(GroundError::Append(AppendError::Failed(_))));
    assert!(is_failed, "{refused:?}");
    drop(ledger);
    let ledger = place.open();
    ledger.clone().close().unwrap();
    let refused = ledger.ground(asked(), &ground(1)).await.map(|_| ());
    let is_closed = matches!(refused, Err(GroundError::Append(AppendError::Closed)));
    assert!(is_closed, "{refused:?}");
}

#[tokio::test]
async fn the_record_of_a_ground_is_found_like_others_and_its_subject_is_erased_like_others() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let index = Index::follow(ledger.clone(), &Index::beside(&place.folder())).unwrap();
    looked_up(&ledger).await;
    let issued = ledger.ground(asked(), &ground(1)).await.unwrap();
    let _ = ledger.append(evidence(2)).await.unwrap();
    let found = |query: Query| {
        let found = index.search(&query).unwrap().records;
        found
            .iter()
            .map(|entry| entry.id.index())
            .collect::<Vec<_>>()
    };
    let some = |text: &str| Some(text.to_owned());
    let of_subject_1 = || Query {
        subject: Some(subject(1)),
        ..Query::default()
    };
    assert_eq!(found(of_subject_1()), [2, 0]);
    let dossier = some("000.A0.01.H26-260302-0001");
    assert_eq!(
        found(Query {
            dossier,
            ..Query::default()
        }),
        [3, 2]
    );
    let kind = Some(RecordKind::Component);
    for query in [
        Query {
            kind,
            ..Query::default()
        },
        Query {
            caller: some("H26/one-stop"),
            kind,
            ..Query::default()
        },
        Query {
            dataset: some("population"),
            kind,
            ..Query::default()
        },
        Query {
            procedure: some("1.004222"),
            kind,
            ..Query::default()
        },
        Query {
            method: some(METHOD),
            ..Query::default()
        },
    ] {
        assert_eq!(found(query), [3, 2]);
    }
    let erased = ledger.erase(&of_subject(&subject(1))).unwrap();
    assert_eq!(erased.indices, [0, 2]);
    assert_eq!(found(of_subject_1()), [] as [u64; 0]);
    assert_eq!(opened(&ledger), "-  - 2 e");
    // Whoever has the ground can still show that it was given: the leaf stays.
    let signed = verify_ground(issued.token(), &place.verifier()).unwrap();
    let receipt = ledger.receipt(2).unwrap();
    let proven = verify_receipt(&receipt, ledger.verifier()).unwrap();
    signed.is_recorded_by(&proven).unwrap();
    index.stop();
    ledger.close().unwrap();
    assert_eq!(place.opened().0, "");
}
