//! Detached signatures: JWS in its general JSON serialization (RFC 7515, section 7.2.1) without the
//! payload, which is a file beside it (appendix F).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::json::{Json, Object};
use super::key::{PrivateKey, PrivateKeyError, PublicKey, name};

/// The largest file of signatures, in bytes.
pub(crate) const JWS_BYTES_MAX: usize = 16 * 1024;
/// The most signatures of one file.
const SIGNATURES_MAX: usize = 8;

/// What a signature says of itself, all of it signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: String,
    pub(super) typ: String,
    /// When it was signed, in seconds since the Unix epoch, as the signer's own clock had it.
    pub(super) iat: u64,
    /// As whom, and of which agency: only on agreements.
    pub(super) party: Option<(String, String)>,
}

/// One signature, read and not verified yet.
pub(super) struct Signature {
    pub(super) header: Header,
    protected: String,
    bytes: Vec<u8>,
}

impl Header {
    fn decode(protected: &str) -> Result<Self, String> {
        let bytes = base64(protected, "protected")?;
        let read = || {
            let mut header = Object::parse(&bytes)?;
            let is_party = header.has("role") || header.has("agency");
            let found = Self {
                alg: header.text("alg")?,
                kid: header.text("kid")?,
                typ: header.text("typ")?,
                iat: header.number("iat")?,
                party: is_party
                    .then(|| Ok::<_, String>((header.text("role")?, header.text("agency")?)))
                    .transpose()?,
            };
            // What is not known is not signed for: neither `crit` nor `b64`, `jwk` or `x5c`.
            header.finish().map(|()| found)
        };
        read().map_err(|what| format!("has a signature whose header {what}"))
    }

    fn encode(&self) -> String {
        let mut header = serde_json::Map::new();
        header.insert("alg".to_owned(), json!(self.alg));
        header.insert("kid".to_owned(), json!(self.kid));
        header.insert("typ".to_owned(), json!(self.typ));
        header.insert("iat".to_owned(), json!(self.iat));
        if let Some((role, agency)) = &self.party {
            header.insert("role".to_owned(), json!(role));
            header.insert("agency".to_owned(), json!(agency));
        }
        URL_SAFE_NO_PAD.encode(serde_json::Value::Object(header).to_string())
    }
}

/// What is signed of a file.
pub(super) struct Payload(String);

impl Payload {
    pub(super) fn of(content: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(content))
    }

    fn input(&self, protected: &str) -> Vec<u8> {
        [protected, ".", &self.0].concat().into_bytes()
    }
}

impl Signature {
    /// The signatures of a file. What is wrong reads after the file's name.
    pub(super) fn read(content: &[u8]) -> Result<Vec<Self>, String> {
        let mut file = Object::parse(content)?;
        let list = file.list("signatures")?;
        if file.has("payload") {
            return Err("holds a payload: what is signed is the file beside it".to_owned());
        }
        file.finish()?;
        if list.is_empty() || list.len() > SIGNATURES_MAX {
            return Err(format!("holds {} signatures", list.len()));
        }
        list.into_iter().map(Self::one).collect()
    }

    fn one(value: Json) -> Result<Self, String> {
        let Json::Object(mut one) = value else {
            return Err("holds a signature that is no object".to_owned());
        };
        let protected = one.text("protected")?;
        let bytes = base64(&one.text("signature")?, "signature")?;
        // `header`, which nobody signs, has no place here.
        one.finish()?;
        Ok(Self {
            header: Header::decode(&protected)?,
            protected,
            bytes,
        })
    }

    /// Signs. The header's algorithm becomes that of the key.
    pub(super) fn make(
        mut header: Header,
        payload: &Payload,
        key: &PrivateKey,
    ) -> Result<Self, PrivateKeyError> {
        let public = key.public().ok_or(PrivateKeyError::Sign)?;
        name(public.algorithm()).clone_into(&mut header.alg);
        let protected = header.encode();
        let bytes = key.sign(&payload.input(&protected))?;
        Ok(Self {
            header,
            protected,
            bytes,
        })
    }

    /// The file that holds these signatures.
    pub(super) fn write(signatures: &[Self]) -> String {
        let signatures: Vec<_> = signatures
            .iter()
            .map(|one| {
                let signature = URL_SAFE_NO_PAD.encode(&one.bytes);
                json!({ "protected": one.protected, "signature": signature })
            })
            .collect();
        format!("{:#}\n", json!({ "signatures": signatures }))
    }

    /// R84: the algorithm is the key's own, whatever the header says; they must agree.
    pub(super) fn has_algorithm_of(&self, key: &PublicKey) -> bool {
        self.header.alg == name(key.algorithm())
    }

    /// Whether the key made this signature for the payload.
    pub(super) fn verifies(&self, payload: &Payload, key: &PublicKey) -> bool {
        self.has_algorithm_of(key) && key.verifies(&payload.input(&self.protected), &self.bytes)
    }
}

fn base64(text: &str, key: &str) -> Result<Vec<u8>, String> {
    let decoded = URL_SAFE_NO_PAD.decode(text);
    decoded.map_err(|_| format!("has a `{key}` that is no base64url"))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::Ed25519KeyPair;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const PAYLOAD: &[u8] = b"id = \"one\"\n";

    fn key() -> PrivateKey {
        let der = Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
        let body = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        PrivateKey::from_pem(&pem).unwrap()
    }

    fn made(key: &PrivateKey) -> Signature {
        let header = Header {
            alg: String::new(),
            kid: "one".to_owned(),
            typ: "test".to_owned(),
            iat: 7,
            party: Some(("owner".to_owned(), "G01".to_owned())),
        };
        Signature::make(header, &Payload::of(PAYLOAD), key).unwrap()
    }

    /// Any byte becomes another, goes away or comes twice.
    fn spoil(text: &mut Vec<u8>, random: &mut impl FnMut() -> usize) {
        let at = random() % text.len();
        match random() % 3 {
            0 => text[at] = u8::try_from(random() % 256).unwrap(),
            1 => drop(text.remove(at)),
            _ => text.insert(at, text[at]),
        }
    }

    #[test]
    fn whatever_becomes_of_the_text_no_other_header_or_signature_is_believed() {
        let key = key();
        let public = key.public().unwrap();
        let signature = made(&key);
        let text = Signature::write(std::slice::from_ref(&signature));
        let payload = Payload::of(PAYLOAD);
        let mut state = 661_177_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(state >> 33).unwrap()
        };
        let (mut read, mut believed) = (0, 0);
        for round in 0..50_000 {
            let mut spoilt = text.clone().into_bytes();
            for _ in 0..=round % 3 {
                spoil(&mut spoilt, &mut random);
            }
            let Ok(found) = Signature::read(&spoilt) else {
                continue;
            };
            read += 1;
            for one in found.iter().filter(|one| one.verifies(&payload, &public)) {
                assert_eq!(one.header, signature.header);
                assert_eq!(one.protected, signature.protected);
                assert_eq!(one.bytes, signature.bytes);
                believed += 1;
            }
        }
        // Spaces may come and go, and a signature may be read that is none.
        assert!(read > believed && believed > 100, "{read}, {believed}");
    }

    #[test]
    fn a_signature_is_of_one_payload_by_one_key() {
        let own = key();
        let signature = made(&own);
        let public = own.public().unwrap();
        assert!(signature.verifies(&Payload::of(PAYLOAD), &public));
        assert!(!signature.verifies(&Payload::of(b"id = \"two\"\n"), &public));
        assert!(!signature.verifies(&Payload::of(b""), &public));
        let other = key().public().unwrap();
        assert!(!signature.verifies(&Payload::of(PAYLOAD), &other));
    }
}
