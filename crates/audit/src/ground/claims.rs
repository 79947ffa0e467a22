//! How a ground is written: a header and claims in the canonical form of JSON (RFC 8785). One
//! ground has one text, so reading is reading, writing it again and comparing: a claim that is not
//! known, or stands there twice, does not come back.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use motlan_api::audit::v1::{Channel, GroundOutcome};
use serde_json::Value;

use super::{Ground, GroundFault, GroundId, SignedGround, US_PER_S, seconds};
use crate::note::VerifierKey;
use crate::origin::RecordId;

const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "motlan-ground+jwt";
const OUTCOME_PREFIX: &str = "GROUND_OUTCOME_";
const CHANNEL_PREFIX: &str = "CHANNEL_";

/// Sorted, so that the text is the canonical one.
type Object = BTreeMap<String, Value>;

/// The header of what `key` checks.
pub(super) fn header(key: &VerifierKey) -> String {
    let header = [("alg", ALGORITHM), ("kid", &key.hash()), ("typ", TYPE)];
    let header = header.map(|(name, text)| (name.to_owned(), text.into()));
    text(&Object::from(header))
}

/// Checks that a header is the one that belongs to `key`, to the byte.
pub(super) fn check_header(found: &[u8], key: &VerifierKey) -> Result<(), GroundFault> {
    if found == header(key).as_bytes() {
        return Ok(());
    }
    // To tell the wrong key from what is no ground at all.
    let read: Option<Object> = serde_json::from_slice(found).ok();
    let of_another = read.filter(|read| {
        let is = |name: &str, due: &str| read.get(name).and_then(Value::as_str) == Some(due);
        let is_bare = text(read).as_bytes() == found && read.len() == 3;
        is("alg", ALGORITHM) && is("typ", TYPE) && is_bare
    });
    let kid = of_another
        .as_ref()
        .and_then(|read| read.get("kid")?.as_str());
    match kid {
        Some(found) if is_hash(found) => Err(GroundFault::Key {
            due: key.hash(),
            found: found.to_owned(),
        }),
        _ => Err(GroundFault::Header),
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The claims.
pub(super) fn encode(signed: &SignedGround) -> String {
    let SignedGround {
        ground,
        id,
        origin,
        record,
        issued_s,
    } = signed;
    let mut claims = Object::new();
    let mut put = |name: &str, value: Value| {
        let is_empty = match &value {
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        if !is_empty {
            claims.insert(name.to_owned(), value);
        }
    };
    put("iss", origin.as_str().into());
    put("jti", URL_SAFE_NO_PAD.encode(id).into());
    put("iat", (*issued_s).into());
    put("record", record.to_string().into());
    put("caller", ground.caller.as_str().into());
    put("procedure", ground.procedure.as_str().into());
    put("variant", ground.variant.as_str().into());
    put("dossier", ground.dossier.as_str().into());
    put("sub", ground.subject.as_str().into());
    put("document", ground.document.as_str().into());
    put("dataset", ground.dataset.as_str().into());
    put("database", ground.database.as_str().into());
    let outcome = ground.outcome.as_str_name();
    put("outcome", outcome.trim_start_matches(OUTCOME_PREFIX).into());
    put("fields", ground.fields.as_slice().into());
    put("clauses", ground.clauses.as_slice().into());
    let channel = ground.channel.as_str_name();
    put("channel", channel.trim_start_matches(CHANNEL_PREFIX).into());
    put("received", seconds(ground.received_us).into());
    if let Some(due_us) = ground.due_us {
        put("due", seconds(due_us).into());
    }
    if let Some(lookup) = &ground.lookup {
        put("lookup", lookup.to_string().into());
    }
    text(&claims)
}

/// Reads claims that a ledger wrote.
pub(super) fn decode(payload: &[u8]) -> Result<SignedGround, GroundFault> {
    let claims = Claims(serde_json::from_slice(payload).map_err(|_| GroundFault::Canonical)?);
    let due_us = claims.0.contains_key("due").then(|| claims.time_us("due"));
    let lookup = claims.0.contains_key("lookup").then(|| claims.id("lookup"));
    let outcome = format!("{OUTCOME_PREFIX}{}", claims.text("outcome")?);
    let channel = format!("{CHANNEL_PREFIX}{}", claims.text("channel")?);
    let ground = Ground {
        caller: claims.text("caller")?,
        procedure: claims.text("procedure")?,
        variant: claims.text_or_none("variant")?,
        dossier: claims.text("dossier")?,
        subject: claims.text_or_none("sub")?,
        document: claims.text("document")?,
        dataset: claims.text_or_none("dataset")?,
        database: claims.text_or_none("database")?,
        outcome: GroundOutcome::from_str_name(&outcome).ok_or(GroundFault::Claim("outcome"))?,
        fields: claims.list("fields")?,
        clauses: claims.list("clauses")?,
        channel: Channel::from_str_name(&channel).ok_or(GroundFault::Claim("channel"))?,
        received_us: claims.time_us("received")?,
        due_us: due_us.transpose()?,
        lookup: lookup.transpose()?,
    };
    let signed = SignedGround {
        ground,
        id: claims.ground_id("jti")?,
        origin: claims
            .text("iss")?
            .parse()
            .map_err(|_| GroundFault::Claim("iss"))?,
        record: claims.id("record")?,
        issued_s: claims.time_s("iat")?,
    };
    match encode(&signed).as_bytes() == payload {
        true => Ok(signed),
        false => Err(GroundFault::Canonical),
    }
}

/// Claims as they were read.
struct Claims(Object);

impl Claims {
    fn text_or_none(&self, name: &'static str) -> Result<String, GroundFault> {
        match self.0.get(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(GroundFault::Claim(name)),
        }
    }

    fn text(&self, name: &'static str) -> Result<String, GroundFault> {
        let text = self.text_or_none(name)?;
        match text.is_empty() {
            true => Err(GroundFault::Claim(name)),
            false => Ok(text),
        }
    }

    fn list(&self, name: &'static str) -> Result<Vec<String>, GroundFault> {
        let list = match self.0.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(GroundFault::Claim(name)),
        };
        let texts = list.iter().map(|one| one.as_str().map(str::to_owned));
        texts.collect::<Option<_>>().ok_or(GroundFault::Claim(name))
    }

    fn time_s(&self, name: &'static str) -> Result<i64, GroundFault> {
        let time_s = self.0.get(name).and_then(Value::as_i64);
        time_s.ok_or(GroundFault::Claim(name))
    }

    fn time_us(&self, name: &'static str) -> Result<i64, GroundFault> {
        let time_us = self.time_s(name)?.checked_mul(US_PER_S);
        time_us.ok_or(GroundFault::Claim(name))
    }

    fn id(&self, name: &'static str) -> Result<RecordId, GroundFault> {
        let id = self.text(name)?.parse();
        id.map_err(|_| GroundFault::Claim(name))
    }

    fn ground_id(&self, name: &'static str) -> Result<GroundId, GroundFault> {
        let bytes = URL_SAFE_NO_PAD.decode(self.text(name)?).ok();
        let id = bytes.and_then(|bytes| bytes.try_into().ok());
        id.ok_or(GroundFault::Claim(name))
    }
}

fn text(object: &Object) -> String {
    // Names and values are texts, whole numbers and lists of texts: nothing that JSON has not.
    serde_json::to_string(object).unwrap_or_default()
}
