//! Which method the sample is an answer of.

use std::sync::Arc;

use motlan_catalog::document::nearest;
use motlan_catalog::{Catalog, Dataset, Method};

use super::content::content;
use super::sample::{Raw, Sample, SampleError};

/// A method with a sample of its answer.
pub(super) struct Target {
    pub(super) dataset: Arc<Dataset>,
    pub(super) method: Arc<Method>,
    pub(super) sample: Sample,
}

/// Why no method can be told, or not this one.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    #[error("the catalogue has no dataset `{name}`; {remedy}")]
    Dataset { name: String, remedy: String },
    #[error("the dataset `{dataset}` offers no method `{name}`; {remedy}")]
    Method {
        dataset: String,
        name: String,
        remedy: String,
    },
    #[error("the sample fits several methods; name one of {methods}")]
    Several { methods: String },
    #[error("the sample is no answer of any method of `{dataset}`:{reasons}")]
    None { dataset: String, reasons: String },
    #[error(transparent)]
    Sample(#[from] SampleError),
}

/// A target's dataset, and its method if one is named.
pub(super) fn halves(target: &str) -> (&str, Option<&str>) {
    match target.split_once('/') {
        Some((dataset, method)) => (dataset, Some(method)),
        None => (target, None),
    }
}

impl Target {
    /// Finds `population/GetPerson`, or the one method of `population` whose answer `raw` can be.
    pub(super) fn find(catalog: &Catalog, target: &str, raw: &Raw) -> Result<Self, TargetError> {
        let (name, method) = halves(target);
        let dataset = catalog
            .datasets()
            .find(|dataset| dataset.id.as_str() == name);
        let Some(dataset) = dataset else {
            let ids = catalog.datasets().map(|dataset| dataset.id.as_str());
            return Err(TargetError::Dataset {
                name: name.to_owned(),
                remedy: remedy(name, ids),
            });
        };
        let (method, sample) = match method {
            Some(method) => {
                let method = named(dataset, method)?;
                let sample = raw.parse(&method.response)?;
                (method, sample)
            }
            None => fitting(dataset, raw)?,
        };
        Ok(Self {
            dataset: Arc::clone(dataset),
            method,
            sample,
        })
    }
}

fn named(dataset: &Dataset, name: &str) -> Result<Arc<Method>, TargetError> {
    let found = dataset.methods.iter().find(|method| method.name == name);
    found.cloned().ok_or_else(|| TargetError::Method {
        dataset: dataset.id.to_string(),
        name: name.to_owned(),
        remedy: remedy(
            name,
            dataset.methods.iter().map(|method| method.name.as_str()),
        ),
    })
}

/// The one method whose answer the sample can be. An encoded sample can be almost anything's, so
/// that one with unknown fields is not taken for a fit.
fn fitting(dataset: &Dataset, raw: &Raw) -> Result<(Arc<Method>, Sample), TargetError> {
    if let [only] = dataset.methods.as_slice() {
        return Ok((Arc::clone(only), raw.parse(&only.response)?));
    }
    let mut fits = Vec::new();
    let mut reasons = String::new();
    for method in &dataset.methods {
        match raw.parse(&method.response) {
            Ok(sample)
                if content(&sample.message)
                    .values()
                    .all(|held| held.is_known()) =>
            {
                fits.push((Arc::clone(method), sample));
            }
            Ok(_) => reasons.push_str(&format!("\n  {}: unknown fields", method.name)),
            // It would be empty as any answer.
            Err(error @ SampleError::Empty { .. }) => return Err(error.into()),
            Err(error) => {
                let source = std::error::Error::source(&error);
                let source = source
                    .map(|source| format!(": {source}"))
                    .unwrap_or_default();
                reasons.push_str(&format!("\n  {}: {error}{source}", method.name));
            }
        }
    }
    let dataset = dataset.id.to_string();
    let methods = fits
        .iter()
        .map(|(method, _)| format!("`{dataset}/{}`", method.name));
    let methods = methods.collect::<Vec<_>>().join(", ");
    match (fits.pop(), fits.is_empty()) {
        (Some(fit), true) => Ok(fit),
        (Some(_), false) => Err(TargetError::Several { methods }),
        (None, _) => Err(TargetError::None { dataset, reasons }),
    }
}

/// The name that was perhaps meant, else all that there are.
pub(super) fn remedy<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are `{}`", known.join("`, `")),
    }
}
