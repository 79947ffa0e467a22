//! Reading the folder: every file, then every reference from one to another, gathering all faults.

mod agreements;
mod contracts;
mod datasets;
mod draft;
mod endpoints;
mod files;
mod folder;
mod keys;
mod once;
mod options;
mod rows;
mod rules;
mod signers;
mod systems;
mod tables;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::document::nearest;
use crate::fault::Faults;
use crate::name::{AgencyCode, SystemId};
use crate::party::{Agency, Standing, System};
use crate::signed::{Signers, check_agreements};
use agreements::Known;
pub use agreements::agreement_schema;
use contracts::{Contracts, Wanted};
pub use draft::DraftContract;
pub(crate) use files::{Files, Snapshot, bounded};
use folder::Folder;
pub(crate) use folder::SIGNATURE;
pub use folder::{FILE_BYTES_MAX, FILES_MAX, FOLDER_BYTES_MAX};
use keys::Registry;
pub(crate) use keys::{KEY_BYTES_MAX, key as public_key, spki as der};
pub(crate) use options::Options;

/// What a catalogue consists of.
const PARTS: [&str; 13] = [
    "catalog.toml",
    "agencies.csv",
    "procedures",
    "once",
    "systems",
    "datasets",
    "agreements",
    "rules",
    "endpoints.toml",
    "keys",
    "signers",
    "manifest.json",
    "manifest.json.jws.json",
];

/// The most import paths of contracts.
const IMPORT_PATHS_MAX: usize = 16;

/// How a folder is read.
pub(crate) struct Reading<'d> {
    pub(crate) files: Arc<Files>,
    /// A contract that its owner has not published yet.
    pub(crate) draft: Option<&'d DraftContract>,
    /// Whether every agreement must be signed.
    pub(crate) is_signed: bool,
}

/// See [`Catalog::load`] and [`Catalog::load_with`].
pub(crate) fn load(root: &Path, reading: Reading<'_>) -> Result<Catalog, Faults> {
    let mut faults = Faults::new();
    let mut folder = Folder::new(root, reading.files);
    let Some(settings) = settings(&mut folder, &mut faults) else {
        return Err(faults);
    };
    folder.check_entries(&PARTS, &settings.contracts, &mut faults);

    let agencies = tables::agencies(&mut folder, &mut faults);
    let mut procedures = tables::procedures(&mut folder, &mut faults);
    let trust_domain = settings.trust_domain;
    let (systems, signers) = keyed(&mut folder, &trust_domain, &agencies, &mut faults);

    let mut declared = datasets::declared(&mut folder, &mut faults);
    let draft = reading
        .draft
        .and_then(|draft| draft.declare(&mut declared, &mut faults));
    let wanted: Vec<Wanted> = declared.iter().map(datasets::Declared::wanted).collect();
    let import_paths: Vec<PathBuf> = settings.contracts.iter().map(|p| folder.path(p)).collect();
    let contracts = Contracts::compile(&mut folder, &import_paths, draft, &wanted, &mut faults);
    let ids: Vec<_> = declared.iter().map(|declared| &declared.id.value).collect();
    let mut endpoints = endpoints::endpoints(&mut folder, &ids, &mut faults);
    let drafts = datasets::build(
        &declared,
        &contracts,
        &agencies,
        &mut endpoints,
        &mut faults,
    );
    let holders = once::Holders {
        agencies: &agencies,
        datasets: &drafts,
    };
    let once = once::once(&mut folder, &holders, &mut procedures, &mut faults);

    let known = Known {
        agencies: &agencies,
        systems: &systems,
        datasets: &drafts,
        procedures: &procedures.by_code,
    };
    let agreements = agreements::agreements(&mut folder, &known, &mut faults);
    if reading.is_signed {
        check_agreements(folder.files(), &agreements, &signers, &mut faults);
    }
    let rules = rules::rules(&mut folder, &drafts, &mut faults);

    let systems = shared(systems);
    let built = drafts.into_values().filter_map(|draft| draft.dataset);
    let datasets: BTreeMap<_, _> = built.map(|built| (built.id.clone(), built)).collect();
    let methods = datasets.values().flat_map(|dataset| &dataset.methods);
    faults.or(Catalog {
        revision: folder.revision(),
        trust_domain,
        systems_by_uri: by_uri(&systems),
        methods: methods
            .map(|method| (method.path.clone(), Arc::clone(method)))
            .collect(),
        agencies,
        systems,
        datasets,
        agreements,
        rules,
        signers,
        procedures: procedures.by_code,
        replaced: procedures.replaced,
        once,
        pool: contracts.pool,
    })
}

/// Whoever has keys: the systems, and those who sign agreements. No two may have the same.
fn keyed(
    folder: &mut Folder,
    trust_domain: &str,
    agencies: &BTreeMap<AgencyCode, Agency>,
    faults: &mut Faults,
) -> (BTreeMap<SystemId, System>, Signers) {
    let mut registry = Registry::default();
    let systems = systems::systems(folder, trust_domain, agencies, &mut registry, faults);
    let signers = signers::signers(folder, agencies, &mut registry, faults);
    (systems, signers)
}

fn shared(systems: BTreeMap<SystemId, System>) -> BTreeMap<SystemId, Arc<System>> {
    let systems = systems.into_iter();
    systems.map(|(id, one)| (id, Arc::new(one))).collect()
}

fn by_uri(systems: &BTreeMap<SystemId, Arc<System>>) -> HashMap<String, Arc<System>> {
    let systems = systems.values();
    systems.map(|s| (s.uri.clone(), Arc::clone(s))).collect()
}

/// What `catalog.toml` says.
struct Settings {
    trust_domain: String,
    contracts: Vec<String>,
}

/// Reads `catalog.toml`. Nothing, with a fault, where it cannot be read at all: without it, the
/// other files would only seem to have faults.
fn settings(folder: &mut Folder, faults: &mut Faults) -> Option<Settings> {
    let document = folder.document("catalog.toml", faults)?;
    let mut root = document.root();
    let trust_domain = root.string("trust_domain", faults);
    if let Some(name) = trust_domain.as_ref().filter(|name| !is_trust_domain(name)) {
        let what = format!("`trust_domain` is `{}`, which is none", name.value);
        let remedy = "use lower-case letters, digits, `.`, `-` and `_` (SPIFFE ID, section 2.1)";
        root.fault(name.line, what, remedy, faults);
    }
    let contracts = root.strings("contracts", faults);
    if contracts.is_empty() || contracts.len() > IMPORT_PATHS_MAX {
        let what = format!("`contracts` names {} import paths", contracts.len());
        root.fault(
            None,
            what,
            format!("name from 1 to {IMPORT_PATHS_MAX}"),
            faults,
        );
    }
    for path in contracts.iter().filter(|path| !folder.has_folder(path)) {
        let what = format!("the import path `{}` is not a folder", path.value);
        let remedy = if folder.files().is_snapshot() {
            "correct it: a set that is sealed holds its contracts, so copy them into its folder"
        } else {
            "correct it: it starts from the catalogue's folder"
        };
        root.fault(path.line, what, remedy, faults);
    }
    root.finish(faults);
    Some(Settings {
        trust_domain: trust_domain.map(|name| name.value).unwrap_or_default(),
        contracts: contracts.into_iter().map(|path| path.value).collect(),
    })
}

fn is_trust_domain(text: &str) -> bool {
    text.len() <= 255
        && text.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_')
        })
}

/// Whether an agency is known and still exists; else what is wrong, and what to do about it.
fn known_agency(
    code: &AgencyCode,
    agencies: &BTreeMap<AgencyCode, Agency>,
) -> Result<(), (String, String)> {
    match agencies.get(code).map(|agency| &agency.standing) {
        Some(Standing::Current) => Ok(()),
        Some(Standing::Abolished { year }) => {
            let what = format!("the agency `{code}` was abolished in {year}");
            Err((what, "name the agency that took over from it".to_owned()))
        }
        // That there are none is told already; every agency would only seem unknown.
        None if agencies.is_empty() => Ok(()),
        None => {
            let remedy = match nearest(code.as_str(), agencies.keys().map(AgencyCode::as_str)) {
                Some(near) => format!("did you mean `{near}`? Else add it to `agencies.csv`"),
                None => "add it to `agencies.csv`".to_owned(),
            };
            Err((format!("the agency `{code}` is not known"), remedy))
        }
    }
}

/// Reports a name that stands in two places.
fn twice(
    what: &str,
    name: &str,
    first: &(PathBuf, usize),
    second: &(PathBuf, usize),
    faults: &mut Faults,
) {
    let what = format!(
        "the {what} `{name}` stands in `{}:{}` already",
        first.0.display(),
        first.1
    );
    faults.push(&second.0, second.1, what, "remove or rename one of both");
}
