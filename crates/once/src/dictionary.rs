//! The shared dictionary, turned round: where in the answers of which methods a concept stands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use motlan_catalog::{Catalog, Method};
use prost_reflect::{Kind, MessageDescriptor};

/// How deep messages may lie within messages for a concept to be found there.
pub const DEPTH_MAX: usize = 16;

/// Where concepts stand.
pub(crate) struct Dictionary {
    places: BTreeMap<String, Vec<Place>>,
    /// The concepts by which methods are asked.
    keys: BTreeSet<String>,
}

/// One field of one method's answer.
pub(crate) struct Place {
    pub(crate) method: Arc<Method>,
    /// The field's path in the answer.
    pub(crate) path: String,
    /// What it is a part of, where it belongs to a message that several contracts share: a day of a
    /// date says nothing without the fact whose date it is.
    pub(crate) part_of: Option<String>,
}

impl Place {
    /// Whether the method is asked by what stands here. The request's fields bear no concepts; the
    /// answer's field of the same name is taken for the same thing.
    pub(crate) fn is_key(&self) -> bool {
        let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
        last(&self.path) == last(&self.method.subject_path)
    }
}

impl Dictionary {
    pub(crate) fn of(catalog: &Catalog) -> Self {
        let mut dictionary = Self {
            places: BTreeMap::new(),
            keys: BTreeSet::new(),
        };
        for method in catalog.datasets().flat_map(|dataset| &dataset.methods) {
            let mut walk = Walk {
                catalog,
                method,
                dictionary: &mut dictionary,
            };
            walk.message(&method.response, "", None, &[]);
        }
        dictionary
    }

    /// The places where a concept stands; `None` where no contract knows it.
    pub(crate) fn places(&self, concept: &str) -> Option<&[Place]> {
        self.places.get(concept).map(Vec::as_slice)
    }

    /// Whether a dataset is asked by this concept: without it nothing can be looked up.
    pub(crate) fn is_key(&self, concept: &str) -> bool {
        self.keys.contains(concept)
    }

    /// Every place.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Place> {
        self.places.values().flatten()
    }

    pub(crate) fn concepts(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }
}

/// The concept by which a method is asked: that of the answer's nearest field with the name of the
/// request's.
pub(crate) fn key_of(catalog: &Catalog, method: &Method) -> Option<String> {
    let key = method.subject_path.rsplit('.').next()?;
    let mut met = BTreeSet::from([method.response.full_name().to_owned()]);
    let mut next = VecDeque::from([method.response.clone()]);
    while let Some(message) = next.pop_front() {
        let found = message.get_field_by_name(key);
        if let Some(concept) = found.and_then(|field| catalog.concept(&field)) {
            return Some(concept);
        }
        for field in message.fields() {
            if let Kind::Message(inner) = field.kind()
                && met.insert(inner.full_name().to_owned())
            {
                next.push_back(inner);
            }
        }
    }
    None
}

struct Walk<'w> {
    catalog: &'w Catalog,
    method: &'w Arc<Method>,
    dictionary: &'w mut Dictionary,
}

impl Walk<'_> {
    /// `above` are the messages in which this one lies: none is entered twice.
    fn message(
        &mut self,
        message: &MessageDescriptor,
        prefix: &str,
        whole: Option<&str>,
        above: &[&str],
    ) {
        let own = message.full_name();
        if above.contains(&own) || above.len() >= DEPTH_MAX {
            return;
        }
        let within = [above, &[own]].concat();
        let is_shared = message.package_name() != self.method.response.package_name();
        for field in message.fields() {
            let path = format!("{prefix}{}", field.name());
            let concept = self.catalog.concept(&field);
            if let Some(concept) = &concept {
                let place = Place {
                    method: Arc::clone(self.method),
                    path: path.clone(),
                    part_of: is_shared.then(|| whole.unwrap_or_default().to_owned()),
                };
                if place.is_key() {
                    self.dictionary.keys.insert(concept.clone());
                }
                self.dictionary
                    .places
                    .entry(concept.clone())
                    .or_default()
                    .push(place);
            }
            if let Kind::Message(inner) = field.kind() {
                // A part of a part belongs to the same whole.
                let whole = if is_shared { whole } else { concept.as_deref() };
                self.message(&inner, &format!("{path}."), whole, &within);
            }
        }
    }
}
