//! R84: an agreement that is not signed by all three, each with their own key, is not in force.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::set::{AGREEMENT, Pair, SIGNATURES, Set};

/// A header as it would be right for the owner.
const HEADER: &str = concat!(
    r#"{"alg":"EdDSA","kid":"k1","typ":"motlan-agreement+jws","#,
    r#""iat":1,"role":"owner","agency":"G01"}"#
);

/// Puts a signature of the agreement by the owner's key under any header in place of the owner's.
fn forged(set: &Set, header: &str) {
    let payload = URL_SAFE_NO_PAD.encode(set.text(AGREEMENT));
    let protected = URL_SAFE_NO_PAD.encode(header);
    let signature = set.parties[0].pair.forge(&format!("{protected}.{payload}"));
    set.sign_by(&[1, 2]);
    let others = set.text(SIGNATURES);
    let one = format!(r#"{{"protected":"{protected}","signature":"{signature}"}},"#);
    let list = "\"signatures\": [";
    set.small.write(
        SIGNATURES,
        others.replacen(list, &format!("{list}{one}"), 1),
    );
}

#[test]
fn a_set_that_all_signed_loads() {
    let set = Set::new();
    let signed = set.load().unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(signed.sealed_revision(), 1);
    assert_eq!(signed.agreements().len(), 1);
    // R21: what decides is the same, signed or not, and so is what records name.
    assert_eq!(signed.revision(), set.small.catalog().revision());
}

#[test]
fn the_forger_of_these_tests_would_be_believed_with_a_right_header() {
    // Else the refusals below would prove nothing.
    let set = Set::new();
    forged(&set, HEADER);
    set.seal(2);
    set.assert_good();
}

#[test]
fn an_agreement_without_signatures_is_told_with_those_who_are_to_sign() {
    let set = Set::new();
    std::fs::remove_file(set.small.path(SIGNATURES)).unwrap();
    set.seal(2);
    set.assert_fault(
        AGREEMENT,
        "is not signed by `G01` as `owner`, `G01` as `data_protection`, `H26` as `consumer`",
    );
}

#[test]
fn every_part_of_the_signatures_is_missed() {
    for (by, says) in [
        (vec![], "holds 0 signatures"),
        (
            vec![0],
            "by `G01` as `data_protection`, `H26` as `consumer`;",
        ),
        (vec![1], "by `G01` as `owner`, `H26` as `consumer`;"),
        (vec![2], "by `G01` as `owner`, `G01` as `data_protection`;"),
        (vec![0, 1], "by `H26` as `consumer`;"),
        (vec![0, 2], "by `G01` as `data_protection`;"),
        (vec![1, 2], "by `G01` as `owner`;"),
        (vec![0, 1, 2, 0], "two signatures as `owner`"),
    ] {
        let set = Set::new();
        set.sign_by(&by);
        set.seal(2);
        set.assert_fault("agreements/g01-h26.toml", says);
    }
}

#[test]
fn an_agreement_that_was_altered_is_told_by_each_of_its_signatures() {
    let set = Set::new();
    // A comment: the reader of the file would not even notice.
    set.small
        .change(AGREEMENT, "\n\n[[grant]]", "\n# \n[[grant]]");
    set.seal(2);
    let faults = set.faults();
    assert_eq!(faults.len(), 3, "{faults:#?}");
    for (fault, role) in faults.iter().zip(["data_protection", "owner"]) {
        assert!(fault.starts_with(SIGNATURES), "{fault}");
        let what = format!("`G01` as `{role}` is not one of this agreement as it stands");
        assert!(fault.contains(&what), "{fault}");
    }
}

#[test]
fn signatures_of_another_agreement_are_none_of_this_one() {
    let set = Set::new();
    let other = "agreements/other.toml";
    let text = set
        .text(AGREEMENT)
        .replace("id = \"g01-h26\"", "id = \"other\"");
    let own = set.text(SIGNATURES);
    set.small.write(AGREEMENT, &text);
    set.sign();
    let of_other = set.text(SIGNATURES);
    set.small
        .write(AGREEMENT, text.replace("\"other\"", "\"g01-h26\""));
    set.small.write(other, &text);
    set.small.write(SIGNATURES, &own);
    set.small.write(&format!("{other}.jws.json"), &of_other);
    set.seal(2);
    set.assert_good();

    set.small.write(SIGNATURES, of_other);
    set.small.write(&format!("{other}.jws.json"), own);
    set.seal(3);
    let faults = set.faults();
    assert_eq!(faults.len(), 6, "{faults:#?}");
    let all = faults
        .iter()
        .all(|fault| fault.contains("is not one of this agreement"));
    assert!(all, "{faults:#?}");
}

/// What stands in a right header, what is put in its place, and what is told of it.
const WRONG: [(&str, &str, &str); 20] = [
    (
        r#""kid":"k1""#,
        r#""kid":"k9""#,
        "no `signers/G01/owner/k9.pem`",
    ),
    (
        r#""kid":"k1""#,
        r#""kid":"../k1""#,
        "no `signers/G01/owner/../k1.pem`",
    ),
    (
        r#""role":"owner""#,
        r#""role":"data_protection""#,
        "is not one of this agreement",
    ),
    (
        r#""role":"owner""#,
        r#""role":"consumer""#,
        "`G01` as `consumer`, but there that is `H26`",
    ),
    (
        r#""role":"owner""#,
        r#""role":"boss""#,
        "`boss` is no role of a signer",
    ),
    (
        r#""agency":"G01""#,
        r#""agency":"H26""#,
        "`H26` as `owner`, but there that is `G01`",
    ),
    (
        r#""agency":"G01""#,
        r#""agency":"h h""#,
        "a signature of no agency",
    ),
    (
        r#""alg":"EdDSA""#,
        r#""alg":"none""#,
        "`alg` is `none`, but `signers/G01/owner/k1.pem` is for `EdDSA`",
    ),
    (r#""alg":"EdDSA""#, r#""alg":"ES256""#, "`alg` is `ES256`"),
    (r#""alg":"EdDSA""#, r#""alg":"HS256""#, "`alg` is `HS256`"),
    (r#""alg":"EdDSA","#, "", "has no text `alg`"),
    (
        r#""typ":"motlan-agreement+jws""#,
        r#""typ":"motlan-manifest+jws""#,
        "`typ` is `motlan-manifest+jws`",
    ),
    (r#""typ":"motlan-agreement+jws","#, "", "has no text `typ`"),
    (r#""iat":1"#, r#""iat":1.5"#, "floating point"),
    (
        r#""iat":1"#,
        r#""iat":1,"crit":["b64"],"b64":false"#,
        "boolean `false`",
    ),
    (
        r#""iat":1"#,
        r#""iat":1,"crit":["x"]"#,
        "has the key `crit`",
    ),
    (r#""iat":1"#, r#""iat":1,"jwk":{}"#, "has the key `jwk`"),
    (
        r#""iat":1"#,
        r#""iat":1,"iat":2"#,
        "`iat` stands here twice",
    ),
    (
        r#","role":"owner","agency":"G01""#,
        "",
        "does not say as whom",
    ),
    (r#","agency":"G01""#, "", "has no text `agency`"),
];

#[test]
fn a_header_that_is_wrong_in_one_thing_is_refused() {
    for (from, to, says) in WRONG {
        let set = Set::new();
        let header = HEADER.replacen(from, to, 1);
        assert_ne!(header, HEADER);
        forged(&set, &header);
        set.seal(2);
        set.assert_fault(SIGNATURES, says);
    }
}

#[test]
fn a_key_for_p256_verifies_nothing_that_says_eddsa_or_none() {
    let set = Set::new();
    let signed = set.text(SIGNATURES);
    let texts = signed.split('"');
    let mut headers = texts.filter_map(|text| {
        let header = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        header.contains("consumer").then_some((text, header))
    });
    let (right, header) = headers.next_back().unwrap();
    for says in ["EdDSA", "none", "ES384", "es256"] {
        let wrong = header.replace("ES256", says);
        assert_ne!(wrong, header);
        let wrong = URL_SAFE_NO_PAD.encode(wrong);
        set.small.write(SIGNATURES, signed.replace(right, &wrong));
        set.seal(2);
        set.assert_fault(
            SIGNATURES,
            "but `signers/H26/consumer/2026-a.pem` is for `ES256`",
        );
    }
}

#[test]
fn a_file_of_signatures_that_is_not_of_its_form_is_refused() {
    let set = Set::new();
    let signed = set.text(SIGNATURES);
    let list = "\"signatures\": [";
    for (text, says) in [
        (
            signed.replacen(list, &format!("\"signatures\": [], {list}"), 1),
            "`signatures` stands here twice",
        ),
        (
            signed.replacen('{', "{\"payload\": \"e30\",", 1),
            "holds a payload",
        ),
        (signed.replacen('{', "{\"x\": 1,", 1), "has the key `x`"),
        (
            signed.replacen(
                "\"protected\"",
                "\"header\": {\"alg\": \"none\"}, \"protected\"",
                1,
            ),
            "has the key `header`",
        ),
        (
            signed.replacen("\"signature\"", "\"x\": \"\", \"signature\"", 1),
            "has the key `x`",
        ),
        (
            signed.replacen("\"signature\": \"", "\"signature\": \"=", 1),
            "`signature` that is no base64url",
        ),
        (
            signed.replacen("\"protected\": \"", "\"protected\": \"e30g", 1),
            "has a signature whose header",
        ),
        (
            format!("{{\"signatures\": [{}]}}", ["{}"; 9].join(",")),
            "holds 9 signatures",
        ),
        (
            "{\"signatures\": [[]]}".to_owned(),
            "a signature that is no object",
        ),
        (
            "{\"signatures\": {}}".to_owned(),
            "has no list `signatures`",
        ),
        (
            format!("{signed}{}", " ".repeat(16 * 1024)),
            "larger than 16384 bytes",
        ),
        (String::new(), "is not the JSON that it must be"),
    ] {
        set.small.write(SIGNATURES, text);
        set.seal(2);
        set.assert_fault(SIGNATURES, says);
    }
}

#[test]
fn no_two_registered_keys_are_the_same_and_none_is_of_a_stranger() {
    let set = Set::new();
    let own = &set.parties[0].pair.public_pem;
    for (file, text, says) in [
        (
            "signers/G01/data_protection/k2.pem",
            own.as_str(),
            "is the same key as",
        ),
        ("signers/G01/owner/k2.pem", own, "is the same key as"),
        ("keys/H26/one-stop/a.pem", own, "is the same key as"),
        (
            "signers/H99/owner/a.pem",
            &Pair::ed25519().public_pem,
            "`H99` is not known",
        ),
        (
            "signers/G01/owners/a.pem",
            &Pair::ed25519().public_pem,
            "did you mean `owner`?",
        ),
        (
            "signers/G01/owner/a.pem",
            &Pair::ed25519().private_pem,
            "holds a private key",
        ),
        (
            "signers/g01/owner/a.pem",
            &Pair::ed25519().public_pem,
            "name it after the agency",
        ),
        (
            "agreements/gone.toml.jws.json",
            "{}",
            "signs `agreements/gone.toml`, which is not there",
        ),
        ("systems/all.toml.jws.json", "{}", "does not belong here"),
    ] {
        set.small.write(file, text);
        set.seal(2);
        let faults = set.faults();
        assert!(
            faults.iter().any(|fault| fault.contains(says)),
            "{file}: {faults:#?}"
        );
        // Those who only work on it are told so too.
        let faults = set.told(&set.small.faults());
        assert!(
            faults.iter().any(|fault| fault.contains(says)),
            "{file}: {faults:#?}"
        );
        std::fs::remove_file(set.small.path(file)).unwrap();
        std::fs::remove_dir(set.small.path(file).parent().unwrap()).ok();
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let set = Set::new();
    set.sign_by(&[0]);
    set.small
        .change("systems/all.toml", "suspended = true", "suspended = 1");
    set.small.write("extra.txt", "x");
    std::fs::remove_file(set.place().known_revision).unwrap();
    let faults = set.faults();
    for says in [
        "agreements/g01-h26.toml: is not signed by",
        "agreements/g01-h26.toml.jws.json: is not what was sealed as revision 1",
        "systems/all.toml: is not what was sealed as revision 1",
        "`system.suspended`",
        "extra.txt: is no part of a catalogue",
        "extra.txt: is not in the manifest of revision 1",
        "known.json: is not there",
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(says)),
            "{says}: {faults:#?}"
        );
    }
    assert_eq!(faults.len(), 7, "{faults:#?}");
}
