//! `DELETE /api/tasks/{id}`.

use rstest::rstest;
use todo_contract_tests::{
    Engine::{self, Guarded, Postgres, Sqlite},
    TestApp,
};

#[rstest]
#[tokio::test]
async fn a_deleted_task_is_gone_for_good(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    ann.delete(id).await.expect(204);
    ann.task(id).await.expect(404);
    ann.update(id, serde_json::json!({"title": "back"})).await.expect(404);
    ann.toggle(id).await.expect(404);
    ann.delete(id).await.expect(404);
}

#[rstest]
#[tokio::test]
async fn an_id_is_never_used_again(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let first = ann.created("first").await;
    ann.delete(first).await.expect(204);
    assert!(ann.created("second").await > first);
}

#[rstest]
#[tokio::test]
async fn an_id_is_never_used_again_after_a_restart_either(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let last = app.client("ann").created("first").await;
    app.client("ann").delete(last).await.expect(204);
    let restarted = TestApp::on(app.database(), &[]).await.expect("it starts again");
    assert!(restarted.client("ann").created("second").await > last);
}

#[rstest]
#[tokio::test]
async fn only_the_one_task_is_deleted(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let (kept, gone) = (ann.created("kept").await, ann.created("gone").await);
    ann.delete(gone).await.expect(204);
    ann.task(kept).await.expect(200);
}

#[rstest]
#[tokio::test]
async fn a_bad_id_is_refused(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    app.client("ann").send("DELETE", "/api/tasks/1.5", None).await.expect(422);
}
