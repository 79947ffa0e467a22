//! Systems, and the public keys with which their tokens are signed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::folder::Folder;
use super::keys::{Keys, Registry};
use super::{known_agency, twice};
use crate::document::{Table, nearest};
use crate::fault::Faults;
use crate::name::{AgencyCode, SystemId};
use crate::party::{Agency, Role, System};

/// The systems of `systems/*.toml` with their keys.
pub(super) fn systems(
    folder: &mut Folder,
    trust_domain: &str,
    agencies: &BTreeMap<AgencyCode, Agency>,
    registry: &mut Registry,
    faults: &mut Faults,
) -> BTreeMap<SystemId, System> {
    let mut systems = BTreeMap::new();
    let mut places: BTreeMap<SystemId, (PathBuf, usize)> = BTreeMap::new();
    for name in folder.list("systems", "toml", faults) {
        let Some(document) = folder.document(&name, faults) else {
            continue;
        };
        let mut root = document.root();
        for mut table in root.tables("system", faults) {
            let place = (document.file().to_owned(), table.line().unwrap_or_default());
            let found = system(&mut table, trust_domain, agencies, faults);
            table.finish(faults);
            let Some(system) = found else { continue };
            if let Some(first) = places.get(&system.id) {
                twice("system", system.id.as_str(), first, &place, faults);
                continue;
            }
            places.insert(system.id.clone(), place);
            systems.insert(system.id.clone(), system);
        }
        root.finish(faults);
    }
    let mut keys = Keys::read(folder, registry, faults);
    for (id, system) in &mut systems {
        system.token_keys = keys.of(id);
    }
    keys.finish(folder, systems.keys(), faults);
    systems
}

fn system(
    table: &mut Table<'_>,
    trust_domain: &str,
    agencies: &BTreeMap<AgencyCode, Agency>,
    faults: &mut Faults,
) -> Option<System> {
    let id = table.parsed::<SystemId>("id", faults);
    let title = table.string("title_vi", faults);
    let suspended = table.opt_bool("suspended", faults);
    let roles = roles(table, faults);
    let id = id?;
    let agency = id.agency();
    if let Err((what, remedy)) = known_agency(&agency, agencies) {
        table.fault(id.line, what, remedy, faults);
    }
    Some(System {
        uri: format!(
            "spiffe://{trust_domain}/agency/{agency}/system/{}",
            id.name()
        ),
        id: id.value,
        agency,
        title_vi: title?.value,
        suspended: suspended.is_some_and(|suspended| suspended.value),
        roles,
        token_keys: Vec::new(),
    })
}

/// The roles, and that they go together.
fn roles(table: &mut Table<'_>, faults: &mut Faults) -> BTreeSet<Role> {
    let mut roles = BTreeSet::new();
    let mut last_line = None;
    for name in table.strings("roles", faults) {
        last_line = Some(name.line);
        let Some(role) = Role::ALL.into_iter().find(|role| role.as_str() == *name) else {
            let known = Role::ALL.map(Role::as_str);
            let remedy = match nearest(&name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("give some of `{}`", known.join("`, `")),
            };
            table.fault(name.line, format!("`{}` is no role", *name), remedy, faults);
            continue;
        };
        if !roles.insert(role) {
            let what = format!("the role `{role}` stands here twice");
            table.fault(name.line, what, "remove one", faults);
        }
    }
    // R73: who searches the trail does not erase from it.
    if roles.contains(&Role::Auditor) && roles.contains(&Role::DataProtection) {
        let what = "one system has the roles `auditor` and `data_protection`";
        let remedy = "give them to two systems: who searches the trail does not erase from it";
        table.fault(last_line, what, remedy, faults);
    }
    roles
}
