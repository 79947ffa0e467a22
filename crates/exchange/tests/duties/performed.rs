//! One lookup over a ledger of its own, with duties that break at any step.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use motlan_audit::wire::Result as Ended;
use motlan_audit::{Ledger, RecordId, Settings, SignerKey};
use motlan_catalog::{Catalog, LogLevel, System};
use motlan_exchange::{
    Arrival, Ask, Caller, Denial, Duties, DutyFault, Enquiry, Fetched, Limits, Official, Provider,
    ProviderFault, Reply, Shown, Statement, Use,
};
use motlan_policy::Rules;
use tempfile::TempDir;

const ORIGIN: &str = "motlan.example/audit/test/2026q4";
const SYSTEM: &str = "G15/civil-status";
/// 2026-11-22.
const NOW_US: i64 = 1_795_305_600_000_000;
const AGREEMENT: &str = r#"
id = "g01-g15-obliging"
version = 1
title = "Obliging"
provider = "G01"
consumer = "G15"
legal_basis = ["Luật Căn cước"]
valid_from = 2026-01-01
valid_until = 2099-12-31
[[grant]]
id = "one"
dataset = "population"
view = "identity"
methods = ["GetPerson"]
procedures = ["1.004222"]
[grant.obligations]
notify_subject = true
review_days = 1
log = "warn"
mask = [{ field = "personal_id", keep_last = 4 }]
[[test]]
name = "allowed"
system = "G15/civil-status"
method = "population/GetPerson"
procedure = "1.004222"
at = 2026-03-02T09:00:00
expect = "allowed"
fields = ["date_of_birth.*", "full_name", "personal_id", "sex"]
[[test]]
name = "refused"
system = "G15/civil-status"
method = "population/GetPerson"
procedure = "1.014177"
at = 2026-03-02T09:00:00
expect = "PURPOSE_NOT_COVERED"
"#;

/// What was done of it, in order, and at which step nothing works any more.
struct Worn {
    steps: AtomicU32,
    breaks_at: u32,
    opened: Mutex<Weak<()>>,
}

impl Worn {
    fn step(&self) -> Result<(), DutyFault> {
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        match step == self.breaks_at {
            true => Err(DutyFault::Failed),
            false => Ok(()),
        }
    }
}

impl Duties for Worn {
    async fn admit(&self, _: &Use) -> Result<(), DutyFault> {
        self.step()
    }

    async fn open(&self, made: &Use, _: &RecordId) -> Result<(), DutyFault> {
        assert!(made.review_by_us.is_some_and(|due_us| due_us > NOW_US));
        *self.opened.lock().unwrap() = Arc::downgrade(&made.under_way);
        self.step()
    }

    async fn notify(&self, _: &RecordId) -> Result<(), DutyFault> {
        self.step()
    }

    fn log(&self, level: LogLevel, _: &Use, _: &RecordId) {
        assert_eq!(level, LogLevel::Warn);
        self.step().unwrap();
    }
}

/// Counts who asks, and has an empty answer for everybody.
struct Owner(AtomicU32);

impl Provider for Owner {
    async fn ask(&self, _: Enquiry) -> Result<Fetched, ProviderFault> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Fetched {
            messages: vec![Bytes::new()],
            as_of: "2026-11-22T00:00:00Z".to_owned(),
        })
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn catalog(folder: &TempDir) -> Catalog {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let catalog = folder.path().join("catalog");
    copy(&root.join("deploy/catalog"), &catalog);
    copy(&root.join("proto"), &folder.path().join("contracts"));
    let main = catalog.join("catalog.toml");
    let text = fs::read_to_string(&main).unwrap();
    fs::write(&main, text.replace("../../proto", "../contracts")).unwrap();
    fs::write(catalog.join("agreements/obliging.toml"), AGREEMENT).unwrap();
    Catalog::load(&catalog).unwrap_or_else(|faults| panic!("{faults}"))
}

fn ask(catalog: &Catalog, fields: &[&str]) -> Ask {
    let path = "/vn.population.v1.PopulationRegistry/GetPerson";
    let instant = Instant::now();
    Ask {
        method: Arc::clone(catalog.method(path).unwrap()),
        // `personal_id`, the first field.
        request: Bytes::from_static(b"\x0a\x0c001099000001"),
        cited: None,
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        shown: Shown::assertion(None, Vec::new()),
        trace_parent: None,
        trace_id: Vec::new(),
        arrived: Arrival {
            unix_us: NOW_US,
            instant,
        },
        deadline: instant + Duration::from_secs(60),
    }
}

fn caller(catalog: &Catalog) -> Caller {
    let system: &Arc<System> = catalog.system(&SYSTEM.parse().unwrap()).unwrap();
    let statement = Statement {
        official: Official::new("official-0001".to_owned()),
        procedure: "1.004222".parse().unwrap(),
        variant: None,
        dossier: None,
        basis: None,
        incident: None,
        token_id: "t-1".to_owned(),
        token: "token".into(),
    };
    Caller::assertion(Arc::clone(system), Arc::new(statement))
}

/// One lookup with duties that break at a step: what the caller hears, how many of the steps were
/// tried, and how many questions the owner heard.
async fn look_up(
    catalog: &Catalog,
    ledger: &Ledger,
    breaks_at: u32,
    fields: &[&str],
) -> (Reply, u32, u32) {
    let (rules, owner) = (Rules::new(catalog).unwrap(), Owner(AtomicU32::new(0)));
    let duties = Worn {
        steps: AtomicU32::new(0),
        breaks_at,
        opened: Mutex::default(),
    };
    let is_under_way = || duties.opened.lock().unwrap().strong_count() > 0;
    let limits = Limits::new().unwrap();
    let permitted = caller(catalog).ask(ask(catalog, fields)).decide(&rules);
    let permitted = permitted.unwrap_or_else(|_| panic!("it is refused"));
    let outcome = match permitted.reserve(&limits, &duties).await {
        Ok(reserved) => {
            let announced = reserved.announce(ledger).await.unwrap();
            let outcome = announced.fetch(&owner, &duties).await.mask(&duties).await;
            // R96: until its outcome is on record, whatever that is.
            assert!(is_under_way());
            outcome
        }
        Err(refused) => refused,
    };
    let recorded = outcome.record(ledger).await.unwrap();
    assert!(!is_under_way());
    let reply = recorded.release();
    let steps = duties.steps.into_inner();
    (reply, steps, owner.0.into_inner())
}

/// R95: performed or refused; and what cannot be done before the provider hears, keeps it from it.
#[tokio::test]
async fn what_cannot_be_done_gives_nothing_and_is_on_record() {
    let folder = TempDir::new().unwrap();
    let catalog = catalog(&folder);
    let logs = folder.path().join("ledger");
    let key = SignerKey::generate(ORIGIN).unwrap();
    Ledger::create(&logs, &ORIGIN.parse().unwrap(), &key).unwrap();
    let ledger = Ledger::open(Settings::new(&logs, key)).unwrap();
    // Admitted, opened, logged, told: which step breaks, and what comes of it.
    for (breaks_at, heard, ended) in [
        (1, 0, Ended::Refused),
        (2, 0, Ended::Failed),
        (4, 1, Ended::Failed),
    ] {
        let (reply, steps, asked) = look_up(&catalog, &ledger, breaks_at, &[]).await;
        assert_eq!((steps, asked), (breaks_at, heard));
        assert!(matches!(reply.result, Err(Denial::Duty(DutyFault::Failed))));
        let record = ledger.record(reply.index).unwrap();
        assert_eq!(
            (record.result(), record.reason.as_str()),
            (ended, "OBLIGATION_FAILED")
        );
        assert_eq!(record.question.is_some(), ended == Ended::Failed);
        assert!(record.fields_released.is_empty());
    }
    let (reply, steps, asked) = look_up(&catalog, &ledger, u32::MAX, &[]).await;
    assert_eq!((steps, asked), (4, 1));
    // What the agreement covers is told, also where the answer does not have it.
    assert_eq!(reply.result.unwrap().covered, ["personal_id"]);
    // Where it is not asked for it does not leave.
    let (reply, ..) = look_up(&catalog, &ledger, u32::MAX, &["full_name"]).await;
    assert!(reply.result.unwrap().covered.is_empty());
    ledger.close().unwrap();
}
