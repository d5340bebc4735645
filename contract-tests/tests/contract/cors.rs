//! Cross-origin requests.

use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Postgres, Sqlite},
    Raw, TestApp, read,
};

const APP: &str = "https://app.example.com";

async fn app(engine: Engine) -> TestApp {
    TestApp::configured(engine, &[("ALLOWED_ORIGINS", "https://app.example.com, http://localhost:3000")]).await
}

fn from(client: Client, origin: &str) -> Client {
    client.with_header("Origin", origin)
}

fn cors_headers(answer: &Answer) -> Vec<&str> {
    answer
        .headers
        .keys()
        .map(reqwest::header::HeaderName::as_str)
        .filter(|name| name.starts_with("access-control-"))
        .collect()
}

#[rstest]
#[case::success("/api/tasks", 200)]
#[case::not_found("/api/tasks/4711", 404)]
#[case::unprocessable("/api/tasks/abc", 422)]
#[case::no_path("/nowhere", 404)]
#[case::document("/openapi.json", 200)]
#[tokio::test]
async fn every_answer_to_an_allowed_origin_may_be_read(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[values(APP, "http://localhost:3000")] origin: &str,
    #[case] path: &str,
    #[case] status: u16,
) {
    let app = app(engine).await;
    let answer = from(app.client("ann"), origin).get(path).await.expect(status);
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    assert!(answer.varies_by("Origin"));
    assert_eq!(answer.varies_by("Accept-Encoding"), path == "/openapi.json", "what it varies by besides stands");
    let exposed: Vec<_> = answer.header("access-control-expose-headers").split(", ").collect();
    for name in [
        "Location",
        "Link",
        "ETag",
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
        "WWW-Authenticate",
        "Idempotency-Replayed",
        "X-Request-Id",
    ] {
        assert!(exposed.contains(&name), "{name} is exposed");
    }
}

#[rstest]
#[tokio::test]
async fn a_401_to_an_allowed_origin_may_be_read_too(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = app(engine).await;
    let answer = from(app.stranger(), APP).list().await.expect(401);
    assert_eq!(answer.header("access-control-allow-origin"), APP);
}

#[rstest]
#[case::stranger("https://evil.example")]
#[case::other_scheme("http://app.example.com")]
#[case::other_port("https://app.example.com:8443")]
#[case::longer("https://app.example.com.evil.example")]
#[case::below("https://sub.app.example.com")]
#[case::capitals("https://APP.example.com")]
#[case::null("null")]
#[case::trailing_slash("https://app.example.com/")]
#[case::two("https://app.example.com, https://evil.example")]
#[case::any("*")]
#[tokio::test]
async fn another_origin_is_served_without_cors_headers(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] origin: &str,
) {
    let app = app(engine).await;
    let answer = from(app.client("ann"), origin).create(json!({"title": "a"})).await.expect(201);
    assert_eq!(cors_headers(&answer), [""; 0]);
    assert!(answer.varies_by("Origin"), "or a cache would hand this answer to an allowed origin");
}

#[rstest]
#[tokio::test]
async fn an_origin_that_is_no_text_does_no_harm(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = app(engine).await;
    let answer = from(app.client("ann"), "https://é.example").list().await.expect(200);
    assert_eq!(cors_headers(&answer), [""; 0]);
}

#[rstest]
#[tokio::test]
async fn a_preflight_of_an_allowed_origin_is_answered(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[values("GET", "POST", "PUT", "PATCH", "DELETE")] method: &str,
) {
    let app = app(engine).await;
    let client = from(app.stranger(), APP)
        .with_header("Access-Control-Request-Method", method)
        .with_header("Access-Control-Request-Headers", "authorization,content-type");
    let answer = client.send("OPTIONS", "/api/tasks", None).await.expect(204);
    assert_eq!(answer.header("access-control-allow-origin"), APP);
    assert!(answer.header("access-control-allow-methods").split(", ").any(|allowed| allowed == method));
    let of_operations =
        ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-Id"];
    for name in of_operations.into_iter().chain(["traceparent", "tracestate", "baggage", "sentry-trace"]) {
        assert!(answer.header("access-control-allow-headers").split(", ").any(|allowed| allowed == name), "{name}");
    }
    assert_eq!(answer.header("access-control-max-age"), "7200");
    for name in ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"] {
        assert!(answer.varies_by(name), "{name}");
    }
}

/// An allowed origin is anybody's to name: a proxy before us may see the end of such a request elsewhere.
#[rstest]
#[case::no_host("", 400)]
#[case::two_hosts("Host: a\r\nHost: b\r\n", 400)]
#[case::unknown_coding("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n", 501)]
#[tokio::test]
async fn a_preflight_has_to_be_a_request_of_http(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] headers: &str,
    #[case] status: u16,
) {
    let app = app(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    let asked = "Access-Control-Request-Method: GET\r\nConnection: close\r\n";
    raw.send(format!("OPTIONS /api/tasks HTTP/1.1\r\n{headers}Origin: {APP}\r\n{asked}\r\n")).await;
    let refusal = raw.problem().await.expect(status);
    assert_eq!(refusal.header("access-control-allow-origin"), APP);
}

/// It is nginx that answers them while the server is away.
#[tokio::test]
async fn a_preflight_is_answered_by_nginx_alike() {
    let app = app(Sqlite).await;
    let client = from(app.stranger(), APP).with_header("Access-Control-Request-Method", "GET");
    let answer = client.send("OPTIONS", "/api/tasks", None).await.expect(204);
    let site = read("deploy/nginx.conf");
    for name in ["access-control-allow-methods", "access-control-allow-headers"] {
        let value = format!("204 \"{}\";", answer.header(name));
        assert!(site.contains(&value), "{value} in deploy/nginx.conf");
    }
}

#[rstest]
#[tokio::test]
async fn a_preflight_of_another_origin_allows_nothing(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = app(engine).await;
    let client = from(app.stranger(), "https://evil.example").with_header("Access-Control-Request-Method", "DELETE");
    let answer = client.send("OPTIONS", "/api/tasks", None).await.expect(405);
    assert_eq!(cors_headers(&answer), [""; 0]);
}

#[rstest]
#[tokio::test]
async fn a_request_from_the_servers_own_page_always_works(#[values(Sqlite, Postgres)] engine: Engine) {
    for app in [TestApp::start(engine).await, app(engine).await] {
        let own = format!("http://{}", app.address());
        from(app.client("ann"), &own).create(json!({"title": "Try it out"})).await.expect(201);
    }
}

/// An app that brings its own pages along, such as one of Capacitor or Tauri.
#[rstest]
#[case("capacitor://localhost")]
#[case("tauri://localhost:1420")]
#[tokio::test]
async fn a_web_view_has_an_origin_too(#[values(Sqlite, Postgres)] engine: Engine, #[case] origin: &str) {
    let app = TestApp::configured(engine, &[("ALLOWED_ORIGINS", origin)]).await;
    let answer = from(app.client("ann"), origin).list().await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), origin);
}

#[rstest]
#[tokio::test]
async fn an_empty_list_allows_nobody(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let answer = from(app.client("ann"), APP).list().await.expect(200);
    assert_eq!(cors_headers(&answer), [""; 0]);
}
