//! A gateway, put together from its settings, started and stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use motlan_audit::{OpenShardsError, Shards, TurnError, VerifierKey};
use motlan_policy::Moment;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::Admin;
use crate::control::{Control, ControlError, Trails, report_health};
use crate::edge::Edge;
use crate::enforced::{InForce, Problems, Read, Reloaded, Sources};
use crate::index::Indexes;
use crate::ledger::{self, LedgerError, Turning};
use crate::limits::{self, LimitsError};
use crate::listener::Listener;
use crate::lookup::Lookups;
use crate::preflight::Checked;
use crate::settings::Settings;
use crate::shadow::Shadow;
use crate::state::{State, StateError, Upkeep};
use crate::telemetry::{Metrics, MetricsError};
use crate::tls::{self, TlsError};
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
    in_force: InForce,
    shadow: Option<Shadow>,
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
        Self::run(settings, None).await
    }

    /// As [`Self::start`], with the very set that was checked.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_checked(checked: Checked) -> Result<Self, StartError> {
        Self::run(checked.settings, Some(checked.read)).await
    }

    async fn run(settings: Settings, read: Option<Read>) -> Result<Self, StartError> {
        let server_tls = Arc::new(tls::server(&settings.tls)?);
        let metrics = Metrics::new()?;
        let in_force = in_force(&settings, read, &metrics).await?;
        let state = settings.state.as_deref().map(State::open).transpose()?;
        let upkeep = Upkeep::new(state);
        let (tcp, address) = listen(settings.listen.gateway).await?;
        let (admin_tcp, admin_address) = listen(settings.listen.admin).await?;
        let (shards, witnesses, cosigned) = open_logs(&settings, &metrics).await?;
        let (logs, set) = (shards.clone(), in_force.set());
        let recall = move || Ok(limits::recalled(&logs, &set.catalog, now())?);
        let used = blocking(recall).await?;
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
            shards: shards.clone(),
            cosigned,
            in_force: in_force.clone(),
            shadow: shadow.clone(),
            stop: stopped.clone(),
        };
        let health = report_health(reporter, shards.clone(), in_force.clone());
        let workers = Workers::start().map_err(StartError::Workers)?;
        let listener = Listener {
            in_force: in_force.clone(),
            tls: server_tls,
            edge: Edge::new(in_force.clone(), Arc::clone(&lookups), control),
            metrics: metrics.clone(),
            workers: workers.clone(),
            limits: settings.limits.listener,
        };
        let mut beside = vec![
            tokio::spawn(admin.run(admin_tcp)),
            tokio::spawn(health),
            tokio::spawn(Turning::new(&shards, ledger::now_us, &metrics).run()),
            tokio::spawn(indexes.clone().run()),
        ];
        beside.extend(witnesses.map(|witnesses| tokio::spawn(witnesses.run())));
        Ok(Self {
            address,
            admin_address,
            verifier: shards.newest().verifier().clone(),
            in_force,
            shadow,
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

    /// R87: loads the catalogue anew, and takes it in force whole, or not at all; and the candidate
    /// beside it.
    ///
    /// # Errors
    /// All that is wrong with it, upon which what was in force goes on.
    pub async fn reload(&self) -> Result<Reloaded, Arc<Problems>> {
        let reloaded = self.in_force.reload().await;
        if let Some(shadow) = self.shadow.clone() {
            let reload = tokio::task::spawn_blocking(move || shadow.reload());
            let _panicked_and_told = reload.await;
        }
        reloaded
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
        // `send_replace` reaches all who watch, also those who begin to.
        self.stop.send_replace(true);
        let end = Instant::now() + self.drain_max;
        let mut listening = self.listening;
        if tokio::time::timeout_at(end.into(), &mut listening)
            .await
            .is_err()
        {
            tracing::warn!("connections were still open when the drain ended");
            listening.abort();
        }
        if !self.lookups.drained(end).await {
            tracing::warn!("lookups were still under way when the drain ended");
        }
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

/// Takes the first set in force: the one that was read, or else the one that lies there.
async fn in_force(
    settings: &Settings,
    read: Option<Read>,
    metrics: &Metrics,
) -> Result<InForce, StartError> {
    let client_tls = Arc::new(tls::client(&settings.provider_tls)?);
    let (sources, metrics) = (Sources::of(settings, client_tls), metrics.clone());
    let take = move || match read {
        Some(read) => InForce::of(read, sources, &metrics),
        None => InForce::load(sources, &metrics),
    };
    blocking(|| take().map_err(StartError::Enforced)).await
}

/// Opens the newest log, has the witnesses confirm it, and turns to the quarter that it is.
async fn open_logs(
    settings: &Settings,
    metrics: &Metrics,
) -> Result<(Shards, Option<Witnesses>, CosignedNote), StartError> {
    let shards = ledger::open_newest(&settings.instance, &settings.ledger)?;
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
