//! `motlan.toml`, parsed once into types. Paths are relative to the file; unknown keys are faults;
//! secrets are named by path. `docs/operator/CONFIGURATION.md` describes every key.

mod catalog;
mod described;
mod ledger;
mod limits;
mod telemetry;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use motlan_catalog::document::{Document, Table};
use motlan_catalog::{Faults, SignedFolder};

use crate::witnesses::WitnessSettings;
pub use described::{configuration_page, configuration_schema, configuration_template};
use ledger::{FREE_BYTES_MIN, QUARTERS_MAX, RESERVE_BYTES};
pub use ledger::{LedgerSettings, Retention};
pub use limits::Limits;
pub use telemetry::Telemetry;
pub use tls::TlsFiles;
use tls::{WATCH_MS, WATCH_MS_MAX};

/// What `[tls]` calls the files by which callers are known.
const CALLERS: tls::Names = tls::Names {
    authority: "client_ca",
    revocation: "client_crl",
};
/// What `[provider_tls]` calls those by which owners are.
const OWNERS: tls::Names = tls::Names {
    authority: "ca",
    revocation: "crl",
};

/// The configuration of one gateway.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `instance`: this gateway's name within the origin of its ledger.
    pub instance: String,
    /// `audience`: the `aud` of the tokens that it accepts.
    pub audience: String,
    /// `[catalog]`: what is to be in force, and by what it is told whether it may.
    pub catalog: SignedFolder,
    /// `[listen]`.
    pub listen: Listen,
    /// `[tls]`: what callers meet.
    pub tls: TlsFiles,
    /// `[provider_tls]`: what owners meet.
    pub provider_tls: TlsFiles,
    /// `[ledger]`.
    pub ledger: LedgerSettings,
    /// `[[witness]]`.
    pub witnesses: Vec<WitnessSettings>,
    /// `[shadow]`, `catalog`: the folder of a candidate that decides beside what is in force; none
    /// without it.
    pub shadow: Option<PathBuf>,
    /// `[state]`, `file`: what outlasts a lookup beside its records.
    pub state: Option<PathBuf>,
    /// `[reload]`, `watch_ms`: how often the files of TLS and the catalogue's manifest are looked
    /// at.
    pub watch: Duration,
    /// `[limits]`.
    pub limits: Limits,
    /// `[telemetry]`.
    pub telemetry: Telemetry,
}

/// Where the gateway listens. Port 0 takes a free one.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    /// `gateway`: callers, over mutual TLS.
    pub gateway: SocketAddr,
    /// `admin`: metrics and health, in the clear; keep it off the callers' network.
    pub admin: SocketAddr,
}

impl Settings {
    /// Reads and checks `file`.
    ///
    /// # Errors
    /// Every fault of the file, each with its line and what to do.
    pub fn read(file: &Path) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        match Draft::read(file, &mut faults).settings() {
            Some(settings) => faults.or(settings),
            None => Err(faults),
        }
    }
}

/// As much of a configuration as could be read, so that what it names can be checked beside what is
/// wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) instance: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) catalog: Option<SignedFolder>,
    pub(crate) listen: Option<Listen>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) provider_tls: Option<TlsFiles>,
    pub(crate) ledger: Option<LedgerSettings>,
    pub(crate) witnesses: Vec<WitnessSettings>,
    pub(crate) shadow: Option<PathBuf>,
    pub(crate) state: Option<PathBuf>,
    pub(crate) watch: Option<Duration>,
    pub(crate) limits: Option<Limits>,
    pub(crate) telemetry: Option<Telemetry>,
    /// The line of each key that is there.
    pub(crate) lines: BTreeMap<String, usize>,
}

impl Draft {
    /// Reads what can be read of `file`, and reports the rest.
    pub(crate) fn read(file: &Path, faults: &mut Faults) -> Self {
        match Document::read(file, faults) {
            Some(document) => Self {
                lines: document.lines(),
                ..Self::from_table(document.root(), faults)
            },
            None => Self::default(),
        }
    }

    fn from_table(mut table: Table<'_>, faults: &mut Faults) -> Self {
        let (witnesses, count) = WitnessSettings::all(&mut table, faults);
        let draft = Self {
            instance: table.string("instance", faults).map(|found| found.value),
            audience: table.string("audience", faults).map(|found| found.value),
            catalog: catalog::read(&mut table, faults),
            listen: table
                .table("listen", faults)
                .and_then(|table| listen(table, faults)),
            tls: table
                .table("tls", faults)
                .and_then(|table| tls::read(table, &CALLERS, faults)),
            provider_tls: table
                .table("provider_tls", faults)
                .and_then(|table| tls::read(table, &OWNERS, faults)),
            ledger: table
                .table("ledger", faults)
                .and_then(|table| ledger::read(table, count, faults)),
            witnesses,
            shadow: shadow(table.opt_table("shadow", faults), faults),
            state: state(table.opt_table("state", faults), faults),
            watch: Some(tls::watch(table.opt_table("reload", faults), faults)),
            limits: Some(limits::read(table.opt_table("limits", faults), faults)),
            telemetry: Some(telemetry::read(
                table.opt_table("telemetry", faults),
                faults,
            )),
            lines: BTreeMap::new(),
        };
        table.finish(faults);
        draft
    }

    /// The settings, if nothing is missing.
    pub(crate) fn settings(self) -> Option<Settings> {
        Some(Settings {
            instance: self.instance?,
            audience: self.audience?,
            catalog: self.catalog?,
            listen: self.listen?,
            tls: self.tls?,
            provider_tls: self.provider_tls?,
            ledger: self.ledger?,
            witnesses: self.witnesses,
            shadow: self.shadow,
            state: self.state,
            watch: self.watch?,
            limits: self.limits?,
            telemetry: self.telemetry?,
        })
    }
}

fn shadow(table: Option<Table<'_>>, faults: &mut Faults) -> Option<PathBuf> {
    let mut table = table?;
    let catalog = table.path("catalog", faults);
    table.finish(faults);
    Some(catalog?.value)
}

fn state(table: Option<Table<'_>>, faults: &mut Faults) -> Option<PathBuf> {
    let mut table = table?;
    let file = table.path("file", faults);
    table.finish(faults);
    Some(file?.value)
}

fn listen(mut table: Table<'_>, faults: &mut Faults) -> Option<Listen> {
    let gateway = table.parsed::<Place>("gateway", faults);
    let admin = table.parsed::<Place>("admin", faults);
    table.finish(faults);
    Some(Listen {
        gateway: gateway?.value.0,
        admin: admin?.value.0,
    })
}

/// Where to listen.
struct Place(SocketAddr);

/// Why a text is no such place.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no address with a port, as in `127.0.0.1:8443` or `[::1]:8443`; names are none")]
struct NoPlace(String);

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let parsed = text.parse().map(Self);
        parsed.map_err(|_| NoPlace(text.to_owned()))
    }
}
