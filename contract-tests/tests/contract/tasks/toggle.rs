//! `PATCH /api/tasks/{id}/complete`.

use rstest::rstest;
use todo_contract_tests::{
    Engine::{self, Guarded, Postgres, Sqlite},
    TestApp,
};

#[rstest]
#[tokio::test]
async fn every_toggle_flips_completed(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    for expected in [true, false, true] {
        assert_eq!(ann.toggle(id).await.expect(200).json()["completed"], expected);
        assert_eq!(ann.task(id).await.expect(200).json()["completed"], expected);
    }
}

#[rstest]
#[tokio::test]
async fn a_toggle_changes_nothing_else_but_updated_at(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let mut before = ann.create(serde_json::json!({"title": "a", "description": "b"})).await.expect(201).json();
    let after = ann.toggle(before["id"].as_i64().expect("an id")).await.expect(200).json();
    assert!(after["updated_at"].as_str() > before["updated_at"].as_str());
    before["completed"] = true.into();
    before["updated_at"] = after["updated_at"].clone();
    assert_eq!(after, before);
}

#[rstest]
#[tokio::test]
async fn a_task_that_does_not_exist_is_not_toggled(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    app.client("ann").toggle(4711).await.expect(404);
}

#[rstest]
#[tokio::test]
async fn a_bad_id_is_refused(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    app.client("ann").send("PATCH", "/api/tasks/abc/complete", None).await.expect(422);
}

#[rstest]
#[tokio::test]
async fn a_body_is_not_looked_at(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    let path = format!("/api/tasks/{id}/complete");
    ann.send_bytes("PATCH", &path, Some("text/plain"), "{not json").await.expect(200);
}
