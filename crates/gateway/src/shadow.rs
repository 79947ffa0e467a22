//! Shadow: a candidate set decides beside the one in force, and what it would decide otherwise is
//! counted and shown. It decides nothing: it may be unsigned, and may fail to load.
//!
//! A lookup leaves a copy of what it asks and goes on; a thread decides it by both sets, at one
//! moment, and compares. Rules are pure, so the one in force decides there as it did for the
//! lookup. Out of scope: what rules do not see, such as quotas and rates.
//!
//! Limits: [`QUEUE_MAX`] questions wait to be compared, and further ones are only counted;
//! [`ROWS_MAX`] differences are told apart.

mod asked;
mod candidate;
mod decided;
mod report;
mod table;

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use jiff::Timestamp;
use motlan_catalog::Revision;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::enforced::{Enforced, InForce, Problems};
use crate::telemetry::Metrics;
pub use asked::Asked;
pub use candidate::Candidate;
pub use decided::{Decided, Difference};
pub use report::Report;
pub use table::{ROWS_MAX, Row, Table, Told};

/// Questions that wait to be compared.
pub const QUEUE_MAX: usize = 4096;

/// A candidate beside what is in force. Cheap to clone.
#[derive(Clone)]
pub struct Shadow(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    queue: Sender<Seen>,
    standing: Mutex<Standing>,
    dropped: Counter<u64>,
}

/// A question that a lookup asked, and the set that decided it.
struct Seen {
    set: Arc<Enforced>,
    asked: Asked,
}

/// What was found so far.
struct Standing {
    candidate: Result<Arc<Candidate>, Arc<Problems>>,
    /// The revisions that are compared: in force, and the candidate's.
    between: Option<(Revision, Revision)>,
    table: Table,
    /// Lookups whose comparison broke off.
    broken_off: u64,
}

impl Shadow {
    /// Begins to compare with the candidate in `folder`. Blocking: loads it. One that is wrong is
    /// told of in the log, and compared with nothing.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn start(folder: PathBuf, in_force: &InForce, metrics: &Metrics) -> std::io::Result<Self> {
        let (queue, seen) = channel(QUEUE_MAX);
        let counter = |name, text| {
            let meter = metrics.meter();
            let counter = meter.u64_counter(name);
            counter.with_description(text).build()
        };
        let dropped = "Lookups that were not compared: no room to wait, or nothing to compare with";
        let shadow = Self(Arc::new(Inner {
            standing: Mutex::new(Standing::begin(loaded(&folder))),
            folder,
            queue,
            dropped: counter("motlan.shadow.dropped", dropped),
        }));
        // From the first scrape on: what appears as 1 would be no increase.
        shadow.0.dropped.add(0, &[]);
        let work = Work {
            inner: Arc::downgrade(&shadow.0),
            in_force: in_force.clone(),
            compared: counter(
                "motlan.shadow.compared",
                "Lookups that the candidate decided as well",
            ),
            differences: counter(
                "motlan.shadow.differences",
                "Those that it would decide otherwise, by how",
            ),
        };
        let thread = thread::Builder::new().name("motlan-shadow".to_owned());
        // Ends with the last clone.
        let _detached = thread.spawn(move || work.run(seen))?;
        Ok(shadow)
    }

    /// Takes note of a question that `set` decides. Never waits.
    pub fn observe(&self, set: &Arc<Enforced>, asked: impl FnOnce() -> Asked) {
        // R89: no lookup waits for a candidate.
        match self.0.queue.try_reserve() {
            Ok(place) => place.send(Seen {
                set: Arc::clone(set),
                asked: asked(),
            }),
            Err(_full) => self.0.dropped.add(1, &[]),
        }
    }

    /// Loads the candidate anew, and begins to count anew. Blocking.
    pub fn reload(&self) {
        let candidate = loaded(&self.0.folder);
        *self.0.standing() = Standing::begin(candidate);
    }

    /// What was found so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let standing = self.0.standing();
        let candidate = standing.candidate.as_ref();
        Report {
            candidate: candidate
                .map(|candidate| candidate.revision().clone())
                .map_err(Arc::clone),
            in_force: standing
                .between
                .as_ref()
                .map(|(in_force, _)| in_force.clone()),
            table: standing.table.clone(),
            broken_off: standing.broken_off,
        }
    }
}

impl Inner {
    /// What `compare` gives; where it breaks off, that is told, and comparing goes on.
    fn guarded(&self, compare: impl FnOnce() -> bool) -> bool {
        // What it may leave half done is a row of the table.
        let compared = panic::catch_unwind(AssertUnwindSafe(compare));
        compared.unwrap_or_else(|_panicked| {
            let mut standing = self.standing();
            if standing.broken_off == 0 {
                tracing::error!("comparing a lookup with the candidate broke off: a fault of ours");
            }
            standing.broken_off = standing.broken_off.saturating_add(1);
            false
        })
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    fn begin(candidate: Result<Candidate, Problems>) -> Self {
        Self {
            candidate: candidate.map(Arc::new).map_err(Arc::new),
            between: None,
            table: Table::default(),
            broken_off: 0,
        }
    }

    /// Adds what was found between two revisions; what stands there of any others goes.
    fn add(
        &mut self,
        between: (Revision, Revision),
        asked: &Asked,
        difference: Option<&Difference>,
    ) {
        if self.between.as_ref() != Some(&between) {
            self.table = Table::default();
            self.between = Some(between);
        }
        self.table.add(asked, difference, &time(asked));
    }
}

fn loaded(folder: &Path) -> Result<Candidate, Problems> {
    let loaded = Candidate::load(folder);
    match &loaded {
        Ok(candidate) => {
            let revision = candidate.revision();
            tracing::info!(%revision, "a candidate decides beside what is in force");
        }
        Err(problems) => {
            for problem in problems.lines() {
                tracing::error!(problem, "a fault of the candidate");
            }
            tracing::error!("the candidate cannot be used; nothing is compared");
        }
    }
    loaded
}

fn time(asked: &Asked) -> String {
    let time = Timestamp::from_millisecond(asked.at.unix_ms());
    time.map_or_else(|_| String::new(), |time| time.to_string())
}

/// What the thread needs.
struct Work {
    inner: Weak<Inner>,
    in_force: InForce,
    compared: Counter<u64>,
    differences: Counter<u64>,
}

impl Work {
    fn run(&self, mut seen: Receiver<Seen>) {
        while let Some(seen) = seen.blocking_recv() {
            let Some(inner) = self.inner.upgrade() else {
                return;
            };
            if !inner.guarded(|| self.compare(&inner, &seen)) {
                inner.dropped.add(1, &[]);
            }
        }
    }

    /// Decides a question by both sets; whether it did.
    fn compare(&self, inner: &Inner, seen: &Seen) -> bool {
        let Seen { set, asked } = seen;
        let candidate = inner.standing().candidate.clone();
        let Ok(candidate) = candidate else {
            return false;
        };
        // Of a set that is in force no more, nobody asks any longer.
        if self.in_force.set().revision() != set.revision() {
            return false;
        }
        let was = asked.decided(&set.catalog, &set.rules);
        let is = candidate.decides(asked);
        let difference = Difference::between(was, is);
        self.compared.add(1, &[]);
        if let Some(difference) = &difference {
            let kind = KeyValue::new("kind", difference.kind());
            self.differences.add(1, &[kind]);
        }
        let between = (set.revision().clone(), candidate.revision().clone());
        let mut standing = inner.standing();
        // Loaded anew meanwhile: what was found is of the one before.
        let same = standing.candidate.as_ref();
        if same.is_ok_and(|same| Arc::ptr_eq(same, &candidate)) {
            standing.add(between, asked, difference.as_ref());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use motlan_policy::Moment;
    use motlan_testkit::World;

    use super::*;
    use crate::enforced::Sources;
    use crate::settings::Settings;
    use crate::tls::ClientCredentials;

    fn asked() -> Asked {
        Asked {
            system: "H26/one-stop".parse().unwrap(),
            method: "/vn.population.v1.PopulationRegistry/GetPerson".to_owned(),
            procedure: "1.004222".parse().unwrap(),
            dossier: true,
            consented: None,
            approvals: 0,
            emergency: None,
            cited: None,
            fields: Vec::new(),
            at: Moment::from_unix_ms(0),
        }
    }

    fn shadow(
        candidate: Result<Candidate, Problems>,
        metrics: &Metrics,
    ) -> (Shadow, Receiver<Seen>) {
        let (queue, seen) = channel(2);
        let shadow = Shadow(Arc::new(Inner {
            standing: Mutex::new(Standing::begin(candidate)),
            folder: PathBuf::new(),
            queue,
            dropped: metrics.meter().u64_counter("motlan.shadow.dropped").build(),
        }));
        (shadow, seen)
    }

    #[test]
    fn a_comparison_that_breaks_off_is_told_and_the_next_one_goes_on() {
        // R89.
        let metrics = Metrics::new().unwrap();
        let (shadow, _seen) = shadow(Err(Problems::default()), &metrics);
        assert!(!shadow.0.guarded(|| panic!("as if a rule were broken")));
        assert!(shadow.0.guarded(|| true));
        let report = shadow.report();
        assert_eq!(report.json()["broken_off"], 1);
        let told = "1 could not be compared, by a fault of the gateway; see its log\n";
        assert!(report.to_string().contains(told), "{report}");
    }

    #[tokio::test]
    async fn what_the_queue_has_no_room_for_is_counted_and_never_waited_for() {
        // R89.
        let dir = tempfile::TempDir::with_prefix("motlan-shadow-").unwrap();
        let world = World::lay(dir.path(), 7).await.unwrap();
        let settings = Settings::read(&world.config()).unwrap();
        let client = ClientCredentials::load(&settings.provider_tls).unwrap();
        let metrics = Metrics::new().unwrap();
        let in_force = InForce::load(Sources::of(&settings, client), &metrics).unwrap();
        // Nobody takes anything out of it.
        let (shadow, mut seen) = shadow(Candidate::load(dir.path()), &metrics);
        for _ in 0..5 {
            shadow.observe(&in_force.set(), asked);
        }
        let text = metrics.exposition("").unwrap().text;
        let mut lines = text.lines();
        let dropped = lines.find(|line| line.starts_with("motlan_shadow_dropped_total"));
        assert!(dropped.is_some_and(|line| line.ends_with(" 3")), "{text}");
        assert!(seen.try_recv().is_ok() && seen.try_recv().is_ok() && seen.try_recv().is_err());
    }
}
