//! The cases with what came of them, for readers that are not ours: `mask-corpus.jsonl` in cargo's
//! folder for the files of tests. A line is a contract, or a case of the last contract before it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Mutex;

use crate::cases::Case;
use crate::contracts::Contract;
use crate::twin::Outcome;

const NAME: &str = "mask-corpus.jsonl";

/// Only a whole corpus gets its name.
pub(crate) struct Corpus(Mutex<BufWriter<File>>);

fn path(name: &str) -> PathBuf {
    [env!("CARGO_TARGET_TMPDIR"), name].iter().collect()
}

impl Corpus {
    /// Takes away the corpus of an earlier run.
    pub(crate) fn begin() -> Corpus {
        if path(NAME).exists() {
            fs::remove_file(path(NAME)).unwrap();
        }
        let file = File::create(path(&format!("{NAME}.part"))).unwrap();
        Corpus(Mutex::new(BufWriter::new(file)))
    }

    /// Adds a contract with its cases.
    pub(crate) fn add(&self, lines: &str) {
        self.0.lock().unwrap().write_all(lines.as_bytes()).unwrap();
    }

    pub(crate) fn finish(self) {
        self.0.into_inner().unwrap().flush().unwrap();
        fs::rename(path(&format!("{NAME}.part")), path(NAME)).unwrap();
    }
}

/// `{"contract": 7, "message": "gen.Person1", "files": ["<hex>", …]}`
pub(crate) fn contract_line(number: u64, contract: &Contract, out: &mut String) {
    let files: Vec<_> = contract.files.iter().map(|file| hex(file)).collect();
    let message = contract.mask.full_name();
    let files = list(&files);
    writeln!(
        out,
        r#"{{"contract":{number},"message":"{message}","files":{files}}}"#
    )
    .unwrap();
}

/// `{"case": 70001, "spoilt": false, "paths": […], "input": "<hex>"}`; and `"refused":
/// "<why>"` or `"left": "<hex>", "dropped": […], "absent": […]`.
pub(crate) fn case_line(case: &Case, outcome: &Outcome, out: &mut String) {
    let Case {
        number,
        paths,
        input,
        is_spoilt,
    } = case;
    let (paths, input) = (list(paths), hex(input));
    write!(
        out,
        r#"{{"case":{number},"spoilt":{is_spoilt},"paths":{paths},"input":"{input}""#
    )
    .unwrap();
    let told = match outcome {
        Outcome::Refused(error) => format!(r#","refused":"{error}""#),
        Outcome::Left {
            bytes,
            dropped,
            absent,
            ..
        } => {
            let (left, dropped, absent) = (hex(bytes), list(dropped), list(absent));
            format!(r#","left":"{left}","dropped":{dropped},"absent":{absent}"#)
        }
    };
    out.push_str(&told);
    out.push_str("}\n");
}

/// None of the strings has anything to escape.
fn list(strings: &[String]) -> String {
    let quoted: Vec<_> = strings.iter().map(|each| format!("\"{each}\"")).collect();
    format!("[{}]", quoted.join(","))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}
