//! Has the ledger's checkpoints cosigned by witnesses (C2SP tlog-witness), in a task of its own: no
//! lookup waits for a witness.
//!
//! A round takes the newest checkpoint to every witness that is free, and ends once enough have
//! cosigned it; then the cosigned checkpoint is kept beside the ledger and shown to others. A
//! witness that says the log has another history than this one is believed: the ledger fails, and
//! at start nothing is served. docs/LEDGER.md says what that is worth.
//!
//! Limits: 16 witnesses; one exchange at a time with each, within `witness_ms_max` and 16 KiB; a
//! witness that fails is left alone for a second, doubled each time up to a minute; at start all
//! are waited for at most 10 seconds.

mod address;
mod backoff;
mod instruments;
mod kept;
mod remote;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use motlan_audit::witness::{Cosignature, Policy, PolicyError, Rejection};
use motlan_audit::{
    Checkpoint, CheckpointError, ConsistencyError, Layout, Ledger, ReadError, Shards,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::settings::Settings;
use crate::telemetry::{Metrics, with_sources};
use crate::tls::TlsError;
use instruments::Instruments;
use kept::Kept;
use remote::{Remote, Trouble};

pub use address::{Address, AddressError};
pub(crate) use settings::{EVERY_MS, EVERY_MS_MAX};
pub use settings::{Quorum, WitnessSettings};

/// How long the witnesses are waited for at start.
const CONFIRM_MAX: Duration = Duration::from_secs(10);
/// A log that does not grow is cosigned anew this often, which shows that the witnesses are there.
const REFRESH: Duration = Duration::from_secs(60);

/// The newest cosigned checkpoint, once there is one.
pub type CosignedNote = watch::Receiver<Option<Arc<str>>>;

/// Why a gateway with witnesses does not start.
#[derive(Debug, thiserror::Error)]
pub enum WitnessesError {
    /// They are no policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// TLS towards one of them cannot be set up.
    #[error("TLS to the witness `{witness}` cannot be set up")]
    Tls {
        /// Its name.
        witness: String,
        /// Why.
        source: TlsError,
    },
    /// One of them has seen another history.
    #[error("the witness `{witness}` contradicts this log, so it is not gone on with")]
    Contradicted {
        /// Its name.
        witness: String,
        /// What it says.
        source: Rejection,
    },
    /// The cosigned checkpoint that was kept is of another history.
    #[error(
        "the log does not go on from the cosigned checkpoint in `{file}`: it was put \
         back from an earlier day, or changed"
    )]
    Kept {
        /// The file.
        file: String,
        /// How that shows.
        source: ConsistencyError,
    },
    /// Too few of them could be asked.
    #[error(
        "{confirmed} of the {required} witnesses that `ledger.witnesses_required_at_start` asks \
         for have confirmed this log; see the log for what the others said"
    )]
    Unconfirmed {
        /// How many have.
        confirmed: usize,
        /// How many must.
        required: usize,
    },
    /// The ledger's own checkpoint cannot be read.
    #[error("the ledger's own checkpoint cannot be read")]
    Checkpoint(#[from] CheckpointError),
    /// The ledger could not be read.
    #[error("the ledger could not be read")]
    Read(#[from] ReadError),
}

/// The witnesses of one gateway.
pub struct Witnesses {
    ledger: Ledger,
    newest: watch::Receiver<Ledger>,
    layout: Layout,
    /// Asked nothing: what each quarter's are made of.
    fresh: Vec<Remote>,
    policy: Policy,
    quorum: Quorum,
    answer_max: Duration,
    remotes: Vec<Place>,
    under_way: JoinSet<Asked>,
    round: Round,
    kept: Kept,
    instruments: Instruments,
}

/// A witness, while nobody talks to it.
struct Place {
    name: Arc<str>,
    free: Option<Remote>,
}

/// One witness's turn in a round, when it is over.
struct Asked {
    /// The log that it was asked about.
    ledger: Ledger,
    number: usize,
    remote: Remote,
    round: u64,
    answer: Result<Cosignature, Trouble>,
}

/// A log that a witness has seen another history of.
struct Contradicted {
    ledger: Ledger,
    witness: String,
    said: Rejection,
}

/// One checkpoint on its way to all.
struct Round {
    number: u64,
    note: Arc<str>,
    size: u64,
    begun: Instant,
    /// Who of them has cosigned it, with the line.
    lines: BTreeMap<usize, String>,
}

impl Witnesses {
    /// Sets them up, if any are configured, and asks each whether the log is the one that it knows.
    ///
    /// # Errors
    /// [`WitnessesError`] where one of them has seen another history, or too few answer.
    pub async fn confirmed(
        settings: &Settings,
        shards: &Shards,
        metrics: &Metrics,
    ) -> Result<(Option<Self>, CosignedNote), WitnessesError> {
        if settings.witnesses.is_empty() {
            return Ok((None, watch::channel(None).1));
        }
        let quorum = settings.ledger.quorum;
        let keys = settings.witnesses.iter().map(|one| one.key.clone());
        let policy = Policy::new(keys.collect(), quorum.min)?;
        let instruments = Instruments::new(metrics);
        let newest = shards.follow();
        let (ledger, layout) = (newest.borrow().clone(), shards.layout().clone());
        let file = layout.cosigned(ledger.origin().quarter());
        let (kept, note) = Kept::read(file, &ledger, &policy)?;
        let remote = |one| Remote::new(one, settings.limits.witness_max);
        let fresh: Vec<_> = settings
            .witnesses
            .iter()
            .map(remote)
            .collect::<Result<_, _>>()?;
        let mut witnesses = Self {
            remotes: places(&fresh),
            round: Round::newest(&ledger, 0)?,
            ledger,
            newest,
            layout,
            fresh,
            policy,
            quorum,
            answer_max: settings.limits.witness_max,
            under_way: JoinSet::new(),
            kept,
            instruments,
        };
        witnesses.confirm().await?;
        Ok((Some(witnesses), note))
    }

    /// R71: asks everybody before anything is served.
    async fn confirm(&mut self) -> Result<(), WitnessesError> {
        self.ask();
        let end = tokio::time::Instant::now() + CONFIRM_MAX;
        while let Ok(Some(asked)) = tokio::time::timeout_at(end, self.under_way.join_next()).await {
            let Ok(asked) = asked else { continue };
            let taken = self.take(asked).await;
            taken.map_err(|it| WitnessesError::Contradicted {
                witness: it.witness,
                source: it.said,
            })?;
        }
        let (confirmed, required) = (self.round.lines.len(), self.quorum.required_at_start);
        if confirmed < required {
            return Err(WitnessesError::Unconfirmed {
                confirmed,
                required,
            });
        }
        if confirmed < self.remotes.len() {
            let silent = self.remotes.len() - confirmed;
            tracing::warn!(
                silent,
                "started, and not every witness has confirmed the log"
            );
        }
        Ok(())
    }

    /// R72: beside the lookups, which wait for nothing here. Collects cosignatures until the task
    /// is dropped, or a witness contradicts the log.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(self.quorum.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    if self.newest.borrow().origin() != self.ledger.origin() {
                        self.go_over();
                    }
                    self.turn();
                }
                Ok(()) = self.newest.changed() => self.go_over(),
                Some(asked) = self.under_way.join_next() => match asked {
                    Err(_) => tracing::error!("asking a witness panicked; it is not asked again"),
                    Ok(asked) => {
                        if let Err(contradicted) = self.take(asked).await {
                            return self.fail(&contradicted);
                        }
                    }
                },
            }
        }
    }

    /// Goes over to the log of the next quarter, which the witnesses know as another one. Those who
    /// are being asked about the old one are heard nevertheless.
    fn go_over(&mut self) {
        let ledger = self.newest.borrow_and_update().clone();
        match Round::newest(&ledger, self.round.number + 1) {
            Ok(round) => {
                self.kept
                    .begin(self.layout.cosigned(ledger.origin().quarter()));
                let remotes = places(&self.fresh);
                (self.round, self.remotes, self.ledger) = (round, remotes, ledger);
            }
            Err(error) => {
                let error = with_sources(&error);
                tracing::error!(
                    error,
                    "the witnesses are not asked about the new quarter yet; tried again"
                );
            }
        }
    }

    /// R71: nobody gets an answer from a log of which there are two, nor from one that goes on from
    /// such a log.
    fn fail(&self, contradicted: &Contradicted) {
        let Contradicted {
            ledger,
            witness,
            said,
        } = contradicted;
        let reason = format!("the witness `{witness}` contradicts this log: {said}");
        let origin = ledger.origin().as_str();
        tracing::error!(
            origin,
            reason,
            "a witness has seen another history of this log"
        );
        ledger.fail(&reason);
        let newest = self.newest.borrow();
        if newest.origin() != ledger.origin() {
            newest.fail(&format!("of `{origin}`, the log before it: {reason}"));
        }
    }

    /// Begins a round with the newest checkpoint if the last one is done, and asks who is free.
    fn turn(&mut self) {
        let is_cosigned = self.round.lines.len() >= self.quorum.min;
        let is_over = is_cosigned || self.under_way.is_empty();
        // Whoever has not answered by then answers for an old checkpoint.
        let is_over = is_over || self.round.begun.elapsed() > 2 * self.answer_max;
        let has_grown = self.ledger.size() > self.round.size;
        if is_over && (has_grown || self.round.begun.elapsed() > REFRESH) {
            match Round::newest(&self.ledger, self.round.number + 1) {
                Ok(round) => self.round = round,
                Err(error) => tracing::error!(%error, "the ledger's own checkpoint cannot be read"),
            }
        }
        self.ask();
    }

    /// Takes the round's checkpoint to every witness that is free and has not cosigned it.
    fn ask(&mut self) {
        let now = Instant::now();
        for (number, place) in self.remotes.iter_mut().enumerate() {
            let due = |remote: &mut Remote| remote.is_due(now);
            if self.round.lines.contains_key(&number) {
                continue;
            }
            let Some(mut remote) = place.free.take_if(due) else {
                continue;
            };
            let (ledger, round) = (self.ledger.clone(), self.round.number);
            let note = Arc::clone(&self.round.note);
            self.under_way.spawn(async move {
                let answer = remote.submit(&ledger, &note).await;
                Asked {
                    ledger,
                    number,
                    remote,
                    round,
                    answer,
                }
            });
        }
    }

    /// Takes what a witness said.
    ///
    /// # Errors
    /// Where that contradicts the log that it was asked about.
    async fn take(&mut self, asked: Asked) -> Result<(), Contradicted> {
        let Asked {
            ledger,
            number,
            remote,
            round,
            answer,
        } = asked;
        let Some(place) = self.remotes.get_mut(number) else {
            return Ok(());
        };
        let name = Arc::clone(&place.name);
        let known = remote.known();
        // Of an earlier quarter's log only a contradiction counts.
        let is_current = ledger.origin() == self.ledger.origin();
        if is_current {
            place.free = Some(remote);
        }
        match answer {
            Ok(_) if !is_current => Ok(()),
            Ok(cosignature) => {
                self.instruments.cosigned(&name, known);
                if round == self.round.number {
                    self.round.lines.insert(number, cosignature.line);
                    self.publish().await;
                }
                Ok(())
            }
            Err(trouble) => {
                self.instruments.failed(&name, &trouble);
                match trouble {
                    Trouble::Rejected(said) if said.is_contradiction() => Err(Contradicted {
                        ledger,
                        witness: name.to_string(),
                        said,
                    }),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Keeps and shows the round's checkpoint, if enough have cosigned it.
    async fn publish(&mut self) {
        if self.round.lines.len() < self.quorum.min {
            return;
        }
        let lines = self.round.lines.values();
        let note = lines.fold(self.round.note.to_string(), |note, line| note + line);
        match self.policy.check(&note, self.ledger.verifier()) {
            Ok(cosigned) => {
                self.instruments.published(cosigned.checkpoint().size());
                self.kept.replace(note.into()).await;
            }
            Err(error) => tracing::error!(%error, "a cosigned checkpoint is not good"),
        }
    }
}

/// The witnesses, none of whom was asked yet.
fn places(fresh: &[Remote]) -> Vec<Place> {
    let place = |remote: &Remote| Place {
        name: remote.name().into(),
        free: Some(remote.anew()),
    };
    fresh.iter().map(place).collect()
}

impl Round {
    fn newest(ledger: &Ledger, number: u64) -> Result<Self, CheckpointError> {
        let note = ledger.checkpoint();
        Ok(Self {
            number,
            size: Checkpoint::open(&note, ledger.verifier())?.size(),
            note: note.into(),
            begun: Instant::now(),
            lines: BTreeMap::new(),
        })
    }
}

/// What is wrong with the files that the witnesses' settings name.
pub fn faults(settings: &[WitnessSettings]) -> Vec<WitnessesError> {
    let of_each = settings
        .iter()
        .map(|one| Remote::new(one, Duration::ZERO).err());
    of_each.flatten().collect()
}
