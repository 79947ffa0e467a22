//! Datasets: what `datasets/*.toml` declares, and what the contracts say of it.

mod methods;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use motlan_api::contract::v1;
use prost_reflect::ServiceDescriptor;

use super::contracts::{Contracts, Place, Wanted};
use super::endpoints::Endpoint;
use super::folder::Folder;
use super::options::{Options, class};
use super::{known_agency, twice};
use crate::dataset::{Class, Dataset, Readiness};
use crate::document::{Located, nearest};
use crate::fault::Faults;
use crate::name::{AgencyCode, DatasetId, NameError};
use crate::party::Agency;
pub(super) use views::inner;

/// A dataset as its file declares it.
pub(super) struct Declared {
    pub(super) file: PathBuf,
    pub(super) id: Located<DatasetId>,
    contract: Located<String>,
    service: Located<String>,
}

impl Declared {
    /// The name of its contract, so that another can be put in its place.
    pub(super) fn contract(&mut self) -> &mut String {
        &mut self.contract.value
    }

    /// The contract it needs.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            contract: self.contract.value.clone(),
            file: self.file.clone(),
            line: self.contract.line,
        }
    }
}

/// A dataset as far as it could be built: a fault in one view must not make every agreement on the
/// dataset look wrong.
pub(super) struct Draft {
    /// `None` where the contract tells nothing.
    pub(super) dataset: Option<Arc<Dataset>>,
    pub(super) broken_views: BTreeSet<String>,
    pub(super) broken_methods: BTreeSet<String>,
}

/// What `datasets/*.toml` declares.
pub(super) fn declared(folder: &mut Folder, faults: &mut Faults) -> Vec<Declared> {
    let mut declared: Vec<Declared> = Vec::new();
    for name in folder.list("datasets", "toml", faults) {
        let Some(document) = folder.document(&name, faults) else {
            continue;
        };
        let mut root = document.root();
        let id = root.parsed::<DatasetId>("id", faults);
        let contract = root.string("contract", faults);
        let service = root.string("service", faults);
        root.finish(faults);
        let (Some(id), Some(contract), Some(service)) = (id, contract, service) else {
            continue;
        };
        let place = (document.file().to_owned(), id.line);
        if let Some(first) = declared.iter().find(|first| first.id.value == id.value) {
            let first = (first.file.clone(), first.id.line);
            twice("dataset", id.as_str(), &first, &place, faults);
            continue;
        }
        if let Some(first) = declared
            .iter()
            .find(|first| first.service.value == service.value)
        {
            let first = (first.file.clone(), first.service.line);
            twice(
                "service",
                &service,
                &first,
                &(place.0, service.line),
                faults,
            );
            continue;
        }
        declared.push(Declared {
            file: place.0,
            id,
            contract,
            service,
        });
    }
    declared
}

/// Builds every declared dataset from its contract.
pub(super) fn build(
    declared: &[Declared],
    contracts: &Contracts,
    agencies: &BTreeMap<AgencyCode, Agency>,
    endpoints: &mut BTreeMap<DatasetId, Endpoint>,
    faults: &mut Faults,
) -> BTreeMap<DatasetId, Draft> {
    let mut options = Options::of(&contracts.pool);
    let mut drafts = BTreeMap::new();
    for one in declared {
        let mut draft = Draft {
            dataset: None,
            broken_views: BTreeSet::new(),
            broken_methods: BTreeSet::new(),
        };
        if let Some(service) = service(one, contracts, faults) {
            let endpoint = endpoints.remove(&one.id.value).unwrap_or_default();
            let place = contracts.place(&service.parent_file(), service.path());
            let mut build = Build {
                declared: one,
                contracts,
                agencies,
                options: &mut options,
                place,
                service,
                faults: &mut *faults,
            };
            draft.dataset =
                build.dataset(endpoint, &mut draft.broken_views, &mut draft.broken_methods);
        }
        drafts.insert(one.id.value.clone(), draft);
    }
    drafts
}

/// The service that a dataset names, if its contract compiled and holds it.
fn service(
    declared: &Declared,
    contracts: &Contracts,
    faults: &mut Faults,
) -> Option<ServiceDescriptor> {
    if contracts.has_failed(&declared.contract) {
        return None;
    }
    let name = declared.service.value.as_str();
    let mut fault = |what: String, remedy: String| {
        faults.push(&declared.file, declared.service.line, what, remedy);
        None
    };
    if ["motlan.", "grpc.", "google."]
        .iter()
        .any(|own| name.starts_with(own))
    {
        let remedy = "choose a package that begins otherwise".to_owned();
        return fault(
            format!("the service `{name}` bears a reserved name"),
            remedy,
        );
    }
    let Some(service) = contracts.pool.get_service_by_name(name) else {
        let services: Vec<String> = contracts
            .pool
            .services()
            .map(|service| service.full_name().to_owned())
            .collect();
        let remedy = match nearest(name, services.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name a service of the contract, with its package".to_owned(),
        };
        let contract = &declared.contract.value;
        return fault(
            format!("the contract `{contract}` has no service `{name}`"),
            remedy,
        );
    };
    let file = service.parent_file();
    if declared.contract.ends_with(".proto") && file.name() != declared.contract.value {
        let remedy = format!("write `contract = \"{}\"`", file.name());
        let contract = &declared.contract.value;
        return fault(
            format!("the service `{name}` is not in `{contract}`"),
            remedy,
        );
    }
    Some(service)
}

/// One dataset in the making.
struct Build<'a> {
    declared: &'a Declared,
    contracts: &'a Contracts,
    agencies: &'a BTreeMap<AgencyCode, Agency>,
    options: &'a mut Options,
    /// Where the service is written.
    place: Place,
    service: ServiceDescriptor,
    faults: &'a mut Faults,
}

/// What the service's option says, in our own types.
struct Said {
    owner: AgencyCode,
    class: Class,
    readiness: Readiness,
    published_at: Option<Date>,
}

impl Build<'_> {
    fn dataset(
        &mut self,
        endpoint: Endpoint,
        broken_views: &mut BTreeSet<String>,
        broken_methods: &mut BTreeSet<String>,
    ) -> Option<Arc<Dataset>> {
        let name = self.service.full_name().to_owned();
        let Some(option) = self.options.dataset(&self.service) else {
            let what = format!("the service `{name}` has no option `(motlan.contract.v1.dataset)`");
            self.fault(what, "add the option: it makes the service a dataset");
            return None;
        };
        let said = self.said(&option);
        let offered = self.offered(broken_methods);
        let class = said.as_ref().map(|said| said.class);
        let views = self.views(&option.views, &offered, class, broken_views);
        let said = said?;
        let id = &self.declared.id.value;
        let methods = offered.into_iter();
        let methods = methods
            .map(|offer| Arc::new(offer.method(id, &said.owner, &views)))
            .collect();
        Some(Arc::new(Dataset {
            id: id.clone(),
            service: name,
            owner: said.owner,
            class: said.class,
            title_vi: option.title_vi,
            title_en: option.title_en,
            legal_basis: option.legal_basis,
            substitutes: option.substitutes,
            freshness_s: Some(option.freshness_s).filter(|seconds| *seconds > 0),
            readiness: said.readiness,
            published_at: said.published_at,
            addresses: endpoint.addresses,
            server_name: endpoint.server_name,
            methods,
            views,
        }))
    }

    /// Reports a fault of the service as a whole.
    fn fault(&mut self, what: String, remedy: impl Into<String>) {
        self.faults
            .push(&self.place.file, self.place.line, what, remedy);
    }

    fn said(&mut self, option: &v1::Dataset) -> Option<Said> {
        self.same_id(option);
        for (field, text) in [
            ("title_vi", &option.title_vi),
            ("title_en", &option.title_en),
            ("legal_basis", &option.legal_basis),
        ] {
            if text.trim().is_empty() {
                self.fault(format!("the dataset's `{field}` is empty"), "fill it in");
            }
        }
        let owner = self.owner(option);
        let class = self.class(option);
        let readiness = self.readiness(option);
        let published_at = self.published_at(option, readiness);
        Some(Said {
            owner: owner?,
            class: class?,
            readiness: readiness?,
            published_at,
        })
    }

    fn same_id(&mut self, option: &v1::Dataset) {
        let declared = &self.declared.id;
        if option.id != declared.as_str() {
            let what = format!(
                "`id` is `{}`, but the contract of `{}` says `{}`",
                declared.value,
                self.service.full_name(),
                option.id,
            );
            let remedy = format!("write `id = \"{}\"`, or name another service", option.id);
            self.faults
                .push(&self.declared.file, declared.line, what, remedy);
        }
    }

    fn owner(&mut self, option: &v1::Dataset) -> Option<AgencyCode> {
        let owner: Result<AgencyCode, NameError> = option.owner.parse();
        match owner {
            Ok(owner) => {
                if let Err((what, remedy)) = known_agency(&owner, self.agencies) {
                    self.fault(format!("the dataset's `owner`: {what}"), remedy);
                }
                Some(owner)
            }
            Err(error) => {
                self.fault(format!("the dataset's `owner`: {error}"), "correct it");
                None
            }
        }
    }

    fn class(&mut self, option: &v1::Dataset) -> Option<Class> {
        let class = class(option.class);
        if class.is_none() {
            let what = "the dataset's `class` is missing: it could not be asked";
            let remedy = "write the class of the highest field that a view releases";
            self.fault(what.to_owned(), remedy);
        }
        class
    }

    fn readiness(&mut self, option: &v1::Dataset) -> Option<Readiness> {
        match v1::Readiness::try_from(option.readiness) {
            Ok(v1::Readiness::Unspecified) => Some(Readiness::Unspecified),
            Ok(v1::Readiness::Pilot) => Some(Readiness::Pilot),
            Ok(v1::Readiness::Published) => Some(Readiness::Published),
            Err(_) => {
                let what = format!(
                    "the dataset's `readiness` is the unknown {}",
                    option.readiness
                );
                self.fault(what, "use a value that this edition of the options knows");
                None
            }
        }
    }

    fn published_at(&mut self, option: &v1::Dataset, readiness: Option<Readiness>) -> Option<Date> {
        let text = option.published_at.as_str();
        if text.is_empty() {
            if readiness == Some(Readiness::Published) {
                let what = "the dataset is published, but `published_at` is missing".to_owned();
                self.fault(what, "write the day, as in \"2026-01-01\"");
            }
            return None;
        }
        let day = text
            .parse::<Date>()
            .ok()
            .filter(|day| day.to_string() == text);
        if day.is_none() {
            let what = format!("the dataset's `published_at` is `{text}`");
            self.fault(what, "write a day, as in \"2026-01-01\"");
        }
        day
    }
}
