//! Every part of a signed ground, spoilt.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::{Engine as _, engine};
use motlan_api::audit::v1::Record;
use serde_json::{Value, json};

use super::*;
use crate::ledger::Entry;
use crate::note::{self, Note, WitnessSignerKey};

const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";
const TIME_US: i64 = 1_790_787_600_000_001;

pub(crate) fn key() -> SignerKey {
    SignerKey::generate("motlan.example/audit/hn1").unwrap()
}

fn ground() -> Ground {
    Ground {
        caller: "H26/one-stop".to_owned(),
        procedure: "1.004222".to_owned(),
        variant: "3".to_owned(),
        dossier: "000.A0.01.H26-260302-0001".to_owned(),
        subject: "001099000017".to_owned(),
        document: "birth_certificate".to_owned(),
        dataset: "civil_status".to_owned(),
        database: String::new(),
        outcome: GroundOutcome::Mismatch,
        fields: vec!["child.full_name".to_owned(), "born_on".to_owned()],
        clauses: vec!["Nghị quyết 66.7/2025/NQ-CP, Phụ lục I, số 737".to_owned()],
        channel: Channel::Online,
        received_us: TIME_US - 90_000_000,
        due_us: Some(TIME_US + 8 * 3_600_000_000),
        lookup: Some("hn1-2026q4-41".parse().unwrap()),
    }
}

/// A ground and its record, as the ledger makes them.
fn recorded(ground: &Ground) -> (SignedGround, Record) {
    let id = [7; ID_BYTES];
    let mut entry = Entry::default();
    entry.record.time_us = TIME_US;
    let record = super::entry(entry, ground, &id).unwrap().record;
    let signed = SignedGround {
        ground: ground.clone(),
        id,
        origin: ORIGIN.parse().unwrap(),
        record: "hn1-2026q4-42".parse().unwrap(),
        issued_s: seconds(TIME_US),
    };
    (signed, record)
}

fn header(key: &SignerKey) -> String {
    claims::header(key.verifier())
}

fn claims() -> Value {
    serde_json::from_str(&claims::encode(&recorded(&ground()).0)).unwrap()
}

/// Sorted, also where the build keeps the order in which names were put in.
fn canonical(claims: &Value) -> String {
    let sorted: BTreeMap<_, _> = claims.as_object().unwrap().iter().collect();
    serde_json::to_string(&sorted).unwrap()
}

/// Why `claims` are refused where the right key has signed them.
fn refused(claims: &str, key: &SignerKey) -> String {
    let token = jws::sign(&header(key), claims, key);
    verify_ground(&token, key.verifier())
        .unwrap_err()
        .to_string()
}

#[test]
fn what_was_signed_is_read_again_in_whole_seconds() {
    let key = key();
    let (signed, record) = recorded(&ground());
    let token = signed.sign(&key);
    let read = verify_ground(&token, key.verifier()).unwrap();
    let whole = |time_us: i64| time_us - time_us.rem_euclid(US_PER_S);
    let due = Ground {
        received_us: whole(ground().received_us),
        due_us: ground().due_us.map(whole),
        ..ground()
    };
    assert!(read.ground() == &due && read.issued_s() == TIME_US / US_PER_S);
    assert_eq!(read.record().to_string(), "hn1-2026q4-42");
    assert_eq!(read.origin().as_str(), ORIGIN);
    record::agrees(&read, &record).unwrap();
    assert_eq!(
        format!("{read:?} {:?}", ground()),
        "SignedGround(hn1-2026q4-42, ..) Ground(..)"
    );
}

#[test]
fn any_changed_byte_of_a_signed_ground_is_refused() {
    let key = key();
    let token = recorded(&ground()).0.sign(&key);
    for at in 0..token.len() {
        for bit in [1, 4, 32] {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= bit;
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            assert!(
                verify_ground(&changed, key.verifier()).is_err(),
                "byte {at} bit {bit}"
            );
        }
        assert!(
            verify_ground(&token[..at], key.verifier()).is_err(),
            "cut at {at}"
        );
    }
    for more in ["=", ".", "A", "\n", " "] {
        let longer = format!("{token}{more}");
        assert!(verify_ground(&longer, key.verifier()).is_err(), "{more:?}");
    }
    let huge = format!("{token}{}", "A".repeat(TOKEN_BYTES_MAX));
    let huge = verify_ground(&huge, key.verifier());
    assert!(matches!(huge, Err(GroundFault::TooLong { .. })));
}

#[test]
fn another_key_signs_no_ground_whatever_it_calls_itself() {
    let (own, other) = (key(), key());
    let text = claims::encode(&recorded(&ground()).0);
    let as_other = verify_ground(&jws::sign(&header(&other), &text, &other), own.verifier());
    assert!(
        matches!(as_other, Err(GroundFault::Key { .. })),
        "{as_other:?}"
    );
    // Under the true key's name, for what was signed and for each claim changed.
    let mut claims = claims();
    let names: Vec<String> = claims.as_object().unwrap().keys().cloned().collect();
    for name in names {
        claims[&name] = json!("1");
        let token = jws::sign(&header(&own), &canonical(&claims), &other);
        let refused = verify_ground(&token, own.verifier());
        assert!(
            matches!(refused, Err(GroundFault::Signature)),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn no_other_header_is_taken_even_if_the_key_has_signed_it() {
    let key = key();
    let text = claims::encode(&recorded(&ground()).0);
    let kid = key.verifier().hash();
    let header = header(&key);
    let with = |more: &str| header.replacen('{', &format!("{{{more},"), 1);
    let others = [
        header.replace("EdDSA", "none"),
        header.replace("EdDSA", "HS256"),
        header.replace("EdDSA", "Ed25519"),
        header.replace("motlan-ground+jwt", "JWT"),
        header.replace("motlan-ground+jwt", "motlan-consent+jwt"),
        header.replace(',', ", "),
        with(r#""alg":"EdDSA""#),
        with(r#""crit":["exp"]"#),
        with(r#""b64":false,"crit":["b64"]"#),
        with(r#""jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":["{kid}"],"typ":"motlan-ground+jwt"}}"#),
        header.replace(&kid, "one key"),
        String::new(),
        "[]".to_owned(),
    ];
    for other in others {
        let refused = verify_ground(&jws::sign(&other, &text, &key), key.verifier());
        assert!(
            matches!(refused, Err(GroundFault::Header)),
            "{other}: {refused:?}"
        );
    }
}

#[test]
fn a_ground_without_a_signature_or_with_a_tag_under_the_public_key_is_refused() {
    let key = key();
    let text = claims::encode(&recorded(&ground()).0);
    let public = key.verifier().to_string();
    let public = STANDARD
        .decode(public.splitn(3, '+').last().unwrap())
        .unwrap();
    for alg in ["none", "HS256", "EdDSA"] {
        let header = header(&key).replace("EdDSA", alg);
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let input = format!("{}.{}", part(&header), part(&text));
        for secret in [&public[1..], public.as_slice()] {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&secret, input.as_bytes()));
            for signature in ["", &tag] {
                let token = format!("{input}.{signature}");
                assert!(verify_ground(&token, key.verifier()).is_err(), "{alg}");
            }
        }
    }
}

#[test]
fn a_claim_more_or_twice_or_written_otherwise_is_refused() {
    let key = key();
    let text = claims::encode(&recorded(&ground()).0);
    let with = |more: &str| text.replacen('{', &format!("{{{more},"), 1);
    let others = [
        with(r#""aud":"all""#),
        with(r#""dossier":"another""#),
        text.replacen("\"dossier\":", "\"dossier\":\"another\",\"dossier\":", 1),
        with(r#""\u0064ossier":"another""#),
        with(r#""database":"""#),
        text.replace(',', ", "),
        text.replace("H26", "\\u004826"),
        text.replace(r#""iat":1790787600"#, r#""iat":1790787600.0"#),
        format!("{text} "),
        format!("\u{feff}{text}"),
        "[]".to_owned(),
        String::new(),
        format!("{}1{}", r#"{"a":"#.repeat(300), "}".repeat(300)),
    ];
    for other in others {
        let told = refused(&other, &key);
        let is_told = told.contains("canonical form") || told.contains("its claim `iat`");
        assert!(is_told, "{other}: {told}");
    }
}

#[test]
fn a_claim_that_is_missing_or_of_another_form_is_refused_by_name() {
    let key = key();
    for name in [
        "iss",
        "jti",
        "iat",
        "record",
        "caller",
        "procedure",
        "dossier",
        "document",
        "outcome",
        "channel",
        "received",
    ] {
        for value in [
            Value::Null,
            json!([]),
            json!(""),
            json!("é"),
            json!(-1),
            json!(1.5),
        ] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(name);
            let missing = refused(&canonical(&claims), &key);
            assert!(missing.contains(&format!("`{name}`")), "{name}: {missing}");
            let is_free_text = ["caller", "procedure", "dossier", "document"].contains(&name);
            if value == json!("é") && is_free_text {
                continue;
            }
            claims[name] = value;
            let told = refused(&canonical(&claims), &key);
            assert!(told.starts_with("its claim"), "{name}: {told}");
        }
    }
    for (name, value) in [
        ("received", json!(i64::MAX)),
        ("due", json!("soon")),
        ("due", json!(u64::MAX)),
        ("fields", json!("born_on")),
        ("clauses", json!([1])),
        ("lookup", json!("hn1-2026q4-041")),
        ("record", json!("hn2-2026q4-42")),
        ("record", json!("hn1-2026q3-42")),
        ("jti", json!("AAAA")),
        ("outcome", json!("UNSPECIFIED ")),
        ("sub", json!(7)),
    ] {
        let mut claims = claims();
        claims[name] = value;
        let told = refused(&canonical(&claims), &key);
        assert!(told.contains(&format!("`{name}`")), "{name}: {told}");
    }
}

#[test]
fn claims_that_make_no_ground_together_are_refused() {
    let key = key();
    let changed = |changes: &[(&str, Value)]| {
        let mut claims = claims();
        for (name, value) in changes {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
                value => claims[*name] = value.clone(),
            }
        }
        refused(&canonical(&claims), &key)
    };
    let many: Vec<String> = (0..257).map(|n| format!("f{n}")).collect();
    for changes in [
        &[("outcome", json!("UNSPECIFIED"))][..],
        &[("outcome", json!("NOT_FOUND"))],
        &[("outcome", json!("NOT_PUBLISHED")), ("fields", Value::Null)],
        &[("fields", Value::Null)],
        &[("fields", json!(["a", ""]))],
        &[("fields", json!(many))],
        &[("clauses", Value::Null)],
        &[("lookup", Value::Null)],
        &[("dataset", Value::Null)],
        &[("database", json!("passport"))],
        &[("dataset", Value::Null), ("database", json!("passport"))],
        &[("channel", json!("UNSPECIFIED"))],
        &[("received", json!(0))],
        &[("due", json!(1))],
        &[("dossier", json!("a\u{1b}[2J"))],
        &[("sub", json!("x".repeat(513)))],
        &[("clauses", json!(vec!["x".repeat(500); 41]))],
    ] {
        let told = changed(changes);
        assert!(
            told.starts_with("its claims make no ground"),
            "{changes:?}: {told}"
        );
    }
    let told = changed(&[("iss", json!("motlan.example/audit/hn10/2026q4"))]);
    assert!(told.contains("may not sign for the log"), "{told}");
}

#[test]
fn the_signature_of_a_note_makes_no_ground_nor_the_other_way() {
    let key = key();
    let signature = |note: &str, cut: usize| {
        let line = note.lines().last().unwrap();
        let signed = line.rsplit(' ').next().unwrap();
        STANDARD.decode(signed).unwrap()[cut..].to_vec()
    };
    let token = recorded(&ground()).0.sign(&key);
    let (input, own) = token.rsplit_once('.').unwrap();
    let witness = WitnessSignerKey::generate("w").unwrap();
    // Of a checkpoint, of the very text of a ground, and a witness's of that.
    let checkpoint = format!("{ORIGIN}\n7\n{}\n", STANDARD.encode([9; 32]));
    let text = format!("{input}\n");
    let pasted = [
        (input.to_owned(), signature(&note::sign(&text, &key), 4)),
        (
            input.to_owned(),
            signature(&note::sign(&checkpoint, &key), 4),
        ),
        (input.to_owned(), signature(&witness.cosign(&text, 1), 12)),
        (text.clone(), signature(&note::sign(&text, &key), 4)),
        (
            checkpoint.clone(),
            signature(&note::sign(&checkpoint, &key), 4),
        ),
    ];
    for (input, signature) in pasted {
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert!(verify_ground(&token, key.verifier()).is_err(), "{input}");
    }
    // The reverse: a note with the signature of a ground.
    let bytes = URL_SAFE_NO_PAD.decode(own).unwrap();
    for text in [text, checkpoint] {
        let note = note::sign(&text, &key);
        let id = u32::from_str_radix(&key.verifier().hash(), 16).unwrap();
        let signed = [id.to_be_bytes().as_slice(), &bytes].concat();
        let (front, _) = note.trim_end().rsplit_once(' ').unwrap();
        let forged = format!("{front} {}\n", STANDARD.encode(signed));
        let read = Note::parse(&forged).unwrap();
        assert!(read.verify(key.verifier()).is_err(), "{text}");
        assert!(Note::parse(&note).unwrap().verify(key.verifier()).is_ok());
    }
}

#[test]
fn a_record_that_says_otherwise_is_not_the_one() {
    let (signed, record) = recorded(&ground());
    let component = |change: fn(&mut motlan_api::audit::v1::Component)| {
        let mut other = record.clone();
        change(other.component.as_mut().unwrap());
        other
    };
    let plain = |change: fn(&mut Record)| {
        let mut other = record.clone();
        change(&mut other);
        other
    };
    let others = [
        plain(|it| it.caller = "H27/one-stop".to_owned()),
        plain(|it| it.procedure = "1.004223".to_owned()),
        plain(|it| it.dataset = "population".to_owned()),
        plain(|it| it.time_us += US_PER_S),
        plain(|it| it.kind = 2),
        plain(|it| it.question = Some(1)),
        plain(|it| it.component = None),
        component(|it| it.document = "identity_paper".to_owned()),
        component(|it| it.variant = "2".to_owned()),
        component(|it| it.outcome = GroundOutcome::Incomplete.into()),
        component(|it| it.outcome = 99),
        component(|it| it.fields.truncate(1)),
        component(|it| it.clauses.push("x".to_owned())),
        component(|it| it.channel = Channel::Paper.into()),
        component(|it| it.received_us -= US_PER_S),
        component(|it| it.due_us += US_PER_S),
        component(|it| it.due_us = 0),
        component(|it| it.lookup = "hn1-2026q4-40".to_owned()),
        component(|it| it.commitment[31] ^= 1),
        component(|it| it.commitment.clear()),
    ];
    for other in others {
        let fault = record::agrees(&signed, &other).unwrap_err();
        assert!(
            matches!(fault, GroundFault::Differs(_)),
            "{other:?}: {fault}"
        );
    }
    record::agrees(&signed, &record).unwrap();
}

#[test]
fn a_record_of_another_log_or_place_is_not_the_one() {
    let (signed, record) = recorded(&ground());
    let proven = |origin: &str, index| {
        let origin: Origin = origin.parse().unwrap();
        Proven {
            record: record.clone(),
            id: origin.record_id(index),
            origin,
            size: 99,
        }
    };
    signed.is_recorded_by(&proven(ORIGIN, 42)).unwrap();
    let at_another = signed.is_recorded_by(&proven(ORIGIN, 41));
    assert!(matches!(at_another, Err(GroundFault::OtherRecord { .. })));
    // Of the same name, under a key that speaks for both.
    let of_another = signed.is_recorded_by(&proven("motlan.example/other/hn1/2026q4", 42));
    assert!(matches!(of_another, Err(GroundFault::OtherLog { .. })));
}

#[test]
fn the_record_is_of_one_dossier_and_one_subject_alone() {
    let (_, record) = recorded(&ground());
    let of = |dossier: &str, subject: &str| {
        let (dossier, subject) = (dossier.to_owned(), subject.to_owned());
        let (signed, _) = recorded(&Ground {
            dossier,
            subject,
            ..ground()
        });
        record::agrees(&signed, &record).map_err(|fault| fault.to_string())
    };
    let Ground {
        dossier, subject, ..
    } = ground();
    assert_eq!(of(&dossier, &subject), Ok(()));
    // Not even where both together are the same text.
    let (front, last) = subject.split_at(1);
    for (dossier, subject) in [
        ("000.A0.01.H26-260302-0002", subject.as_str()),
        (&dossier, "001099000018"),
        (&dossier, ""),
        (&format!("{dossier}{front}"), last),
        (&subject, &dossier),
    ] {
        let told = of(dossier, subject).unwrap_err();
        assert!(told.contains("the dossier or the subject"), "{told}");
    }
    let (mut signed, _) = recorded(&ground());
    signed.id = [8; ID_BYTES];
    assert!(record::agrees(&signed, &record).is_err());
}

#[test]
fn base64_that_no_ledger_writes_is_no_ground() {
    let key = key();
    let token = recorded(&ground()).0.sign(&key);
    let (input, signature) = token.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let lenient = engine::general_purpose::URL_SAFE.encode(&bytes);
    // 64 bytes leave four bits that mean nothing in the last letter.
    let (front, last) = signature.split_at(signature.len() - 1);
    let other = char::from(last.as_bytes()[0] + 1);
    for signature in [lenient, format!("{front}{other}"), STANDARD.encode(&bytes)] {
        let read = verify_ground(&format!("{input}.{signature}"), key.verifier());
        assert!(
            matches!(read, Err(GroundFault::Form)),
            "{signature}: {read:?}"
        );
    }
}
