//! The form of a leaf.

use motlan_api::audit::v1::Record;
use prost::Message as _;

use crate::format::FORMAT;

/// The leaf under way. Its memory is used for the next one again.
#[derive(Default)]
pub(super) struct Leaf {
    record: Record,
    encoded: Vec<u8>,
    /// That of the last one. An older program writes nothing behind what it cannot read.
    format: u32,
}

impl Leaf {
    /// Decodes a leaf and tells what is wrong with its form.
    pub(super) fn read(&mut self, leaf: &[u8], wrong: &mut dyn FnMut(String)) -> Option<&Record> {
        let Leaf {
            record,
            encoded,
            format,
        } = self;
        record.clear();
        if record.merge(leaf).is_err() {
            wrong("is no record".to_owned());
            return None;
        }
        encoded.clear();
        // A `Vec` has room for everything.
        let _ = record.encode(encoded);
        if encoded != leaf {
            wrong("is not in the canonical form".to_owned());
        }
        if record.format < *format {
            wrong(format!(
                "has the format {}, behind records of the format {format}",
                record.format
            ));
        }
        *format = record.format;
        if !(1..=FORMAT).contains(&record.format) {
            wrong(format!(
                "has the format {}, which this program does not know",
                record.format
            ));
        }
        Some(record)
    }
}
