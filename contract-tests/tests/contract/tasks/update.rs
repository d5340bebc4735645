//! `PUT /api/tasks/{id}`.

use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use todo_contract_tests::{
    Client,
    Engine::{self, Guarded, Postgres, Sqlite},
    TestApp,
};

async fn full_task(client: &Client) -> Value {
    let body = json!({"title": "Buy milk", "description": "Two litres", "completed": true});
    client.create(body).await.expect(201).json()
}

/// Each patch, and what it makes of the task; all else stays.
#[rstest]
#[case::title(json!({"title": "Buy bread"}), json!({"title": "Buy bread"}))]
#[case::description(json!({"description": "Three"}), json!({"description": "Three"}))]
#[case::description_empty(json!({"description": ""}), json!({"description": ""}))]
#[case::description_null(json!({"description": null}), json!({"description": null}))]
#[case::completed(json!({"completed": false}), json!({"completed": false}))]
#[case::two(json!({"title": "t", "completed": false}), json!({"title": "t", "completed": false}))]
#[case::all(
    json!({"title": "t", "description": null, "completed": false}),
    json!({"title": "t", "description": null, "completed": false})
)]
#[case::with_fields_that_it_does_not_have(
    json!({"title": "t", "id": 99, "user_id": "bob", "created_at": "1999-12-31T00:00:00Z"}),
    json!({"title": "t"})
)]
#[tokio::test]
async fn only_the_fields_present_change(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] patch: Value,
    #[case] changes: Value,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let before = full_task(&ann).await;
    let id = before["id"].as_i64().expect("an id");
    let after = ann.update(id, patch).await.expect(200).json();
    let mut expected = before.clone();
    for (name, value) in changes.as_object().expect("an object") {
        expected[name] = value.clone();
    }
    expected["updated_at"] = after["updated_at"].clone();
    assert_eq!(after, expected);
    assert!(after["updated_at"].as_str() > before["updated_at"].as_str(), "updated_at moves");
    assert_eq!(ann.task(id).await.expect(200).json(), after, "and it is kept");
}

#[rstest]
#[case::empty(json!({}))]
#[case::only_fields_that_it_does_not_have(json!({"id": 99, "user_id": "bob", "updated_at": "1999-12-31T00:00:00Z"}))]
#[tokio::test]
async fn a_patch_without_fields_changes_nothing(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] patch: Value,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let before = full_task(&ann).await;
    let id = before["id"].as_i64().expect("an id");
    assert_eq!(ann.update(id, patch).await.expect(200).json(), before);
    assert_eq!(ann.task(id).await.expect(200).json(), before);
}

#[rstest]
#[case::title_null(json!({"title": null}), &["/title: must be a string"])]
#[case::title_empty(json!({"title": ""}), &["/title: must have 1 to 200 characters"])]
#[case::title_white(json!({"title": "\u{3000}\u{2029}"}), &["/title: must have a character that is neither white space nor a control character"])]
#[case::title_long(json!({"title": "x".repeat(201)}), &["/title: must have 1 to 200 characters"])]
#[case::completed_null(json!({"completed": null}), &["/completed: must be a boolean"])]
#[case::description_long(json!({"description": "x".repeat(1001)}), &["/description: must have at most 1000 characters"])]
#[case::description_list(json!({"description": []}), &["/description: must be a string or null"])]
#[case::all(json!({"title": 1, "description": {}, "completed": 0}), &[
    "/completed: must be a boolean",
    "/description: must be a string or null",
    "/title: must be a string",
])]
#[case::no_object(json!(true), &[": must be an object"])]
#[tokio::test]
async fn a_patch_at_fault_changes_nothing(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] patch: Value,
    #[case] faults: &[&str],
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let before = full_task(&ann).await;
    let id = before["id"].as_i64().expect("an id");
    assert_eq!(ann.update(id, patch).await.expect(422).faults(), faults);
    assert_eq!(ann.task(id).await.expect(200).json(), before);
}

#[rstest]
#[tokio::test]
async fn faults_of_the_path_and_of_the_body_are_told_together(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let refused = app.client("ann").send("PUT", "/api/tasks/abc", Some(json!({"title": ""}))).await.expect(422);
    assert_eq!(
        refused.faults(),
        ["/title: must have 1 to 200 characters", "id: must be a whole number of at most 64 bits, such as 42"]
    );
    assert_eq!(
        refused.json()["detail"],
        "title: must have 1 to 200 characters; id: must be a whole number of at most 64 bits, such as 42"
    );
}

#[rstest]
#[tokio::test]
async fn a_good_body_does_not_hide_a_bad_id(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let refused = app.client("ann").send("PUT", "/api/tasks/abc", Some(json!({"title": "a"}))).await.expect(422);
    assert_eq!(refused.faults(), ["id: must be a whole number of at most 64 bits, such as 42"]);
}

#[rstest]
#[case::with_fields(json!({"title": "a"}))]
#[case::without(json!({}))]
#[tokio::test]
async fn a_task_that_does_not_exist_is_not_updated(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] patch: Value,
) {
    let app = TestApp::start(engine).await;
    app.client("ann").update(4711, patch).await.expect(404);
}

#[rstest]
#[tokio::test]
async fn setting_completed_twice_is_safe(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    for _ in 0..2 {
        assert_eq!(ann.update(id, json!({"completed": true})).await.expect(200).json()["completed"], true);
    }
}

#[rstest]
#[tokio::test]
async fn updated_at_moves_at_every_change(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    let mut last = String::new();
    for number in 0..50 {
        let task = ann.update(id, json!({"title": format!("{number}")})).await.expect(200).json();
        let moved = task["updated_at"].as_str().expect("a text").to_owned();
        assert!(moved > last, "{moved} comes after {last}");
        last = moved;
    }
}

#[rstest]
#[case::update("PUT", "/api/tasks/{}")]
#[case::toggle("PATCH", "/api/tasks/{}/complete")]
#[case::all("PATCH", "/api/tasks")]
#[tokio::test]
async fn updated_at_is_when_it_was_changed(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] method: &str,
    #[case] path: &str,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let oldest = ann.created("oldest").await;
    // Not a change of any other.
    for title in ["older", "before it"] {
        ann.create(json!({"title": title, "completed": true})).await.expect(201);
    }
    let body = (path != "/api/tasks/{}/complete").then(|| json!({"completed": true}));
    ann.send(method, &path.replace("{}", &oldest.to_string()), body).await.expect(200);
    let youngest = ann.created("after it").await;
    let in_order = ann.get("/api/tasks?sort=updated_at").await.expect(200).ids();
    assert_eq!(in_order[2..], [oldest, youngest]);
}

#[rstest]
#[tokio::test]
async fn updated_at_never_goes_back(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    let database = app.database().connect().await;
    let ahead = "UPDATE tasks SET updated_at = 4000000000000000 WHERE user_id = 'ann'";
    database.execute_unprepared(ahead).await.expect("as by a server whose clock is ahead");
    let moment = |number: u8| json!(format!("2096-10-02T07:06:40.00000{number}Z"));
    assert_eq!(ann.update(id, json!({"title": "a"})).await.expect(200).json()["updated_at"], moment(1));
    assert_eq!(ann.toggle(id).await.expect(200).json()["updated_at"], moment(2));
    ann.complete_all(false).await.expect(200);
    assert_eq!(ann.task(id).await.expect(200).json()["updated_at"], moment(3));
}

#[rstest]
#[tokio::test]
async fn a_body_over_64_kib_is_refused(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    ann.update(id, json!({"padding": "x".repeat(64 * 1024)})).await.expect(413);
}

#[rstest]
#[tokio::test]
async fn a_body_that_does_not_claim_to_be_json_is_refused(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    ann.send_bytes("PUT", &format!("/api/tasks/{id}"), None, "{}").await.expect(415);
}
