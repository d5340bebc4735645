//! Tokens made to get in: none does, none breaks anything, and each is told why.

mod tokens;

use std::time::{Duration, Instant};

use jsonwebtoken::Algorithm::{ES256, EdDSA, RS256};
use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    Client,
    Engine::{self, Postgres, Sqlite},
    Issuer, Raw, Reply, SECRET, SigningKey, TestApp, Token, base64url,
};

use self::tokens::{Keys, member, table};
use super::says;

#[rstest]
#[tokio::test]
async fn no_hostile_token_is_accepted(#[values(Sqlite, Postgres)] engine: Engine) {
    let keys = Keys {
        ed: SigningKey::generate("ed", EdDSA),
        ec: SigningKey::generate("ec", ES256),
        rsa: SigningKey::generate("rsa", RS256),
        evil: SigningKey::generate("evil", EdDSA),
    };
    let issuer = Issuer::of(&[]).await;
    let symmetric = json!({"kty": "oct", "kid": "oct", "k": base64url("secret secret secret secret secret")});
    let published = json!({"keys": [keys.ed.jwk(), keys.ec.jwk(), keys.rsa.jwk(), symmetric]});
    issuer.reply(Reply::Json(published));
    let url = issuer.url();
    let variables = [("AUTH_JWKS_URL", &*url), ("AUTH_JWKS_COOLDOWN", "3600"), ("AUTH_JWKS_MAX_AGE", "3600")];
    let app = TestApp::configured(engine, &variables).await;
    for key in [&keys.ed, &keys.ec, &keys.rsa] {
        app.client_with(&Token::of("ann").signed_by(key).encode()).list().await.expect(200);
    }

    let hostile = table(&keys);
    assert!(hostile.len() >= 100, "{} tokens", hostile.len());
    for (name, token, words) in &hostile {
        let start = Instant::now();
        let refused = app.client_with(token).list().await;
        // No measure of speed: a guard against tokens that take seconds.
        assert!(start.elapsed() < Duration::from_secs(5), "{name}: {:?}", start.elapsed());
        let detail = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert_eq!(refused.status, 401, "{name}: {detail}");
        assert!(says(&detail, words), "{name}: {detail:?} says {words:?}");
        assert!(detail.len() < 600, "{name}: {detail:?} is not the token's own words");
        let challenge = refused.header("www-authenticate");
        let description = challenge.strip_prefix(r#"Bearer error="invalid_token", error_description=""#);
        let description = description.and_then(|rest| rest.strip_suffix('"'));
        let description = description.unwrap_or_else(|| panic!("{name}: {challenge}"));
        // RFC 6750, 3: lest words of the token end the text, and say something else beside it.
        let is_quotable = |byte: u8| matches!(byte, b' '..=b'~') && !br#""\"#.contains(&byte);
        assert!(description.bytes().all(is_quotable), "{name}: {challenge}");
        for secret in [SECRET, &member(&keys.ed, "x"), &member(&keys.rsa, "n")] {
            assert!(!refused.text.contains(secret), "{name}: no key is told");
        }
    }
    assert_eq!(issuer.fetches(), 1, "and the issuer was not bothered again");
}

#[rstest]
#[tokio::test]
async fn several_headers_are_refused_whichever_is_good(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let good = Token::of("ann").bearer();
    for other in ["Bearer x.y.z", "Basic YW5uOmE=", "", good.as_str()] {
        let two = |first: &str, second: &str| -> Client {
            app.stranger().with_header("Authorization", first).with_header("Authorization", second)
        };
        two(&good, other).list().await.expect(401);
        two(other, &good).list().await.expect(401);
    }
}

/// A token that is larger than any head may be is not even read.
#[rstest]
#[tokio::test]
async fn a_token_of_100_kb_is_cut_off(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    let token = "x".repeat(100_000);
    raw.send(format!("GET /api/tasks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")).await;
    raw.problem().await.expect(431);
}
