//! What owners forbid beyond the agreements: `rules/<dataset>.cedar`. Read here as text, and
//! checked where there is a language for it.

use std::collections::BTreeMap;

use super::datasets::Draft;
use super::folder::Folder;
use crate::agreement::OwnerRules;
use crate::document::nearest;
use crate::fault::Faults;
use crate::name::DatasetId;

const FOLDER: &str = "rules";
/// The largest file of rules, in bytes.
const RULES_BYTES_MAX: usize = 16 * 1024;
const EXTENSION: &str = "cedar";

pub(super) fn rules(
    folder: &mut Folder,
    datasets: &BTreeMap<DatasetId, Draft>,
    faults: &mut Faults,
) -> BTreeMap<DatasetId, OwnerRules> {
    let mut rules = BTreeMap::new();
    for name in folder.list(FOLDER, EXTENSION, faults) {
        let file = folder.path(&name);
        let Some(content) = folder.read(&name, RULES_BYTES_MAX, faults) else {
            continue;
        };
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let known = datasets.keys().find(|id| id.as_str() == stem);
        let Some(dataset) = known else {
            let remedy = match nearest(&stem, datasets.keys().map(DatasetId::as_str)) {
                Some(near) => format!("did you mean `{near}.{EXTENSION}`?"),
                None => "name the file after the dataset that the rules are for".to_owned(),
            };
            let what = format!("is named after the unknown dataset `{stem}`");
            faults.push(&file, None, what, remedy);
            continue;
        };
        match String::from_utf8(content) {
            Ok(text) => {
                rules.insert(dataset.clone(), OwnerRules { file, text });
            }
            Err(_) => faults.push(&file, None, "is not UTF-8", "save the file as UTF-8"),
        }
    }
    rules
}
