//! What stands around the operations: the names of requests.

use std::collections::HashSet;

use rstest::rstest;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    TestApp,
};

#[rstest]
#[case::word("my-request.1_A")]
#[case::shortest("x")]
#[case::longest(
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
)]
#[tokio::test]
async fn a_good_name_of_the_callers_is_kept(#[values(Sqlite, Postgres)] engine: Engine, #[case] name: &str) {
    let app = TestApp::start(engine).await;
    let client = app.client("ann").with_header("X-Request-Id", name);
    assert_eq!(client.list().await.expect(200).header("x-request-id"), name);
    assert_eq!(client.get("/api/tasks/abc").await.expect(422).json()["request_id"], name);
    assert_eq!(client.get("/nowhere").await.expect(404).header("x-request-id"), name);
}

#[rstest]
#[case::empty("")]
#[case::too_long(
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
)]
#[case::space("a b")]
#[case::letters_of_others("naïve")]
#[case::log_forging("x level=error")]
#[case::markup("<b>")]
#[tokio::test]
async fn any_other_name_is_replaced(#[values(Sqlite, Postgres)] engine: Engine, #[case] name: &str) {
    let app = TestApp::start(engine).await;
    let answer = app.client("ann").with_header("X-Request-Id", name).list().await.expect(200);
    assert_ne!(answer.header("x-request-id"), name);
    assert_eq!(answer.header("x-request-id").len(), 36);
}

#[rstest]
#[tokio::test]
async fn no_other_character_is_kept(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let others = ('!'..='~').filter(|letter| !letter.is_ascii_alphanumeric() && !"._-".contains(*letter));
    let names: Vec<_> = others.map(|letter| format!("x{letter}x")).collect();
    assert_eq!(names.len(), 29);
    for name in names {
        let answer = app.client("ann").with_header("X-Request-Id", &name).list().await.expect(200);
        assert_ne!(answer.header("x-request-id"), name);
    }
}

/// Of two names neither is the caller's word.
#[rstest]
#[tokio::test]
async fn two_names_are_replaced(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let client = app.client("ann").with_header("X-Request-Id", "one").with_header("X-Request-Id", "two");
    assert_eq!(client.list().await.expect(200).header("x-request-id").len(), 36);
}

#[rstest]
#[tokio::test]
async fn fresh_names_are_all_different(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let (stranger, mut names) = (app.stranger(), HashSet::new());
    for _ in 0..100 {
        let name = stranger.list().await.header("x-request-id").to_owned();
        assert!(names.insert(name.clone()), "{name} comes twice");
    }
}
