//! `GET /api/tasks`.

use rstest::rstest;
use serde_json::{Value, json};
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    TestApp,
};

#[rstest]
#[tokio::test]
async fn who_has_no_tasks_gets_an_empty_list(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    assert_eq!(app.client("ann").list().await.expect(200).json(), json!([]));
}

#[rstest]
#[tokio::test]
async fn the_list_has_all_of_the_callers_tasks_oldest_first(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    let mut ids = Vec::new();
    for title in ["b", "a", "c"] {
        ids.push(ann.created(title).await);
        bob.created(title).await;
    }
    let list = ann.list().await.expect(200);
    assert_eq!(list.ids(), ids);
    assert!(list.json().as_array().expect("a list").iter().all(|task| task["user_id"] == "ann"));
}

#[rstest]
#[tokio::test]
async fn a_change_does_not_move_a_task_in_the_list(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let (first, second) = (ann.created("first").await, ann.created("second").await);
    ann.update(first, json!({"title": "zzz"})).await.expect(200);
    assert_eq!(ann.list().await.expect(200).ids(), [first, second]);
}

#[rstest]
#[tokio::test]
async fn the_list_shows_each_task_as_get_does(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let plain = ann.created("plain").await;
    let full = ann.create(json!({"title": "full", "description": "d", "completed": true})).await.expect(201).id();
    let list: Value = ann.list().await.expect(200).json();
    assert_eq!(list[0], ann.task(plain).await.expect(200).json());
    assert_eq!(list[1], ann.task(full).await.expect(200).json());
}

#[rstest]
#[tokio::test]
async fn a_long_list_comes_whole(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    for number in 0..300 {
        ann.created(&format!("task {number}")).await;
    }
    assert_eq!(ann.list().await.expect(200).ids().len(), 300);
}

#[rstest]
#[tokio::test]
async fn a_deleted_task_is_not_in_the_list(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let (kept, gone) = (ann.created("kept").await, ann.created("gone").await);
    ann.delete(gone).await.expect(204);
    assert_eq!(ann.list().await.expect(200).ids(), [kept]);
}
