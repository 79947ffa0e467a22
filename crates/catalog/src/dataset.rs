//! What can be asked: datasets, each a protobuf service of its owner.

use std::sync::Arc;

use crate::method::Method;
use crate::name::{AgencyCode, DatasetId};
use crate::view::View;

/// A dataset: a service of its owner's, with what its contract says of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Dataset {
    /// Its name.
    pub id: DatasetId,
    /// The full name of the protobuf service, e.g. `vn.population.v1.PopulationRegistry`.
    pub service: String,
    /// The agency that answers for the data.
    pub owner: AgencyCode,
    /// The class of the dataset as a whole.
    pub class: Class,
    /// Its name in Vietnamese.
    pub title_vi: String,
    /// Its name in English.
    pub title_en: String,
    /// The instrument that founds the database.
    pub legal_basis: String,
    /// The documents that an answer replaces, in the words of the law.
    pub substitutes: Vec<String>,
    /// How old an answer may be at most, in seconds; `None` is no promise.
    pub freshness_s: Option<u32>,
    /// Whether it may be relied on.
    pub readiness: Readiness,
    /// The day from which it may be relied on. Always there when published.
    pub published_at: Option<jiff::civil::Date>,
    /// Where it is asked, as `host:port`. Empty where the deployment names none: it cannot be
    /// reached.
    pub addresses: Vec<String>,
    /// The name its certificate must carry; without one, the host of the address.
    pub server_name: Option<String>,
    /// The methods on offer, in the order of the contract.
    pub methods: Vec<Arc<Method>>,
    /// The views, in the order of the contract.
    pub views: Vec<Arc<View>>,
}

/// How much harm the release of a value can do, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Anyone may read it by law.
    Public,
    /// It is about a person.
    Personal,
    /// It is about a person, and of a kind that the law protects further.
    Sensitive,
    /// Released only where a view names the very field, and three people agree: the official who
    /// asks, and two who approve. What is unmarked is secret too, and never released.
    Secret,
}

/// Whether a dataset may be relied on in place of a paper document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Readiness {
    /// Not said: no procedure may rely on it.
    Unspecified,
    /// Being built: callers may try it, no procedure may rely on it.
    Pilot,
    /// Published by its owner: from then on, what it holds is not asked of citizens again.
    Published,
}
