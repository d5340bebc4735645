//! What never becomes a request is told so by a problem, like everything else.

use std::time::Duration;

use rstest::rstest;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    Raw, TestApp,
};
use tokio::time::sleep;

/// What `bytes` are answered, at the end of the connection.
async fn answered(engine: Engine, bytes: impl AsRef<[u8]>) -> u16 {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    // The server may close before it has all of it.
    raw.send(bytes).await;
    let answer = raw.problem().await;
    assert_eq!(answer.header("connection"), "close");
    assert!(answer.header("date").ends_with(" GMT"), "{answer:?}");
    answer.status
}

#[rstest]
#[case::no_http(b"hello\r\n\r\n")]
#[case::no_version(b"GET /api/health\r\n\r\n")]
#[case::unknown_version(b"GET /api/health HTTP/9.9\r\n\r\n")]
#[case::space_in_a_name(b"GET /api/health HTTP/1.1\r\nHost : a\r\n\r\n")]
#[case::nul_in_a_value(b"GET /api/health HTTP/1.1\r\nHost: a\0b\r\n\r\n")]
#[case::tls(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a browser that expects TLS")]
#[case::two_lengths(b"POST /api/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}")]
#[case::no_host(b"GET /api/health HTTP/1.1\r\n\r\n")]
#[case::two_hosts(b"GET /api/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
#[case::no_hosts_name(b"GET /api/health HTTP/1.1\r\nHost: a b\r\n\r\n")]
#[case::a_users_name(b"GET /api/health HTTP/1.1\r\nHost: a@b\r\n\r\n")]
#[case::a_path(b"GET /api/health HTTP/1.1\r\nHost: a/b\r\n\r\n")]
#[case::two_ports(b"GET /api/health HTTP/1.1\r\nHost: a:80:90\r\n\r\n")]
#[case::no_port(b"GET /api/health HTTP/1.1\r\nHost: a:xyz\r\n\r\n")]
#[case::half_in_brackets(b"GET /api/health HTTP/1.1\r\nHost: [::1\r\n\r\n")]
#[case::a_lone_bracket(b"GET /api/health HTTP/1.1\r\nHost: a]b\r\n\r\n")]
#[case::behind_brackets(b"GET /api/health HTTP/1.1\r\nHost: [::1]a\r\n\r\n")]
#[case::no_address(b"GET /api/health HTTP/1.1\r\nHost: [a]\r\n\r\n")]
#[case::an_address_without_brackets(b"GET /api/health HTTP/1.1\r\nHost: ::1\r\n\r\n")]
#[case::no_percent_encoding(b"GET /api/health HTTP/1.1\r\nHost: %zz\r\n\r\n")]
#[case::two_hosts_before_1_1(b"GET /api/health HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")]
#[case::no_hosts_name_before_1_1(b"GET /api/health HTTP/1.0\r\nHost: a b\r\n\r\n")]
#[case::smuggling(b"POST /api/tasks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n{}")]
#[tokio::test]
async fn what_is_no_request_is_a_problem(#[values(Sqlite, Postgres)] engine: Engine, #[case] bytes: &[u8]) {
    assert_eq!(answered(engine, bytes).await, 400);
}

#[rstest]
#[case::by_none("")]
#[case::by_two("Host: a\r\nHost: b\r\n")]
#[tokio::test]
async fn who_names_no_host_is_told_so(#[values(Sqlite, Postgres)] engine: Engine, #[case] hosts: &str) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(format!("GET /api/health HTTP/1.1\r\n{hosts}\r\n")).await;
    let detail = &raw.problem().await.expect(400).json()["detail"];
    assert_eq!(detail, "the request must have one Host header, with a host and perhaps a port");
}

#[rstest]
#[case::gzip("gzip, chunked")]
#[case::twice("chunked, chunked")]
#[case::on_two_lines("gzip\r\nTransfer-Encoding: chunked")]
#[tokio::test]
async fn a_body_is_sent_as_it_is(#[values(Sqlite, Postgres)] engine: Engine, #[case] coding: &str) {
    let head = format!("POST /api/tasks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n");
    assert_eq!(answered(engine, head + "2\r\n{}\r\n0\r\n\r\n").await, 501);
}

/// HTTP/1.0 has no hosts, and probes that speak it name none.
#[rstest]
#[tokio::test]
async fn the_version_before_names_no_host(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send("GET /api/health HTTP/1.0\r\n\r\n").await;
    raw.told("HTTP/1.0 200 OK\r\n").await;
}

#[rstest]
#[case::a_name("localhost:8000")]
#[case::an_address("127.0.0.1")]
#[case::of_six("[::1]:8000")]
#[case::of_six_alone("[::1]")]
#[case::none("")]
#[case::a_port("localhost:")]
#[case::a_port_alone(":80")]
#[case::a_service("my_service.internal:8000")]
#[case::international("xn--bcher-kva.example")]
#[case::percent_encoded("b%C3%BCcher.example")]
#[tokio::test]
async fn a_host_is_named(#[values(Sqlite, Postgres)] engine: Engine, #[case] host: &str) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(format!("GET /api/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
    raw.told("HTTP/1.1 200 OK\r\n").await;
}

#[rstest]
#[tokio::test]
async fn a_head_has_at_most_16_kib(#[values(Sqlite, Postgres)] engine: Engine) {
    let head = |length: usize| {
        let head = "GET /api/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\nPadding: ";
        format!("{head}{}\r\n\r\n", "x".repeat(length - head.len() - 4))
    };
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(head(16 * 1024)).await;
    let served = raw.text().await;
    assert!(served.starts_with("HTTP/1.1 200 "), "{served}");
    assert_eq!(answered(engine, head(16 * 1024 + 1)).await, 431);
    assert_eq!(answered(engine, "GET /".to_owned() + &"x".repeat(100_000)).await, 431);
}

/// The client may be sending still when it is refused; a reset would take the answer from it.
#[rstest]
#[tokio::test]
async fn a_head_that_is_refused_is_heard_out(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    for _ in 0..2 {
        assert!(raw.send("GET /".to_owned() + &"x".repeat(100_000)).await, "it is taken");
        sleep(Duration::from_millis(100)).await;
    }
    raw.problem().await.expect(431);
}

#[rstest]
#[tokio::test]
async fn a_head_has_at_most_100_headers(#[values(Sqlite, Postgres)] engine: Engine) {
    let head = |headers: usize| {
        let others = "X: y\r\n".repeat(headers - 2);
        format!("GET /api/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{others}\r\n")
    };
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(head(100)).await;
    raw.told("HTTP/1.1 200 OK\r\n").await;
    assert_eq!(answered(engine, head(101)).await, 431);
}

#[rstest]
#[tokio::test]
async fn a_good_request_before_a_bad_one_is_answered(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send("GET /api/health HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n").await;
    let text = raw.text().await;
    assert!(text.starts_with("HTTP/1.1 200 ") && text.contains("HTTP/1.1 400 "), "{text}");
    assert!(text.ends_with('}') && text.contains("application/problem+json"), "{text}");
}

#[rstest]
#[tokio::test]
async fn http_2_is_left_to_the_proxy(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(raw.rest().await.unwrap_or_default(), b"", "it is closed at once");
}
