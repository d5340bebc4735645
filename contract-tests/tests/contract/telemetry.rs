//! What is sent to collectors of traces and errors, where they are given, and nothing where they are not.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message as _;
use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Expr, ExprTrait as _, Query},
};
use serde_json::json;
use todo_contract_tests::{
    Collector,
    Engine::{Postgres, Sqlite},
    ServerProcess, TestDatabase, Token, watched_on,
};

use crate::process::left;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// What nobody else is to see.
const CONFIDENTIAL: &str = "Buy milk";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let value = attributes.iter().find(|attribute| attribute.key == key).and_then(|found| found.value.clone()?.value);
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} is {other:?} in {attributes:?}"),
    }
}

/// The spans that were sent, with the name of the service.
fn spans(collector: &Collector) -> Vec<(String, Span)> {
    let mut spans = Vec::new();
    for (path, body) in collector.sent() {
        assert_eq!(path, "/v1/traces");
        for resource in ExportTraceServiceRequest::decode(body.as_slice()).expect("an export").resource_spans {
            let service = text(&resource.resource.expect("a resource").attributes, "service.name");
            let of_it = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(of_it.map(|span| (service.clone(), span)));
        }
    }
    spans
}

/// Has the server stop, as an operator does, and says how long that took.
fn stop(mut server: ServerProcess) -> Duration {
    let start = Instant::now();
    server.signal("TERM");
    assert!(server.wait().success());
    start.elapsed()
}

fn sent_text(collector: &Collector) -> String {
    let sent = collector.sent();
    let lines = sent.iter().map(|(path, body)| format!("{path} {}", String::from_utf8_lossy(body)));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_in_the_trace_of_its_client() {
    let collector = Collector::start().await;
    let endpoint = format!("http://{}/", collector.address());
    let server = ServerProcess::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("LOG_LEVEL", "info")]);
    let ann = ServerProcess::client(server.address(), "ann-of-the-tests");
    let traced = ann.clone().with_header("Traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    let traced = traced.with_header("Tracestate", "a=1, b=2").with_header("Tracestate", "c=3");
    let created = traced.create(json!({"title": CONFIDENTIAL})).await.expect(201);
    ann.get("/nowhere/of-anybodys").await.expect(404);
    ann.send("anybodys-method", "/nowhere", None).await.expect(404);
    stop(server);

    let spans = spans(&collector);
    let (service, span) = spans.iter().find(|(_, span)| span.name == "createTask").expect("a span of the operation");
    assert_eq!((service.as_str(), span.kind), ("todo-server", SpanKind::Server as i32));
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
    assert_eq!(span.trace_state, "a=1,b=2,c=3", "headers of several lines are one");
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/tasks"),
        ("http.response.status_code", "201"),
        ("request_id", created.header("x-request-id")),
    ] {
        assert_eq!(text(&span.attributes, key), value);
    }
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    let (_, other) = spans.iter().find(|(_, span)| span.name == "GET").expect("a span without an operation");
    assert!(other.parent_span_id.is_empty() && hex(&other.trace_id) != TRACE, "{other:?}");
    assert!(spans.iter().any(|(_, span)| span.name == "_OTHER"), "{spans:?}");
    assert_eq!(spans.len(), 3, "one each: {spans:?}");
    let sent = sent_text(&collector);
    for confidential in [CONFIDENTIAL, "ann-of-the-tests", "anybodys", "eyJ"] {
        assert!(!sent.contains(confidential), "{confidential} in {sent}");
    }
}

/// By W3C Trace Context, of which the library checks less.
#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_is_told_of_otherwise_than_by_the_standard_is_nobodys() {
    let collector = Collector::start().await;
    let endpoint = format!("http://{}", collector.address());
    let server = ServerProcess::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    let client = ServerProcess::client(server.address(), "ann");
    let good = format!("00-{TRACE}-{PARENT}-01");
    let told = [
        (true, vec![good.clone()]),
        (true, vec![format!("01-{TRACE}-{PARENT}-01-of-a-later-version")]),
        (false, vec![good.clone(), good.replace(PARENT, "00f067aa0ba902b7")]),
        (false, vec!["00-1-+2-01".to_owned()]),
        (false, vec![format!("00-{TRACE}-+{}-01", &PARENT[1..])]),
        (false, vec![good.to_uppercase()]),
        (false, vec![format!("{good}-more")]),
        (false, vec![format!("01-{TRACE}-{PARENT}-01more")]),
        (false, vec![format!("ff-{TRACE}-{PARENT}-01")]),
    ];
    for (number, (_, headers)) in told.iter().enumerate() {
        let named = client.clone().with_header("X-Request-Id", &format!("request-{number}"));
        let traced = headers.iter().fold(named, |client, header| client.with_header("Traceparent", header));
        traced.get("/api/health").await.expect(200);
    }
    stop(server);

    let spans = spans(&collector);
    for (number, (is_within_it, headers)) in told.iter().enumerate() {
        let name = format!("request-{number}");
        let span = spans.iter().find(|(_, span)| text(&span.attributes, "request_id") == name);
        let (_, span) = span.expect("a span each");
        assert_eq!(!span.parent_span_id.is_empty(), *is_within_it, "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_client_leaves_is_a_span_without_a_status() {
    let (collector, database) = (Collector::start().await, TestDatabase::create(Sqlite).await);
    let endpoint = format!("http://{}", collector.address());
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    let (server, address, admin) = watched_on(&database.url(), &variables);
    let block = left(&database, address, admin).await;
    server.wait_for("abandoned");
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    stop(server);

    let spans = spans(&collector);
    let span = spans.iter().find(|(_, span)| span.name == "toggleTaskCompletion");
    let (_, span) = span.expect("a span of the operation");
    for (key, value) in
        [("http.request.method", "PATCH"), ("http.route", "/api/tasks/{id}/complete"), ("request_id", "of-who-left")]
    {
        assert_eq!(text(&span.attributes, key), value);
    }
    assert!(span.attributes.iter().all(|attribute| attribute.key != "http.response.status_code"), "{span:?}");
    assert_eq!(spans.len(), 2, "one each: {spans:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_a_collector_stay_behind_its_path() {
    let collector = Collector::start().await;
    let endpoint = format!("http://{}/otlp/?key=value", collector.address());
    let server = ServerProcess::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    ServerProcess::client(server.address(), "ann").list().await.expect(200);
    stop(server);
    let paths: Vec<_> = collector.sent().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/otlp/v1/traces?key=value"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_has_the_name_among_its_attributes_unless_it_is_given_another() {
    let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=of-the-attributes");
    for (name, service) in [("", "of-the-attributes"), ("of-its-own", "of-its-own")] {
        let collector = Collector::start().await;
        let endpoint = format!("http://{}", collector.address());
        let addressed = ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str());
        let server = ServerProcess::start(&[addressed, attributes, ("OTEL_SERVICE_NAME", name)]);
        ServerProcess::client(server.address(), "ann").list().await.expect(200);
        stop(server);
        let services: Vec<_> = spans(&collector).into_iter().map(|(service, _)| service).collect();
        assert_eq!(services, [service]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_a_failed_span_and_an_event_that_bears_its_name() {
    let (traces, errors) = (Collector::start().await, Collector::start().await);
    let database = TestDatabase::create(Sqlite).await;
    let (url, endpoint) = (database.url(), format!("http://{}", traces.address()));
    let dsn = format!("http://key@{}/1", errors.address());
    let server = ServerProcess::start(&[
        ("DATABASE_URL", &url),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_SERVICE_NAME", "of-the-tests"),
        ("SENTRY_DSN", &dsn),
        ("DATABASE_TIMEOUT", "1"),
    ]);
    let ann = ServerProcess::client(server.address(), "ann-of-the-tests");
    ann.create(json!({"title": CONFIDENTIAL})).await.expect(201);
    ann.task(4711).await.expect(404);
    let block = database.block_writes().await;
    ann.create(json!({"title": CONFIDENTIAL})).await.expect(503);
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    database.connect().await.execute_unprepared("DROP TABLE tasks").await.expect("a fault");
    let broken = ann.create(json!({"title": CONFIDENTIAL})).await.expect(500);
    stop(server);

    let spans = spans(&traces);
    let failed: Vec<_> = spans
        .iter()
        .filter(|(_, span)| span.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32))
        .collect();
    for (service, span) in &failed {
        assert_eq!((service.as_str(), span.name.as_str()), ("of-the-tests", "createTask"));
    }
    assert_eq!(failed.len(), 2, "the one that could not be done then, and the one that cannot be done: {spans:?}");

    let sent = errors.sent();
    assert_eq!(sent.len(), 1, "one event, since a database that is away is no fault: {}", sent_text(&errors));
    assert!(sent[0].0.starts_with("/api/1/envelope/"), "{}", sent[0].0);
    let sent = sent_text(&errors);
    let id = broken.header("x-request-id");
    for words in ["request failed", "no such table: tasks", id, concat!("todo-server@", env!("CARGO_PKG_VERSION"))] {
        assert!(sent.contains(words), "{words} in {sent}");
    }
    for confidential in [CONFIDENTIAL, "ann-of-the-tests", "eyJ", &Token::of("ann-of-the-tests").encode()] {
        assert!(!sent.contains(confidential), "{confidential} in {sent}");
    }
}

/// By a change that does not move `updated_at`, which the check of remembered answers finds where the code is tested.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_told_once_and_bears_the_name_of_its_request() {
    let database = TestDatabase::create(Postgres).await;
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url())]);
    let ann = ServerProcess::client(server.address(), "ann");
    ann.created(CONFIDENTIAL).await;
    ann.list().await.expect(200);
    let mut unseen = Query::update();
    unseen.table("tasks").value("title", "another").and_where(Expr::col("user_id").eq("ann"));
    database.connect().await.execute(&unseen).await.expect("it is changed");
    let broken = ann.list().await.expect(500);
    let answered = server.wait_for(r#""status":500"#);
    assert!(answered.contains(r#""operation":"listTasks""#), "{answered}");
    let printed = server.printed();
    let told: Vec<_> = printed.iter().filter(|line| line.contains("panicked")).collect();
    assert_eq!(told.len(), 1, "{printed:#?}");
    for words in ["pages of the same version are the same", "server/src/store/", broken.header("x-request-id")] {
        assert!(told[0].contains(words), "{words} in {}", told[0]);
    }
    assert_eq!(told[0].matches(r#""message":"#).count(), 1, "no name is there twice: {}", told[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_where_nobody_collects() {
    // Whatever goes out, goes by the proxy.
    let proxy = Collector::start().await;
    let address = format!("http://{}", proxy.address());
    let run = async |variables: &[(&str, &str)]| {
        let database = TestDatabase::create(Sqlite).await;
        let url = database.url();
        let always = [("DATABASE_URL", url.as_str()), ("http_proxy", &address), ("OTEL_TRACES_SAMPLER", "always_on")];
        let server = ServerProcess::start(&[&always, variables].concat());
        let ann = ServerProcess::client(server.address(), "ann");
        ann.created("a").await;
        database.connect().await.execute_unprepared("DROP TABLE tasks").await.expect("a fault");
        ann.list().await.expect(500);
        stop(server);
    };
    run(&[]).await;
    assert_eq!(sent_text(&proxy), "");
    run(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318"),
        ("SENTRY_DSN", "http://key@sentry.invalid/1"),
    ])
    .await;
    let sent = sent_text(&proxy);
    assert!(sent.contains("collector.invalid") && sent.contains("sentry.invalid"), "the proxy sees all: {sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_harms_no_request_and_keeps_no_stop() {
    let (traces, errors) = (Collector::silent().await, Collector::silent().await);
    let database = TestDatabase::create(Sqlite).await;
    let (url, endpoint) = (database.url(), format!("http://{}", traces.address()));
    let dsn = format!("http://key@{}/1", errors.address());
    let server = ServerProcess::start(&[
        ("DATABASE_URL", &url),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("SENTRY_DSN", &dsn),
        // More than the queue holds, sooner.
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ]);
    let ann = ServerProcess::client(server.address(), "ann");
    ann.created("a").await;
    database.connect().await.execute_unprepared("DROP TABLE tasks").await.expect("a fault");
    for _ in 0..200 {
        ann.list().await.expect(500);
    }
    ann.get("/api/health").await.expect(200);
    assert!(stop(server) < Duration::from_secs(20), "the stop waits for seconds, not for ever");
    assert!(!traces.sent().is_empty() && !errors.sent().is_empty(), "both were told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_is_told_of_once() {
    let database = TestDatabase::create(Sqlite).await;
    let server = ServerProcess::start(&[
        ("DATABASE_URL", &database.url()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1/?key=secret"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ]);
    let ann = ServerProcess::client(server.address(), "ann");
    ann.created("a").await;
    assert!(server.wait_for("traces are lost").contains("OTEL_EXPORTER_OTLP_ENDPOINT"));
    for _ in 0..5 {
        ann.list().await.expect(200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told: Vec<_> = server.printed().into_iter().filter(|line| line.contains("traces are lost")).collect();
    assert!(told.len() == 1, "{told:?}");
    assert!(server.printed().iter().all(|line| !line.contains("secret")));
}
