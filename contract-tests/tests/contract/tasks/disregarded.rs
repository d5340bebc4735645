//! Conditions that an operation does not take.

use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    TestApp,
};

/// Whoever gives a condition wants nothing done where it does not hold, and here nobody would look.
#[rstest]
#[case::creation("POST", "/api/tasks", "If-Match")]
#[case::creation_unless("POST", "/api/tasks", "If-None-Match")]
#[case::list("GET", "/api/tasks", "If-Match")]
#[case::get("GET", "/api/tasks/{id}", "If-Match")]
#[case::head("HEAD", "/api/tasks/{id}", "If-Match")]
#[case::update("PUT", "/api/tasks/{id}", "If-None-Match")]
#[case::toggle("PATCH", "/api/tasks/{id}/complete", "If-None-Match")]
#[case::deletion("DELETE", "/api/tasks/{id}", "If-None-Match")]
#[case::change_of_all("PATCH", "/api/tasks", "If-None-Match")]
#[case::deletion_of_all("DELETE", "/api/tasks?completed=true", "If-None-Match")]
#[tokio::test]
async fn a_condition_that_the_operation_does_not_take_is_refused(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] method: &str,
    #[case] path: &str,
    #[case] name: &str,
    #[values("*", "\"x\"", "x")] condition: &str,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.create(json!({"title": "a", "completed": true})).await.expect(201).id();
    let before = ann.list().await.expect(200).json();
    let body = match (method, path) {
        ("POST" | "PUT", _) => Some(json!({"title": "b"})),
        ("PATCH", "/api/tasks") => Some(json!({"completed": false})),
        _ => None,
    };
    let answer =
        ann.clone().with_header(name, condition).send(method, &path.replace("{id}", &id.to_string()), body).await;
    let answer = answer.expect(422);
    if method != "HEAD" {
        let fault = json!([{"parameter": name, "detail": "must not be given: the operation does not look at it"}]);
        assert_eq!(answer.json()["errors"], fault);
    }
    assert_eq!(ann.list().await.expect(200).json(), before);
    app.stranger().with_header(name, condition).send(method, &path.replace("{id}", "1"), None).await.expect(401);
}

#[rstest]
#[tokio::test]
async fn a_condition_that_is_refused_is_told_beside_the_faults_of_the_body(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann").with_header("If-Match", "*").with_header("If-None-Match", "*");
    for (method, path, body, conditions) in [
        ("POST", "/api/tasks", json!({"title": ""}), 2),
        ("PUT", "/api/tasks/1", json!({"title": ""}), 1),
        ("PATCH", "/api/tasks", json!({}), 1),
    ] {
        let answer = ann.send(method, path, Some(body)).await.expect(422);
        assert_eq!(answer.json()["errors"].as_array().map(Vec::len), Some(1 + conditions), "{answer:?}");
    }
}
