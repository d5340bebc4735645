//! Tokens signed with keys that an issuer publishes.

mod of_no_use;
mod together;

use std::time::{Duration, Instant};

use jsonwebtoken::Algorithm::{self, ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    Issuer, Reply, SigningKey, TestApp, Token, seconds_from_now, until,
};

use super::says;

/// A server that trusts an issuer, and no shared secret unless that is set again.
async fn trusting(engine: Engine, issuer: &Issuer, variables: &[(&str, &str)]) -> TestApp {
    let url = issuer.url();
    let trust = [("AUTH_JWKS_URL", url.as_str()), ("BETTER_AUTH_SECRET", "")];
    TestApp::configured(engine, &[&trust, variables].concat()).await
}

/// What a server answers to a token, and why.
async fn verdict(app: &TestApp, token: &Token) -> (u16, String) {
    let answer = app.client_with(&token.encode()).list().await;
    (answer.status, answer.json()["detail"].as_str().unwrap_or_default().to_owned())
}

async fn assert_counts(app: &TestApp, token: &Token) {
    assert_eq!(verdict(app, token).await, (200, String::new()));
}

async fn assert_refused(app: &TestApp, token: &Token, words: &str) {
    let (status, detail) = verdict(app, token).await;
    assert_eq!(status, 401);
    assert!(says(&detail, words), "{detail:?} says {words:?}");
}

/// Until the keys may be fetched again, where the cooldown is a second.
async fn after_the_cooldown() {
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

const BRIEFLY: &[(&str, &str)] = &[("AUTH_JWKS_COOLDOWN", "1"), ("AUTH_JWKS_MAX_AGE", "1")];

/// Not a second time while a test runs.
const ONCE: &[(&str, &str)] = &[("AUTH_JWKS_COOLDOWN", "3600"), ("AUTH_JWKS_MAX_AGE", "3600")];

/// As Better Auth publishes a key, with its use, and as Better Auth did before version 1.3.
#[rstest]
#[tokio::test]
async fn every_algorithm_counts(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[values(EdDSA, ES256, ES384, RS256, RS384, RS512, PS256, PS384, PS512)] algorithm: Algorithm,
) {
    let key = SigningKey::generate("a", algorithm);
    let (plain, mut with_use, mut without_algorithm) = (key.jwk(), key.jwk(), key.jwk());
    assert_eq!(plain["alg"], format!("{algorithm:?}"));
    (with_use["use"], with_use["key_ops"]) = (json!("sig"), json!(["verify"]));
    without_algorithm.as_object_mut().expect("an object").remove("alg");
    for jwk in [plain, with_use, without_algorithm] {
        let issuer = Issuer::of(&[]).await;
        issuer.reply(Reply::Json(json!({ "keys": [jwk] })));
        let app = trusting(engine, &issuer, &[]).await;
        let token = Token::of("ann").signed_by(&key);
        assert_counts(&app, &token).await;
        assert_counts(&app, &token.header(|header| header.kid = None)).await;
    }
}

#[rstest]
#[tokio::test]
async fn who_needs_no_key_does_not_wait_for_the_issuer(#[values(Sqlite, Postgres)] engine: Engine) {
    let issuer = Issuer::of(&[]).await;
    issuer.reply(Reply::Slowly(json!({ "keys": [] }), Duration::from_mins(1)));
    let app = TestApp::configured(engine, &[("AUTH_JWKS_URL", &issuer.url())]).await;
    assert_counts(&app, &Token::of("ann")).await;
    assert_eq!(issuer.fetches(), 0);
}

#[rstest]
#[tokio::test]
async fn the_shared_secret_counts_beside_the_keys(#[values(Sqlite, Postgres)] engine: Engine) {
    let key = SigningKey::generate("a", EdDSA);
    let issuer = Issuer::of(&[&key]).await;
    let both = TestApp::configured(engine, &[("AUTH_JWKS_URL", &issuer.url())]).await;
    assert_counts(&both, &Token::of("ann").signed_by(&key)).await;
    assert_counts(&both, &Token::of("ann")).await;
    let keys_alone = trusting(engine, &issuer, &[]).await;
    assert_refused(&keys_alone, &Token::of("ann"), "HS256, but no shared secret is configured").await;
    let secret_alone = TestApp::start(engine).await;
    let words = "EdDSA, but only a shared secret is configured: set AUTH_JWKS_URL";
    assert_refused(&secret_alone, &Token::of("ann").signed_by(&key), words).await;
}

/// The key decides on the algorithm, whatever the header says.
#[rstest]
#[case::other_padding(RS256, PS256)]
#[case::other_digest(RS256, RS512)]
#[case::other_digest_of_pss(PS512, PS256)]
#[tokio::test]
async fn a_key_verifies_by_its_own_algorithm_alone(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] published: Algorithm,
    #[case] claimed: Algorithm,
) {
    let key = SigningKey::generate("a", published);
    let issuer = Issuer::of(&[&key]).await;
    let app = trusting(engine, &issuer, &[]).await;
    let token = Token::of("ann").signed_by(&key);
    assert_counts(&app, &token).await;
    assert_refused(&app, &token.header(|header| header.alg = claimed), "not among the keys").await;
}

#[rstest]
#[case::failing(Reply::Status(500), "cannot be fetched")]
#[case::limiting(Reply::Status(429), "cannot be fetched")]
#[case::empty(Reply::Json(json!({"keys": []})), "not among the keys")]
#[case::garbage(Reply::Json(json!({"error": "not ready"})), "cannot be fetched")]
#[tokio::test]
async fn an_issuer_that_is_not_ready_at_the_start_is_asked_again(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] reply: Reply,
    #[case] words: &str,
) {
    let key = SigningKey::generate("a", EdDSA);
    let issuer = Issuer::of(&[]).await;
    issuer.reply(reply);
    let app = trusting(engine, &issuer, BRIEFLY).await;
    assert_refused(&app, &Token::of("ann").signed_by(&key), words).await;
    issuer.reply(Reply::of(&[&key]));
    after_the_cooldown().await;
    assert_counts(&app, &Token::of("ann").signed_by(&key)).await;
}

/// However long the cooldown is, which is there for issuers that answer.
#[rstest]
#[tokio::test]
async fn a_fetch_that_failed_is_tried_again_after_a_second(#[values(Sqlite, Postgres)] engine: Engine) {
    let (key, issuer) = (SigningKey::generate("a", EdDSA), Issuer::of(&[]).await);
    issuer.reply(Reply::Status(503));
    let app = trusting(engine, &issuer, ONCE).await;
    let token = Token::of("ann").signed_by(&key);
    assert_refused(&app, &token, "cannot be fetched").await;
    issuer.reply(Reply::of(&[&key]));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_counts(&app, &token).await;
}

#[rstest]
#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_said_so(#[values(Sqlite, Postgres)] engine: Engine) {
    let key = SigningKey::generate("a", EdDSA);
    // Port 9 discards, and nothing listens there.
    let unreachable = [("AUTH_JWKS_URL", "http://127.0.0.1:9/jwks"), ("BETTER_AUTH_SECRET", "")];
    let app = TestApp::configured(engine, &unreachable).await;
    assert_refused(&app, &Token::of("ann").signed_by(&key), "is AUTH_JWKS_URL right, and does it answer?").await;
}

#[rstest]
#[tokio::test]
async fn a_new_key_counts_without_a_restart(#[values(Sqlite, Postgres)] engine: Engine) {
    let (old, new) = (SigningKey::generate("old", EdDSA), SigningKey::generate("new", ES256));
    let issuer = Issuer::of(&[&old]).await;
    let app = trusting(engine, &issuer, &[("AUTH_JWKS_COOLDOWN", "1")]).await;
    assert_counts(&app, &Token::of("ann").signed_by(&old)).await;
    issuer.reply(Reply::of(&[&old, &new]));
    after_the_cooldown().await;
    assert_counts(&app, &Token::of("ann").signed_by(&new)).await;
    assert_counts(&app, &Token::of("ann").signed_by(&old)).await;
    assert_eq!(issuer.fetches(), 2);
}

/// An issuer with serial ids gives a name a second time, after its first key was deleted.
#[rstest]
#[tokio::test]
async fn another_key_under_a_known_name_counts(#[values(Sqlite, Postgres)] engine: Engine) {
    let (old, new) = (SigningKey::generate("1", EdDSA), SigningKey::generate("1", EdDSA));
    let issuer = Issuer::of(&[&old]).await;
    let app = trusting(engine, &issuer, &[("AUTH_JWKS_COOLDOWN", "1")]).await;
    let of_old = Token::of("ann").signed_by(&old);
    assert_counts(&app, &of_old).await;
    issuer.reply(Reply::of(&[&new]));
    after_the_cooldown().await;
    assert_counts(&app, &Token::of("ann").signed_by(&new)).await;
    assert_refused(&app, &of_old, "the signature does not match").await;
}

#[rstest]
#[case::remembered("10000")]
#[case::not_remembered("0")]
#[tokio::test]
async fn a_key_that_is_no_longer_published_stops_verifying(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] token_cache: &str,
) {
    let (old, new) = (SigningKey::generate("old", EdDSA), SigningKey::generate("new", EdDSA));
    let issuer = Issuer::of(&[&old, &new]).await;
    let app = trusting(engine, &issuer, &[BRIEFLY, &[("AUTH_TOKEN_CACHE", token_cache)]].concat()).await;
    let (of_old, of_new) = (Token::of("ann").signed_by(&old), Token::of("ann").signed_by(&new));
    assert_counts(&app, &of_old).await;
    assert_counts(&app, &of_new).await;
    issuer.reply(Reply::of(&[&new]));
    after_the_cooldown().await;
    assert_refused(&app, &of_old, "not among the keys that the issuer publishes").await;
    assert_counts(&app, &of_new).await;
}

/// Nobody has asked since, so nobody knows that the issuer is well again.
#[rstest]
#[case::of_long_ago("2", 1100, 2500)]
#[case::of_before_the_last_try("14", 7500, 6700)]
#[tokio::test]
async fn a_failure_lets_no_old_key_verify(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] max_age: &str,
    #[case] until_it_fails: u64,
    #[case] until_it_is_well: u64,
) {
    let (old, new) = (SigningKey::generate("old", EdDSA), SigningKey::generate("new", EdDSA));
    let issuer = Issuer::of(&[&old]).await;
    let app = trusting(engine, &issuer, &[("AUTH_JWKS_COOLDOWN", "1"), ("AUTH_JWKS_MAX_AGE", max_age)]).await;
    let token = Token::of("ann").signed_by(&old);
    assert_counts(&app, &token).await;
    issuer.reply(Reply::Status(503));
    tokio::time::sleep(Duration::from_millis(until_it_fails)).await;
    assert_counts(&app, &token).await;
    until("the issuer has failed", async || issuer.fetches() == 2).await;
    issuer.reply(Reply::of(&[&new]));
    tokio::time::sleep(Duration::from_millis(until_it_is_well)).await;
    assert_refused(&app, &token, "not among the keys that the issuer publishes").await;
}

/// What an issuer may take for its keys; then it counts as one that fails.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Where all of them waited, they would take all places for requests.
#[rstest]
#[tokio::test]
async fn an_issuer_that_said_nothing_is_not_waited_for_so_long_again(#[values(Sqlite, Postgres)] engine: Engine) {
    let (known, unknown) = (SigningKey::generate("a", EdDSA), SigningKey::generate("b", EdDSA));
    let issuer = Issuer::of(&[&known]).await;
    let app = trusting(engine, &issuer, &[("AUTH_JWKS_COOLDOWN", "1")]).await;
    assert_counts(&app, &Token::of("ann").signed_by(&known)).await;
    issuer.reply(Reply::Slowly(json!({ "keys": [] }), Duration::from_mins(1)));
    after_the_cooldown().await;
    let of_nobody = Token::of("eve").signed_by(&unknown);
    assert_refused(&app, &of_nobody, "not among the keys").await;
    // It may be given up a little after the request.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let start = Instant::now();
    assert_refused(&app, &of_nobody, "not among the keys").await;
    assert!(start.elapsed() < FETCH_TIMEOUT, "it was waited for {:?}", start.elapsed());
    assert_eq!(issuer.fetches(), 3, "and it is asked again");
}

/// Nobody has asked since, and now it takes its time: a withdrawn key would verify, and a new one would not.
#[rstest]
#[case::while_the_keys_are_old("2", 401)]
#[case::for_a_new_key("300", 200)]
#[tokio::test]
async fn an_issuer_that_said_nothing_long_ago_is_waited_for(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] max_age: &str,
    #[case] status: u16,
) {
    let (old, new) = (SigningKey::generate("old", EdDSA), SigningKey::generate("new", EdDSA));
    let [of_old, of_new] = [&old, &new].map(|key| Token::of("ann").signed_by(key));
    let issuer = Issuer::of(&[&old]).await;
    let app = trusting(engine, &issuer, &[("AUTH_JWKS_COOLDOWN", "1"), ("AUTH_JWKS_MAX_AGE", max_age)]).await;
    assert_counts(&app, &of_old).await;
    issuer.reply(Reply::Slowly(json!({ "keys": [] }), Duration::from_mins(1)));
    after_the_cooldown().await;
    assert_refused(&app, &of_new, "not among the keys").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    issuer.reply(Reply::Slowly(json!({ "keys": [new.jwk()] }), Duration::from_millis(1500)));
    let token = if status == 200 { &of_new } else { &of_old };
    assert_eq!(verdict(&app, token).await.0, status);
}

#[rstest]
#[tokio::test]
async fn who_needs_no_key_does_not_wait_for_new_ones(#[values(Sqlite, Postgres)] engine: Engine) {
    let key = SigningKey::generate("a", EdDSA);
    let issuer = Issuer::of(&[&key]).await;
    let app = TestApp::configured(engine, &[BRIEFLY, &[("AUTH_JWKS_URL", &issuer.url())]].concat()).await;
    assert_counts(&app, &Token::of("ann").signed_by(&key)).await;
    issuer.reply(Reply::Slowly(json!({ "keys": [] }), Duration::from_mins(1)));
    after_the_cooldown().await;
    let start = Instant::now();
    assert_counts(&app, &Token::of("ann")).await;
    assert!(start.elapsed() < FETCH_TIMEOUT, "it was not waited for");
}

#[rstest]
#[case::failing(Reply::Status(503))]
#[case::garbage(Reply::Json(json!("<html>")))]
#[case::a_list(Reply::Json(json!([[]])))]
#[case::slow(Reply::Slowly(json!({"keys": []}), Duration::from_mins(1)))]
#[case::endless(Reply::Endless)]
#[tokio::test]
async fn the_keys_serve_on_while_the_issuer_fails(#[values(Sqlite, Postgres)] engine: Engine, #[case] reply: Reply) {
    let key = SigningKey::generate("a", EdDSA);
    let issuer = Issuer::of(&[&key]).await;
    let app = trusting(engine, &issuer, BRIEFLY).await;
    assert_counts(&app, &Token::of("ann").signed_by(&key)).await;
    issuer.reply(reply);
    for user in ["ann", "bob", "cid"] {
        after_the_cooldown().await;
        assert_counts(&app, &Token::of(user).signed_by(&key)).await;
    }
    assert!(issuer.fetches() >= 2, "and it is asked again");
}

/// A redirect leads to where nobody configured, and an answer without bounds fills the memory.
#[rstest]
#[tokio::test]
async fn keys_from_elsewhere_or_behind_too_much_do_not_count(#[values(Sqlite, Postgres)] engine: Engine) {
    let [key, unheard] = ["a", "b"].map(|kid| SigningKey::generate(kid, EdDSA));
    let [issuer, elsewhere] = [Issuer::of(&[&key]).await, Issuer::of(&[&key, &unheard]).await];
    let app = trusting(engine, &issuer, &[("AUTH_JWKS_COOLDOWN", "1")]).await;
    let both = json!({ "keys": [key.jwk(), unheard.jwk()] });
    for reply in [Reply::Elsewhere(elsewhere.url()), Reply::Behind(256 * 1024, both.clone())] {
        assert_counts(&app, &Token::of("ann").signed_by(&key)).await;
        issuer.reply(reply);
        after_the_cooldown().await;
        let asked = issuer.fetches();
        assert_refused(&app, &Token::of("ann").signed_by(&unheard), "not among the keys").await;
        assert_eq!(issuer.fetches(), asked + 1);
    }
    assert_eq!(elsewhere.fetches(), 0, "nobody asks where nobody configured");
    issuer.reply(Reply::Behind(64 * 1024, both));
    after_the_cooldown().await;
    assert_counts(&app, &Token::of("ann").signed_by(&unheard)).await;
}

/// Better Auth publishes a key for as long after its rotation as its `gracePeriod` says, and in no order.
#[rstest]
#[tokio::test]
async fn the_last_of_many_keys_counts(#[values(Sqlite, Postgres)] engine: Engine) {
    let keys: Vec<_> = (0..40).map(|number| SigningKey::generate(&number.to_string(), EdDSA)).collect();
    let issuer = Issuer::of(&keys.iter().collect::<Vec<_>>()).await;
    let app = trusting(engine, &issuer, ONCE).await;
    for key in [&keys[0], &keys[39]] {
        assert_counts(&app, &Token::of("ann").signed_by(key)).await;
    }
}

/// Each of them may have signed it.
#[rstest]
#[tokio::test]
async fn a_token_that_names_no_key_is_tried_with_all(#[values(Sqlite, Postgres)] engine: Engine) {
    let keys = ["a", "b", "c"].map(|kid| SigningKey::generate(kid, EdDSA));
    let issuer = Issuer::of(&keys.each_ref()).await;
    let app = trusting(engine, &issuer, ONCE).await;
    for key in &keys {
        assert_counts(&app, &Token::of("ann").signed_by(key).header(|header| header.kid = None)).await;
    }
}

#[rstest]
#[case::remembered("10000")]
#[case::not_remembered("0")]
#[tokio::test]
async fn a_token_expires_whether_it_is_remembered_or_not(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] token_cache: &str,
) {
    let key = SigningKey::generate("a", EdDSA);
    let issuer = Issuer::of(&[&key]).await;
    let app = trusting(engine, &issuer, &[("AUTH_TOKEN_CACHE", token_cache)]).await;
    // Eight seconds, with those of leeway: time enough for two answers on a busy machine.
    let token = Token::of("ann").signed_by(&key).with("exp", seconds_from_now(3));
    assert_counts(&app, &token).await;
    assert_counts(&app, &token).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_refused(&app, &token, "expired").await;
}
