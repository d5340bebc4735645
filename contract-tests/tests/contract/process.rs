//! The server as an operator meets it: configuration, log, and its end.

mod configuration;

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde_json::{Value, json};
use todo_contract_tests::{
    Client, Ended,
    Engine::{self, Postgres, Sqlite},
    Raw, SECRET, ServerProcess, TestDatabase, Token, count, page, read, temporary_folder, until, until_counted,
    watched_on,
};
use tokio::{net::TcpStream, time::sleep};

/// A page that may call the API.
const APP: &str = "https://app.example";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_line_of_the_log(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let variables = [("DATABASE_URL", &*database.url()), ("LOG_LEVEL", "debug"), ("ALLOWED_ORIGINS", APP)];
    let server = ServerProcess::start(&variables);
    let token = Token::of("ann").encode();
    let client = ServerProcess::client(server.address(), "ann").with_header("X-Request-Id", "of-this-test");
    let body = json!({"title": "a-secret title", "description": "a-secret description"});
    let id = client.create(body).await.expect(201).id();
    client.task(id).await.expect(200);
    client.get("/api/tasks?q=a-secret").await.expect(200);
    client.get("/openapi.json").await.expect(200);
    client.send("POST", "/api/tasks/a-secret-path", None).await.expect(405);
    client.send("a-secret-method", "/api/tasks", None).await.expect(405);
    let preflight = client.clone().with_header("Origin", APP).with_header("Access-Control-Request-Method", "GET");
    preflight.send("OPTIONS", "/a-secret-path", None).await.expect(204);
    client.get("/nowhere/a-secret-path").await.expect(404);
    server.wait_for(r#""status":404"#);

    let lines: Vec<Value> = server
        .printed()
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["message"] == "answered")
        .collect();
    let told = |line: &Value| ["method", "route", "operation", "status", "user"].map(|name| line[name].clone());
    assert_eq!(
        json!(lines.iter().map(told).collect::<Vec<_>>()),
        json!([
            ["POST", "/api/tasks", "createTask", 201, "ann"],
            ["GET", "/api/tasks/{id}", "getTask", 200, "ann"],
            ["GET", "/api/tasks", "listTasks", 200, "ann"],
            ["GET", "/openapi.json", null, 200, null],
            ["POST", "-", null, 405, null],
            ["_OTHER", "-", null, 405, null],
            ["OPTIONS", "-", null, 204, null],
            ["GET", "-", null, 404, null],
        ])
    );
    for line in &lines {
        assert_eq!(line["request_id"], "of-this-test");
        assert!(line["milliseconds"].is_number());
    }
    let everything = server.printed().join("\n");
    for secret in ["a-secret", SECRET, token.split('.').next_back().expect("a signature"), "Bearer"] {
        assert!(!everything.contains(secret), "{secret} is in the log");
    }
}

/// In the words of the driver, which knows of no requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_logged_has_the_name_of_its_request() {
    let database = TestDatabase::create(Sqlite).await;
    // As `warn,sqlx::query=debug`, but for the line that says where it serves.
    let level = ("LOG_LEVEL", "info,todo_server::http=warn,sqlx::query=debug");
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url()), level]);
    let client = ServerProcess::client(server.address(), "ann").with_header("X-Request-Id", "of-this-test");
    client.list().await.expect(200);
    let line = server.logged("of-this-test");
    assert_eq!(line["target"], "sqlx::query", "{line}");
}

/// Has ann leave while her request `of-who-left` waits to write; what it waits for is returned.
pub(crate) async fn left(database: &TestDatabase, address: SocketAddr, admin: SocketAddr) -> DatabaseConnection {
    ServerProcess::client(address, "ann").created("so that Ann is known").await;
    let block = database.block_writes().await;
    let mut raw = Raw::connect(address).await;
    let named = "X-Request-Id: of-who-left\r\nContent-Length: 0\r\n\r\n";
    raw.send(Raw::head("PATCH", "/api/tasks/1/complete", "ann") + named).await;
    until_counted(admin, "database_operations_in_progress", 1).await;
    drop(raw);
    block
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_client_leaves_is_one_line_of_the_log(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let (server, address, admin) = watched_on(&database.url(), &[]);
    let block = left(&database, address, admin).await;
    let line = server.logged("abandoned");
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    let expected = [
        ("request_id", json!("of-who-left")),
        ("method", json!("PATCH")),
        ("route", json!("/api/tasks/{id}/complete")),
        ("operation", json!("toggleTaskCompletion")),
        ("status", Value::Null),
        ("user", json!("ann")),
    ];
    for (name, value) in expected {
        assert_eq!(line[name], value, "{name} in {line}");
    }
    assert!(line["database_milliseconds"].as_f64().is_some_and(|waited| waited > 0.0), "{line}");
    let page = page(admin).await;
    let labels = r#"{operation="toggleTaskCompletion"}"#;
    for metric in ["http_requests_abandoned_total", "http_request_duration_seconds_count"] {
        assert_eq!(count(&page, &format!("{metric}{labels}")), 1, "{metric}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_takes_to_send_a_body_is_no_slowness_of_ours(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url())]);
    let address = server.address();
    let mut raw = Raw::connect(address).await;
    let head = Raw::head("POST", "/api/tasks", "ann") + "Content-Type: application/json\r\nContent-Length: 14\r\n";
    raw.send(head + "\r\n{\"title\":").await;
    sleep(Duration::from_secs(4)).await;
    raw.send(" \"a\"}").await;
    raw.told("HTTP/1.1 201 Created\r\n").await;
    let line = server.logged("body_milliseconds");
    let [all, body] = ["milliseconds", "body_milliseconds"].map(|name| line[name].as_f64().expect("a number"));
    assert!((1000.0..=all).contains(&body), "{line}");
    // Behind all that is told of it.
    ServerProcess::client(address, "ann").get("/nowhere").await.expect(404);
    server.wait_for(r#""status":404"#);
    let is_told = server.printed().iter().any(|line| line.contains("slow request"));
    assert!(!is_told || all - body >= 1000.0, "{line}");
}

#[rstest]
#[case::interrupt("INT")]
#[case::terminate("TERM")]
#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_are_answered_at_the_stop(#[values(Sqlite, Postgres)] engine: Engine, #[case] signal: &str) {
    let database = TestDatabase::create(engine).await;
    let (mut server, address, admin) = watched_on(&database.url(), &[]);
    let client = ServerProcess::client(address, "ann");
    // A body that arrives in two parts, the second only after the signal.
    let (sender, body) = tokio::sync::mpsc::channel::<Result<String, std::io::Error>>(1);
    let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(body));
    let under_way = tokio::spawn({
        let client = client.clone();
        async move { client.send_bytes("POST", "/api/tasks", Some("application/json"), body).await }
    });
    sender.send(Ok(r#"{"title": "#.to_owned())).await.expect("the body is read");
    until_counted(admin, "http_requests_in_flight", 1).await;
    server.signal(signal);
    until("nobody else is let in", async || TcpStream::connect(address).await.is_err()).await;
    sender.send(Ok(r#""last"}"#.to_owned())).await.expect("the body is still read");
    drop(sender);
    under_way.await.expect("an answer").expect(201);
    assert!(server.wait().success(), "{:#?}", server.printed());
    let again = ServerProcess::start(&[("DATABASE_URL", &database.url())]);
    let list = ServerProcess::client(again.address(), "ann").list().await.expect(200).json();
    assert_eq!(list[0]["title"], "last", "and what was answered is kept");
}

/// On a connection that has served another, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_has_begun_is_waited_for_at_the_stop() {
    let database = TestDatabase::create(Sqlite).await;
    let mut server = ServerProcess::start(&[("DATABASE_URL", &database.url())]);
    let mut raw = Raw::connect(server.address()).await;
    raw.send("GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.told("HTTP/1.1 200 OK\r\n").await;
    raw.send("GET /api/health HTTP/1.1\r\nHo").await;
    sleep(Duration::from_millis(300)).await;
    server.signal("TERM");
    sleep(Duration::from_millis(300)).await;
    raw.send("st: a\r\n\r\n").await;
    let text = raw.text().await;
    assert!(text.contains("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(server.wait().success(), "{:#?}", server.printed());
}

#[rstest]
#[case::before_a_request("")]
#[case::after_an_answer("GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n")]
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_line_is_not_waited_for_at_the_stop(#[case] request: &str) {
    let database = TestDatabase::create(Sqlite).await;
    let patient = [("SHUTDOWN_TIMEOUT", "50"), ("REQUEST_TIMEOUT", "50"), ("DATABASE_URL", &*database.url())];
    let mut server = ServerProcess::start(&patient);
    let mut raw = Raw::connect(server.address()).await;
    raw.send(request).await;
    if !request.is_empty() {
        raw.told("HTTP/1.1 200 OK\r\n").await;
    }
    raw.send("\r\n").await;
    sleep(Duration::from_millis(300)).await;
    let stop = Instant::now();
    server.signal("TERM");
    assert!(server.wait().success(), "{:#?}", server.printed());
    assert!(stop.elapsed() < Duration::from_secs(25), "it is as idle as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_longer_than_the_stop_may_is_cut() {
    let database = TestDatabase::create(Sqlite).await;
    let variables = [("SHUTDOWN_TIMEOUT", "1"), ("REQUEST_TIMEOUT", "300")];
    let (mut server, address, admin) = watched_on(&database.url(), &variables);
    let mut raw = Raw::connect(address).await;
    raw.send(Raw::head("POST", "/api/tasks", "ann") + "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
        .await;
    until_counted(admin, "http_requests_in_flight", 1).await;
    let stop = Instant::now();
    server.signal("TERM");
    server.wait_for("connections were cut at the end of SHUTDOWN_TIMEOUT");
    assert!(stop.elapsed() < Duration::from_secs(9), "the default is 10 s");
    assert!(server.wait().success(), "{:#?}", server.printed());
}

/// What a server has closed lingers for a minute, and keeps the next one from nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_start_where_another_has_just_stopped() {
    // Where no other test listens, which might take the port meanwhile.
    let host = "127.0.0.3";
    let free = std::net::TcpListener::bind((host, 0)).and_then(|free| free.local_addr()).expect("a port");
    let port = free.port().to_string();
    for _ in ["one", "another"] {
        let mut server = ServerProcess::start(&[("HOST", host), ("PORT", &port)]);
        let mut raw = Raw::connect(server.address()).await;
        raw.send("GET /api/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(raw.rest().await.is_some_and(|answer| !answer.is_empty()), "it is the server that closes");
        drop(raw);
        server.signal("TERM");
        assert!(server.wait().success(), "{:#?}", server.printed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_database_needs_nothing_set_up() {
    let server = ServerProcess::start(&[("DATABASE_URL", "")]);
    ServerProcess::client(server.address(), "ann").created("Buy milk").await;
    assert!(server.folder().join("data/todo.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_says_where_to_look() {
    let server = ServerProcess::start(&[("LOG_FORMAT", "text")]);
    for words in ["/docs", "/openapi.json", "make token USER=demo"] {
        server.wait_for(words);
    }
}

/// A token that nobody could sign is not offered.
#[tokio::test(flavor = "multi_thread")]
async fn the_start_says_what_works() {
    let keys = ("AUTH_JWKS_URL", "http://127.0.0.1:1/jwks");
    let variables = [("LOG_FORMAT", "text"), ("BETTER_AUTH_SECRET", ""), ("HOST", "127.0.0.2"), keys];
    let server = ServerProcess::start(&variables);
    let line = server.wait_for("/openapi.json");
    let address = line.split("http://").nth(1).and_then(|url| url.split('/').next()?.parse().ok()).expect("an address");
    ServerProcess::client(address, "ann").get("/nowhere").await.expect(404);
    server.wait_for("answered");
    assert!(!server.printed().iter().any(|line| line.contains("make token")), "{:#?}", server.printed());
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_without_connections_are_missed() {
    let database = TestDatabase::create(Postgres).await;
    let variables = [("DATABASE_URL", &*database.url()), ("WORKERS", "3"), ("DATABASE_MAX_CONNECTIONS", "5")];
    let server = ServerProcess::start(&variables);
    assert!(server.wait_for("fewer than WORKERS").contains("raise DATABASE_MAX_CONNECTIONS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_for_tokens_makes_one_that_counts() {
    let token = ServerProcess::run(&["token", "--user", "demo"], &[]).well();
    let server = ServerProcess::start(&[]);
    let client = Client::of(server.address()).with_token(token.trim());
    assert_eq!(client.create(json!({"title": "a"})).await.expect(201).json()["user_id"], "demo");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_for_as_long_as_is_said_and_for_whom_the_server_demands() {
    let demands = [("AUTH_ISSUER", "https://app.example"), ("AUTH_AUDIENCE", "https://todo.example")];
    let token = ServerProcess::run(&["token", "--user", "demo", "--seconds", "60"], &demands).well();
    let claims = token.split('.').nth(1).expect("claims");
    let claims: Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON");
    let moment = |claim: &str| claims[claim].as_i64().expect("a moment");
    assert_eq!(moment("exp") - moment("iat"), 60);
    let server = ServerProcess::start(&demands);
    let address = server.address();
    ServerProcess::client(address, "demo").list().await.expect(401);
    Client::of(address).with_token(token.trim()).list().await.expect(200);
}

#[rstest]
#[case::as_json(&["openapi"], "openapi/openapi.json")]
#[case::as_yaml(&["openapi", "--yaml"], "openapi/openapi.yaml")]
fn the_document_is_printed_without_configuration(#[case] command: &[&str], #[case] file: &str) {
    let printed = ServerProcess::run(command, &[("BETTER_AUTH_SECRET", ""), ("DATABASE_URL", "nonsense")]).well();
    assert!(printed == read(file));
}

#[test]
fn what_cannot_be_printed_is_said() {
    let folder = temporary_folder();
    for command in [&["openapi"][..], &["token", "--user", "demo"], &["doctor"]] {
        let full = fs::File::options().write(true).open("/dev/full").expect("a device without room");
        let output = ServerProcess::command(folder.path(), command, &[]).stdout(full).output().expect("it runs");
        let Ended { code, said, .. } = output.into();
        assert_eq!(code, Some(1), "{command:?}");
        assert!(said.contains("No space left on device"), "{command:?}: {said}");
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let Ended { code, said, .. } = ServerProcess::run(&[], &[("PORT", &port)]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains(&format!("HOST 127.0.0.1 PORT {port} cannot be listened on")) && said.contains("choose"),
        "{said}"
    );
}

#[rstest]
#[case::of_another_machine("192.0.2.1")]
#[case::in_brackets("[::1]")]
fn a_host_that_is_not_of_this_machine_is_named(#[case] host: &str) {
    let folder = temporary_folder();
    let file = folder.path().join("todo.db");
    let url = format!("sqlite://{}", file.display());
    let Ended { code, said, .. } = ServerProcess::run(&[], &[("HOST", host), ("DATABASE_URL", &url)]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains(&format!("HOST {host} PORT 0 cannot be listened on")) && said.contains("must be of this machine"),
        "{said}"
    );
    assert!(!file.exists(), "nothing is done before");
}

#[test]
fn an_address_for_the_operator_that_is_not_of_this_machine_is_named() {
    let said = ServerProcess::run(&[], &[("ADMIN_ADDR", "192.0.2.1:9091")]).said;
    assert!(said.starts_with("ADMIN_ADDR 192.0.2.1:9091 cannot be listened on: "), "{said}");
    assert!(said.contains("; it must be of this machine"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_named_in_the_log() {
    let server = ServerProcess::start(&[("RATE_LIMIT", "1:1")]);
    let ann = ServerProcess::client(server.address(), "ann");
    let answers = join_all((0..10).map(|_| ann.list())).await;
    assert!(answers.iter().any(|answer| answer.status == 429));
    let line = server.logged(r#""status":429"#);
    assert_eq!(line["user"], "ann");
}
