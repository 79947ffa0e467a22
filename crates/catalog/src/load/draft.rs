//! A contract that is tried before its owner publishes it.

use std::path::PathBuf;

use super::datasets::Declared;
use super::files::bounded;
use super::folder::FILE_BYTES_MAX;
use crate::fault::Faults;
use crate::name::DatasetId;

/// In which forms a contract comes, by how its name ends.
const FORMS: [&str; 2] = [".proto", ".binpb"];

/// A contract in place of the one that a dataset has in the folder: a `.proto`, which imports from
/// the catalogue's import paths, or a descriptor set (`.binpb`) with its imports. What it holds
/// comes before what lies under the import paths, for other datasets too.
#[derive(Debug, Clone)]
pub struct DraftContract {
    /// The dataset. One that the folder does not declare leaves the draft unread.
    pub dataset: DatasetId,
    /// The file, wherever it lies.
    pub file: PathBuf,
}

/// A draft that was read.
pub(super) struct Drafted {
    /// The name under which it is imported.
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) content: Vec<u8>,
}

impl DraftContract {
    /// Reads the draft, and makes it the contract of its dataset.
    pub(super) fn declare(
        &self,
        declared: &mut [Declared],
        faults: &mut Faults,
    ) -> Option<Drafted> {
        let declared = declared
            .iter_mut()
            .find(|declared| declared.id.value == self.dataset)?;
        let content = match bounded(&self.file, FILE_BYTES_MAX) {
            Ok(content) => content,
            Err(error) => {
                let what = format!("cannot be read: {error}");
                faults.push(
                    &self.file,
                    None,
                    what,
                    "check that it is there and can be read",
                );
                return None;
            }
        };
        let own = self.file.file_name().unwrap_or_default().to_string_lossy();
        let Some(form) = FORMS.into_iter().find(|form| own.ends_with(form)) else {
            let remedy = format!(
                "give a contract whose name ends in `{}`",
                FORMS.join("` or `")
            );
            faults.push(&self.file, None, "is no contract by its name", remedy);
            return None;
        };
        let contract = declared.contract();
        // It keeps the name under which others import it, or name it as theirs.
        if !contract.ends_with(form) {
            *contract = format!("draft/{own}");
        }
        Some(Drafted {
            name: contract.clone(),
            file: self.file.clone(),
            content,
        })
    }
}
