//! Cosignatures (C2SP tlog-cosignature, Ed25519): a witness's word that, at a time, a checkpoint
//! was the newest it had seen of a log, and that it followed from all it had seen before.

use super::{Note, NoteError, WitnessSignerKey, WitnessVerifierKey, check, line};

/// The bytes of the time before a signature.
const TIME_BYTES: usize = 8;

impl WitnessSignerKey {
    /// The signature line with which the witness cosigns the checkpoint whose note has this `text`,
    /// at `time_s`, seconds since the Unix epoch. Whoever calls this has verified the log's
    /// signature, and that the checkpoint follows from the last one that the witness cosigned.
    pub fn cosign(&self, text: &str, time_s: u64) -> String {
        let signature = self.sign(message(text, time_s).as_bytes());
        let signed = [time_s.to_be_bytes().as_slice(), &signature].concat();
        line(self.verifier(), &signed)
    }
}

impl Note<'_> {
    /// Checks that the witness of `key` cosigned the text; when, in seconds since the Unix epoch:
    /// the latest time if it did more than once.
    ///
    /// # Errors
    /// Where it did not, or one of its cosignatures does not fit.
    pub fn verify_cosignature(&self, key: &WitnessVerifierKey) -> Result<u64, NoteError> {
        let mut latest = None;
        for signature in self.of(key) {
            let (time, signature) = signature
                .signature
                .split_first_chunk::<TIME_BYTES>()
                .ok_or(NoteError::BadSignature)?;
            let time_s = u64::from_be_bytes(*time);
            check(key, message(self.text, time_s).as_bytes(), signature)?;
            // The greatest time that the format allows.
            if i64::try_from(time_s).is_err() {
                return Err(NoteError::BadSignature);
            }
            latest = latest.max(Some(time_s));
        }
        latest.ok_or_else(|| NoteError::Unsigned(key.name().to_owned()))
    }
}

fn message(text: &str, time_s: u64) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{SignerKey, sign};

    const TEXT: &str = "motlan.example/audit/hn1/2026q4\n\
                        7\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n";

    // The example of C2SP tlog-cosignature, with the keys of its witness unknown: only its form.
    const PUBLISHED: &str = "example.com/behind-the-sofa\n20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa \
        Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeO\
        oRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — witness.example.com/w1 \
        jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWX\
        EhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

    #[test]
    fn a_cosignature_verifies_beside_the_logs_signature_and_tells_its_time() {
        let log = SignerKey::generate("motlan.example/audit/hn1/2026q4").unwrap();
        let witness = WitnessSignerKey::generate("witness.example/w1").unwrap();
        let mut note = sign(TEXT, &log);
        note.push_str(&witness.cosign(TEXT, 1_790_787_600));
        note.push_str(&witness.cosign(TEXT, 1_790_787_500));
        let read = Note::parse(&note).unwrap();
        assert!(read.verify(log.verifier()).is_ok());
        let time = read.verify_cosignature(witness.verifier());
        assert_eq!(time.unwrap(), 1_790_787_600);
        let other = WitnessSignerKey::generate("witness.example/w1").unwrap();
        let unsigned = read.verify_cosignature(other.verifier());
        assert!(matches!(unsigned, Err(NoteError::Unsigned(_))));
    }

    #[test]
    fn any_changed_byte_of_a_cosigned_note_is_refused() {
        let witness = WitnessSignerKey::generate("w").unwrap();
        let note = format!("{TEXT}\n{}", witness.cosign(TEXT, 1));
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            let verified = Note::parse(&changed)
                .and_then(|note| note.verify_cosignature(witness.verifier()).map(|_| ()));
            assert!(verified.is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_published_example_has_its_time_where_we_read_it() {
        let note = Note::parse(PUBLISHED).unwrap();
        let (time, rest) = note.signatures[1].signature.split_first_chunk().unwrap();
        assert_eq!((u64::from_be_bytes(*time), rest.len()), (1_679_315_147, 64));
    }
}
