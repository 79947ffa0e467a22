//! Files that a command reads and writes beside the ledger.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::show::plain;

/// The longest file that is read: a proof with the longest leaf, 64 hashes and a checkpoint of 64
/// KiB, in base64.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Why a file was not read or written.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    #[error("cannot read `{}`", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("`{}` has more than {FILE_BYTES_MAX} bytes", file.display())]
    TooLong { file: PathBuf },
    #[error("`{}` is not a text", file.display())]
    NoText { file: PathBuf },
    #[error("cannot write `{}`", file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("cannot write the result")]
    Out(#[from] io::Error),
}

/// The bytes of a file.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|source| FileError::Read {
            file: file.to_owned(),
            source,
        })?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::TooLong {
            file: file.to_owned(),
        });
    }
    Ok(bytes)
}

/// The text of a file.
pub(crate) fn text(file: &Path) -> Result<String, FileError> {
    String::from_utf8(read(file)?).map_err(|_| FileError::NoText {
        file: file.to_owned(),
    })
}

/// Writes a proof to a file, or to the output.
pub(crate) fn write(text: &str, file: Option<&Path>, out: &mut dyn Write) -> Result<(), FileError> {
    match file {
        None => Ok(out.write_all(text.as_bytes())?),
        Some(file) => fs::write(file, text).map_err(|source| FileError::Write {
            file: file.to_owned(),
            source,
        }),
    }
}

/// Says what is wrong, with all that is behind it. It may quote texts of others.
pub(crate) fn tell_wrong(
    what: &str,
    error: &dyn std::error::Error,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{what}: {}.", plain(&error.to_string()))?;
    let mut source = error.source();
    while let Some(error) = source {
        writeln!(out, "  {}", plain(&error.to_string()))?;
        source = error.source();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_without_what_a_terminal_would_obey() {
        let error = io::Error::other("for `a\u{202e}b\u{1b}[2J`");
        let mut out = Vec::new();
        tell_wrong("It is NOT", &error, &mut out).unwrap();
        let told = String::from_utf8(out).unwrap();
        assert_eq!(told, "It is NOT: for `a\\u{202e}b\\u{1b}[2J`.\n");
    }
}
