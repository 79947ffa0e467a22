//! What the law's wordings mean. A row whose wording has no meaning, or two, is a fault; so is a
//! wording that no row has.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::documents::Documents;
use crate::document::{Document, Located, Table, nearest};
use crate::fault::Faults;
use crate::name::DocumentCode;
use crate::once::{Meaning, normalised};

/// How much of a wording a fault quotes, in characters.
const QUOTED_CHARS: usize = 60;

pub(super) struct Wordings {
    file: PathBuf,
    by_text: HashMap<String, Vec<Wording>>,
    /// Half of all rows share a handful of wordings.
    normalised: HashMap<String, String>,
}

struct Wording {
    text: Located<String>,
    /// `None` where the meaning has a fault of its own.
    meaning: Option<Arc<Meaning>>,
    used: bool,
}

impl Wordings {
    pub(super) fn read(document: &Document, documents: &Documents, faults: &mut Faults) -> Self {
        let mut wordings = Self {
            file: document.file().to_owned(),
            by_text: HashMap::new(),
            normalised: HashMap::new(),
        };
        let mut root = document.root();
        for mut table in root.tables("meaning", faults) {
            let meaning = meaning(&mut table, documents, faults).map(Arc::new);
            let texts = table.strings("wordings", faults);
            if texts.is_empty() {
                let remedy = "quote the wordings of the law that have it, or remove it";
                table.fault(None, "the meaning has no wording", remedy, faults);
            }
            for text in texts {
                let found = wordings.by_text.entry(normalised(&text)).or_default();
                found.push(Wording {
                    text,
                    meaning: meaning.clone(),
                    used: false,
                });
            }
            table.finish(faults);
        }
        root.finish(faults);
        wordings
    }

    /// What the wording of the row at `place` means.
    pub(super) fn meaning(
        &mut self,
        wording: &str,
        (file, line): (&Path, usize),
        faults: &mut Faults,
    ) -> Option<Arc<Meaning>> {
        if !self.normalised.contains_key(wording) {
            let key = normalised(wording);
            self.normalised.insert(wording.to_owned(), key);
        }
        let key = self.normalised.get(wording);
        let found = key.and_then(|key| self.by_text.get_mut(key));
        let found = found.map(Vec::as_mut_slice).unwrap_or_default();
        for one in &mut *found {
            one.used = true;
        }
        // R80: a row means what exactly one meaning says.
        match found {
            [one] => one.meaning.clone(),
            [] => {
                let what = format!("no meaning is given for `{}`", quoted(wording));
                let remedy = "quote it in `once/wordings.toml`, under the documents that it names";
                faults.push(file, line, what, remedy);
                None
            }
            several => {
                let lines = several.iter().map(|one| one.text.line.to_string());
                let lines = lines.collect::<Vec<_>>().join(" and ");
                let what = format!(
                    "`{}` is given several meanings: `{}`, lines {lines}",
                    quoted(wording),
                    self.file.display()
                );
                faults.push(file, line, what, "keep one of them");
                None
            }
        }
    }

    /// What the wordings mean, after a report of those that no row has.
    pub(super) fn finish(self, faults: &mut Faults) -> HashMap<String, Arc<Meaning>> {
        let mut meanings = HashMap::new();
        for (key, found) in self.by_text {
            for one in found {
                if !one.used {
                    let what = format!("no row has the wording `{}`", quoted(&one.text));
                    faults.push(&self.file, one.text.line, what, "correct or remove it");
                }
                if let Some(meaning) = one.meaning {
                    meanings.insert(key.clone(), meaning);
                }
            }
        }
        meanings
    }
}

fn meaning(table: &mut Table<'_>, documents: &Documents, faults: &mut Faults) -> Option<Meaning> {
    let named = table.parsed_list::<DocumentCode>("documents", faults);
    let partial = table.opt_bool("partial", faults);
    if named.is_empty() {
        let remedy = "name the documents, as in documents = [\"birth_certificate\"]";
        table.fault(None, "the meaning names no document", remedy, faults);
        return None;
    }
    let mut sound = Vec::new();
    for (index, code) in named.iter().enumerate() {
        if named
            .iter()
            .take(index)
            .any(|other| other.value == code.value)
        {
            let what = format!("`documents` names `{}` twice", code.value);
            table.fault(code.line, what, "name each once", faults);
        }
        if !documents.lines.contains_key(&code.value) {
            let codes = documents.lines.keys().map(DocumentCode::as_str);
            let remedy = match nearest(code.as_str(), codes) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "add it to `once/documents.toml`".to_owned(),
            };
            let what = format!("the document `{}` is not known", code.value);
            table.fault(code.line, what, remedy, faults);
        }
        sound.extend(documents.sound.get(&code.value).cloned());
    }
    (sound.len() == named.len()).then(|| Meaning {
        documents: sound,
        partial: partial.is_some_and(|partial| partial.value),
    })
}

fn quoted(wording: &str) -> String {
    match wording.char_indices().nth(QUOTED_CHARS) {
        None => wording.to_owned(),
        Some((end, _)) => format!("{}…", wording.get(..end).unwrap_or(wording)),
    }
}
