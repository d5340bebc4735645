//! Many at once who need a key: the issuer is asked once, and nobody else waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use jsonwebtoken::Algorithm::EdDSA;
use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    Issuer, Reply, SigningKey, TestApp, Token, until,
};

use super::{ONCE, after_the_cooldown, assert_counts, trusting};

/// A token of `key` under a name that nobody publishes, another for each number.
fn invented(key: &SigningKey, number: usize) -> String {
    Token::of("eve").signed_by(key).header(|header| header.kid = Some(format!("{number}"))).encode()
}

/// However many names somebody invents, the issuer is asked once a cooldown, and the others are served.
#[rstest]
#[tokio::test]
async fn a_thousand_unknown_names_cause_one_fetch(#[values(Sqlite, Postgres)] engine: Engine) {
    let (known, unknown) = (SigningKey::generate("a", EdDSA), SigningKey::generate("b", EdDSA));
    let issuer = Issuer::of(&[&known]).await;
    let app = trusting(engine, &issuer, ONCE).await;
    for hundred in 0..10 {
        let answers = (0..100).map(|number| {
            let client = app.client_with(&invented(&unknown, hundred * 100 + number));
            async move { client.list().await.status }
        });
        let of_ann = Token::of("ann").signed_by(&known);
        let (answers, ()) = tokio::join!(join_all(answers), assert_counts(&app, &of_ann));
        assert!(answers.iter().all(|status| *status == 401));
    }
    assert_eq!(issuer.fetches(), 1);
}

/// Nor do they take everybody's place while the issuer takes its time.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_slow_issuer_leaves_room_for_others(#[values(Sqlite, Postgres)] engine: Engine) {
    let (known, unknown) = (SigningKey::generate("a", EdDSA), SigningKey::generate("b", EdDSA));
    let issuer = Issuer::of(&[&known]).await;
    let variables = [("AUTH_JWKS_URL", &*issuer.url()), ("AUTH_JWKS_COOLDOWN", "1"), ("MAX_REQUESTS", "100")];
    let app = TestApp::configured(engine, &variables).await;
    let of_ann = Token::of("ann").signed_by(&known);
    assert_counts(&app, &of_ann).await;
    issuer.reply(Reply::Slowly(json!({ "keys": [known.jwk()] }), Duration::from_secs(2)));
    // On a busy machine they may come too late to find it under way.
    for _ in 0..5 {
        after_the_cooldown().await;
        let before = issuer.fetches();
        let told = Arc::new(AtomicUsize::new(0));
        let asking: Vec<_> = (0..150)
            .map(|number| {
                let client = app.client_with(&invented(&unknown, number));
                let told = Arc::clone(&told);
                tokio::spawn(async move {
                    let status = client.list().await.status;
                    told.fetch_add(1, Ordering::SeqCst);
                    status
                })
            })
            .collect();
        until("more have come than there is room for", async || told.load(Ordering::SeqCst) >= 100).await;
        for token in [&of_ann, &Token::of("bob")] {
            assert_counts(&app, token).await;
        }
        let still_takes_its_time = told.load(Ordering::SeqCst) < 150;
        let statuses: Vec<_> = join_all(asking).await.into_iter().map(|status| status.expect("an answer")).collect();
        assert!(statuses.iter().all(|status| [401, 503].contains(status)), "{statuses:?}");
        if still_takes_its_time {
            let waited = statuses.iter().filter(|status| **status == 401).count();
            assert!(waited >= 50, "{waited} waited, where half of all requests may");
            assert_eq!(issuer.fetches(), before + 1);
            return;
        }
    }
    panic!("nobody was served while others waited");
}

#[rstest]
#[tokio::test]
async fn requests_that_wait_for_a_key_share_one_fetch(#[values(Sqlite, Postgres)] engine: Engine) {
    let (old, new) = (SigningKey::generate("old", EdDSA), SigningKey::generate("new", EdDSA));
    let issuer = Issuer::of(&[&old]).await;
    let app = trusting(engine, &issuer, &[("AUTH_JWKS_COOLDOWN", "1")]).await;
    assert_counts(&app, &Token::of("ann").signed_by(&old)).await;
    issuer.reply(Reply::Slowly(json!({ "keys": [old.jwk(), new.jwk()] }), Duration::from_millis(500)));
    after_the_cooldown().await;
    let tokens = (0..50).map(|number| Token::of(&format!("user {number}")).signed_by(&new));
    join_all(tokens.map(|token| {
        let app = &app;
        async move { assert_counts(app, &token).await }
    }))
    .await;
    assert_eq!(issuer.fetches(), 2);
}

/// Whoever comes while the keys are fetched has old ones no longer than who fetches them.
#[rstest]
#[case::of_an_issuer_that_was_well(false)]
#[case::of_one_that_failed_long_ago(true)]
#[tokio::test]
async fn no_old_key_verifies_beside_a_fetch(#[values(Sqlite, Postgres)] engine: Engine, #[case] has_failed: bool) {
    let (old, new) = (SigningKey::generate("old", EdDSA), SigningKey::generate("new", EdDSA));
    let issuer = Issuer::of(&[&old]).await;
    let app = trusting(engine, &issuer, &[("AUTH_JWKS_COOLDOWN", "1"), ("AUTH_JWKS_MAX_AGE", "2")]).await;
    let token = Token::of("ann").signed_by(&old);
    assert_counts(&app, &token).await;
    if has_failed {
        issuer.reply(Reply::Status(503));
        after_the_cooldown().await;
        assert_counts(&app, &token).await;
        until("the issuer has failed", async || issuer.fetches() == 2).await;
    }
    issuer.reply(Reply::Slowly(json!({ "keys": [new.jwk()] }), Duration::from_millis(1500)));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let asking = [0, 300, 500, 700].map(|pause| {
        let client = app.client_with(&token.encode());
        async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            client.list().await.status
        }
    });
    assert_eq!(join_all(asking).await, [401; 4]);
}

/// A request that is given up while it waits does not take the fetch with it.
#[rstest]
#[tokio::test]
async fn a_fetch_survives_the_request_that_wanted_it(#[values(Sqlite, Postgres)] engine: Engine) {
    let key = SigningKey::generate("a", EdDSA);
    let issuer = Issuer::of(&[]).await;
    issuer.reply(Reply::Slowly(json!({ "keys": [key.jwk()] }), Duration::from_millis(1500)));
    let app = trusting(engine, &issuer, ONCE).await;
    let client = app.client_with(&Token::of("ann").signed_by(&key).encode());
    let asking = tokio::spawn(async move { client.list().await });
    until("the issuer is asked", async || issuer.fetches() == 1).await;
    asking.abort();
    assert!(asking.await.is_err(), "the request was given up while the issuer took its time");
    assert_counts(&app, &Token::of("bob").signed_by(&key)).await;
    assert_eq!(issuer.fetches(), 1);
}
