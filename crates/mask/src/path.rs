//! Field paths, as in `google.protobuf.FieldMask`.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::mask::{DEPTH_MAX, MAP_VALUE};

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// A path, or a step of it, is empty.
    #[error("`{path}` has an empty step")]
    Empty {
        /// The path as given.
        path: String,
    },
    /// A message has no field of this name.
    #[error("`{path}`: `{message}` has no field `{step}`{}", hint(.suggestion.as_deref()))]
    Unknown {
        /// The path as given.
        path: String,
        /// The step that leads nowhere.
        step: String,
        /// The full name of the message in which it was looked for.
        message: String,
        /// The whole path with the nearest name instead, if one is near.
        suggestion: Option<String>,
    },
    /// A path goes on after a field that is not a message.
    #[error("`{path}`: `{step}` is not a message, nothing lies beneath it")]
    Scalar {
        /// The path as given.
        path: String,
        /// The step that is not a message.
        step: String,
    },
    /// A path has more than [`DEPTH_MAX`] steps.
    #[error("`{path}` has more than {DEPTH_MAX} steps")]
    TooDeep {
        /// The path as given.
        path: String,
    },
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}

/// Checks a path and says what it leads through, one field for each step and the last one the field
/// it grants. A step into a map goes on in the fields of its values.
///
/// # Errors
///
/// Names the step that leads nowhere, with the nearest name there is.
pub fn resolve(message: &MessageDescriptor, path: &str) -> Result<Vec<FieldDescriptor>, PathError> {
    let steps: Vec<&str> = path.split('.').collect();
    if steps.iter().any(|step| step.is_empty()) {
        return Err(PathError::Empty {
            path: path.to_owned(),
        });
    }
    if steps.len() > DEPTH_MAX {
        return Err(PathError::TooDeep {
            path: path.to_owned(),
        });
    }
    let mut fields: Vec<FieldDescriptor> = Vec::with_capacity(steps.len());
    for (position, step) in steps.iter().enumerate() {
        let within = match fields.last() {
            None => message.clone(),
            Some(field) => beneath(field).ok_or_else(|| PathError::Scalar {
                path: path.to_owned(),
                step: field.name().to_owned(),
            })?,
        };
        let field = within
            .get_field_by_name(step)
            .ok_or_else(|| unknown(path, &steps, position, &within))?;
        fields.push(field);
    }
    Ok(fields)
}

/// The message whose fields a path names after `field`: its type, or the type of a map's values.
pub(crate) fn beneath(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let Kind::Message(message) = field.kind() else {
        return None;
    };
    if !field.is_map() {
        return Some(message);
    }
    message.get_field(MAP_VALUE)?.kind().as_message().cloned()
}

fn unknown(path: &str, steps: &[&str], position: usize, within: &MessageDescriptor) -> PathError {
    let step = steps.get(position).copied().unwrap_or_default();
    let near = nearest(step, within).map(|near| {
        let swapped = steps.iter().enumerate();
        let swapped = swapped.map(|(at, step)| if at == position { near.as_str() } else { step });
        swapped.collect::<Vec<_>>().join(".")
    });
    PathError::Unknown {
        path: path.to_owned(),
        step: step.to_owned(),
        message: within.full_name().to_owned(),
        suggestion: near,
    }
}

/// The field whose name takes the fewest changes to reach, if at most a third of `step` changes.
fn nearest(step: &str, within: &MessageDescriptor) -> Option<String> {
    let changes_max = (step.chars().count() / 3).max(1);
    let names = within
        .fields()
        .map(|field| (distance(step, field.name()), field));
    let near = names.filter(|(changes, _)| *changes <= changes_max);
    near.min_by_key(|(changes, _)| *changes)
        .map(|(_, field)| field.name().to_owned())
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, from) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line.saturating_add(1);
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (to, above) in other.iter().zip(row.iter().skip(1)) {
            let swap = diagonal.saturating_add(usize::from(from != *to));
            diagonal = *above;
            left = swap
                .min(left.saturating_add(1))
                .min(above.saturating_add(1));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Whether granting `wide` grants `narrow`: `a` covers `a` and `a.b`, not `ab`.
#[must_use]
pub fn covers(wide: &str, narrow: &str) -> bool {
    narrow
        .strip_prefix(wide)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::{covers, distance};

    #[test]
    fn a_path_covers_itself_and_what_lies_beneath_and_no_namesake() {
        assert!(covers("a", "a"));
        assert!(covers("a", "a.b"));
        assert!(covers("a.b", "a.b.c"));
        assert!(!covers("a.b", "a"));
        assert!(!covers("a", "ab"));
        assert!(!covers("a.b", "a.bc"));
    }

    #[test]
    fn the_distance_counts_insertions_deletions_and_swaps() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("full_name", "full_name"), 0);
        assert_eq!(distance("fullName", "full_name"), 2);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
