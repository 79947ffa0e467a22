//! The reference catalogue, as it is laid into a deployment.

use std::collections::BTreeMap;

use include_dir::{Dir, DirEntry, include_dir};
use toml::Table;

use super::WorldError;
use super::files::Folder;

static CATALOG: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../deploy/catalog");
static CONTRACTS: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../proto");

/// The file with the trust domain and the contracts' place.
const CATALOG_TOML: &str = "catalog.toml";
/// The deployment's own files, which the reference catalogue may hold as examples.
const OF_DEPLOYMENT: [&str; 2] = ["endpoints.toml", "keys"];

/// What a deployment needs to know of the reference catalogue.
pub(super) struct Reference {
    pub(super) trust_domain: String,
    /// The systems' ids, sorted.
    pub(super) systems: Vec<String>,
    /// The datasets' services by id.
    pub(super) datasets: BTreeMap<String, String>,
}

/// Copies catalogue and contracts into `catalog/`, with the contracts' place set to `contracts`.
pub(super) fn copy(folder: &Folder) -> Result<Reference, WorldError> {
    copy_below(folder, &CATALOG, "catalog", &|path| {
        !OF_DEPLOYMENT
            .iter()
            .any(|own| path == *own || path.starts_with(&format!("{own}/")))
    })?;
    copy_below(folder, &CONTRACTS, "catalog/contracts", &|path| {
        path.ends_with(".proto")
    })?;
    let text = text(CATALOG_TOML)?;
    folder.write("catalog/catalog.toml", &moved(text)?)?;
    let mut systems = Vec::new();
    for (file, table) in tables("systems")? {
        let all = table
            .get("system")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten();
        for system in all {
            let id = system.get("id").and_then(toml::Value::as_str);
            systems.push(id.ok_or_else(|| lacks(&file, "id"))?.to_owned());
        }
    }
    systems.sort();
    let datasets = services()?;
    let catalog = parse(CATALOG_TOML, text)?;
    let trust_domain = string(CATALOG_TOML, &catalog, "trust_domain")?;
    Ok(Reference {
        trust_domain,
        systems,
        datasets,
    })
}

/// The datasets' services by id.
pub(super) fn services() -> Result<BTreeMap<String, String>, WorldError> {
    let mut datasets = BTreeMap::new();
    for (file, table) in tables("datasets")? {
        datasets.insert(
            string(&file, &table, "id")?,
            string(&file, &table, "service")?,
        );
    }
    Ok(datasets)
}

/// Writes every file of `dir` that is wanted, by its path from `dir`, below `target`.
fn copy_below(
    folder: &Folder,
    dir: &Dir,
    target: &str,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<(), WorldError> {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(below) => copy_below(folder, below, target, wanted)?,
            DirEntry::File(file) => {
                let path = file.path().to_string_lossy();
                if wanted(&path) {
                    folder.write_bytes(&format!("{target}/{path}"), file.contents())?;
                }
            }
        }
    }
    Ok(())
}

/// `catalog.toml` with another place for the contracts, and all else as it was.
fn moved(text: &str) -> Result<String, WorldError> {
    let mut lines: Vec<&str> = text.lines().collect();
    let is_key = |line: &&mut &str| {
        line.split_once('=')
            .is_some_and(|(key, _)| key.trim() == "contracts")
    };
    let line = lines
        .iter_mut()
        .find(is_key)
        .ok_or_else(|| lacks(CATALOG_TOML, "contracts"))?;
    *line = "contracts = [\"contracts\"]";
    let moved = lines.join("\n") + "\n";
    // A list over several lines would have left a rest behind.
    parse(CATALOG_TOML, &moved)?;
    Ok(moved)
}

fn tables(dir: &str) -> Result<Vec<(String, Table)>, WorldError> {
    let files = CATALOG.get_dir(dir).into_iter().flat_map(Dir::files);
    let tables = files.filter(|file| file.path().extension().is_some_and(|one| one == "toml"));
    tables
        .map(|file| {
            let name = file.path().to_string_lossy().into_owned();
            let table = parse(&name, text(&name)?)?;
            Ok((name, table))
        })
        .collect()
}

fn text(name: &str) -> Result<&'static str, WorldError> {
    CATALOG
        .get_file(name)
        .and_then(|file| file.contents_utf8())
        .ok_or_else(|| fault(name, "is missing or not UTF-8".to_owned()))
}

fn parse(name: &str, text: &str) -> Result<Table, WorldError> {
    text.parse()
        .map_err(|error: toml::de::Error| fault(name, format!("is no TOML: {error}")))
}

fn string(file: &str, table: &Table, key: &str) -> Result<String, WorldError> {
    let value = table.get(key).and_then(toml::Value::as_str);
    Ok(value.ok_or_else(|| lacks(file, key))?.to_owned())
}

fn lacks(file: &str, key: &str) -> WorldError {
    fault(file, format!("has no `{key}`"))
}

fn fault(file: &str, what: String) -> WorldError {
    WorldError::Catalog {
        file: file.to_owned(),
        what,
    }
}
