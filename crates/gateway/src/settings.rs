//! `motlan.toml`, parsed once into types. Paths are relative to the file; unknown keys are faults;
//! secrets are named by path. `docs/operator/CONFIGURATION.md` describes every key.

mod catalog;
mod ledger;
mod limits;
mod telemetry;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use motlan_catalog::document::{Document, Table};
use motlan_catalog::{Faults, SignedFolder};

use crate::witnesses::WitnessSettings;
pub use ledger::{LedgerSettings, Retention};
pub use limits::Limits;
pub use telemetry::Telemetry;
pub use tls::TlsFiles;

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
    pub(crate) limits: Option<Limits>,
    pub(crate) telemetry: Option<Telemetry>,
}

impl Draft {
    /// Reads what can be read of `file`, and reports the rest.
    pub(crate) fn read(file: &Path, faults: &mut Faults) -> Self {
        match Document::read(file, faults) {
            Some(document) => Self::from_table(document.root(), faults),
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
                .and_then(|table| tls::read(table, "client_ca", faults)),
            provider_tls: table
                .table("provider_tls", faults)
                .and_then(|table| tls::read(table, "ca", faults)),
            ledger: table
                .table("ledger", faults)
                .and_then(|table| ledger::read(table, count, faults)),
            witnesses,
            shadow: shadow(table.opt_table("shadow", faults), faults),
            state: state(table.opt_table("state", faults), faults),
            limits: Some(limits::read(table.opt_table("limits", faults), faults)),
            telemetry: Some(telemetry::read(
                table.opt_table("telemetry", faults),
                faults,
            )),
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
    let gateway = table.parsed("gateway", faults);
    let admin = table.parsed("admin", faults);
    table.finish(faults);
    Some(Listen {
        gateway: gateway?.value,
        admin: admin?.value,
    })
}
