//! With what personal identification numbers begin: `once/personal_id_codes.csv`.

use std::collections::BTreeSet;

use crate::fault::Faults;
use crate::load::folder::{FILE_BYTES_MAX, Folder};
use crate::load::rows::rows;

const COLUMNS: [&str; 2] = ["code3", "province_before_2025_07"];
const DIGITS: usize = 3;

/// The codes of the file; `None`, with a fault, where there is none.
pub(super) fn codes(
    folder: &mut Folder,
    relative: &str,
    faults: &mut Faults,
) -> Option<BTreeSet<String>> {
    let content = folder.read(relative, FILE_BYTES_MAX, faults)?;
    let file = folder.path(relative);
    let mut codes = BTreeSet::new();
    let told = faults.len();
    for row in rows(&file, &content, &COLUMNS, faults) {
        let [code, province] = row.cells();
        let is_code = code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit());
        if !is_code {
            let what = format!("`code3` is `{code}`");
            faults.push(&file, row.line, what, "write three digits");
        }
        if province.is_empty() {
            let what = "`province_before_2025_07` is empty";
            faults.push(&file, row.line, what, "fill it in");
        }
        if !codes.insert(code.to_owned()) {
            let what = format!("the code `{code}` stands here twice");
            faults.push(&file, row.line, what, "remove one of the rows");
        }
    }
    if codes.is_empty() && faults.len() == told {
        faults.push(&file, None, "names no code", "add a row for each code");
    }
    (!codes.is_empty()).then_some(codes)
}
