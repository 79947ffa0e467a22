use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use motlan_testkit::Token;
use motlan_testkit::pki::{Authority, Leaf};
use motlan_testkit::token::{KeyType, SigningKey};
use serde_json::{Value, json};

const NOW_S: i64 = 1_770_000_000;
const AUDIENCE: &str = "https://gateway.example";

fn right() -> Token {
    let token = Token::new("H26/one-stop", NOW_S).unwrap();
    token
        .official("official-1")
        .audience(AUDIENCE)
        .procedure("1.004222")
        .dossier("D-1")
}

fn verify(token: &str, key: &SigningKey) -> Result<Value, ErrorKind> {
    let pem = key.public_pem().as_bytes();
    let (algorithm, key) = match key.key_type() {
        KeyType::Es256 => (Algorithm::ES256, DecodingKey::from_ec_pem(pem).unwrap()),
        KeyType::EdDsa => (Algorithm::EdDSA, DecodingKey::from_ed_pem(pem).unwrap()),
    };
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_exp = false;
    jsonwebtoken::decode(token, &key, &validation)
        .map(|decoded| decoded.claims)
        .map_err(|error| error.into_kind())
}

fn header(token: &str) -> Value {
    let part = token.split('.').next().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn a_token_of_either_key_type_verifies_with_the_public_key_and_says_its_claims() {
    for (key_type, algorithm) in [(KeyType::Es256, "ES256"), (KeyType::EdDsa, "EdDSA")] {
        let key = SigningKey::generate("k1", key_type).unwrap();
        let token = right()
            .variant("2")
            .basis("NQ 66.7")
            .bound_to("thumb")
            .sign(&key)
            .unwrap();
        assert_eq!(
            header(&token),
            json!({ "alg": algorithm, "typ": "JWT", "kid": "k1" })
        );
        let mut claims = verify(&token, &key).unwrap();
        let id = claims.as_object_mut().unwrap().remove("jti").unwrap();
        assert_eq!(id.as_str().unwrap().len(), 22);
        let expected = json!({
            "iss": "H26/one-stop", "sub": "official-1", "aud": AUDIENCE,
            "iat": NOW_S, "exp": NOW_S + 300, "cnf": { "x5t#S256": "thumb" },
            "purpose": {
                "procedure": "1.004222", "dossier": "D-1", "variant": "2", "basis": "NQ 66.7"
            },
        });
        assert_eq!(claims, expected);
    }
}

#[test]
fn a_key_read_back_from_pem_signs_the_same() {
    for key_type in [KeyType::Es256, KeyType::EdDsa] {
        let key = SigningKey::generate("k1", key_type).unwrap();
        let again = SigningKey::from_pem("k1", key.private_pem()).unwrap();
        assert_eq!(again.key_type(), key_type);
        assert!(verify(&right().sign(&again).unwrap(), &key).is_ok());
    }
}

#[test]
fn a_token_can_be_wrong_in_its_signature() {
    let key = SigningKey::generate("k1", KeyType::Es256).unwrap();
    let other = SigningKey::generate("k1", KeyType::Es256).unwrap();
    let wrong_key = verify(&right().sign(&other).unwrap(), &key).unwrap_err();
    assert!(matches!(wrong_key, ErrorKind::InvalidSignature));
    let unsigned = right().unsigned("k1");
    assert_eq!(header(&unsigned)["alg"], "none");
    assert!(unsigned.ends_with('.'));
    assert!(verify(&unsigned, &key).is_err());
    let confused = right()
        .sign_hs256("k1", key.public_pem().as_bytes())
        .unwrap();
    assert!(matches!(
        verify(&confused, &key).unwrap_err(),
        ErrorKind::InvalidAlgorithm
    ));
    let lying = right().header("alg", "EdDSA").sign(&key).unwrap();
    assert!(matches!(
        verify(&lying, &key).unwrap_err(),
        ErrorKind::InvalidAlgorithm
    ));
}

#[test]
fn a_token_can_be_wrong_in_every_header_and_claim() {
    let key = SigningKey::generate("k1", KeyType::Es256).unwrap();
    let audience = right()
        .audience("https://elsewhere.example")
        .sign(&key)
        .unwrap();
    assert!(matches!(
        verify(&audience, &key).unwrap_err(),
        ErrorKind::InvalidAudience
    ));
    let odd = right()
        .header("kid", Value::Null)
        .header("crit", json!(["x"]))
        .issued_s(1)
        .expires_s(2)
        .not_before_s(3)
        .id("once")
        .without("sub")
        .claim("purpose", "nothing")
        .sign(&key)
        .unwrap();
    assert_eq!(
        header(&odd),
        json!({ "alg": "ES256", "typ": "JWT", "crit": ["x"] })
    );
    let expected = json!({
        "iss": "H26/one-stop", "aud": AUDIENCE, "iat": 1, "exp": 2, "nbf": 3, "jti": "once",
        "purpose": "nothing",
    });
    assert_eq!(verify(&odd, &key).unwrap(), expected);
}

#[test]
fn two_tokens_never_have_the_same_id() {
    assert_ne!(right().unsigned("k1"), right().unsigned("k1"));
}

#[test]
fn a_token_is_bound_to_the_certificate_by_its_sha_256() {
    let authority = Authority::new("test").unwrap();
    let identity = authority
        .issue(&Leaf::system("vn.example", "H26/one-stop"))
        .unwrap();
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &identity.certificate().unwrap());
    let key = SigningKey::generate("k1", KeyType::Es256).unwrap();
    let token = right()
        .bound_to_identity(&identity)
        .unwrap()
        .sign(&key)
        .unwrap();
    let claims = verify(&token, &key).unwrap();
    assert_eq!(
        claims["cnf"]["x5t#S256"],
        BASE64_URL_SAFE_NO_PAD.encode(digest)
    );
}
