//! Keys that are published, and of no use to us.

use jsonwebtoken::Algorithm::{EdDSA, HS256, RS256};
use rstest::rstest;
use serde_json::{Value, json};
use todo_contract_tests::{
    Client,
    Engine::{self, Postgres, Sqlite},
    Issuer, Reply, ServerProcess, SigningKey, TestApp, Token,
};

use super::{after_the_cooldown, assert_counts, assert_refused};

/// Else whoever is refused would look for a fault in addresses and ages alone.
const OF_USE: &str = "older than its keys? If neither, have the issuer sign with EdDSA, ES256,";

#[rstest]
#[case::symmetric(json!({"kty": "oct", "alg": "HS256", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA"}))]
#[case::for_encryption(json!({"use": "enc"}))]
#[case::for_other_operations(json!({"key_ops": ["encrypt"]}))]
#[case::for_an_algorithm_of_another_kind(json!({"alg": "RS256"}))]
#[case::for_an_unknown_algorithm(json!({"alg": "XX999"}))]
#[case::on_another_curve(json!({"crv": "X25519"}))]
#[case::without_its_half(json!({"x": "AAAA"}))]
#[case::of_no_type(json!({"kty": 1}))]
#[tokio::test]
async fn a_key_of_no_use_is_passed_over(#[values(Sqlite, Postgres)] engine: Engine, #[case] spoilt: Value) {
    let (key, good) = (SigningKey::generate("a", EdDSA), SigningKey::generate("b", EdDSA));
    let issuer = Issuer::of(&[]).await;
    let mut useless = key.jwk();
    useless.as_object_mut().expect("an object").extend(spoilt.as_object().expect("an object").clone());
    issuer.reply(Reply::Json(json!({ "keys": [useless, "no key at all", good.jwk()] })));
    let app = TestApp::configured(engine, &[("AUTH_JWKS_URL", &issuer.url())]).await;
    assert_counts(&app, &Token::of("ann").signed_by(&good)).await;
    for words in ["not among the keys that the issuer publishes and that are of use here; is it", OF_USE] {
        assert_refused(&app, &Token::of("ann").signed_by(&key), words).await;
    }
    let symmetric = Token::of("ann").signed_with("secret secret secret secret secret");
    let named = symmetric.header(|header| (header.alg, header.kid) = (HS256, Some("a".to_owned())));
    assert_refused(&app, &named, "the signature does not match").await;
}

/// No signature would match it, which says nothing of what to do.
#[rstest]
#[case::of_1024_bits("A".repeat(171))]
#[case::of_a_byte_too_few("_".repeat(340))]
#[tokio::test]
async fn a_key_of_too_few_bits_is_passed_over(#[values(Sqlite, Postgres)] engine: Engine, #[case] modulus: String) {
    let key = SigningKey::generate("a", RS256);
    let mut useless = key.jwk();
    useless["n"] = json!(modulus);
    let issuer = Issuer::of(&[]).await;
    issuer.reply(Reply::Json(json!({ "keys": [useless] })));
    let app = TestApp::configured(engine, &[("AUTH_JWKS_URL", &issuer.url())]).await;
    assert_refused(&app, &Token::of("ann").signed_by(&key), OF_USE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_no_use_are_counted_in_the_log() {
    let [key, other] = ["a", "b"].map(|kid| SigningKey::generate(kid, EdDSA));
    let mut useless = key.jwk();
    useless["use"] = json!("enc");
    let issuer = Issuer::of(&[]).await;
    issuer.reply(Reply::Json(json!({ "keys": [useless] })));
    let server = ServerProcess::start(&[("AUTH_JWKS_URL", &issuer.url()), ("AUTH_JWKS_COOLDOWN", "1")]);
    let client = Client::of(server.address());
    let asked = async |key: &SigningKey| {
        client.clone().with_token(&Token::of("ann").signed_by(key).encode()).list().await.status
    };
    let told = || {
        let line = server.logged("the issuer publishes these keys");
        (line["keys"].clone(), line["useless"].clone())
    };
    assert_eq!(asked(&key).await, 401);
    assert_eq!(told(), (json!("[]"), json!(1)), "though none is of use");
    issuer.reply(Reply::Json(json!({ "keys": [useless, "no key at all", other.jwk()] })));
    after_the_cooldown().await;
    assert_eq!(asked(&other).await, 200);
    assert_eq!(told(), (json!(r#"["b"]"#), json!(2)));
}
