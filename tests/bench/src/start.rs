//! From the start of a process to its first answer.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::catalogue;
use crate::contender::Contender;
use crate::deployment::Deployment;
use crate::expected::Expected;
use crate::figures::{Goal, Spread};
use crate::options::Options;
use crate::proxy::Proxy;
use crate::table::{NONE, aligned, plain, row, spread};

/// How often each is started.
const STARTS: u64 = 5;
/// How many agreements each gateway loads at least: the first those of the reference catalogue.
const CATALOGUES: [usize; 2] = [0, 10_000];
const CATALOGUES_SMOKE: [usize; 1] = [20];
/// An operator waits for so long at most.
const ANSWERED_MS_MAX: f64 = 1_000.0;

/// What each needed.
#[derive(Debug, Serialize)]
pub(crate) struct Start {
    pub(crate) rows: Vec<Row>,
}

/// One of those that were started.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    who: String,
    /// How many agreements it loads; nothing where it is no gateway.
    agreements: Option<usize>,
    /// From its spawning until it said that it listens, of each start.
    listening_ms: Vec<f64>,
    /// Until it had given the right answer to a caller who connected as soon as it was told where.
    answered_ms: Vec<f64>,
}

/// Starts the gateway with the reference catalogue, which has a goal, and with a large one, and the
/// proxies that are installed.
///
/// # Errors
/// Where one does not start, or answers anything but what is right.
pub(crate) async fn measure(options: &Options) -> Result<Start> {
    let (starts, catalogues) = match options.smoke {
        true => (1, CATALOGUES_SMOKE.as_slice()),
        false => (STARTS, CATALOGUES.as_slice()),
    };
    let mut gateways = Vec::new();
    for &agreements in catalogues {
        let deployment = Deployment::lay(options.dir.as_deref()).await?;
        catalogue::agree(deployment.world(), agreements)?;
        let agreements = catalogue::agreements(deployment.world())?;
        gateways.push((deployment, Row::of("gateway", Some(agreements))));
    }
    let proxies = [Contender::PassThrough, Contender::Nginx, Contender::Haproxy];
    let mut proxies = proxies.map(|proxy| (proxy, Row::of(&proxy.to_string(), None)));
    // In turn, so that what else happens on the machine befalls all alike.
    for _ in 0..starts {
        for (deployment, row) in &mut gateways {
            row.add(with_gateway(deployment).await?);
        }
        let Some((deployment, _)) = gateways.first() else {
            continue;
        };
        for (proxy, row) in &mut proxies {
            if let Some(once) = with_proxy(*proxy, deployment).await? {
                row.add(once);
            }
        }
    }
    let mut rows = Vec::new();
    for (deployment, row) in gateways {
        let (records, due) = (deployment.close()?.records, 2 * starts);
        ensure!(
            records == due,
            "the ledger has {records} records, and {due} are due"
        );
        rows.push(row);
    }
    rows.extend(proxies.into_iter().map(|(_, row)| row));
    Ok(Start { rows })
}

impl Start {
    pub(crate) fn text(&self) -> String {
        let mut rows = vec![row([
            "started",
            "agreements",
            "listens, ms",
            "first answer, ms",
            "",
        ])];
        for (at, one) in self.rows.iter().enumerate() {
            let answered = Spread::over(one.answered_ms.iter().copied());
            let goal = answered.filter(|_| at == 0);
            let beside = goal.map(|it| Goal::AtMost(ANSWERED_MS_MAX).beside(it.median, plain));
            rows.push(vec![
                one.who.clone(),
                one.agreements
                    .map_or_else(|| NONE.to_owned(), |count| count.to_string()),
                spread(Spread::over(one.listening_ms.iter().copied()), plain),
                spread(answered, plain),
                beside
                    .filter(|_| one.agreements.is_some())
                    .unwrap_or_default(),
            ]);
        }
        let starts = self.rows.first().map_or(0, |one| one.answered_ms.len());
        format!(
            "From start to first answer, {starts} starts of each in turn\n{}",
            aligned(&rows)
        )
    }
}

impl Row {
    fn of(who: &str, agreements: Option<usize>) -> Self {
        Self {
            who: who.to_owned(),
            agreements,
            listening_ms: Vec::new(),
            answered_ms: Vec::new(),
        }
    }

    fn add(&mut self, once: Once) {
        self.listening_ms.push(once.listening_ms);
        self.answered_ms.push(once.answered_ms);
    }
}

/// One start.
pub(crate) struct Once {
    pub(crate) listening_ms: f64,
    pub(crate) answered_ms: f64,
}

/// Starts a gateway, and stops it after its first answer.
async fn with_gateway(deployment: &mut Deployment) -> Result<Once> {
    let once = start_gateway(deployment).await?;
    deployment.stop_gateway()?;
    Ok(once)
}

/// Starts a gateway and hears its first answer.
pub(crate) async fn start_gateway(deployment: &mut Deployment) -> Result<Once> {
    let began = Instant::now();
    deployment.start_gateway()?;
    let listening_ms = ms_since(began);
    let address = deployment.gateway_address()?;
    Expected::hear(Contender::Gateway, address, deployment).await?;
    Ok(Once {
        listening_ms,
        answered_ms: ms_since(began),
    })
}

/// The same of a proxy; nothing where it is not installed.
async fn with_proxy(contender: Contender, deployment: &Deployment) -> Result<Option<Once>> {
    let began = Instant::now();
    let Some(proxy) = Proxy::start(contender, deployment).await? else {
        return Ok(None);
    };
    let listening_ms = ms_since(began);
    Expected::hear(contender, &proxy.address, deployment).await?;
    Ok(Some(Once {
        listening_ms,
        answered_ms: ms_since(began),
    }))
}

fn ms_since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}
