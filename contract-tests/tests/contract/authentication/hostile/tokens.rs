//! Tokens made to get in, each with what it is and what is said of it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm::{HS384, HS512, PS256};
use serde_json::{Value, json};
use todo_contract_tests::{SigningKey, Token, base64url, nested_raw_values, raw_value, seconds_from_now};

/// The keys that the server trusts, beside the shared secret, and one that it does not.
pub(super) struct Keys {
    pub(super) ed: SigningKey,
    pub(super) ec: SigningKey,
    pub(super) rsa: SigningKey,
    pub(super) evil: SigningKey,
}

/// Claims that are good.
fn good() -> Value {
    json!({"sub": "ann", "exp": seconds_from_now(900)})
}

/// A token of a header of whatever kind, with whatever stands for a signature.
fn forged(header: &Value, signature: &str) -> String {
    format!("{}.{}.{signature}", base64url(header.to_string()), base64url(good().to_string()))
}

/// A good token whose parts are changed after it was signed.
fn changed(change: impl FnOnce(&mut [String; 3])) -> String {
    let token = Token::of("ann").encode();
    let mut parts: [String; 3] =
        token.split('.').map(str::to_owned).collect::<Vec<_>>().try_into().expect("a token has three parts");
    change(&mut parts);
    parts.join(".")
}

/// A token that is signed by a key over a header and claims of one's own.
fn signed(header: &Value, claims: &Value, key: &SigningKey) -> String {
    let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key.encoding(), key.algorithm());
    format!("{message}.{}", signature.expect("it can be signed"))
}

fn signed_under(header: &Value, key: &SigningKey) -> String {
    signed(header, &good(), key)
}

/// A name, what stands behind `Bearer `, and words of the answer.
pub(super) type Hostile = (&'static str, String, &'static str);

fn ann() -> Token {
    Token::of("ann")
}

fn by(key: &SigningKey) -> Token {
    ann().signed_by(key)
}

/// A token of Ann's that names another key than the one that signed it.
fn misnamed(key: &SigningKey, kid: &str) -> String {
    by(key).header(|header| header.kid = Some(kid.to_owned())).encode()
}

/// A member of a published key as it stands there.
pub(super) fn member(key: &SigningKey, name: &str) -> String {
    key.jwk()[name].as_str().expect("a text").to_owned()
}

/// The bytes of a published key, which everybody knows, as a secret.
fn raw(key: &SigningKey, name: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(member(key, name)).expect("base64url")
}

/// A token of HS256 that names a key.
fn hmac_with(secret: &[u8], kid: &str) -> String {
    ann().signed_with(secret).header(|header| header.kid = Some(kid.to_owned())).encode()
}

/// A token of Ann's with a claim.
fn claim(name: &str, value: Value) -> String {
    ann().with(name, value).encode()
}

/// Algorithms.
fn algorithms() -> Vec<Hostile> {
    vec![
        ("alg none", forged(&json!({"alg": "none"}), ""), "not signed"),
        ("alg NONE", forged(&json!({"alg": "NONE"}), ""), "not signed"),
        ("alg None", forged(&json!({"alg": "None"}), ""), "not signed"),
        ("alg nOnE with a signature", forged(&json!({"alg": "nOnE"}), "AAAA"), "not signed"),
        ("alg none under a known kid", forged(&json!({"alg": "none", "kid": "ed"}), ""), "not signed"),
        ("alg empty", forged(&json!({"alg": ""}), "AAAA"), "not supported"),
        ("alg of spaces", forged(&json!({"alg": " HS256"}), "AAAA"), "not supported"),
        ("alg in small letters", forged(&json!({"alg": "hs256"}), "AAAA"), "not supported"),
        ("alg null", forged(&json!({"alg": null}), "AAAA"), "header"),
        ("alg a number", forged(&json!({"alg": 256}), "AAAA"), "header"),
        ("alg a list", forged(&json!({"alg": ["HS256"]}), "AAAA"), "header"),
        ("alg absent", forged(&json!({"typ": "JWT"}), "AAAA"), "header"),
        (
            "alg HS384 with the secret",
            ann().header(|header| header.alg = HS384).encode(),
            "signed with HS384; with the shared secret, sign with HS256",
        ),
        (
            "alg HS512 with the secret",
            ann().header(|header| header.alg = HS512).encode(),
            "signed with HS512; with the shared secret, sign with HS256",
        ),
        (
            "alg ES512",
            forged(&json!({"alg": "ES512"}), "AAAA"),
            "ES512, which is not supported; have the issuer sign with EdDSA, ES256, ES384, RS256 or PS256 \
             (jwks.keyPairConfig of Better Auth), or, with the shared secret, with HS256",
        ),
        ("alg of markup", forged(&json!({"alg": "<script>\"\\\r\n"}), "AAAA"), "not supported"),
        ("alg of a quote", forged(&json!({"alg": r#"x", realm="evil"#}), "AAAA"), "not supported"),
        ("alg of 4 kB", forged(&json!({"alg": "A".repeat(4096)}), "AAAA"), "not supported"),
    ]
}

/// Confusions of keys and algorithms.
fn confusions(keys: &Keys) -> Vec<Hostile> {
    vec![
        ("HS256 with the bytes of the Ed25519 key", hmac_with(&raw(&keys.ed, "x"), "ed"), "does not match"),
        ("HS256 with the text of the Ed25519 key", hmac_with(member(&keys.ed, "x").as_bytes(), "ed"), "does not match"),
        ("HS256 with the modulus of the RSA key", hmac_with(&raw(&keys.rsa, "n"), "rsa"), "does not match"),
        (
            "HS256 with the published key as JSON",
            hmac_with(keys.rsa.jwk().to_string().as_bytes(), "rsa"),
            "does not match",
        ),
        ("HS256 with an empty secret", hmac_with(b"", "ed"), "does not match"),
        (
            "HS256 with the default secret of Better Auth",
            hmac_with(b"better-auth-secret-12345678901234567890", "1"),
            "does not match",
        ),
        (
            "HS256 with another secret",
            ann().signed_with("another secret, which is long enough too").encode(),
            "does not match",
        ),
        ("EdDSA of another key under a known kid", misnamed(&keys.evil, "ed"), "does not match"),
        ("ES256 signature under the kid of EdDSA", misnamed(&keys.ec, "ed"), "not among the keys"),
        ("RS256 key with PS256", by(&keys.rsa).header(|header| header.alg = PS256).encode(), "not among the keys"),
        ("EdDSA said to be ES256", signed_under(&json!({"alg": "ES256", "kid": "ed"}), &keys.ed), "not among the keys"),
        ("ES256 of r = s = 0", forged(&json!({"alg": "ES256", "kid": "ec"}), &base64url([0; 64])), "does not match"),
        (
            "ES256 in DER",
            forged(&json!({"alg": "ES256", "kid": "ec"}), &base64url([0x30, 6, 2, 1, 1, 2, 1, 1])),
            "does not match",
        ),
        ("EdDSA of zeros", forged(&json!({"alg": "EdDSA", "kid": "ed"}), &base64url([0; 64])), "does not match"),
        ("RS256 of zeros", forged(&json!({"alg": "RS256", "kid": "rsa"}), &base64url([0; 256])), "does not match"),
        ("RS256 of 4 kB", forged(&json!({"alg": "RS256", "kid": "rsa"}), &base64url([1; 4096])), "does not match"),
    ]
}

/// Names of keys.
fn names_of_keys(keys: &Keys) -> Vec<Hostile> {
    vec![
        ("kid unknown", by(&keys.evil).encode(), "not among the keys"),
        ("kid of a path", misnamed(&keys.evil, "../../../dev/null"), "not among the keys"),
        ("kid of SQL", misnamed(&keys.evil, "ed' OR '1'='1"), "not among the keys"),
        ("kid of an address", misnamed(&keys.evil, "http://127.0.0.1:9/jwks"), "not among the keys"),
        ("kid of line breaks", misnamed(&keys.evil, "ed\r\nX-Evil: 1"), "not among the keys"),
        ("kid of 4 kB", misnamed(&keys.evil, &"k".repeat(4096)), "not among the keys"),
        ("kid empty", misnamed(&keys.evil, ""), "not among the keys"),
        ("kid absent", by(&keys.evil).header(|header| header.kid = None).encode(), "does not match"),
        ("kid a number", signed_under(&json!({"alg": "EdDSA", "kid": 1}), &keys.ed), "header"),
        ("kid a list", signed_under(&json!({"alg": "EdDSA", "kid": ["ed"]}), &keys.ed), "header"),
        ("kid of the symmetric key", hmac_with(b"secret secret secret secret secret", "oct"), "does not match"),
    ]
}

/// Keys that the token brings along.
fn keys_brought_along(keys: &Keys) -> Vec<Hostile> {
    let evil_jwk = keys.evil.jwk();
    vec![
        ("jwk embedded", signed_under(&json!({"alg": "EdDSA", "jwk": evil_jwk}), &keys.evil), "does not match"),
        (
            "jwk embedded under a known kid",
            signed_under(&json!({"alg": "EdDSA", "kid": "ed", "jwk": evil_jwk}), &keys.evil),
            "does not match",
        ),
        (
            "jku",
            signed_under(&json!({"alg": "EdDSA", "kid": "evil", "jku": "http://127.0.0.1:9/jwks"}), &keys.evil),
            "not among the keys",
        ),
        (
            "x5u",
            signed_under(&json!({"alg": "EdDSA", "kid": "evil", "x5u": "http://127.0.0.1:9/cert"}), &keys.evil),
            "not among the keys",
        ),
        (
            "x5c",
            signed_under(&json!({"alg": "EdDSA", "kid": "evil", "x5c": ["MIIB"]}), &keys.evil),
            "not among the keys",
        ),
    ]
}

/// Headers that change what a token means.
fn meanings(keys: &Keys) -> Vec<Hostile> {
    vec![
        ("crit", signed_under(&json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"]}), &keys.ed), "crit"),
        ("a list of the members", signed_under(&json!(["EdDSA", "ed", null, null]), &keys.ed), "header"),
        ("crit empty", signed_under(&json!({"alg": "EdDSA", "kid": "ed", "crit": []}), &keys.ed), "crit"),
        ("crit null", signed_under(&json!({"alg": "EdDSA", "kid": "ed", "crit": null}), &keys.ed), "crit"),
        (
            "crit of b64",
            signed_under(&json!({"alg": "EdDSA", "kid": "ed", "b64": false, "crit": ["b64"]}), &keys.ed),
            "crit",
        ),
        (
            "typ of another use",
            signed_under(&json!({"alg": "EdDSA", "kid": "ed", "typ": "better-auth.session-cache+jwt"}), &keys.ed),
            "of the type better-auth.session-cache+jwt",
        ),
        (
            "typ of a logout token",
            signed_under(&json!({"alg": "EdDSA", "kid": "ed", "typ": "logout+jwt"}), &keys.ed),
            "of the type logout+jwt",
        ),
        ("header a list", format!("{}.{}.AAAA", base64url("[]"), base64url("{}")), "header"),
        ("header no JSON", format!("{}.{}.AAAA", base64url("alg: HS256"), base64url("{}")), "header"),
        ("header of binary", format!("{}.{}.AAAA", base64url([0xff, 0xfe, 0]), base64url("{}")), "header"),
        ("header nested deeply", format!("{}.{}.AAAA", base64url("[".repeat(3000)), base64url("{}")), "header"),
        (
            "crit nested in texts",
            signed_under(&json!({"alg": "EdDSA", "kid": "ed", "crit": nested_raw_values(8)}), &keys.ed),
            "crit",
        ),
    ]
}

/// Claims.
fn claims(keys: &Keys) -> Vec<Hostile> {
    vec![
        ("sub a raw value", claim("sub", raw_value("\"ann\"")), "sub claim"),
        ("exp a raw value", claim("exp", raw_value("4102444800")), "exp claim of the token is no number"),
        ("exp past", claim("exp", json!(seconds_from_now(-60))), "s ago"),
        ("exp zero", claim("exp", json!(0)), "expired"),
        ("exp negative", claim("exp", json!(-1)), "expired"),
        ("exp absent", ann().without("exp").encode(), "no exp claim"),
        ("exp null", claim("exp", Value::Null), "exp claim of the token is no number"),
        ("exp a text", claim("exp", json!("4102444800")), "exp claim of the token is no number"),
        ("exp true", claim("exp", json!(true)), "no number"),
        ("exp a list", claim("exp", json!([4_102_444_800_u64])), "no number"),
        ("exp an object", claim("exp", json!({"$gt": 0})), "no number"),
        ("exp far below", claim("exp", json!(-1e308)), "expired more than 1000 years ago"),
        ("nbf ahead", claim("nbf", json!(seconds_from_now(3600))), "counts only in 60 min"),
        ("nbf beyond all time", claim("nbf", json!(1e300)), "counts only in more than 1000 years (nbf)"),
        ("nbf soon", claim("nbf", json!(seconds_from_now(30))), "(nbf)"),
        ("nbf a little ahead", claim("nbf", json!(seconds_from_now(20))), "(nbf)"),
        ("nbf a text", claim("nbf", json!("0")), "nbf claim of the token is no number"),
        ("no user", ann().without("sub").encode(), "names no user"),
        ("user null", claim("sub", Value::Null), "names no user"),
        (
            "user of a cookie cache",
            ann().without("sub").with("session", json!({"userId": "ann"})).with("user", json!({"id": "ann"})).encode(),
            "cookie cache",
        ),
        ("user a number", claim("sub", json!(1)), "sub claim must be a string"),
        ("user a list", claim("sub", json!(["ann"])), "sub claim must be a string"),
        ("user an object", claim("sub", json!({"$ne": null})), "sub claim must be a string"),
        ("user empty", claim("sub", json!("")), "sub claim must be a string"),
        ("user of 256", claim("sub", json!("u".repeat(256))), "sub claim must be a string"),
        ("user with a NUL", claim("sub", json!("ann\0")), "sub claim must be a string"),
        ("a better claim of another kind", claim("userId", json!(0)), "userId claim must be a string"),
        ("a better claim that is false", claim("user_id", json!(false)), "user_id claim must be a string"),
        (
            "claims a list",
            signed(&json!({"alg": "EdDSA", "kid": "ed"}), &json!([]), &keys.ed),
            "cannot be read as a JSON object",
        ),
    ]
}

/// Changed after it was signed.
fn changes() -> Vec<Hostile> {
    vec![
        (
            "claims exchanged",
            changed(|parts| parts[1] = base64url(json!({"sub": "bob", "exp": seconds_from_now(900)}).to_string())),
            "does not match",
        ),
        ("signature cut off", changed(|parts| parts[2] = String::new()), "does not match"),
        ("signature cut short", changed(|parts| _ = parts[2].pop()), "does not match"),
        ("signature twice", changed(|parts| parts[2] = parts[2].repeat(2)), "does not match"),
        ("signature padded", changed(|parts| parts[2] += "="), "does not match"),
        ("signature in other letters", changed(|parts| parts[2] = parts[2].to_uppercase()), "does not match"),
    ]
}

/// Shapes.
fn shapes() -> Vec<Hostile> {
    vec![
        ("two parts", changed(|parts| parts[2] = String::new()).trim_end_matches('.').to_owned(), "no JSON Web Token"),
        ("four parts", changed(|parts| parts[2] += ".x"), "3 parts"),
        ("five parts", "a.b.c.d.e".to_owned(), "encrypted"),
        ("dots", "..".to_owned(), "header"),
        ("many dots", ".".repeat(8_000), "3 parts"),
        ("white space within", changed(|parts| parts[1].insert(4, ' ')), "does not match"),
        ("white space behind", format!("{} x", ann().encode()), "does not match"),
        ("a tab within", changed(|parts| parts[0].insert(4, '\t')), "header"),
        ("a comma and another", format!("{0}, Bearer {0}", ann().encode()), "encrypted"),
        ("quoted", format!("\"{}\"", ann().encode()), "header"),
        ("percent-encoded", ann().encode().replace('.', "%2E"), "no JSON Web Token"),
        ("padded parts", changed(|parts| parts[0] += "=="), "header"),
        ("a session token", "7DWjPsEe4Mj6Rjt74XN7QNDZYGWeIKqY".to_owned(), "session token of Better Auth"),
        (
            "a session token with its signature",
            "7DWjPsEe4Mj6Rjt74XN7.x8Bb9Y9g1+ElkYE9nqWxytTi2Dg8QiBsIJx1x8ooVuQ=".to_owned(),
            "session token of Better Auth",
        ),
        ("12 kB", "x".repeat(12_000), "has 12000 bytes"),
        ("9 kB of claims", claim("name", json!("n".repeat(9_000))), "bytes, and may have at most"),
    ]
}

/// All of them.
pub(super) fn table(keys: &Keys) -> Vec<Hostile> {
    [
        // First: one of these counts soon.
        claims(keys),
        algorithms(),
        confusions(keys),
        names_of_keys(keys),
        keys_brought_along(keys),
        meanings(keys),
        changes(),
        shapes(),
    ]
    .concat()
}
