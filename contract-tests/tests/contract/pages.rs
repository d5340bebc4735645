//! The document and the page of Swagger UI: what is sent, how it is kept, and how small it is.

use std::io::Read as _;

use reqwest::{Response, StatusCode};
use rstest::rstest;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    TestApp, committed, read,
};

/// What the page of Swagger UI loads from this server.
async fn assets(app: &TestApp) -> Vec<String> {
    let page = app.stranger().get("/docs").await.expect(200);
    let parts = page.text.split('"').filter(|part| part.starts_with("docs/"));
    let assets: Vec<_> = parts.map(|part| format!("/{part}")).collect();
    assert_eq!(assets.len(), 5, "icon, two styles, bundle and start");
    assets
}

/// An answer as it is on the wire, compressed perhaps.
async fn get(app: &TestApp, path: &str, accepted: Option<&str>) -> Response {
    let mut request = reqwest::Client::new().get(format!("http://{}{path}", app.address()));
    if let Some(accepted) = accepted {
        request = request.header("Accept-Encoding", accepted);
    }
    request.send().await.expect("an answer")
}

fn coding(response: &Response) -> &str {
    response.headers().get("content-encoding").map_or("", |coding| coding.to_str().expect("text"))
}

fn decoded(coding: &str, content: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "br" => brotli::Decompressor::new(content, 4096).read_to_end(&mut plain),
        "gzip" => flate2::read::GzDecoder::new(content).read_to_end(&mut plain),
        _ => return content.to_vec(),
    }
    .expect("it is in that coding");
    plain
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
    let expected = read(file);
    for wanted in ["", "gzip", "br"] {
        let response = get(&app, path, Some(wanted)).await;
        assert_eq!(response.headers()["content-type"], media_type);
        assert_eq!(coding(&response), wanted);
        let content = response.bytes().await.expect("a body");
        assert!(decoded(wanted, &content) == expected.as_bytes(), "{path} in {wanted:?}");
        assert!(wanted.is_empty() || content.len() * 5 < expected.len(), "{wanted} is worth it");
    }
}

#[rstest]
#[tokio::test]
async fn swagger_ui_is_the_same_in_every_coding(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    for path in assets(&app).await {
        let plain = get(&app, &path, None).await.bytes().await.expect("a body");
        for wanted in ["gzip", "br"] {
            let response = get(&app, &path, Some(wanted)).await;
            assert_eq!((response.status(), coding(&response)), (StatusCode::OK, wanted));
            let content = response.bytes().await.expect("a body");
            assert!(decoded(wanted, &content) == plain, "{path} in {wanted}");
        }
    }
}

#[rstest]
#[case::none(None, "")]
#[case::nothing_named(Some(""), "")]
#[case::a_browser(Some("gzip, deflate, br, zstd"), "br")]
#[case::a_browser_without_tls(Some("gzip, deflate"), "gzip")]
#[case::capitals(Some("GZIP"), "gzip")]
#[case::unknown(Some("zstd, compress"), "")]
#[case::plain_alone(Some("identity"), "")]
#[case::plain_liked_better(Some("identity, gzip;q=0.5, *;q=0.1"), "")]
#[case::plain_liked_less(Some("identity;q=0.1, gzip;q=0.5"), "gzip")]
#[case::any(Some("*"), "br")]
#[case::any_but(Some("br;q=0, *"), "gzip")]
#[case::refused(Some("br;q=0, gzip; q=0.0"), "")]
#[case::weighed(Some("br; q=0.001"), "br")]
#[case::liked_better(Some("br;q=0.5, gzip;q=0.9"), "gzip")]
#[case::all_refused(Some("*;q=0"), "")]
#[case::malformed(Some("br;q=x, gzip;level=9, ;;,"), "")]
#[tokio::test]
async fn the_coding_that_is_liked_best_is_sent(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] accepted: Option<&str>,
    #[case] expected: &str,
) {
    let app = TestApp::start(engine).await;
    assert_eq!(coding(&get(&app, "/openapi.json", accepted).await), expected);
}

/// An answer that holds people's words beside somebody else's must not tell by its length what is in it (BREACH).
#[rstest]
#[tokio::test]
async fn no_answer_of_an_operation_is_compressed(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let client = app.client("ann").with_header("Accept-Encoding", "gzip, br");
    let id = client.created(&"a".repeat(200)).await;
    for path in ["/api/tasks", &format!("/api/tasks/{id}"), "/api/tasks/abc", "/api/health", "/nowhere"] {
        assert_eq!(client.get(path).await.header("content-encoding"), "", "{path}");
    }
}

#[rstest]
#[case::json("/openapi.json")]
#[case::yaml("/openapi.yaml")]
#[case::page("/docs")]
#[tokio::test]
async fn what_may_change_is_kept_and_asked_for_again(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] path: &str,
    #[values("", "gzip", "br")] coding: &str,
) {
    let app = TestApp::start(engine).await;
    let client = app.stranger().with_header("Accept-Encoding", coding);
    let head = client.send("HEAD", path, None).await.expect(200);
    let tag = head.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 10, "{tag} is a strong tag");
    for given in [tag.as_str(), &format!("W/{tag}"), &format!(r#""other", {tag}"#), "*"] {
        let again = client.clone().with_header("If-None-Match", given).get(path).await.expect(304);
        assert_eq!((again.header("etag"), again.text.as_str()), (tag.as_str(), ""));
        assert_eq!((again.header("cache-control"), again.varies_by("Accept-Encoding")), ("no-cache", true));
    }
    for given in [r#""other""#, "", "nonsense", &tag[1..], r#""a b""#, r#"W/"a b", "c""#] {
        let again = client.clone().with_header("If-None-Match", given);
        let again = again.send("HEAD", path, None).await.expect(200);
        assert_eq!((again.header("etag"), again.header("content-encoding")), (tag.as_str(), coding));
        assert_eq!((again.header("cache-control"), again.varies_by("Accept-Encoding")), ("no-cache", true));
    }
}

#[rstest]
#[tokio::test]
async fn each_coding_has_a_tag_of_its_own(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut tags = Vec::new();
    for accepted in ["", "gzip", "br"] {
        tags.push(get(&app, "/docs", Some(accepted)).await.headers()["etag"].clone());
    }
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[2] != tags[0], "{tags:?}");
}

#[rstest]
#[tokio::test]
async fn what_swagger_ui_loads_is_kept_for_ever(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    for path in assets(&app).await {
        let answer = app.stranger().send("HEAD", &path, None).await.expect(200);
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        assert!(answer.varies_by("Accept-Encoding"));
        let other = path.replace("/docs/", "/docs/0");
        app.stranger().get(&other).await.expect(404);
    }
}

#[rstest]
#[tokio::test]
async fn swagger_ui_asks_nobody_else(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let page = app.stranger().get("/docs").await.expect(200);
    assert!(page.text.starts_with("<!doctype html>") && page.text.contains("<title>Todo API</title>"));
    assert!(!page.text.contains("//"), "no address of another host stands in the page");
    for path in [vec!["/docs".to_owned(), "/openapi.json".to_owned()], assets(&app).await].concat() {
        let answer = app.stranger().send("HEAD", &path, None).await.expect(200);
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        for directive in ["connect-src 'self'", "base-uri 'none'", "form-action 'none'"] {
            assert!(policy.split("; ").any(|given| given == directive), "{directive} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("//"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[rstest]
#[tokio::test]
async fn the_page_is_found_with_a_slash_too(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    assert_eq!(get(&app, "/docs/", None).await.url().path(), "/docs");
}

#[rstest]
#[tokio::test]
async fn swagger_ui_keeps_the_authorization_through_a_reload(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let start = assets(&app).await.pop().expect("the start is the last");
    let start = app.stranger().get(&start).await.expect(200);
    assert!(start.text.contains("persistAuthorization: true") && start.text.contains(r#"url: "openapi.json""#));
    assert!(committed().json["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer");
}
