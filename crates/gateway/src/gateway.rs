//! A gateway, put together from its settings, started and stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use motlan_audit::{OpenShardsError, Shards, TurnError, VerifierKey};
use motlan_exchange::Limits;
use motlan_policy::Moment;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::Admin;
use crate::control::{Control, ControlError, Trails, report_health};
use crate::edge::Edge;
use crate::enforced::{InForce, Problems, Read, Sources};
use crate::index::Indexes;
use crate::ledger::{self, LedgerError, Turning};
use crate::limits::{self, LimitsError};
use crate::listener::Listener;
use crate::lookup::Lookups;
use crate::preflight::Checked;
use crate::reload::{Changes, Laid, Reloadable, Reloading, Reloads, Watched};
use crate::settings::Settings;
use crate::shadow::Shadow;
use crate::state::{State, StateError, Upkeep};
use crate::telemetry::{Metrics, MetricsError};
use crate::tls::{ClientCredentials, ServerCredentials, TlsError};
use crate::witnesses::{CosignedNote, Witnesses, WitnessesError};
use crate::workers::Workers;

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What is to be in force has faults.
    #[error("the catalogue has faults:\n{0}")]
    Enforced(Problems),
    /// A file of TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The ledger is not the configured one, or cannot be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A witness contradicts the log, or too few confirm it.
    #[error(transparent)]
    Witnesses(#[from] WitnessesError),
    /// The thread of the search index cannot be started.
    #[error("the thread of the search index cannot be started")]
    Index(#[source] std::io::Error),
    /// The thread of the candidate cannot be started.
    #[error("the thread that compares the candidate cannot be started")]
    Shadow(#[source] std::io::Error),
    /// The threads that serve callers cannot be started.
    #[error("the threads that serve callers cannot be started")]
    Workers(#[source] std::io::Error),
    /// An address cannot be listened on.
    #[error("`{address}` cannot be listened on")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The gateway's own services could not be set up.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Uses of grants cannot be counted.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// The state cannot be had.
    #[error(transparent)]
    State(#[from] StateError),
    /// The metrics could not be set up.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// What was to be loaded was not.
    #[error("the start broke off")]
    Lost,
}

/// A gateway that is running.
pub struct Gateway {
    address: SocketAddr,
    admin_address: SocketAddr,
    reloading: Arc<Reloading>,
    shards: Shards,
    indexes: Indexes,
    verifier: VerifierKey,
    lookups: Arc<Lookups>,
    stop: watch::Sender<bool>,
    listening: JoinHandle<()>,
    beside: Vec<JoinHandle<()>>,
    /// Held until no lookup is under way on them any more.
    workers: Workers,
    drain_max: Duration,
}

/// How a gateway stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The ledger did not close well.
    #[error("the ledger did not close well")]
    Ledger(#[from] motlan_audit::CloseError),
    /// The ledger was not closed.
    #[error("the ledger was not closed")]
    Lost,
}

impl Gateway {
    /// Starts a gateway. Returns once it accepts calls.
    ///
    /// # Errors
    /// [`StartError`], upon which nothing is left running.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let laid = Watched::of(&settings).look(None);
        Self::run(settings, laid, None).await
    }

    /// As [`Self::start`], with the very set that was checked.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_checked(checked: Checked) -> Result<Self, StartError> {
        let Checked {
            settings,
            read,
            manifest,
            ..
        } = checked;
        let laid = Watched::of(&settings).look(None).of_set(manifest);
        Self::run(settings, laid, Some(read)).await
    }

    /// Starts with what was `laid` before any of it was read.
    async fn run(settings: Settings, laid: Laid, read: Option<Read>) -> Result<Self, StartError> {
        let metrics = Metrics::of(&settings.instance)?;
        let parts = parts(&settings, read, &metrics).await?;
        let in_force = parts.in_force.clone();
        let state = settings.state.as_deref().map(State::open).transpose()?;
        let upkeep = Upkeep::new(state);
        let (tcp, address) = listen(settings.listen.gateway).await?;
        let (admin_tcp, admin_address) = listen(settings.listen.admin).await?;
        let (shards, witnesses, cosigned) = open_logs(&settings, &metrics).await?;
        let used = used(&shards, &in_force).await?;
        let indexes = Indexes::follow(&shards, &metrics).map_err(StartError::Index)?;
        let trails = Trails::new(shards.clone(), indexes.clone());
        let shadow = shadow(&settings, &in_force, &metrics).await?;
        let lookups = Arc::new(Lookups::new(
            in_force.clone(),
            shadow.clone(),
            shards.clone(),
            metrics.clone(),
            settings.limits.lookup,
            Arc::new(used),
            upkeep.clone(),
        ));
        let (control, reporter) = Control::new(trails, Arc::clone(&lookups), upkeep, &metrics)?;
        let (stop, stopped) = watch::channel(false);
        let admin = Admin {
            metrics: metrics.clone(),
            lookups: Arc::downgrade(&lookups),
            shards: shards.clone(),
            cosigned,
            reloadable: parts.clone(),
            shadow: shadow.clone(),
            stop: stopped.clone(),
        };
        let health = report_health(reporter, shards.clone(), in_force.clone());
        let workers = Workers::start().map_err(StartError::Workers)?;
        let listener = Listener {
            in_force: in_force.clone(),
            tls: parts.server.clone(),
            edge: Edge::new(in_force, Arc::clone(&lookups), control),
            metrics: metrics.clone(),
            workers: workers.clone(),
            limits: settings.limits.listener,
        };
        let changes = Changes::new(shards.clone(), &metrics);
        let watched = Watched::of(&settings);
        let reloading = Reloading::new(parts, shadow, changes, watched, laid);
        let mut beside = vec![
            tokio::spawn(Arc::clone(&reloading).watch(settings.watch)),
            tokio::spawn(admin.run(admin_tcp)),
            tokio::spawn(health),
            tokio::spawn(ledger::watch_room(&shards, &settings.ledger, &metrics)),
            tokio::spawn(Turning::new(&shards, ledger::now_us, &metrics).run()),
            tokio::spawn(indexes.clone().run()),
        ];
        beside.extend(witnesses.map(|witnesses| tokio::spawn(witnesses.run())));
        Ok(Self {
            address,
            admin_address,
            verifier: shards.newest().verifier().clone(),
            reloading,
            shards,
            indexes,
            lookups,
            stop,
            listening: tokio::spawn(listener.run(tcp, stopped)),
            beside,
            workers,
            drain_max: settings.limits.drain_max,
        })
    }

    /// Where callers connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the operator's listener is.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// The key that checks the ledger.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// R87, R105: loads the catalogue and the credentials of both sides anew, each whole or not at
    /// all; and the candidate beside the catalogue. Where something is wrong with one of them, what
    /// was in force of it goes on.
    pub async fn reload(&self) -> Reloads {
        self.reloading.all().await
    }

    /// Turns to the quarter of `now_us`, microseconds since the Unix epoch, if that is later than
    /// the newest log's, as the gateway itself does by the clock; whether it did.
    ///
    /// # Errors
    /// [`TurnError`], upon which the log goes on.
    pub async fn turn(&self, now_us: i64) -> Result<bool, TurnError> {
        ledger::turn_at(&self.shards, now_us).await
    }

    /// R60: stops. Takes no more connections, finishes what is under way within `drain_ms_max`,
    /// then closes the ledger with a last checkpoint.
    ///
    /// # Errors
    /// [`StopError`] where the ledger did not close well.
    pub async fn stop(self) -> Result<(), StopError> {
        self.stop_unless(std::future::pending()).await
    }

    /// As [`Self::stop`], but once `cut` resolves it waits for nothing any more but the ledger.
    ///
    /// # Errors
    /// As [`Self::stop`].
    pub async fn stop_unless(mut self, cut: impl Future<Output = ()>) -> Result<(), StopError> {
        // `send_replace` reaches all who watch, also those who begin to.
        self.stop.send_replace(true);
        tokio::select! {
            () = self.drain() => {}
            () = cut => tracing::warn!("the drain was cut short"),
        }
        self.listening.abort();
        for task in self.beside {
            task.abort();
        }
        drop((self.lookups, self.workers));
        let (shards, indexes) = (self.shards, self.indexes);
        let close = move || {
            indexes.stop();
            shards.close()
        };
        let closed = tokio::task::spawn_blocking(close).await;
        closed
            .map_err(|_| StopError::Lost)?
            .map_err(StopError::Ledger)
    }
}

impl Gateway {
    /// Waits until nothing is under way any more, at most as long as `drain_ms_max` says.
    async fn drain(&mut self) {
        let end = Instant::now() + self.drain_max;
        let listening = tokio::time::timeout_at(end.into(), &mut self.listening);
        if listening.await.is_err() {
            tracing::warn!("connections were still open when the drain ended");
            self.listening.abort();
        }
        if !self.lookups.drained(end).await {
            tracing::warn!("lookups were still under way when the drain ended");
        }
    }
}

/// Takes the first of everything in force; of the catalogue the set that was read, or else the one
/// that lies there.
async fn parts(
    settings: &Settings,
    read: Option<Read>,
    metrics: &Metrics,
) -> Result<Reloadable, StartError> {
    let server = ServerCredentials::load(&settings.tls)?;
    let client = ClientCredentials::load(&settings.provider_tls)?;
    server.observe(metrics);
    client.observe(metrics);
    let (sources, metrics) = (Sources::of(settings, client.clone()), metrics.clone());
    let take = move || match read {
        Some(read) => InForce::of(read, sources, &metrics),
        None => InForce::load(sources, &metrics),
    };
    Ok(Reloadable {
        in_force: blocking(|| take().map_err(StartError::Enforced)).await?,
        server,
        client,
    })
}

/// How often grants were used today.
async fn used(shards: &Shards, in_force: &InForce) -> Result<Limits, StartError> {
    let (logs, set) = (shards.clone(), in_force.set());
    blocking(move || Ok(limits::recalled(&logs, &set.catalog, now())?)).await
}

/// Opens the newest log, has the witnesses confirm it, and turns to the quarter that it is.
async fn open_logs(
    settings: &Settings,
    metrics: &Metrics,
) -> Result<(Shards, Option<Witnesses>, CosignedNote), StartError> {
    let shards = ledger::open_newest(&settings.instance, &settings.ledger, metrics)?;
    // Before anything is written: what was put back from an earlier day is not gone on from.
    let (witnesses, cosigned) = Witnesses::confirmed(settings, &shards, metrics).await?;
    let resumed = shards.resume();
    resumed.map_err(LedgerError::from)?;
    match ledger::turn_at(&shards, ledger::now_us()).await {
        Err(error @ TurnError::Ahead { .. }) => {
            Err(LedgerError::from(OpenShardsError::from(error)).into())
        }
        // R77: another failure leaves the old log going on, as it does later. `Turning` tries again
        // at once, and tells of it.
        Ok(_) | Err(_) => Ok((shards, witnesses, cosigned)),
    }
}

/// Begins to compare with the candidate, where there is one.
async fn shadow(
    settings: &Settings,
    in_force: &InForce,
    metrics: &Metrics,
) -> Result<Option<Shadow>, StartError> {
    let Some(folder) = settings.shadow.clone() else {
        return Ok(None);
    };
    let (in_force, metrics) = (in_force.clone(), metrics.clone());
    let start = move || Shadow::start(folder, &in_force, &metrics).map_err(StartError::Shadow);
    blocking(start).await.map(Some)
}

/// Runs what blocks beside what does not.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.unwrap_or(Err(StartError::Lost))
}

fn now() -> Moment {
    Moment::from_unix_ms(ledger::now_us().div_euclid(1000))
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let tcp = TcpListener::bind(address).await.map_err(failed)?;
    let bound = tcp.local_addr().map_err(failed)?;
    Ok((tcp, bound))
}
