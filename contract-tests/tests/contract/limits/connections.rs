//! How many connections there may be, and for how long with nothing on them.

use std::time::{Duration, Instant};

use rstest::rstest;
use sea_orm::ConnectionTrait as _;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    Raw, ServerProcess, TestApp, TestDatabase, count, page, until, until_counted, value, watched_on,
};
use tokio::time::timeout;

const HEALTH: &str = "GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n";

#[rstest]
#[case::after_an_answer(HEALTH, "1", "60")]
#[case::before_a_request("", "60", "1")]
#[tokio::test]
async fn a_connection_that_idles_is_closed(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] first: &str,
    #[case] idle_timeout: &str,
    #[case] request_timeout: &str,
) {
    let app =
        TestApp::configured(engine, &[("IDLE_TIMEOUT", idle_timeout), ("REQUEST_TIMEOUT", request_timeout)]).await;
    let start = Instant::now();
    let mut raw = Raw::connect(app.address()).await;
    raw.send(first).await;
    raw.rest().await;
    assert!((1..30).contains(&start.elapsed().as_secs()), "after the time that is configured");
}

#[rstest]
#[tokio::test]
async fn a_newcomer_takes_the_place_of_who_has_kept_us_waiting_longest(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("MAX_CONNECTIONS", "3")]).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::connect(app.address()).await;
        raw.send("GET /api/health HTTP/1.1\r\nHost: ").await;
        waiting.push(raw);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut newcomer = Raw::connect(app.address()).await;
    newcomer.send(HEALTH.replace("Host", "Connection: close\r\nHost")).await;
    let text = newcomer.text().await;
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    // The farewell to the oldest, if it got one, is a problem.
    assert!(timeout(Duration::from_secs(5), waiting[0].rest()).await.is_ok(), "the oldest had to go");
    for raw in &mut waiting[1..] {
        raw.send("a\r\nConnection: close\r\n\r\n").await;
        let text = raw.text().await;
        assert!(text.starts_with("HTTP/1.1 200 "), "the others are still served: {text}");
    }
}

#[rstest]
#[case::who_sent_all_at_once("PATCH", "/api/tasks/4711/complete", "")]
#[case::whose_body_was_waited_for("PUT", "/api/tasks/4711", r#"{"title": "a"}"#)]
#[tokio::test(flavor = "multi_thread")]
async fn who_is_worked_for_keeps_the_place(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: &str,
) {
    let database = TestDatabase::create(engine).await;
    let variables = [("MAX_CONNECTIONS", "2"), ("DATABASE_TIMEOUT", "60"), ("REQUEST_TIMEOUT", "60")];
    let (_server, address, admin) = watched_on(&database.url(), &variables);
    let block = database.block_writes().await;
    let mut worked_for = Raw::connect(address).await;
    let about = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let head = Raw::head(method, path, "ann") + &about + "Connection: close\r\nExpect: 100-continue\r\n\r\n";
    worked_for.send(head).await;
    if !body.is_empty() {
        worked_for.told("HTTP/1.1 100 Continue\r\n\r\n").await;
        worked_for.send(body).await;
    }
    until_counted(admin, "database_operations_in_progress", 1).await;
    let mut newcomers = Vec::new();
    for _ in 0..3 {
        let mut newcomer = Raw::connect(address).await;
        newcomer.send(HEALTH).await;
        newcomer.told("HTTP/1.1 200 OK\r\n").await;
        newcomers.push(newcomer);
    }
    assert!(count(&page(admin).await, "http_connections_evicted_total") >= 2, "they had to take places of one another");
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    worked_for.problem().await.expect(404);
}

/// Who is known may take their time with a body, and keeps nobody out meanwhile.
#[rstest]
#[tokio::test]
async fn whose_body_is_waited_for_makes_way(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("MAX_CONNECTIONS", "1"), ("REQUEST_TIMEOUT", "300")]).await;
    let mut slow = Raw::connect(app.address()).await;
    let about = "Content-Type: application/json\r\nContent-Length: 14\r\nExpect: 100-continue\r\n\r\n";
    slow.send(Raw::head("POST", "/api/tasks", "ann") + about).await;
    slow.told("HTTP/1.1 100 Continue\r\n\r\n").await;
    let mut newcomer = Raw::connect(app.address()).await;
    newcomer.send(HEALTH).await;
    newcomer.told("HTTP/1.1 200 OK\r\n").await;
}

/// What is left of a body that nobody wants is taken in for a second, unless another wants the place.
#[rstest]
#[tokio::test]
async fn who_only_sends_what_is_refused_makes_way(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("MAX_CONNECTIONS", "1")]).await;
    let mut waited = Vec::new();
    for _ in 0..5 {
        let mut refused = Raw::connect(app.address()).await;
        refused.send("POST /api/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{").await;
        refused.told("HTTP/1.1 401 Unauthorized\r\n").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let start = Instant::now();
        let mut newcomer = Raw::connect(app.address()).await;
        newcomer.send(HEALTH.replace("Host", "Connection: close\r\nHost")).await;
        newcomer.told("HTTP/1.1 200 OK\r\n").await;
        waited.push(start.elapsed());
    }
    // All would wait for that second, and a busy machine keeps some of them.
    assert!(waited.iter().any(|waited| *waited < Duration::from_millis(500)), "{waited:?}");
}

/// Without a file nobody new could be answered, nor the database be opened.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_connections_than_files_for_them(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let server = ServerProcess::start_with_files("160", &[("DATABASE_URL", &database.url())]);
    let address = server.address();
    let mut waiting = Vec::new();
    for _ in 0..300 {
        waiting.push(Raw::connect(address).await);
    }
    ServerProcess::client(address, "ann").created("a").await;
    let said = |words: &str| server.printed().iter().filter(|line| line.contains(words)).count();
    assert_eq!(said("the process may open only 160 files; raise the limit"), 1);
    assert_eq!(said("no connection can be accepted"), 0);
}

/// An alert tells of files that run out, from four in five: not where all connections are taken, and nothing is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn files_do_not_run_out_where_all_connections_are_taken() {
    let database = TestDatabase::create(Sqlite).await;
    let url = database.url();
    let variables = [("DATABASE_URL", url.as_str()), ("MAX_CONNECTIONS", "300"), ("ADMIN_ADDR", "127.0.0.1:0")];
    let server = ServerProcess::start_with_files("128:1024", &variables);
    let (admin, address) = (server.address_logged("metrics are at"), server.address());
    let mut taken = Vec::new();
    for _ in 0..300 {
        taken.push(Raw::connect(address).await);
    }
    until("they are there", async || value(&page(admin).await, "http_connections") >= 300.0).await;
    let page = page(admin).await;
    assert!(value(&page, "process_open_fds") / value(&page, "process_max_fds") < 0.8, "{page}");
    drop(taken);
}

/// Fewer than the start was told of: the whole system may have no more.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_kept_us_waiting_makes_way_where_files_run_out() {
    let database = TestDatabase::create(Sqlite).await;
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url()), ("REQUEST_TIMEOUT", "300")]);
    let address = server.address();
    server.limit_files(8);
    let mut waiting = Vec::new();
    for _ in 0..40 {
        waiting.push(Raw::connect(address).await);
    }
    server.wait_for("no connection can be accepted");
    let mut newcomer = Raw::connect(address).await;
    newcomer.send(HEALTH).await;
    newcomer.told("HTTP/1.1 200 OK\r\n").await;
}
