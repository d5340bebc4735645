//! `GET /api/tasks/{id}`.

use rstest::rstest;
use todo_contract_tests::{
    Engine::{self, Guarded, Postgres, Sqlite},
    TestApp,
};

#[rstest]
#[tokio::test]
async fn a_task_is_found_as_it_was_created(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let created = ann.create(serde_json::json!({"title": "Buy milk"})).await.expect(201);
    assert_eq!(ann.task(created.id()).await.expect(200).json(), created.json());
}

#[rstest]
#[case::never_given("987654321")]
#[case::zero("0")]
#[case::negative("-1")]
#[case::largest("9223372036854775807")]
#[case::smallest("-9223372036854775808")]
#[tokio::test]
async fn an_id_that_names_no_task_is_not_found(#[values(Sqlite, Postgres, Guarded)] engine: Engine, #[case] id: &str) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    ann.created("Buy milk").await;
    ann.get(&format!("/api/tasks/{id}")).await.expect(404);
}

#[rstest]
#[case::word("abc")]
#[case::one_too_large("9223372036854775808")]
#[case::one_too_small("-9223372036854775809")]
#[case::far_too_large("99999999999999999999999999")]
#[case::fraction("1.0")]
#[case::exponent("1e3")]
#[case::hexadecimal("0x1")]
#[case::plus("+1")]
#[case::leading_zero("01")]
#[case::negative_zero("-0")]
#[case::space("%201")]
#[case::nul("%00")]
#[case::no_utf_8("%ff")]
#[case::other_digits("%D9%A1")]
#[case::sql("1%20OR%201=1")]
#[tokio::test]
async fn an_id_that_is_no_int64_is_refused(#[values(Sqlite, Postgres, Guarded)] engine: Engine, #[case] id: &str) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    ann.created("Buy milk").await;
    let refused = ann.get(&format!("/api/tasks/{id}")).await.expect(422);
    assert_eq!(refused.faults(), ["id: must be a whole number of at most 64 bits, such as 42"]);
}

#[rstest]
#[tokio::test]
async fn head_is_answered_as_get_without_the_body(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    for (path, status) in
        [(format!("/api/tasks/{id}"), 200), ("/api/tasks".to_owned(), 200), ("/api/tasks/0".to_owned(), 404)]
    {
        let (get, head) = (ann.get(&path).await.expect(status), ann.send("HEAD", &path, None).await.expect(status));
        assert_eq!(head.text, "");
        for name in ["content-type", "content-length", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
        assert!(head.header("content-length").parse::<u64>().is_ok_and(|length| length > 0), "of {path}");
    }
}

#[rstest]
#[tokio::test]
async fn query_parameters_that_mean_nothing_are_ignored(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    ann.get(&format!("/api/tasks/{id}?user_id=bob&id=999&%ff=%00")).await.expect(200);
}
