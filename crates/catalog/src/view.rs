//! What may leave: views, and parts of them.

use std::sync::Arc;

use motlan_mask::{Cover, Mask, PathError};

use crate::method::Method;
use crate::name::ViewName;

/// The most paths a view has, and the most fields of one narrowing.
pub const PATHS_MAX: usize = 256;

/// The most fields that a view shows, once messages are opened.
pub const LEAVES_MAX: usize = 4096;

/// How deep messages may lie within messages beneath a view, and within a request.
pub const NESTING_MAX: usize = 16;

/// A named set of field paths of one message. Agreements grant views, never loose fields.
#[non_exhaustive]
pub struct View {
    /// Its name within the dataset.
    pub name: ViewName,
    /// What it is for, in Vietnamese.
    pub title_vi: String,
    /// The full name of the message the paths start from.
    pub message: String,
    /// The paths, sorted. A path to a message covers all beneath it.
    pub paths: Vec<String>,
    /// The same with every message opened, down to the fields that hold something, sorted: what
    /// people compare, since a field added beneath a path makes the view wider. A message that
    /// holds itself is not opened again.
    pub leaves: Vec<String>,
    /// Whether it gives a field of the class `SECRET`.
    pub secret: bool,
    /// What lets exactly these paths through.
    pub mask: Arc<Mask>,
}

/// Why a part of a view cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NarrowError {
    /// The answer has no such field.
    #[error("the answer has no field `{path}`{}", hint(.suggestion.as_deref()))]
    Unknown {
        /// The path that was asked for.
        path: String,
        /// The path that was perhaps meant.
        suggestion: Option<String>,
    },
    /// The view does not cover these paths.
    #[error("not granted: `{}`", .paths.join("`, `"))]
    NotGranted {
        /// The paths that were asked for and are not covered, sorted, each once.
        paths: Vec<String>,
    },
    /// No field was named, or more than [`PATHS_MAX`].
    #[error("asked for {count} fields, from 1 to {PATHS_MAX} can be asked for")]
    Count {
        /// How many were named.
        count: usize,
    },
    /// The view does not belong to the method: a fault of the caller of this function.
    #[error("the view `{view}` is not one of the method's")]
    NotOfMethod {
        /// The view's name.
        view: ViewName,
    },
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion
        .map(|path| format!("; did you mean `{path}`?"))
        .unwrap_or_default()
}

impl View {
    /// Whether the view shows the field at `path`, with all beneath it.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        let mut paths = self.paths.iter();
        paths.any(|wide| motlan_mask::covers(wide, path))
    }

    /// What lies at or beneath `paths` of the view, with every message opened, sorted.
    #[must_use]
    pub fn leaves_of(&self, paths: &[String]) -> Vec<String> {
        let mut leaves = Vec::new();
        for wide in paths {
            let before = leaves.len();
            let beneath = self.leaves.iter();
            leaves.extend(
                beneath
                    .filter(|leaf| motlan_mask::covers(wide, leaf))
                    .cloned(),
            );
            if leaves.len() == before {
                // Deeper than a message that holds itself is opened.
                leaves.push(wide.clone());
            }
        }
        leaves.sort_unstable();
        leaves.dedup();
        leaves
    }

    /// A mask for part of the view: every field must exist in the answer and be covered by the
    /// view. What `covers` says of a field that is left is done.
    ///
    /// # Errors
    /// [`NarrowError::Unknown`] for the first field that does not exist, before
    /// [`NarrowError::NotGranted`] with all fields that the view does not cover.
    pub fn narrow(
        &self,
        method: &Method,
        fields: &[String],
        covers: &[Cover],
    ) -> Result<Mask, NarrowError> {
        if fields.is_empty() || fields.len() > PATHS_MAX {
            return Err(NarrowError::Count {
                count: fields.len(),
            });
        }
        if method.response.full_name() != self.message {
            return Err(NarrowError::NotOfMethod {
                view: self.name.clone(),
            });
        }
        for field in fields {
            motlan_mask::resolve(&method.response, field).map_err(|error| unknown(field, error))?;
        }
        let mut paths: Vec<String> = fields
            .iter()
            .filter(|field| !self.covers(field))
            .cloned()
            .collect();
        if !paths.is_empty() {
            paths.sort_unstable();
            paths.dedup();
            return Err(NarrowError::NotGranted { paths });
        }
        // Every path exists; a mask refuses beyond that only what holds anything, which no view
        // covers.
        let kept = covers.iter().filter(|cover| {
            let mut fields = fields.iter();
            fields.any(|field| motlan_mask::covers(field, &cover.path))
        });
        let kept: Vec<Cover> = kept.cloned().collect();
        let paths = fields.iter().map(String::as_str);
        Mask::compile_with(&method.response, paths, &kept).map_err(|_opaque| {
            NarrowError::NotGranted {
                paths: fields.to_vec(),
            }
        })
    }
}

fn unknown(path: &str, error: PathError) -> NarrowError {
    let suggestion = match error {
        PathError::Unknown { suggestion, .. } => suggestion,
        _ => None,
    };
    NarrowError::Unknown {
        path: path.to_owned(),
        suggestion,
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("name", &self.name)
            .field("message", &self.message)
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}
