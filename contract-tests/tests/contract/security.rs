//! The headers that guard whoever reads an answer in a browser.

use rstest::rstest;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    Raw, TestApp,
};

#[rstest]
#[case::data("/api/tasks", 200)]
#[case::problem("/api/tasks/x", 422)]
#[case::nothing("/nothing", 404)]
#[case::health("/api/health", 200)]
#[tokio::test]
async fn an_answer_is_not_kept_not_guessed_at_and_not_framed(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] path: &str,
    #[case] status: u16,
) {
    let app = TestApp::start(engine).await;
    let answer = app.client("ann").get(path).await.expect(status);
    assert_eq!(answer.header("cache-control"), "no-store, no-transform");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    assert!(!answer.headers.contains_key("server"), "nobody needs to know what this is made of");
}

#[rstest]
#[tokio::test]
async fn a_page_says_itself_what_it_needs(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let page = app.stranger().get("/docs").await.expect(200);
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert_eq!(page.header("cache-control"), "no-cache");
}

#[rstest]
#[tokio::test]
async fn what_is_no_request_is_guarded_too(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send("nonsense\r\n\r\n").await;
    assert_eq!(raw.problem().await.header("x-content-type-options"), "nosniff");
}

#[rstest]
#[case::nginx("127.0.0.1", &[("X-Forwarded-Proto", "https")], true)]
#[case::the_standard("127.0.0.1", &[("Forwarded", "for=192.0.2.1;proto=https")], true)]
#[case::plain("127.0.0.1", &[("X-Forwarded-Proto", "http")], false)]
#[case::nearest_plain("127.0.0.1", &[("X-Forwarded-Proto", "https, http")], false)]
#[case::unsaid("127.0.0.1", &[], false)]
#[case::by_anybody("10.0.0.1", &[("X-Forwarded-Proto", "https")], false)]
#[tokio::test]
async fn tls_is_insisted_on_where_there_is_some(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] proxy: &str,
    #[case] headers: &[(&str, &str)],
    #[case] is_insisted_on: bool,
) {
    let app =
        TestApp::configured(engine, &[("TRUSTED_PROXIES", proxy), ("ALLOWED_ORIGINS", "https://a.example")]).await;
    let client = headers.iter().fold(app.client("ann"), |client, (name, value)| client.with_header(name, value));
    let before = client.clone().with_header("Origin", "https://a.example");
    let before = before.with_header("Access-Control-Request-Method", "POST");
    let preflight = before.send("OPTIONS", "/api/tasks", None).await.expect(204);
    for answer in [preflight, client.list().await.expect(200)] {
        assert_eq!(answer.header("strict-transport-security"), if is_insisted_on { "max-age=31536000" } else { "" });
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}
