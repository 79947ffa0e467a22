//! Large catalogues: the reference catalogue with as many more agreements and datasets as are
//! wanted, in the format of all others, signed and sealed. All of it follows from the seed, the
//! keys excepted.
//!
//! Limits: a consumer has room for [`GRANTS_MAX`] grants for one method.

mod agreement;
mod register;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use motlan_catalog::{
    AgencyCode, Catalog, Dataset, Method, ProcedureCode, Standing, System, SystemId, View,
};
use motlan_testkit::World;
use motlan_testkit::token::{KeyType, SigningKey};
use motlan_testkit::world::TOKEN_KID;

use crate::owner;

/// A gateway tries at most 64 grants of a consumer for one method; so few of them are used here.
const GRANTS_MAX: usize = 60;

/// What of a dataset is granted, to whom.
struct Cell<'c> {
    consumer: &'c System,
    dataset: &'c Dataset,
    method: &'c Arc<Method>,
    view: &'c Arc<View>,
}

/// Brings the agreements of `world` to `count` in all, spread evenly over who may ask and what may
/// be asked: every agency that still exists, whose system is registered where it had none, and each
/// method of all datasets. Each is good for a procedure that no other agreement of the two names,
/// so that still exactly one grant fits a question.
///
/// # Errors
/// Where a file cannot be written, or there is no room for so many.
pub(crate) fn agree(world: &World, count: usize) -> Result<()> {
    let folder = world.dir().join("catalog");
    if load(&folder)?.agreements().len() >= count {
        return Ok(());
    }
    register_systems(&folder, &load(&folder)?)?;
    let catalog = load(&folder)?;
    let cells = cells(&catalog);
    ensure!(!cells.is_empty(), "the catalogue has nothing to agree on");
    let procedures: Vec<&ProcedureCode> = catalog.procedures().map(|one| &one.code).collect();
    let taken = taken(&catalog);
    let wanted = count.saturating_sub(catalog.agreements().len());
    let mut random = Random(owner::SEED);
    let starts: Vec<usize> = cells
        .iter()
        .map(|_| random.below(procedures.len()))
        .collect();
    for number in 0..wanted {
        let (at, turn) = (number % cells.len(), number / cells.len());
        ensure!(turn < GRANTS_MAX, "no room for {count} agreements");
        let (Some(cell), Some(start)) = (cells.get(at), starts.get(at)) else {
            continue;
        };
        // The one beside it is what the agreement is not good for.
        let circle = procedures
            .iter()
            .cycle()
            .skip(*start)
            .take(procedures.len());
        let mut free = circle
            .filter(|code| !taken.contains(&cell.names(code)))
            .skip(2 * turn);
        let (granted, other) = free.next().zip(free.next()).context("too few procedures")?;
        let (name, text) = agreement::of(cell, number, granted, other);
        write(&folder.join(format!("agreements/{name}.toml")), &text)?;
    }
    Ok(world.seal()?)
}

/// Brings the datasets of `world` to `count` in all: registers with contracts of their own, which
/// are asked at `address`, each with an agreement for the bench's caller.
///
/// # Errors
/// Where a file cannot be written.
pub(crate) fn publish(world: &World, count: usize, address: &str) -> Result<()> {
    let folder = world.dir().join("catalog");
    let before = load(&folder)?;
    let owners: Vec<AgencyCode> = consumers(&before).into_iter().collect();
    let mut endpoints = read(&folder.join("endpoints.toml"))?;
    let numbers = 0..count.saturating_sub(before.datasets().len());
    for (number, owner) in numbers.zip(owners.iter().cycle()) {
        let register = register::Register { number, owner };
        write(&folder.join(register.contract_file()), &register.contract())?;
        write(&folder.join(register.dataset_file()), &register.dataset())?;
        endpoints.push_str(&register.endpoint(address));
    }
    write(&folder.join("endpoints.toml"), &endpoints)?;
    let catalog = load(&folder)?;
    let desk: SystemId = crate::deployment::CALLER.parse()?;
    let desk = catalog
        .system(&desk)
        .context("the caller is not registered")?;
    let [granted, other] = register::PROCEDURES.map(str::parse::<ProcedureCode>);
    let (granted, other) = (granted?, other?);
    let cells = catalog
        .datasets()
        .filter_map(|dataset| of_dataset(desk, dataset));
    for (number, cell) in cells
        .filter(|cell| register::is_one(cell.dataset))
        .enumerate()
    {
        let (name, text) = agreement::of(&cell, number, &granted, &other);
        write(&folder.join(format!("agreements/{name}.toml")), &text)?;
    }
    Ok(world.seal()?)
}

/// How many agreements there are.
///
/// # Errors
/// Where the catalogue has faults.
pub(crate) fn agreements(world: &World) -> Result<usize> {
    Ok(load(&world.dir().join("catalog"))?.agreements().len())
}

impl Cell<'_> {
    /// What an agreement for `procedure` would be told by.
    fn names(&self, procedure: &ProcedureCode) -> (AgencyCode, String, ProcedureCode) {
        let consumer = self.consumer.agency.clone();
        (consumer, self.method.path.clone(), procedure.clone())
    }
}

/// A generator of numbers that are the same for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed >> 1).unwrap_or_default() % limit.max(1)
    }
}

fn load(folder: &Path) -> Result<Catalog> {
    Catalog::load(folder).map_err(|faults| anyhow!("the catalogue has faults:\n{faults}"))
}

/// The agencies that still exist.
fn consumers(catalog: &Catalog) -> BTreeSet<AgencyCode> {
    let agencies = catalog.agencies();
    let current = agencies.filter(|agency| agency.standing == Standing::Current);
    current.map(|agency| agency.code.clone()).collect()
}

/// Registers a system with a key for every agency that has none.
fn register_systems(folder: &Path, catalog: &Catalog) -> Result<()> {
    let systems = catalog.systems().filter(|system| system.roles.is_empty());
    let asking: BTreeSet<&AgencyCode> = systems.map(|system| &system.agency).collect();
    let mut text = String::new();
    for agency in consumers(catalog)
        .iter()
        .filter(|code| !asking.contains(code))
    {
        let id = format!("{agency}/one-stop");
        let title = format!("Hệ thống thông tin giải quyết thủ tục hành chính, {agency}");
        text.push_str(&format!(
            "[[system]]\nid = \"{id}\"\ntitle_vi = \"{title}\"\n\n"
        ));
        let key = SigningKey::generate(TOKEN_KID, KeyType::EdDsa)?;
        write(
            &folder.join(format!("keys/{id}/{TOKEN_KID}.pem")),
            key.public_pem(),
        )?;
    }
    if text.is_empty() {
        return Ok(());
    }
    write(&folder.join("systems/others.toml"), &text)
}

/// Everything that could be agreed on, but for registers: one view of each method for one system of
/// each agency.
fn cells(catalog: &Catalog) -> Vec<Cell<'_>> {
    let mut asking: BTreeMap<&AgencyCode, &System> = BTreeMap::new();
    for system in catalog.systems().filter(|system| system.roles.is_empty()) {
        asking.entry(&system.agency).or_insert(system);
    }
    let datasets = catalog
        .datasets()
        .filter(|dataset| !register::is_one(dataset));
    let methods = datasets.flat_map(|one| one.methods.iter().map(move |method| (one, method)));
    let mut cells = Vec::new();
    for (dataset, method) in methods {
        let Some(view) = method.views.values().find(|view| !view.secret) else {
            continue;
        };
        let others = asking.values().filter(|one| one.agency != dataset.owner);
        cells.extend(others.map(|consumer| Cell {
            consumer,
            dataset,
            method,
            view,
        }));
    }
    cells
}

fn of_dataset<'c>(consumer: &'c System, dataset: &'c Dataset) -> Option<Cell<'c>> {
    let method = dataset.methods.first()?;
    let view = method.views.values().next()?;
    (dataset.owner != consumer.agency).then_some(Cell {
        consumer,
        dataset,
        method,
        view,
    })
}

/// For what every agency is granted a method already.
fn taken(catalog: &Catalog) -> BTreeSet<(AgencyCode, String, ProcedureCode)> {
    let mut taken = BTreeSet::new();
    for agreement in catalog.agreements() {
        for grant in &agreement.grants {
            for method in &grant.methods {
                let names = |code: &ProcedureCode| {
                    let consumer = agreement.consumer.clone();
                    (consumer, method.path.clone(), code.clone())
                };
                taken.extend(grant.procedures.iter().map(names));
            }
        }
    }
    taken
}

fn read(file: &PathBuf) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("`{}`", file.display()))
}

/// Writes a file, and the folders above it. The catalogue is sealed when all are written: each time
/// would take as long as all together.
fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(above) = file.parent() {
        fs::create_dir_all(above)?;
    }
    fs::write(file, text).with_context(|| format!("`{}`", file.display()))
}

#[cfg(test)]
mod tests {
    use motlan_catalog::{SignedCatalog, SignedFolder};
    use motlan_policy::Rules;
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn a_catalogue_of_many_is_signed_and_its_tests_hold() {
        let dir = TempDir::new().unwrap();
        let world = World::lay(dir.path(), owner::SEED).await.unwrap();
        publish(&world, 7, "127.0.0.1:9").unwrap();
        agree(&world, 300).unwrap();
        let catalog = SignedCatalog::load(&SignedFolder {
            folder: dir.path().join("catalog"),
            manifest_key: dir.path().join("pki/manifest.pem"),
            known_revision: dir.path().join("known-revision.json"),
        });
        let catalog = catalog.unwrap();
        assert_eq!(catalog.agreements().len(), 300);
        assert_eq!(catalog.datasets().len(), 7);
        Rules::new(&catalog).map(drop).unwrap();
        let mut names = BTreeSet::new();
        for agreement in catalog.agreements() {
            for grant in &agreement.grants {
                for (method, code) in grant.methods.iter().flat_map(|method| {
                    grant
                        .procedures
                        .iter()
                        .map(move |code| (&method.path, code))
                }) {
                    let name = (agreement.consumer.clone(), method.clone(), code.clone());
                    assert!(names.insert(name), "two fit, one of them `{}`", grant.id);
                }
            }
        }
        let own = catalog.agreements().iter();
        let own =
            own.filter(|one| one.consumer.as_str() == "H26" && one.provider.as_str() == "G01");
        assert!(
            own.count() > 1,
            "the bench's caller has no others beside its own"
        );
    }
}
