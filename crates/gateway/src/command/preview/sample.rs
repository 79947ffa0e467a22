//! The sample: read, parsed, and encoded as an owner's system would send it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use miette::Diagnostic as _;
use motlan_mask::{Mask, MaskError};
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};

/// The longest sample, in bytes, in whichever form. By default the gateway takes no longer answer.
pub(super) const SAMPLE_BYTES_MAX: u64 = 4 << 20;

/// How deep messages may lie within each other in text format, whose parser has no limit itself.
pub(super) const NESTING_MAX: usize = 100;

/// How much of a line is quoted in an error, in characters.
const QUOTED_MAX: usize = 60;
/// The longest shown complaint of a decoder, which quotes the sample, in characters.
const WHAT_MAX: usize = 300;

/// In which form a sample comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Protobuf JSON (`.json`).
    Json,
    /// Protobuf text format (`.txtpb`, `.textproto`).
    Txtpb,
    /// Encoded (`.binpb`, `.bin`).
    Binpb,
}

/// Why there is no sample.
#[derive(Debug, thiserror::Error)]
pub(super) enum SampleError {
    #[error("the sample `{name}` cannot be read")]
    Unreadable {
        name: String,
        #[source]
        source: io::Error,
    },
    #[error("the sample `{name}` is longer than {SAMPLE_BYTES_MAX} bytes")]
    TooLong { name: String },
    #[error(
        "the name `{name}` does not tell the sample's form; say `--format json`, `txtpb` or `binpb`"
    )]
    Formless { name: String },
    #[error("the sample `{name}` is not utf-8")]
    Utf8 { name: String },
    #[error("the sample `{name}` nests deeper than {NESTING_MAX} messages")]
    TooDeep { name: String },
    #[error("{name}{place}: no `{message}`: {what}{quoted}")]
    Misfit {
        name: String,
        /// `:3`, where one line is to blame.
        place: String,
        message: String,
        what: String,
        /// `, in `…``.
        quoted: String,
    },
    #[error("the sample `{name}` is no well-formed `{message}`")]
    Malformed {
        name: String,
        message: String,
        #[source]
        source: MaskError,
    },
    #[error("the sample `{name}` is no well-formed `{message}`")]
    Undecodable {
        name: String,
        message: String,
        #[source]
        source: prost::DecodeError,
    },
    #[error("the sample `{name}` is empty: it sets no field, so nothing can leave or be withheld")]
    Empty { name: String },
}

/// A sample as it was read.
pub(super) struct Raw {
    name: String,
    format: Format,
    content: Vec<u8>,
}

/// A sample as a message of some type.
pub(super) struct Sample {
    /// As the owner's system would send it; a sample that came encoded is left as it came.
    pub(super) bytes: Bytes,
    /// The same, decoded.
    pub(super) message: DynamicMessage,
}

impl Raw {
    /// Reads a file, or standard input for `-`.
    pub(super) fn read(path: &Path, format: Option<Format>) -> Result<Self, SampleError> {
        let name = match path == Path::new("-") {
            true => "standard input".to_owned(),
            false => path.display().to_string(),
        };
        let Some(format) = format.or_else(|| Format::of(path)) else {
            return Err(SampleError::Formless { name });
        };
        let read = match path == Path::new("-") {
            true => bounded(io::stdin().lock()),
            false => File::open(path).and_then(bounded),
        };
        match read {
            Ok(content) if content.len() as u64 > SAMPLE_BYTES_MAX => {
                Err(SampleError::TooLong { name })
            }
            Ok(content) => Ok(Self {
                name,
                format,
                content,
            }),
            Err(source) => Err(SampleError::Unreadable { name, source }),
        }
    }

    /// The sample as a message of this type.
    pub(super) fn parse(&self, of: &MessageDescriptor) -> Result<Sample, SampleError> {
        let bytes = match self.format {
            Format::Json => self.json(of)?.encode_to_vec().into(),
            Format::Txtpb => self.text_format(of)?.encode_to_vec().into(),
            Format::Binpb => self.encoded(of)?,
        };
        if bytes.is_empty() {
            let name = self.name.clone();
            return Err(SampleError::Empty { name });
        }
        let decoded = DynamicMessage::decode(of.clone(), bytes.clone());
        let message = decoded.map_err(|source| SampleError::Undecodable {
            name: self.name.clone(),
            message: of.full_name().to_owned(),
            source,
        })?;
        Ok(Sample { bytes, message })
    }

    fn json(&self, of: &MessageDescriptor) -> Result<DynamicMessage, SampleError> {
        let text = self.text()?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let read = DynamicMessage::deserialize(of.clone(), &mut reader);
        let read = read.and_then(|message| reader.end().map(|()| message));
        read.map_err(|error| {
            let what = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            let what = what.strip_suffix(&place).unwrap_or(&what);
            self.misfit(of, what, Some(error.line()))
        })
    }

    fn text_format(&self, of: &MessageDescriptor) -> Result<DynamicMessage, SampleError> {
        let text = self.text()?;
        if nesting(text) > NESTING_MAX {
            let name = self.name.clone();
            return Err(SampleError::TooDeep { name });
        }
        DynamicMessage::parse_text_format(of.clone(), text).map_err(|error| {
            let at = error.labels().and_then(|mut labels| labels.next());
            let before = at.and_then(|at| text.get(..at.offset()));
            let line = before.map(|before| before.matches('\n').count().saturating_add(1));
            self.misfit(of, &error.to_string(), line)
        })
    }

    /// R53: what the gateway would refuse of an owner is refused here. Every field is kept, so that
    /// each is checked to its last byte.
    fn encoded(&self, of: &MessageDescriptor) -> Result<Bytes, SampleError> {
        let bytes = Bytes::copy_from_slice(&self.content);
        let fields: Vec<_> = of
            .fields()
            .filter(|field| !holds_any(&field.kind()))
            .collect();
        let names = fields.iter().map(|field| field.name());
        let whole = Mask::compile(of, names).ok();
        match whole.map(|whole| whole.apply(&bytes)) {
            Some(Err(source)) => Err(SampleError::Malformed {
                name: self.name.clone(),
                message: of.full_name().to_owned(),
                source,
            }),
            Some(Ok(_)) | None => Ok(bytes),
        }
    }

    fn text(&self) -> Result<&str, SampleError> {
        std::str::from_utf8(&self.content).map_err(|_| SampleError::Utf8 {
            name: self.name.clone(),
        })
    }

    fn misfit(&self, of: &MessageDescriptor, what: &str, line: Option<usize>) -> SampleError {
        let text = self.text().unwrap_or_default();
        let line = line.filter(|line| *line > 0);
        let quoted = line.and_then(|line| text.lines().nth(line.saturating_sub(1)));
        let quoted = quoted.map(str::trim).filter(|line| !line.is_empty());
        SampleError::Misfit {
            name: self.name.clone(),
            place: line.map(|line| format!(":{line}")).unwrap_or_default(),
            message: of.full_name().to_owned(),
            what: shortened(what, WHAT_MAX),
            quoted: quoted
                .map(|line| format!(", in `{}`", shortened(line, QUOTED_MAX)))
                .unwrap_or_default(),
        }
    }
}

impl Format {
    /// What a file's name tells.
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "json" => Some(Self::Json),
            "txtpb" | "textproto" => Some(Self::Txtpb),
            "binpb" | "bin" => Some(Self::Binpb),
            _ => None,
        }
    }
}

/// At most `max` characters of a text, none of which moves a terminal's cursor.
pub(super) fn shortened(text: &str, max: usize) -> String {
    let plain = text.chars().map(|letter| match letter {
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '·',
        letter if letter.is_control() => '·',
        letter => letter,
    });
    let mut short: String = plain.clone().take(max).collect();
    if plain.count() > max {
        short.pop();
        short.push('…');
    }
    short
}

fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut source = source.take(SAMPLE_BYTES_MAX.saturating_add(1));
    source.read_to_end(&mut content)?;
    Ok(content)
}

/// How deep brackets lie within each other, be it in quotes: more than there is only refuses.
fn nesting(text: &str) -> usize {
    let mut depth: usize = 0;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'{' | b'<' | b'[' => depth = depth.saturating_add(1),
            b'}' | b'>' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Of an `Any` nothing is known, and a mask that keeps one does not compile.
fn holds_any(kind: &Kind) -> bool {
    let Kind::Message(message) = kind else {
        return false;
    };
    if message.is_map_entry() {
        return holds_any(&message.map_entry_value_field().kind());
    }
    message.full_name() == "google.protobuf.Any"
}

#[cfg(test)]
mod tests {
    use super::{nesting, shortened};

    #[test]
    fn a_text_is_shortened_and_moves_no_cursor() {
        assert_eq!(shortened("Trần Thị", 8), "Trần Thị");
        assert_eq!(shortened("Trần Thị Mẫu", 8), "Trần Th…");
        assert_eq!(shortened("a\u{1b}[2J\u{202e}\n", 9), "a·[2J··");
    }

    #[test]
    fn the_deepest_nesting_is_found() {
        assert_eq!(nesting("a { b < c: [1] > } d {}"), 3);
    }
}
