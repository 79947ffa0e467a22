//! What came back from a provider, cut down to what may leave.

use bytes::Bytes;
use motlan_mask::{Withheld, covers};

use crate::duties::Duties;
use crate::outcome::{Denial, Outcome, Release};
use crate::permitted::Announced;
use crate::provider::{Fetched, ProviderFault};

/// What came back from a provider. It cannot be read or printed, only masked.
#[must_use]
pub struct Answer {
    announced: Announced,
    fetched: Result<Fetched, Denial>,
}

impl Answer {
    pub(crate) fn new(announced: Announced, fetched: Result<Fetched, Denial>) -> Self {
        Self { announced, fetched }
    }

    /// Cuts the answer down to what the permit gives, and does what the grant obliges to before
    /// anything leaves. One message that cannot be masked fails the whole answer: nothing partial
    /// leaves.
    pub async fn mask<D: Duties>(self, duties: &D) -> Outcome {
        let Self { announced, fetched } = self;
        let masked =
            fetched.and_then(|fetched| masked(&announced, fetched).map_err(Denial::Provider));
        let (release, released) = match masked {
            Ok(masked) => masked,
            Err(denial) => return Outcome::failed(announced, denial),
        };
        // R97: the notice is kept before the answer is released.
        if announced.obliged.notify
            && let Err(fault) = duties.notify(announced.announcement.id()).await
        {
            return Outcome::failed(announced, Denial::Duty(fault));
        }
        Outcome::answered(announced, release, released)
    }
}

/// The masked messages, and the paths that some of them hold.
fn masked(
    announced: &Announced,
    fetched: Fetched,
) -> Result<(Release, Vec<String>), ProviderFault> {
    let permit = &announced.permit;
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
    // As the agreement has it, whatever the answer holds.
    let shown = |path: &str| permit.paths().iter().any(|wide| covers(wide, path));
    let obliged = permit.terms().covers().into_iter().map(|cover| cover.path);
    let mut covered: Vec<String> = obliged.filter(|path| shown(path)).collect();
    covered.sort_unstable();
    Ok((
        Release {
            messages,
            withheld,
            covered,
            as_of: fetched.as_of,
            keep_until_us: announced.obliged.keep_until_us,
        },
        released,
    ))
}
