//! Each operation with an id, on another's task: the very answer that a missing task gets.

use rstest::rstest;
use serde_json::{Value, json};
use todo_contract_tests::{
    Answer,
    Engine::{self, Guarded, Postgres, Sqlite},
    TestApp, committed,
};

/// All that a client could tell two answers apart by, but for their names and dates.
fn told(answer: &Answer) -> (u16, Value, Vec<String>) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id" && *name != "date");
    (answer.status, body, headers.map(|(name, value)| format!("{name}: {value:?}")).collect())
}

#[rstest]
#[tokio::test]
async fn a_task_of_another_user_is_not_found(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, eve) = (app.client("ann"), app.client("eve"));
    let id = ann.created("Buy milk").await;
    let before = ann.task(id).await.expect(200).json();
    let with_id: Vec<_> = committed().operations.iter().filter(|operation| operation.path.contains("{id}")).collect();
    assert!(!with_id.is_empty(), "the document was read");
    for operation in with_id {
        let ask = async |id| {
            let (path, body) = operation.good(id);
            eve.send(&operation.method, &path, body).await.expect(404)
        };
        assert_eq!(told(&ask(id).await), told(&ask(987_654_321).await), "{}", operation.id);
        assert_eq!(ann.task(id).await.expect(200).json(), before, "{}: nothing happened to it", operation.id);
    }
}

/// Ids that a careless comparison would take for one another.
#[rstest]
#[case::case_of_letters("ann", "ANN")]
#[case::trailing_space("ann", "ann ")]
#[case::normalisation("e\u{301}", "\u{e9}")]
#[case::width("a", "\u{ff41}")]
#[case::number("1", "01")]
#[case::sharp_s("strasse", "straße")]
#[case::pattern("ann", "%")]
#[case::underscore("ann", "a_n")]
#[tokio::test]
async fn users_of_similar_ids_are_different_users(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] one: &str,
    #[case] other: &str,
) {
    let app = TestApp::start(engine).await;
    let id = app.client(one).created("mine").await;
    app.client(other).task(id).await.expect(404);
    assert_eq!(app.client(other).list().await.expect(200).json(), json!([]));
    app.client(other).delete(id).await.expect(404);
    app.client(one).task(id).await.expect(200);
}
