//! The fields that a caller asks for: how they are listed, and what the rules take them for.

use motlan_catalog::View;
use motlan_mask::covers;

use crate::refusal::Refusal;
use crate::rules::FIELDS_ASKED_MAX;

/// The paths of a list that is joined by commas, as in `motlan-fields`: no more than are enough to
/// refuse them for their number. `None` where one is empty, or cannot be a path: an empty list
/// would ask for nothing, and must not be taken for asking for everything.
#[must_use]
pub fn listed(joined: &str) -> Option<Vec<String>> {
    let is_plain = |path: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        !path.is_empty() && path.bytes().all(plain)
    };
    let paths = joined.split(',').map(str::trim);
    let paths = paths.take(FIELDS_ASKED_MAX.saturating_add(1));
    paths
        .map(|path| is_plain(&path).then(|| path.to_owned()))
        .collect()
}

/// What of the fields asked for, or of the view where none were, the person consented to.
///
/// # Errors
/// [`Refusal::FieldNotConsented`] where a field was asked for beyond that, or nothing is left.
pub(crate) fn consented(
    asked: &[String],
    view: &View,
    consented: &[String],
) -> Result<Vec<String>, Refusal> {
    let within = |path: &String| consented.iter().any(|wide| covers(wide, path));
    if !asked.is_empty() {
        let beyond = asked.iter().filter(|path| !within(path));
        let fields: Vec<String> = beyond.cloned().collect();
        return match fields.is_empty() {
            true => Ok(asked.to_vec()),
            false => Err(Refusal::FieldNotConsented { fields }),
        };
    }
    let whole = view.paths.iter().filter(|path| within(path));
    // A consent may speak of more than this answer has: what is not there is passed over.
    let parts = consented.iter().filter(|path| {
        let is_there = view.leaves.iter().any(|leaf| covers(path, leaf));
        is_there && view.covers(path)
    });
    let both: Vec<String> = whole.chain(parts).cloned().collect();
    if both.is_empty() {
        let fields = view.paths.clone();
        return Err(Refusal::FieldNotConsented { fields });
    }
    Ok(outermost(both))
}

/// Fields as the rules take them: sorted, each once, none within another.
///
/// # Errors
/// [`Refusal::TooManyFields`] where more than [`FIELDS_ASKED_MAX`] are given.
pub fn settled(fields: &[String]) -> Result<Vec<String>, Refusal> {
    if fields.len() > FIELDS_ASKED_MAX {
        return Err(Refusal::TooManyFields {
            count: fields.len(),
            max: FIELDS_ASKED_MAX,
        });
    }
    Ok(outermost(fields.to_vec()))
}

/// Sorted, each once. A path within another adds nothing, and could not be told apart from it in
/// the answer.
fn outermost(mut paths: Vec<String>) -> Vec<String> {
    paths.sort_unstable();
    paths.dedup();
    let all = paths.clone();
    paths.retain(|path| !all.iter().any(|wide| wide != path && covers(wide, path)));
    paths
}
