//! What came back from a provider, cut down to what may leave.

use bytes::Bytes;
use motlan_mask::Withheld;
use motlan_policy::Permit;

use crate::outcome::{Denial, Outcome, Release};
use crate::permitted::Announced;
use crate::provider::{Fetched, ProviderFault};

/// What came back from a provider. It cannot be read or printed, only masked.
#[must_use]
pub struct Answer {
    announced: Announced,
    fetched: Result<Fetched, ProviderFault>,
}

impl Answer {
    pub(crate) fn new(announced: Announced, fetched: Result<Fetched, ProviderFault>) -> Self {
        Self { announced, fetched }
    }

    /// Cuts the answer down to what the permit gives. One message that cannot be masked fails the
    /// whole answer: nothing partial leaves.
    pub fn mask(self) -> Outcome {
        let Self { announced, fetched } = self;
        match fetched.and_then(|fetched| masked(&announced.permit, fetched)) {
            Ok((release, released)) => Outcome::answered(announced, release, released),
            Err(fault) => Outcome::failed(announced, Denial::Provider(fault)),
        }
    }
}

/// The masked messages, and the paths that some of them hold.
fn masked(permit: &Permit, fetched: Fetched) -> Result<(Release, Vec<String>), ProviderFault> {
    let mask = permit.mask();
    let mut messages: Vec<Bytes> = Vec::with_capacity(fetched.messages.len());
    let mut seen = Withheld::default();
    // R30: only what the mask lets through; what it cannot read fails the whole answer.
    for message in &fetched.messages {
        let masked = mask
            .apply(message)
            .map_err(|error| ProviderFault::Malformed {
                what: error.to_string(),
            })?;
        messages.push(masked.bytes);
        seen.merge(&masked.withheld);
    }
    let absent: Vec<&str> = mask.absent(&seen).collect();
    let present = |path: &&String| !absent.contains(&path.as_str());
    let released = permit.paths().iter().filter(present).cloned().collect();
    let withheld = mask.dropped(&seen).map(str::to_owned).collect();
    Ok((
        Release {
            messages,
            withheld,
            as_of: fetched.as_of,
        },
        released,
    ))
}
