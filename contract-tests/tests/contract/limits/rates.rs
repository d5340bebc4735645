//! How often one may ask.

use std::time::{Duration, Instant};

use rstest::rstest;
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Postgres, Sqlite},
    TestApp, Token,
};

/// As slow as may be: one is given back each second.
const THREE: (&str, &str) = ("RATE_LIMIT", "1:3");
const TWENTY: (&str, &str) = ("RATE_LIMIT", "1:20");

/// Asks until it is too much; the answers before, and the one that says so.
async fn exhaust(client: &Client) -> (Vec<Answer>, Answer) {
    let mut answers = Vec::new();
    loop {
        let answer = client.get("/api/tasks/4711").await;
        if answer.status == 429 {
            return (answers, answer);
        }
        assert!(answers.len() < 100, "it is too much some time");
        answers.push(answer);
    }
}

#[rstest]
#[tokio::test]
async fn a_user_who_asks_too_often_is_told_when_to_come_again(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[THREE]).await;
    let ann = app.client("ann");
    let (before, refused) = exhaust(&ann).await;
    assert!(before.len() >= 3, "three at once");
    assert_eq!(before[0].header("ratelimit-policy"), r#""user";q=3;w=3"#);
    assert_eq!(before[0].header("ratelimit"), r#""user";r=2;t=1"#);
    assert_eq!(refused.header("ratelimit-policy"), r#""user";q=3;w=3"#);
    assert_eq!(refused.header("ratelimit"), r#""user";r=0;t=3"#);
    assert_eq!(refused.header("retry-after"), "1");
    app.client("eve").list().await.expect(200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    ann.list().await.expect(200);
}

#[rstest]
#[tokio::test]
async fn as_many_are_given_back_as_one_may_ask_a_second(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("RATE_LIMIT", "10:40")]).await;
    let ann = app.client("ann");
    let start = Instant::now();
    let (before, _) = exhaust(&ann).await;
    assert_eq!(before[0].header("ratelimit-policy"), r#""user";q=40;w=4"#);
    assert_eq!(before[0].header("ratelimit"), r#""user";r=39;t=1"#);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (after, _) = exhaust(&ann).await;
    assert!(after.len() >= 11, "{} after more than a second", after.len());
    let (all, elapsed) = (before.len() + after.len(), start.elapsed());
    assert!(all as u128 <= 41 + elapsed.as_millis() / 100, "{all} in {elapsed:?}");
}

#[rstest]
#[tokio::test]
async fn what_needs_no_token_has_no_limit(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[THREE]).await;
    for _ in 0..20 {
        let answer = app.client("ann").get("/api/health").await.expect(200);
        assert!(!answer.headers.contains_key("ratelimit"));
        app.stranger().list().await.expect(401);
    }
}

#[rstest]
#[tokio::test]
async fn there_is_no_limit_unless_one_is_set(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    for _ in 0..50 {
        let answer = app.client("ann").get("/api/tasks/x").await.expect(422);
        assert!(!answer.headers.contains_key("ratelimit") && !answer.headers.contains_key("ratelimit-policy"));
    }
}

#[rstest]
#[tokio::test]
async fn who_guesses_locks_nobody_out(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[THREE]).await;
    let guesses = app.client_with(&Token::of("ann").signed_with("x".repeat(32)).encode());
    let (before, refused) = exhaust(&guesses).await;
    assert!(before.len() >= 3 && before.iter().all(|answer| answer.status == 401));
    assert!(!refused.headers.contains_key("ratelimit"), "that is for users");
    app.client("ann").list().await.expect(200);
}

/// The headers of two requests that come through 127.0.0.1, and whether they are of one client.
#[rstest]
#[case::two_clients(&["X-Forwarded-For: 192.0.2.1"], &["X-Forwarded-For: 192.0.2.2"], false)]
#[case::forwarded(&["Forwarded: for=192.0.2.1;proto=https"], &["Forwarded: for=192.0.2.2"], false)]
#[case::a_port(&["X-Forwarded-For: 192.0.2.1:1"], &["X-Forwarded-For: 192.0.2.1:2"], true)]
#[case::both_headers(&["Forwarded: for=192.0.2.1"], &["X-Forwarded-For: 192.0.2.1"], true)]
#[case::quotes_and_case(&[r#"Forwarded: proto=https;For="192.0.2.1:4711""#], &["Forwarded: for=192.0.2.1"], true)]
#[case::what_the_client_wrote(&["X-Forwarded-For: 1.1.1.1, 192.0.2.1"], &["X-Forwarded-For: 2.2.2.2, 192.0.2.1"], true)]
#[case::on_another_line(&["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 192.0.2.1"], &["X-Forwarded-For: 192.0.2.1"], true)]
#[case::two_proxies(&["X-Forwarded-For: 192.0.2.1, 10.9.9.9"], &["X-Forwarded-For: 192.0.2.2, 10.9.9.9"], false)]
#[case::in_the_proxies_network(&["X-Forwarded-For: 10.1.1.1"], &["X-Forwarded-For: 10.1.1.2"], false)]
#[case::ipv6(&[r#"Forwarded: for="[2001:db8::1]:4711""#], &["X-Forwarded-For: 2001:db8::1"], true)]
#[case::of_one_household(&["X-Forwarded-For: 2001:db8::1"], &["X-Forwarded-For: 2001:db8::ffff:1"], true)]
#[case::of_two_households(&["X-Forwarded-For: 2001:db8::1"], &["X-Forwarded-For: 2001:db8:0:1::1"], false)]
#[case::mapped(&["X-Forwarded-For: ::ffff:192.0.2.1"], &["X-Forwarded-For: 192.0.2.1"], true)]
#[case::hidden(&["Forwarded: for=_a"], &["Forwarded: for=unknown"], true)]
#[case::nonsense(&["X-Forwarded-For: 1.1.1.1, x"], &["X-Forwarded-For: 2.2.2.2, "], true)]
#[case::nonsense_beside(&["X-Forwarded-For: é, 192.0.2.1"], &["X-Forwarded-For: 192.0.2.1"], true)]
#[case::that_differ(&["Forwarded: for=1.1.1.1", "X-Forwarded-For: 192.0.2.1"], &["Forwarded: for=2.2.2.2", "X-Forwarded-For: 192.0.2.1"], true)]
#[tokio::test]
async fn a_trusted_proxy_says_who_asks(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] one: &[&str],
    #[case] other: &[&str],
    #[case] is_one_client: bool,
) {
    let proxies = ("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8");
    let app = TestApp::configured(engine, &[TWENTY, proxies]).await;
    exhaust(&guessing(&app, one)).await;
    assert_eq!(is_spent(&guessing(&app, other)).await, is_one_client);
}

#[rstest]
#[case::address("::ffff:127.0.0.1")]
#[case::network("::ffff:127.0.0.0/104")]
#[tokio::test]
async fn a_proxy_may_be_written_as_ipv6_has_it(#[values(Sqlite, Postgres)] engine: Engine, #[case] proxy: &str) {
    let app = TestApp::configured(engine, &[TWENTY, ("TRUSTED_PROXIES", proxy)]).await;
    exhaust(&guessing(&app, &["X-Forwarded-For: 192.0.2.1"])).await;
    assert!(!is_spent(&guessing(&app, &["X-Forwarded-For: 192.0.2.2"])).await);
}

#[rstest]
#[tokio::test]
async fn nobody_else_says_who_asks(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[TWENTY, ("TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    exhaust(&guessing(&app, &["X-Forwarded-For: 192.0.2.1"])).await;
    assert!(is_spent(&guessing(&app, &["X-Forwarded-For: 192.0.2.2"])).await);
}

/// Whether somebody asked before who counts as the same: what a slow machine is given back meanwhile is not all twenty.
async fn is_spent(client: &Client) -> bool {
    exhaust(client).await.0.len() < 20
}

fn guessing(app: &TestApp, headers: &[&str]) -> Client {
    let client = app.client_with("a.b.c");
    headers
        .iter()
        .filter_map(|header| header.split_once(": "))
        .fold(client, |client, (name, value)| client.with_header(name, value))
}
