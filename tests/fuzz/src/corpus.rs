//! Inputs worth keeping, packed into one text file: an input a line, in hexadecimal. Empty lines
//! and lines that start with `#` say nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::rng::mix;

/// The inputs that are kept for the mask.
pub const MASK: &str = include_str!("../corpus/mask.hex");

/// Why a corpus cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A file or folder cannot be read or written.
    #[error("`{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of a packed corpus is no input.
    #[error("line {line} of the corpus is not hexadecimal")]
    Line {
        /// Counted from one.
        line: usize,
    },
}

impl CorpusError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> CorpusError {
        let path = path.to_owned();
        move |source| CorpusError::File { path, source }
    }
}

/// The inputs of a packed corpus.
///
/// # Errors
///
/// Names the line that is none.
pub fn unpack(packed: &str) -> Result<Vec<Vec<u8>>, CorpusError> {
    let lines = (1..).zip(packed.lines().map(str::trim));
    let lines = lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#'));
    let input = |(line, text)| bytes(text).ok_or(CorpusError::Line { line });
    lines.map(input).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(high)? << 4 | digit(low)?).ok();
    odd.is_empty().then(|| pairs.iter().map(byte).collect())?
}

/// Packs `inputs`, each once, the shortest first.
#[must_use]
pub fn pack(inputs: &[Vec<u8>]) -> String {
    let inputs: BTreeSet<(usize, &[u8])> = inputs.iter().map(|it| (it.len(), &**it)).collect();
    let mut packed = String::new();
    for (_, input) in inputs {
        for byte in input {
            // Writing to a string does not fail.
            let _ = write!(packed, "{byte:02x}");
        }
        packed.push('\n');
    }
    packed
}

/// Reads a packed corpus, or a folder with a file for each input.
///
/// # Errors
///
/// It cannot be read, or is none.
pub fn read(path: &Path) -> Result<Vec<Vec<u8>>, CorpusError> {
    if !path.is_dir() {
        let packed = fs::read_to_string(path).map_err(CorpusError::file(path))?;
        return unpack(&packed);
    }
    let mut inputs = Vec::new();
    for entry in fs::read_dir(path).map_err(CorpusError::file(path))? {
        let file = entry.map_err(CorpusError::file(path))?.path();
        if file.is_file() {
            inputs.push(fs::read(&file).map_err(CorpusError::file(&file))?);
        }
    }
    // A folder has no order, and the same seed is to meet the same inputs.
    inputs.sort();
    Ok(inputs)
}

/// Writes `input` into `folder`, which is made where there is none, under a name of its own.
///
/// # Errors
///
/// It cannot be written.
pub fn write(folder: &Path, input: &[u8]) -> Result<PathBuf, CorpusError> {
    fs::create_dir_all(folder).map_err(CorpusError::file(folder))?;
    let digest = input.iter().fold(input.len() as u64, |digest, byte| {
        mix(digest.rotate_left(8) ^ u64::from(*byte))
    });
    let path = folder.join(format!("{digest:016x}"));
    fs::write(&path, input).map_err(CorpusError::file(&path))?;
    Ok(path)
}
