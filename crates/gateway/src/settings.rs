//! `motlan.toml`, parsed once into types. Paths are relative to the file; unknown keys are faults;
//! secrets are named by path. `docs/operator/CONFIGURATION.md` describes every key.

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use motlan_audit::Layout;
use motlan_catalog::document::{Document, Located, Table};
use motlan_catalog::{Faults, SignedFolder};
use tracing_subscriber::EnvFilter;

use crate::frames::FrameLimits;
use crate::listener::ListenerLimits;
use crate::lookup::LookupLimits;
use crate::owners::OwnerLimits;
use crate::witnesses::{Quorum, WitnessSettings};

/// How much must be free on the ledger's disk: 16 segments.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// The longest retention: a century.
const QUARTERS_MAX: i64 = 400;

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

/// The files of one side's TLS, in PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// `certificate`: our chain, leaf first.
    pub certificate: PathBuf,
    /// `key`: our private key, PKCS #8.
    pub key: PathBuf,
    /// `client_ca` or `ca`: who may sign the other side's certificate.
    pub authority: PathBuf,
}

/// The ledger's place.
#[derive(Debug, Clone)]
pub struct LedgerSettings {
    /// `folder`: the logs, one folder for each quarter.
    pub folder: PathBuf,
    /// `origin`: the prefix of the log's origin.
    pub origin: String,
    /// `key`: the file with the key that signs all logs, made by `motlan ledger init`.
    pub key: PathBuf,
    /// `known_checkpoint`: the folder where each log's newest checkpoint is kept outside its own;
    /// nowhere without it.
    pub known_checkpoint: Option<PathBuf>,
    /// `keep_quarters`: before so many more have begun, `motlan ledger drop` drops no quarter's
    /// log.
    pub keep_quarters: Option<u32>,
    /// `free_bytes_min`: not ready while less is free on the ledger's disk.
    pub free_bytes_min: u64,
    /// `sealing`: the folder with the secrets of each log's sealed parts.
    pub sealing: PathBuf,
    /// `index`: the folder with each log's search index; beside the folder without it.
    pub index: PathBuf,
    /// `[[ledger.retain]]`: what `motlan ledger retain` makes unreadable.
    pub retain: Vec<Retention>,
    /// What it says of witnesses.
    pub quorum: Quorum,
}

impl LedgerSettings {
    /// Where the logs lie.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout {
            ledgers: self.folder.clone(),
            sealings: self.sealing.clone(),
            indexes: self.index.clone(),
            known_checkpoints: self.known_checkpoint.clone(),
        }
    }
}

/// How long the personal part of a dataset's records stays readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// `dataset`.
    pub dataset: String,
    /// `quarters`: so many whole quarters after the one of the newest record.
    pub quarters: u32,
    /// `ground`: the legal ground. It is recorded in public.
    pub ground: String,
}

/// `[limits]`: each with a default that suits a ministry.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of the callers' side.
    pub listener: ListenerLimits,
    /// Of a lookup.
    pub lookup: LookupLimits,
    /// Of the owners' side.
    pub owners: OwnerLimits,
    /// `witness_ms_max`: one exchange with a witness.
    pub witness_max: Duration,
    /// `drain_ms_max`: how long a stop waits for what is under way.
    pub drain_max: Duration,
}

/// `[telemetry]`.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// `log`: a filter as of `tracing_subscriber::EnvFilter`, e.g. "info".
    pub log: String,
    /// `otlp`: where traces go, e.g. `http://127.0.0.1:4317`; none are made without it.
    pub otlp: Option<String>,
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
            catalog: catalog(&mut table, faults),
            listen: table
                .table("listen", faults)
                .and_then(|table| listen(table, faults)),
            tls: table
                .table("tls", faults)
                .and_then(|table| tls_files(table, "client_ca", faults)),
            provider_tls: table
                .table("provider_tls", faults)
                .and_then(|table| tls_files(table, "ca", faults)),
            ledger: table
                .table("ledger", faults)
                .and_then(|table| ledger(table, count, faults)),
            witnesses,
            shadow: shadow(table.opt_table("shadow", faults), faults),
            state: state(table.opt_table("state", faults), faults),
            limits: Some(limits(table.opt_table("limits", faults), faults)),
            telemetry: Some(telemetry(table.opt_table("telemetry", faults), faults)),
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

fn catalog(root: &mut Table<'_>, faults: &mut Faults) -> Option<SignedFolder> {
    if let Some(folder) = root.older_text("catalog") {
        let what = "`catalog` is a folder, as it was before sets were sealed";
        let remedy = format!(
            "write a table `[catalog]` with `folder = \"{}\"`, `manifest_key = \"…\"` and \
             `known_revision = \"…\"`",
            folder.value
        );
        root.fault(folder.line, what, remedy, faults);
        return None;
    }
    let mut table = root.table("catalog", faults)?;
    let folder = table.path("folder", faults);
    let manifest_key = table.path("manifest_key", faults);
    let known_revision = table.path("known_revision", faults);
    table.finish(faults);
    let (folder, known_revision) = (folder?, known_revision?);
    if resolved(&known_revision.value).starts_with(resolved(&folder.value)) {
        let what = "`catalog.known_revision` lies in the catalogue's folder";
        let remedy = "put it elsewhere: it must not go back with the set that it is about";
        root.fault(known_revision.line, what, remedy, faults);
    }
    Some(SignedFolder {
        folder: folder.value,
        manifest_key: manifest_key?.value,
        known_revision: known_revision.value,
    })
}

/// The path without links and `..`, as far as it exists: where a file really lies or would lie.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = path.ancestors().find_map(|there| {
        let rest = path.strip_prefix(there).ok()?;
        Some((there.canonicalize().ok()?, rest))
    });
    let Some((mut resolved, rest)) = found else {
        return path;
    };
    for step in rest.components() {
        match step {
            Component::ParentDir => drop(resolved.pop()),
            step => resolved.push(step),
        }
    }
    resolved
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

fn tls_files(mut table: Table<'_>, authority: &str, faults: &mut Faults) -> Option<TlsFiles> {
    let certificate = table.path("certificate", faults);
    let key = table.path("key", faults);
    let authority = table.path(authority, faults);
    table.finish(faults);
    Some(TlsFiles {
        certificate: certificate?.value,
        key: key?.value,
        authority: authority?.value,
    })
}

fn ledger(mut table: Table<'_>, witnesses: usize, faults: &mut Faults) -> Option<LedgerSettings> {
    let folder = table.path("folder", faults);
    let origin = table.string("origin", faults);
    let key = table.path("key", faults);
    let sealing = table.path("sealing", faults);
    let index = table.opt_path("index", faults);
    let known_checkpoint = table.opt_path("known_checkpoint", faults);
    let free_bytes_min = table.opt_integer("free_bytes_min", 1..=i64::MAX, faults);
    let quorum = Quorum::read(&mut table, witnesses, faults);
    let retain = table.tables("retain", faults);
    let retain = retain.into_iter();
    let retain = retain.filter_map(|one| retention(one, faults)).collect();
    let keep_quarters = table.opt_integer("keep_quarters", 1..=QUARTERS_MAX, faults);
    let beside = [
        ("index", &index),
        ("known_checkpoint", &known_checkpoint),
        ("sealing", &sealing),
    ];
    if let Some(folder) = &folder {
        lie_apart(&table, &folder.value, &beside, faults);
    }
    table.finish(faults);
    let folder = folder?.value;
    Some(LedgerSettings {
        index: index.map_or_else(|| Layout::beside(&folder).indexes, |found| found.value),
        folder,
        origin: origin?.value,
        key: key?.value,
        sealing: sealing?.value,
        known_checkpoint: known_checkpoint.map(|found| found.value),
        keep_quarters: keep_quarters.and_then(|found| u32::try_from(found.value).ok()),
        free_bytes_min: free_bytes_min.map_or(FREE_BYTES_MIN, |found| found.value.unsigned_abs()),
        retain,
        quorum,
    })
}

/// Refuses folders that lie in the ledger's, or are one: each holds an entry for each quarter,
/// named after it.
fn lie_apart(
    table: &Table<'_>,
    ledger: &Path,
    beside: &[(&'static str, &Option<Located<PathBuf>>)],
    faults: &mut Faults,
) {
    let usual = Layout::beside(ledger).indexes;
    let mut before: Vec<(&str, &Path)> = Vec::new();
    if beside
        .iter()
        .any(|(key, place)| *key == "index" && place.is_none())
    {
        before.push(("index", &usual));
    }
    for (key, place) in beside {
        let Some(place) = place else { continue };
        if place.value.starts_with(ledger) {
            let remedy = "put it beside that folder, which holds what counts and nothing else";
            let what = format!("`{key}` lies in the ledger's folder");
            table.fault(place.line, what, remedy, faults);
        }
        if let Some((other, _)) = before.iter().find(|(_, it)| *it == place.value) {
            let what = format!("`{key}` and `{other}` are one folder");
            table.fault(place.line, what, "give each a folder of its own", faults);
        }
        before.push((key, &place.value));
    }
}

fn retention(mut table: Table<'_>, faults: &mut Faults) -> Option<Retention> {
    let dataset = table.string("dataset", faults);
    let quarters = table.integer("quarters", 1..=QUARTERS_MAX, faults);
    let ground = table.string("ground", faults);
    table.finish(faults);
    Some(Retention {
        dataset: dataset?.value,
        quarters: u32::try_from(quarters?.value).ok()?,
        ground: ground?.value,
    })
}

fn limits(table: Option<Table<'_>>, faults: &mut Faults) -> Limits {
    let mut numbers = Numbers { table, faults };
    let limits = Limits {
        listener: ListenerLimits {
            connections_max: numbers.count("connections_max", 10_000, 1_000_000),
            handshakes_max: numbers.count("handshakes_max", 256, 100_000),
            handshakes_per_address_max: numbers.count("handshakes_per_address_max", 64, 100_000),
            handshake_max: numbers.duration("handshake_ms_max", 5_000, 60_000),
            streams_max: numbers.count32("streams_max", 256, 10_000),
            connection_age_max: numbers.duration("connection_age_ms_max", 3_600_000, 86_400_000),
        },
        lookup: LookupLimits {
            request_bytes_max: numbers.count("request_bytes_max", 65_536, 1 << 20),
            lookup_max: numbers.duration("lookup_ms_max", 10_000, 600_000),
            in_flight_max: numbers.count("in_flight_max", 4_096, 1_000_000),
            in_flight_per_system_max: numbers.count("in_flight_per_system_max", 1_024, 1_000_000),
        },
        owners: OwnerLimits {
            connections: numbers.count("provider_connections", 4, 64),
            // With four connections to one address, half of what one system may have under way: a
            // slow dataset leaves its callers room to ask the others.
            streams_max: numbers.count("provider_streams_max", 128, 10_000),
            dial_max: numbers.duration("dial_ms_max", 2_000, 60_000),
            answer: FrameLimits {
                body_bytes_max: numbers.count("answer_bytes_max", 4 << 20, 256 << 20),
                messages_max: numbers.count("answer_messages_max", 10_000, 1_000_000),
            },
        },
        witness_max: numbers.duration("witness_ms_max", 5_000, 60_000),
        drain_max: numbers.duration("drain_ms_max", 30_000, 600_000),
    };
    numbers.finish();
    limits
}

/// Reads limits: a number from 1 to a bound, or the default.
struct Numbers<'d, 'f> {
    table: Option<Table<'d>>,
    faults: &'f mut Faults,
}

impl Numbers<'_, '_> {
    fn number(&mut self, key: &str, default: u32, max: u32) -> u32 {
        let found = self
            .table
            .as_mut()
            .and_then(|table| table.opt_integer(key, 1..=i64::from(max), self.faults));
        found.map_or(default, |found| {
            u32::try_from(found.value).unwrap_or(default)
        })
    }

    fn count32(&mut self, key: &str, default: u32, max: u32) -> u32 {
        self.number(key, default, max)
    }

    fn count(&mut self, key: &str, default: u32, max: u32) -> usize {
        usize::try_from(self.number(key, default, max)).unwrap_or(usize::MAX)
    }

    fn duration(&mut self, key: &str, default_ms: u32, max_ms: u32) -> Duration {
        Duration::from_millis(u64::from(self.number(key, default_ms, max_ms)))
    }

    fn finish(self) {
        if let Some(table) = self.table {
            table.finish(self.faults);
        }
    }
}

fn telemetry(table: Option<Table<'_>>, faults: &mut Faults) -> Telemetry {
    let mut telemetry = Telemetry {
        log: "info".to_owned(),
        otlp: None,
    };
    let Some(mut table) = table else {
        return telemetry;
    };
    if let Some(log) = table.opt_string("log", faults) {
        if let Err(error) = EnvFilter::try_new(&log.value) {
            let remedy = "give a level such as \"info\", or directives as in \"warn,motlan=info\"";
            table.fault(
                log.line,
                format!("`log` is no filter: {error}"),
                remedy,
                faults,
            );
        }
        telemetry.log = log.value;
    }
    if let Some(otlp) = table.opt_string("otlp", faults) {
        let parsed: Option<http::Uri> = otlp.value.parse().ok();
        let scheme = parsed.as_ref().and_then(|uri| uri.scheme_str());
        if !matches!(scheme, Some("http" | "https")) {
            let what = format!("`otlp` is `{}`, which is no address", otlp.value);
            table.fault(
                otlp.line,
                what,
                "give one such as \"http://127.0.0.1:4317\"",
                faults,
            );
        }
        telemetry.otlp = Some(otlp.value);
    }
    table.finish(faults);
    telemetry
}
