//! `GET /api/health` and `GET /api/ready`.

use std::time::{Duration, Instant};

use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::json;
use todo_contract_tests::{
    Client,
    Engine::{self, Postgres, Sqlite},
    Proxy, ServerProcess, TestApp, TestDatabase, Weather, count, page, until, until_counted, watched_on,
};
use tokio::time::{sleep, timeout};

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

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_asked_once_a_second_whoever_asks(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let (_server, address, admin) = watched_on(&database.url(), &[("WORKERS", "2")]);
    let start = Instant::now();
    for _ in 0..50 {
        // Each on a connection of its own, so that both workers are asked.
        let probe = Client::of(address).with_header("Connection", "close");
        probe.get("/api/ready").await.expect(200);
    }
    let asked = count(&page(admin).await, "database_operation_duration_seconds_count");
    assert!((1..=1 + start.elapsed().as_secs()).contains(&asked), "{asked} questions in {:?}", start.elapsed());
}

/// A probe that does not wait long enough would else have the database asked once more at each try.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_asked_once_for_all_who_give_up() {
    let database = TestDatabase::create(Postgres).await;
    let variables =
        [("WORKERS", "1"), ("DATABASE_MAX_CONNECTIONS", "2"), ("DATABASE_TIMEOUT", "20"), ("REQUEST_TIMEOUT", "30")];
    let (_server, address, admin) = watched_on(&database.url(), &variables);
    let ann = ServerProcess::client(address, "ann");
    let id = ann.created("Buy milk").await;
    let under_way = async |metric| count(&page(admin).await, metric);

    let lock = database.block_all().await;
    let work = tokio::spawn({
        let ann = ann.clone();
        async move { tokio::join!(ann.task(id), ann.toggle(id)) }
    });
    until("both connections are taken", async || under_way("database_operations_in_progress").await == 2).await;
    for _ in 0..3 {
        let asked = timeout(Duration::from_millis(500), ann.get("/api/ready")).await;
        assert!(asked.is_err(), "it was given up while the database took its time");
    }
    until("who gave up has gone", async || under_way("http_requests_in_flight").await == 2).await;
    assert_eq!(under_way("database_operations_in_progress").await, 3, "the question goes on");

    lock.execute_unprepared("ROLLBACK").await.expect("the lock is free");
    let (task, toggled) = work.await.expect("answers");
    for answer in [task, toggled] {
        answer.expect(200);
    }
    ann.get("/api/ready").await.expect(200);
}

/// However long the database may take, as in any other request.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_whether_the_database_is_there_waits_no_longer_than_a_request_may_take() {
    let database = TestDatabase::create(Postgres).await;
    let (proxy, url) = Proxy::before(&database.url()).await;
    let variables = [("DATABASE_URL", url.as_str()), ("DATABASE_TIMEOUT", "60"), ("REQUEST_TIMEOUT", "2")];
    let server = ServerProcess::start(&variables);
    let probe = Client::of(server.address());
    proxy.set(Weather::Stalled);
    let answer = timeout(Duration::from_secs(30), probe.get("/api/ready")).await.expect("twice REQUEST_TIMEOUT");
    answer.expect(503);
    probe.get("/api/health").await.expect(200);
}

/// They would else keep their connections for as long as that takes: all of them, where strangers ask often enough.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_while_the_database_is_asked_is_given_its_last_word() {
    let database = TestDatabase::create(Postgres).await;
    let (proxy, url) = Proxy::before(&database.url()).await;
    let (_server, address, admin) = watched_on(&url, &[("DATABASE_TIMEOUT", "20"), ("REQUEST_TIMEOUT", "30")]);
    let probe = Client::of(address);
    probe.get("/api/ready").await.expect(200);

    proxy.set(Weather::Stalled);
    // It stands for a second.
    sleep(Duration::from_millis(1100)).await;
    let first = tokio::spawn({
        let probe = probe.clone();
        async move { probe.get("/api/ready").await.status }
    });
    until_counted(admin, "database_operations_in_progress", 1).await;
    for _ in 0..3 {
        let answer = timeout(Duration::from_secs(5), probe.get("/api/ready")).await.expect("it is given at once");
        answer.expect(200);
    }
    assert!(!first.is_finished(), "who begins the question waits for the answer");
    proxy.set(Weather::Fair);
    assert_eq!(first.await.expect("an answer"), 200);
}

/// A database that is away stays so for longer than its last yes is passed on.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_while_the_database_is_away_is_told_so_at_once() {
    let database = TestDatabase::create(Postgres).await;
    let (proxy, url) = Proxy::before(&database.url()).await;
    let (_server, address, admin) = watched_on(&url, &[("DATABASE_TIMEOUT", "15"), ("REQUEST_TIMEOUT", "30")]);
    let probe = Client::of(address);
    probe.get("/api/ready").await.expect(200);

    proxy.set(Weather::Stalled);
    for _after in ["a yes", "a no"] {
        // The last word stands for a second.
        sleep(Duration::from_millis(1100)).await;
        let first = tokio::spawn({
            let probe = probe.clone();
            async move { probe.get("/api/ready").await.status }
        });
        until_counted(admin, "database_operations_in_progress", 1).await;
        sleep(Duration::from_secs(6)).await;
        let answer = timeout(Duration::from_secs(5), probe.get("/api/ready")).await.expect("it is given at once");
        answer.expect(503);
        assert!(!first.is_finished(), "who begins the question waits for the answer");
        assert_eq!(first.await.expect("an answer"), 503);
    }
}
