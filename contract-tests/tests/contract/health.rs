//! `GET /api/health` and `GET /api/ready`.

use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    TestApp,
};

#[rstest]
#[case::health("/api/health")]
#[case::ready("/api/ready")]
#[tokio::test]
async fn nobody_needs_a_token_to_ask_how_the_service_is(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] path: &str,
) {
    let app = TestApp::start(engine).await;
    assert_eq!(app.stranger().get(path).await.expect(200).json(), json!({"status": "ok"}));
    assert_eq!(app.client_with("garbage").get(path).await.expect(200).json(), json!({"status": "ok"}));
}
