//! What stands around the operations: names of requests, the document, and its pages.

use std::fs;

use rstest::rstest;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    TestApp, committed, workspace,
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
async fn fresh_names_are_all_different(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let (one, other) = (app.stranger().list().await, app.stranger().list().await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[rstest]
#[case::json("/openapi.json", "application/json", "openapi/openapi.json")]
#[case::yaml("/openapi.yaml", "application/yaml", "openapi/openapi.yaml")]
#[tokio::test]
async fn the_document_is_served_byte_for_byte(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] path: &str,
    #[case] media_type: &str,
    #[case] file: &str,
) {
    let app = TestApp::start(engine).await;
    let served = app.stranger().get(path).await.expect(200);
    assert_eq!(served.header("content-type"), media_type);
    assert_eq!(served.text, fs::read_to_string(workspace().join(file)).expect("the committed document"));
}

#[rstest]
#[tokio::test]
async fn swagger_ui_asks_nobody_else(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let page = app.stranger().get("/docs").await.expect(200);
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert!(!page.text.contains("//"), "no address of another host stands in the page");
    let mut linked = 0;
    for part in page.text.split(['"', '\'']).filter(|part| part.starts_with("docs/")) {
        app.stranger().get(&format!("/{part}")).await.expect(200);
        linked += 1;
    }
    assert_eq!(linked, 4, "icon, style, bundle and start");
}

#[rstest]
#[tokio::test]
async fn swagger_ui_keeps_the_authorization_through_a_reload(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let start = app.stranger().get("/docs/start.js").await.expect(200);
    assert!(start.text.contains("persistAuthorization: true") && start.text.contains(r#"url: "openapi.json""#));
    assert!(committed().json["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer");
}
