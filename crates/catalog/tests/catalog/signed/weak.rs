//! R84, R85: a key that anybody can sign with is no key, whosever it is said to be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::set::{SIGNATURES, Set};
use crate::small::pem;

const SAYS: &str = "is a key with which anybody can sign";

/// 2^255 - 19, as RFC 8032 writes numbers.
fn p_plus(more: i16) -> [u8; 32] {
    let mut y = [0xff; 32];
    y[0] = u8::try_from(0xed + more).unwrap();
    y[31] = 0x7f;
    y
}

fn small(number: u8) -> [u8; 32] {
    let mut y = [0; 32];
    y[0] = number;
    y
}

fn hex(text: &str) -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
}

fn public(y: [u8; 32]) -> String {
    let head = [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    pem("PUBLIC KEY", &[head.as_slice(), &y].concat())
}

/// Every way to write a point of small order, those that RFC 8032 forbids included.
fn weak() -> Vec<[u8; 32]> {
    let ys = [
        small(0),
        small(1),
        hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        p_plus(-1),
        p_plus(0),
        p_plus(1),
    ];
    let with_sign = ys.into_iter().flat_map(|y| {
        let mut other = y;
        other[31] |= 0x80;
        [y, other]
    });
    with_sign.collect()
}

#[test]
fn no_point_of_small_order_is_a_key_of_a_signer_or_of_a_system_or_of_the_manifest() {
    let set = Set::new();
    for y in weak() {
        for file in ["signers/G01/owner/k2.pem", "keys/H26/one-stop/a.pem"] {
            set.small.write(file, public(y));
            let faults = set.small.faults().to_string();
            assert!(
                faults.contains(&format!("{file}: {SAYS}")),
                "{y:x?}: {faults}"
            );
            std::fs::remove_file(set.small.path(file)).unwrap();
        }
        std::fs::write(set.place().manifest_key, public(y)).unwrap();
        set.assert_fault("manifest.pem:", SAYS);
    }
    // Nor is a number that is not written in the one way there is for it.
    for more in [2, 18] {
        std::fs::write(set.place().manifest_key, public(p_plus(more))).unwrap();
        set.assert_fault("manifest.pem:", SAYS);
    }
}

#[test]
fn an_agreement_that_nobody_signed_is_not_signed_by_the_identity_point() {
    let set = Set::new();
    set.small
        .write("signers/G01/owner/weak.pem", public(small(1)));
    set.sign_by(&[1, 2]);
    let header = json!({
        "alg": "EdDSA",
        "kid": "weak",
        "typ": "motlan-agreement+jws",
        "role": "owner",
        "agency": "G01",
        "iat": 1_772_416_800,
    });
    // R is the identity and S is 0: right for every message, by nobody's private key.
    let forged = json!({
        "protected": URL_SAFE_NO_PAD.encode(header.to_string()),
        "signature": URL_SAFE_NO_PAD.encode([small(1), small(0)].concat()),
    });
    let mut signatures: serde_json::Value = serde_json::from_str(&set.text(SIGNATURES)).unwrap();
    let list = signatures["signatures"].as_array_mut().unwrap();
    list.push(forged);
    set.small.write(SIGNATURES, signatures.to_string());
    set.seal(2);
    let faults = set.faults();
    let told = format!("signers/G01/owner/weak.pem: {SAYS}");
    let is_told = |fault: &String| fault.starts_with(&told);
    assert!(faults.iter().any(is_told), "{faults:#?}");
}
