//! The server as an operator meets it: configuration, log, and its end.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    Raw, SECRET, ServerProcess, TestDatabase, Token, count, page, until, watched_on,
};
use tokio::net::TcpStream;

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
    client.send("POST", "/api/tasks/a-secret-path", None).await.expect(405);
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
    let told = |line: &Value| {
        (
            line["method"].clone(),
            line["route"].clone(),
            line["operation"].clone(),
            line["status"].clone(),
            line["user"].clone(),
        )
    };
    assert_eq!(
        lines.iter().map(told).collect::<Vec<_>>(),
        [
            (json!("POST"), json!("/api/tasks"), json!("createTask"), json!(201), json!("ann")),
            (json!("GET"), json!("/api/tasks/{id}"), json!("getTask"), json!(200), json!("ann")),
            (json!("GET"), json!("/api/tasks"), json!("listTasks"), json!(200), json!("ann")),
            (json!("POST"), json!("-"), Value::Null, json!(405), Value::Null),
            (json!("OPTIONS"), json!("-"), Value::Null, json!(204), Value::Null),
            (json!("GET"), json!("-"), Value::Null, json!(404), Value::Null),
        ]
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

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_client_leaves_is_one_line_of_the_log(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let (server, address, admin) = watched_on(&database.url(), &[]);
    ServerProcess::client(address, "ann").created("so that Ann is known").await;
    let block = database.block_writes().await;
    let mut raw = Raw::connect(address).await;
    let named = "X-Request-Id: of-who-left\r\nContent-Length: 0\r\n\r\n";
    raw.send(Raw::head("PATCH", "/api/tasks/1/complete", "ann") + named).await;
    until("it waits", async || count(&page(admin).await, "database_operations_in_progress") == 1).await;
    drop(raw);
    let line: Value = serde_json::from_str(&server.wait_for("abandoned")).expect("a line of JSON");
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
    until("it is under way", async || page(admin).await.contains("http_requests_in_flight 1")).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_longer_than_the_stop_may_is_cut() {
    let database = TestDatabase::create(Sqlite).await;
    let variables = [("SHUTDOWN_TIMEOUT", "1"), ("REQUEST_TIMEOUT", "300")];
    let (mut server, address, admin) = watched_on(&database.url(), &variables);
    let mut raw = Raw::connect(address).await;
    raw.send(Raw::head("POST", "/api/tasks", "ann") + "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
        .await;
    until("it is under way", async || page(admin).await.contains("http_requests_in_flight 1")).await;
    let stop = Instant::now();
    server.signal("TERM");
    server.wait_for("connections were cut at the end of SHUTDOWN_TIMEOUT");
    assert!(stop.elapsed() < Duration::from_secs(9), "the default is 10 s");
    assert!(server.wait().success(), "{:#?}", server.printed());
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
    let output = ServerProcess::run(&["token", "--user", "demo"], &[]);
    let token = String::from_utf8(output.stdout).expect("text");
    let server = ServerProcess::start(&[]);
    let client = todo_contract_tests::Client::of(server.address());
    let client = client.with_header("Authorization", &format!("Bearer {}", token.trim()));
    assert_eq!(client.create(json!({"title": "a"})).await.expect(201).json()["user_id"], "demo");
}

#[test]
fn the_document_is_printed_without_configuration() {
    let output = ServerProcess::run(&["openapi"], &[("BETTER_AUTH_SECRET", ""), ("DATABASE_URL", "nonsense")]);
    let committed = fs::read(todo_contract_tests::workspace().join("openapi/openapi.json")).expect("the document");
    assert!(output.stdout == committed);
}

#[test]
fn what_cannot_be_printed_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in [&["openapi"][..], &["token", "--user", "demo"], &["doctor"]] {
        let full = fs::File::options().write(true).open("/dev/full").expect("a device without room");
        let output = ServerProcess::command(folder.path(), command, &[]).stdout(full).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("No space left on device"), "{command:?}: {said}");
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = ServerProcess::run(&[], &[("PORT", &port)]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains(&format!("HOST 127.0.0.1 PORT {port} cannot be listened on")) && said.contains("choose"),
        "{said}"
    );
}

#[rstest]
#[case::of_another_machine("192.0.2.1")]
#[case::in_brackets("[::1]")]
fn a_host_that_is_not_of_this_machine_is_named(#[case] host: &str) {
    let output = ServerProcess::run(&[], &[("HOST", host)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains(&format!("HOST {host} PORT 0 cannot be listened on")) && said.contains("must be of this machine"),
        "{said}"
    );
}

#[test]
fn an_address_for_the_operator_that_is_not_of_this_machine_is_named() {
    let output = ServerProcess::run(&[], &[("ADMIN_ADDR", "192.0.2.1:9091")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.starts_with("ADMIN_ADDR 192.0.2.1:9091 cannot be listened on: "), "{said}");
    assert!(said.contains("; it must be of this machine"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_named_in_the_log() {
    let server = ServerProcess::start(&[("RATE_LIMIT", "1:1")]);
    let ann = ServerProcess::client(server.address(), "ann");
    let answers = join_all((0..10).map(|_| ann.list())).await;
    assert!(answers.iter().any(|answer| answer.status == 429));
    let line: Value = serde_json::from_str(&server.wait_for(r#""status":429"#)).expect("JSON");
    assert_eq!(line["user"], "ann");
}

/// What is wrong with a configuration, and the words that tell.
#[rstest]
#[case::no_secret("BETTER_AUTH_SECRET", "", "BETTER_AUTH_SECRET and AUTH_JWKS_URL are both not set")]
#[case::short_secret("BETTER_AUTH_SECRET", "tooshort-hunter2", "BETTER_AUTH_SECRET must have at least 32 bytes")]
#[case::fewer_bytes_than_it_seems(
    "BETTER_AUTH_SECRET",
    "ééééééééééééééé",
    "BETTER_AUTH_SECRET must have at least 32 bytes"
)]
#[case::known_secret(
    "BETTER_AUTH_SECRET",
    "better-auth-secret-12345678901234567890",
    "BETTER_AUTH_SECRET is the one that Better Auth falls back to"
)]
#[case::no_address("DATABASE_URL", "hunter2", "DATABASE_URL is no address")]
#[case::bad_port_in_address("DATABASE_URL", "postgresql://ann:hunter2@db:99999/x", "DATABASE_URL has a port that")]
#[case::cut_short("DATABASE_URL", "postgresql://ann:hunter/2@db/x", "or write the /, # or @ of a password as %2F")]
#[case::other_database("DATABASE_URL", "mysql://ann:hunter2@db/x", "DATABASE_URL has the scheme mysql")]
#[case::bad_parameter(
    "DATABASE_URL",
    "postgresql://ann:hunter2@db/x?application_name=todo&sslmode=maybe",
    "DATABASE_URL has a value of sslmode that cannot be"
)]
#[case::unknown_parameter(
    "DATABASE_URL",
    "postgresql://ann@db/x?sslpassword=hunter2",
    "DATABASE_URL has the parameter sslpassword, which the driver does not know; take it out"
)]
#[case::slash_in_password("DATABASE_URL", "postgresql://ann:/hunter2@db/x", "DATABASE_URL has an @ or # behind")]
#[case::hash_in_password("DATABASE_URL", "postgresql://ann:12#hunter2@db/x", "DATABASE_URL has an @ or # behind")]
#[case::at_and_slash_in_password(
    "DATABASE_URL",
    "postgresql://ann:a@b/hunter2@db/x",
    "DATABASE_URL has an @ or # behind"
)]
#[case::in_memory("DATABASE_URL", "sqlite::memory:", "DATABASE_URL is a database in memory")]
#[case::read_only("DATABASE_URL", "sqlite://todo.db?mode=ro", "DATABASE_URL has mode=ro, with which nothing can be")]
#[case::immutable("DATABASE_URL", "sqlite://todo.db?immutable=1", "DATABASE_URL has immutable=1, with which nothing")]
#[case::direct_beside_embedded(
    "DATABASE_DIRECT_URL",
    "postgresql://ann:hunter2@db/x",
    "DATABASE_DIRECT_URL and DATABASE_URL must lead to the same PostgreSQL"
)]
#[case::unversioned_secrets(
    "BETTER_AUTH_SECRETS",
    "hunter2hunter2hunter2hunter2hunter2",
    "BETTER_AUTH_SECRETS has an entry (number 1)"
)]
#[case::short_among_secrets("BETTER_AUTH_SECRETS", "1:hunter2", "SECRETS (entry 1) must have at least 32 bytes")]
#[case::no_secrets("BETTER_AUTH_SECRETS", " , ", r#"BETTER_AUTH_SECRETS is " , ", which has no item; write one"#)]
#[case::no_audience("AUTH_AUDIENCE", ",", r#"AUTH_AUDIENCE is ",", which has no item; write one, or leave it unset"#)]
#[case::no_address("AUTH_JWKS_URL", "app.example.com/api/auth/jwks", "AUTH_JWKS_URL is no address")]
#[case::file("AUTH_JWKS_URL", "file:///etc/jwks.json", "AUTH_JWKS_URL is no address")]
#[case::password_with_slash(
    "AUTH_JWKS_URL",
    "https://ann:1/hunter2@a.example/jwks",
    "AUTH_JWKS_URL has an @ or # behind"
)]
#[case::cut_short("AUTH_JWKS_URL", "https://ann:hunter/2@a.example/jwks", "AUTH_JWKS_URL has a port that is no number")]
#[case::no_collector("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "OTEL_EXPORTER_OTLP_ENDPOINT is no address")]
#[case::max_age("AUTH_JWKS_MAX_AGE", "0", "AUTH_JWKS_MAX_AGE is \"0\"")]
#[case::cooldown("AUTH_JWKS_COOLDOWN", "1.5", "AUTH_JWKS_COOLDOWN is \"1.5\"")]
#[case::cooldown_over_max_age(
    "AUTH_JWKS_MAX_AGE",
    "5",
    "AUTH_JWKS_COOLDOWN is 10, but must be at most AUTH_JWKS_MAX_AGE, which is 5,"
)]
#[case::port("PORT", "eighty", r#"PORT is "eighty", but must be a whole number from 0 to 65535"#)]
#[case::port_too_large("PORT", "65536", "PORT is \"65536\"")]
#[case::no_connections("DATABASE_MAX_CONNECTIONS", "0", "DATABASE_MAX_CONNECTIONS is \"0\"")]
#[case::minimum_over_maximum("DATABASE_MIN_CONNECTIONS", "11", "DATABASE_MIN_CONNECTIONS must be at most")]
#[case::timeout("DATABASE_TIMEOUT", "-1", "DATABASE_TIMEOUT is \"-1\"")]
#[case::flag("MIGRATE_ON_START", "yes", r#"MIGRATE_ON_START is "yes", but must be true or false"#)]
#[case::table("USERS_TABLE", "a.b.c", "USERS_TABLE must be the name of a table")]
#[case::any_origin("ALLOWED_ORIGINS", "*", "ALLOWED_ORIGINS has \"*\", which is no origin")]
#[case::many_origins(
    "ALLOWED_ORIGINS",
    "https://*.a.example",
    "\"https://*.a.example\", which is no origin; write each"
)]
#[case::origin_with_slash("ALLOWED_ORIGINS", "https://a.example/", "write https://a.example")]
#[case::origin_in_capitals("ALLOWED_ORIGINS", "https://A.example", "write https://a.example")]
#[case::rate("RATE_LIMIT", "many", r#"RATE_LIMIT is "many", but must be off, or requests a second"#)]
#[case::no_rate("RATE_LIMIT", "0:1", "each at least 1, such as 20:200")]
#[case::proxy("TRUSTED_PROXIES", "nginx", "TRUSTED_PROXIES has \"nginx\", which is no address; write each as")]
#[case::no_requests("MAX_REQUESTS", "0", "MAX_REQUESTS is \"0\"")]
#[case::level("LOG_LEVEL", "loud=very", r#"LOG_LEVEL is "loud=very", but must be"#)]
#[case::no_level("LOG_LEVEL", "info,warning", "but must be off, error, warn, info, debug, trace, or directives such")]
#[case::format("LOG_FORMAT", "xml", r#"LOG_FORMAT is "xml", but must be text or json"#)]
fn a_bad_configuration_is_refused_with_the_remedy(#[case] name: &str, #[case] value: &str, #[case] words: &str) {
    let output = ServerProcess::run(&[], &[(name, value)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(words), "{said}");
    assert!(!said.contains("hunter2"), "and no secret is shown: {said}");
    assert!(said.lines().count() == 1, "one fault, one line: {said}");
}

#[test]
fn a_variable_in_another_encoding_is_refused_and_not_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = ServerProcess::command(folder.path(), &[], &[]);
    command.env("DATABASE_URL", OsStr::from_bytes(b"postgresql://ann:hunter2\xe9@db/todo"));
    command.env("OF_OTHERS", OsStr::from_bytes(b"\xe9"));
    let output = ServerProcess::finish(command);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "DATABASE_URL is not in UTF-8; write it so\n");
}

#[test]
fn a_variable_in_two_spellings_is_refused_with_the_remedy() {
    let output = ServerProcess::run(&[], &[("PORT", "0"), ("port", "1")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("in two spellings (duplicate field `port`); keep the one in capitals"), "{said}");
}

#[test]
fn all_faults_of_a_configuration_are_told_at_once() {
    let variables = [("BETTER_AUTH_SECRET", ""), ("PORT", "x"), ("LOG_FORMAT", "xml"), ("DATABASE_URL", "x")];
    let output = ServerProcess::run(&[], &variables);
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), variables.len());
}

#[test]
fn a_file_of_variables_is_read_and_goes_after_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env"), "PORT=x\nLOG_FORMAT=xml\n").expect("a file");
    let output = ServerProcess::finish(ServerProcess::command(folder.path(), &[], &[("LOG_FORMAT", "loud")]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("LOG_FORMAT is \"loud\"") && !said.contains("PORT"), "{said}");
}

#[test]
fn a_malformed_file_of_variables_is_named_without_its_content() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env"), "PORT=0\nSECRET='hunter2\n").expect("a file");
    let output = ServerProcess::finish(ServerProcess::command(folder.path(), &[], &[]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(".env: the line after PORT cannot be read") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_dollar_that_would_change_a_value_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    for (value, words) in [
        ("hunter2$ecret-of-more-than-32-bytes", ".env: BETTER_AUTH_SECRET in line 2 has a $, which"),
        ("'hunter2$ecret-of-more-than-32-bytes'", "LOG_FORMAT is \"xml\""),
    ] {
        fs::write(folder.path().join(".env"), format!("LOG_FORMAT=xml\nBETTER_AUTH_SECRET={value}\n")).expect("a file");
        let output = ServerProcess::finish(ServerProcess::command(folder.path(), &[], &[]));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
        assert_eq!(said.contains("in single quotes"), words.contains('$'), "{said}");
    }
}
