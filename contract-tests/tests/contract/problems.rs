//! What goes wrong around the operations, and what a client learns of what goes wrong within.

use rstest::rstest;
use todo_contract_tests::{
    Answer, BrokenApp,
    Engine::{self, Postgres, Sqlite},
    INTERNALS, Mishap, TestApp, committed,
};

#[rstest]
#[case::root("/")]
#[case::nothing("/nothing")]
#[case::below_the_api("/api")]
#[case::unknown("/api/users")]
#[case::trailing_slash("/api/tasks/")]
#[case::below_a_task("/api/tasks/1/2")]
#[case::double_slash("//api/tasks")]
#[case::capitals("/API/tasks")]
#[case::climbing("/docs/..%2f..%2fetc%2fpasswd")]
#[case::nul("/api/%00")]
#[tokio::test]
async fn a_path_that_leads_nowhere_is_not_found(#[values(Sqlite, Postgres)] engine: Engine, #[case] path: &str) {
    let app = TestApp::start(engine).await;
    app.client("ann").get(path).await.expect(404);
}

#[rstest]
#[case::tasks("/api/tasks", &["PUT", "OPTIONS", "TRACE", "PROPFIND"], "GET, HEAD, POST, PATCH, DELETE")]
#[case::task("/api/tasks/1", &["POST", "PATCH", "OPTIONS", "TRACE"], "GET, HEAD, PUT, DELETE")]
#[case::complete("/api/tasks/1/complete", &["GET", "HEAD", "POST", "PUT", "DELETE"], "PATCH")]
#[case::health("/api/health", &["POST", "DELETE"], "GET, HEAD")]
#[case::ready("/api/ready", &["POST", "DELETE"], "GET, HEAD")]
#[case::document("/openapi.json", &["POST", "DELETE"], "GET, HEAD")]
#[case::pages("/docs", &["POST", "DELETE"], "GET, HEAD")]
#[tokio::test]
async fn another_method_is_refused_with_those_allowed(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] path: &str,
    #[case] methods: &[&str],
    #[case] allow: &str,
) {
    let app = TestApp::start(engine).await;
    for method in methods {
        let refused = app.client("ann").send(method, path, None).await.expect(405);
        assert_eq!(refused.header("allow"), allow, "{method} {path}");
    }
}

/// Not a word of what went wrong is in the answer.
#[track_caller]
fn assert_tells_nothing(answer: &Answer) {
    let mut words = INTERNALS.split(' ').filter(|word| word.len() > 2);
    assert!(!words.any(|word| answer.text.contains(word)), "{}", answer.text);
}

/// Calls every operation that reaches the store.
async fn statuses(app: &BrokenApp) -> Vec<(u16, String)> {
    let mut answers = Vec::new();
    for operation in committed().secured() {
        let (path, body) = operation.good(1);
        let answer = app.client().send(&operation.method, &path, body).await;
        assert_tells_nothing(&answer);
        answers.push((answer.status, answer.header("retry-after").to_owned()));
    }
    assert_eq!(app.calls(), answers.len(), "each of them reached the keeper");
    answers
}

#[tokio::test]
async fn a_fault_of_ours_tells_nothing_of_itself() {
    let app = BrokenApp::start(Mishap::Fault).await;
    assert!(statuses(&app).await.iter().all(|(status, _)| *status == 500));
}

#[tokio::test]
async fn a_panic_is_answered_like_any_fault_of_ours() {
    let app = BrokenApp::start(Mishap::Panic).await;
    assert!(statuses(&app).await.iter().all(|(status, _)| *status == 500));
}

#[tokio::test]
async fn a_database_that_is_away_is_worth_another_try() {
    let app = BrokenApp::start(Mishap::Away).await;
    let answers = statuses(&app).await;
    assert!(answers.iter().all(|(status, retry)| *status == 503 && retry == "2"), "{answers:?}");
    let unready = app.client().get("/api/ready").await.expect(503);
    assert_tells_nothing(&unready);
    app.client().get("/api/health").await.expect(200);
}

#[rstest]
#[tokio::test]
async fn a_body_without_announced_length_is_held_to_the_limit(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024]));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    app.client("ann").send_bytes("POST", "/api/tasks", Some("application/json"), body).await.expect(413);
}
