//! The record that is written over and over.

use motlan_audit::Entry;
use motlan_audit::wire::{Record, RecordKind, Sealed};
use prost::Message as _;

/// A question as the gateway records it; nobody's data.
#[derive(Debug)]
pub(crate) struct Sample {
    record: Record,
    sealed: Sealed,
}

impl Sample {
    pub(crate) fn new() -> Sample {
        let record = Record {
            kind: RecordKind::Question.into(),
            time_us: 1_790_787_600_000_000,
            caller: "H26/one-stop".to_owned(),
            dataset: "population".to_owned(),
            method: "/vn.population.v1.PopulationRegistry/GetPerson".to_owned(),
            procedure: "1.004222".to_owned(),
            revision: "0123456789abcdef".to_owned(),
            grant: "h26-g01/residence".to_owned(),
            view: "residence".to_owned(),
            trace_id: vec![7; 16],
            ..Record::default()
        };
        let sealed = Sealed {
            subject: "000000000000".to_owned(),
            dossier: "H26.1-261001-0001".to_owned(),
            official: "official-17".to_owned(),
            token_id: "0123456789abcdef0123456789abcdef".to_owned(),
            ..Sealed::default()
        };
        Sample { record, sealed }
    }

    /// For the ledger.
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            record: self.record.clone(),
            sealed: self.sealed.clone(),
        }
    }

    /// The leaf as the ledger writes it, but for what the hash in it is.
    pub(crate) fn leaf(&self) -> Vec<u8> {
        let record = Record {
            format: 2,
            sealed_sha256: vec![1; 32],
            ..self.record.clone()
        };
        record.encode_to_vec()
    }

    /// The sealed part before the ledger encrypts it, but for what the salt is.
    pub(crate) fn sealed(&self) -> Vec<u8> {
        let sealed = Sealed {
            salt: vec![1; 16],
            ..self.sealed.clone()
        };
        sealed.encode_to_vec()
    }
}
