//! The database away, for real: the server of PostgreSQL is stopped and started again.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rstest::rstest;
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use todo_contract_tests::{
    Cluster, Ended,
    Engine::{self, Guarded, Postgres, Sqlite},
    Proxy, ServerProcess, TestApp, TestDatabase, Weather, committed, given, until,
};
use tokio::time::sleep;
use url::Url;

/// Longer than `DATABASE_TIMEOUT` with some time for a busy machine, and shorter than a request without it takes: twice
/// `REQUEST_TIMEOUT`.
const GIVEN_UP: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn service_goes_on_by_itself_once_the_database_is_back() {
    let cluster = Cluster::start();
    let url = cluster.url("postgres");
    let server = ServerProcess::start(&[("DATABASE_URL", &url), ("DATABASE_TIMEOUT", "2")]);
    let client = ServerProcess::client(server.address(), "ann");
    let id = client.created("Buy milk").await;

    cluster.interrupt();
    for number in 0..3 {
        let start = Instant::now();
        let answer = match number {
            0 => client.list().await,
            1 => client.create(json!({"title": "a"})).await,
            _ => client.task(id).await,
        };
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(answer.header("retry-after").parse::<u32>().is_ok());
        assert!(start.elapsed() < GIVEN_UP, "within DATABASE_TIMEOUT, and some time for a busy machine");
    }
    client.get("/api/health").await.expect(200);
    client.get("/api/ready").await.expect(503);
    let why = server.wait_for("no connection to the database can be opened");
    assert!(why.contains("Connection refused"), "{why}");
    client.clone().with_header("X-Request-Id", "while-away").list().await.expect(503);
    for _ in ["the failure", "the answer"] {
        server.wait_for("while-away");
    }
    let failures: Vec<_> = server
        .printed()
        .into_iter()
        .filter(|line| line.contains(r#""level":"ERROR""#) && line.contains("while-away"))
        .collect();
    assert!(failures.len() == 1 && failures[0].contains("request failed"), "logged once, with its name: {failures:?}");

    cluster.resume();
    until("it notices that the database is back", async || client.get("/api/ready").await.status == 200).await;
    assert_eq!(client.task(id).await.expect(200).id(), id);
    client.created("Buy bread").await;
}

/// It takes connections and all that it is told, and says nothing: only the clock tells that no answer will come.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_soon_where_the_database_is_frozen() {
    let database = TestDatabase::create(Postgres).await;
    let (proxy, url) = Proxy::before(&database.url()).await;
    let app = TestApp::on(&database, &[("DATABASE_URL", &url), ("DATABASE_TIMEOUT", "2")]).await.expect("it starts");
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;

    proxy.set(Weather::Stalled);
    let asked = committed().operations.iter().filter(|operation| operation.answers.contains_key(&503));
    let answers = asked.map(|operation| {
        let (ann, (path, body)) = (&ann, operation.good(id));
        async move {
            let start = Instant::now();
            (&operation.id, ann.send(&operation.method, &path, body).await, start.elapsed())
        }
    });
    let answers = join_all(answers).await;
    assert!(answers.len() > 8, "the document was read");
    for (operation, answer, elapsed) in answers {
        assert_eq!(answer.status, 503, "{operation}: {}", answer.text);
        assert!(!answer.header("retry-after").is_empty(), "{operation} says when to try again");
        // Within DATABASE_TIMEOUT, and some time for a busy machine.
        assert!(elapsed < GIVEN_UP, "{operation} took {elapsed:?}");
    }
}

/// It does not go in company, where each statement has a limit of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_given_up_when_time_is_over() {
    let database = TestDatabase::create(Postgres).await;
    let (proxy, url) = Proxy::before(&database.url()).await;
    // One worker, so that there is a connection at hand: to open one has a limit, too.
    let variables = [("DATABASE_URL", url.as_str()), ("DATABASE_TIMEOUT", "2"), ("LIST_CACHE", "0"), ("WORKERS", "1")];
    let app = TestApp::on(&database, &variables).await.expect("it starts");
    let ann = app.client("ann");
    // The least of three: the machine may be busy with other tests.
    let mut least = Duration::MAX;
    for _ in 0..3 {
        until("there is a connection", async || ann.list().await.status == 200).await;
        proxy.set(Weather::Stalled);
        let start = Instant::now();
        ann.list().await.expect(503);
        least = least.min(start.elapsed());
        proxy.set(Weather::Fair);
    }
    assert!(least < Duration::from_millis(3800), "it was given up after {least:?}");
}

/// Else whoever reads the log would look for a connection that was refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_told_from_a_connection_that_is_not_to_be_had() {
    let database = TestDatabase::create(Postgres).await;
    let (proxy, url) = Proxy::before(&database.url()).await;
    let variables = [("DATABASE_URL", url.as_str()), ("DATABASE_TIMEOUT", "2"), ("LIST_CACHE", "0"), ("WORKERS", "1")];
    let server = ServerProcess::start(&variables);
    let ann = ServerProcess::client(server.address(), "ann");
    // On a busy machine there may be no connection at hand: to open one has the same limit.
    until("a statement is told", async || {
        until("there is a connection", async || ann.list().await.status == 200).await;
        proxy.set(Weather::Stalled);
        ann.list().await.expect(503);
        proxy.set(Weather::Fair);
        let is_told = |line: &String| {
            line.contains("request failed") && line.contains("Execution Error: not done within DATABASE_TIMEOUT")
        };
        server.printed().iter().any(is_told)
    })
    .await;
}

/// Fewer than it may have: the limit of a role, or what other servers leave.
#[tokio::test(flavor = "multi_thread")]
async fn the_connections_that_there_are_are_used_by_turns() {
    let app = TestApp::configured(Guarded, &[("WORKERS", "1"), ("DATABASE_MAX_CONNECTIONS", "10")]).await;
    let ann = app.client("ann");
    ann.created("Buy milk").await;
    app.database().alter("CONNECTION LIMIT 3").await;
    let lists = (0..200).map(|_| {
        let ann = ann.clone();
        tokio::spawn(async move { ann.list().await.status })
    });
    for status in join_all(lists).await {
        assert_eq!(status.expect("an answer"), 200);
    }
}

/// The probe takes its turn as well: who is taken for not ready is sent nobody any more.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_serves_by_fewer_connections_than_it_may_have_is_ready(#[values(1, 3)] there: usize) {
    let variables = [("WORKERS", "1"), ("DATABASE_MAX_CONNECTIONS", "10"), ("LIST_CACHE", "0")];
    let app = TestApp::configured(Guarded, &variables).await;
    let ann = app.client("ann");
    ann.created("Buy milk").await;
    app.database().alter(&format!("CONNECTION LIMIT {there}")).await;
    let asking = (0..there).map(|_| {
        let ann = ann.clone();
        tokio::spawn(async move {
            loop {
                ann.list().await.expect(200);
            }
        })
    });
    let asking: Vec<_> = asking.collect();
    for _ in 0..4 {
        // The last word stands for a second.
        sleep(Duration::from_millis(1100)).await;
        ann.get("/api/ready").await.expect(200);
    }
    for asking in asking {
        assert!(!asking.is_finished(), "all are answered");
        asking.abort();
    }
}

/// What an operator may have added: a trigger by which PostgreSQL says whatever code a task is called.
const SAYS: &str = "CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'on purpose' USING ERRCODE = NEW.title;
    END $$;
    CREATE TRIGGER say BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION say();";

#[rstest]
#[case::of_what_passes(503, &["08006", "0A000", "40001", "40P01", "53100", "57014", "58030"])]
#[case::of_faults(500, &["22012", "23514", "42501", "P0001", "XX000"])]
#[tokio::test]
async fn who_may_try_again_is_told_so(#[case] status: u16, #[case] codes: &[&str]) {
    let app = TestApp::start(Postgres).await;
    app.database().connect().await.execute_unprepared(SAYS).await.expect("a trigger");
    for code in codes {
        let answer = app.client("ann").create(json!({ "title": code })).await;
        assert_eq!(answer.status, status, "{code}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_a_database_that_comes_late() {
    let cluster = Cluster::start();
    cluster.interrupt();
    let url = cluster.url("postgres");
    let server = ServerProcess::start(&[("DATABASE_URL", &url), ("DATABASE_TIMEOUT", "1")]);
    server.wait_for("the database does not answer yet");
    cluster.resume();
    ServerProcess::client(server.address(), "ann").created("Buy milk").await;
}

#[test]
fn a_start_gives_up_on_a_database_that_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("postgresql://ann@{}/todo?sslmode=disable", silent.local_addr().expect("an address"));
    let variables = [("DATABASE_URL", url.as_str()), ("DATABASE_START_TIMEOUT", "1"), ("DATABASE_TIMEOUT", "1")];
    let Ended { code, said, .. } = ServerProcess::run(&[], &variables);
    assert_eq!(code, Some(1));
    assert!(said.contains("DATABASE_URL postgresql://ann@127.0.0.1") && said.contains("cannot be used"), "{said}");
    assert!(said.contains("no answer in time"), "{said}");
}

/// It has let us in and said this and that, and then says nothing more.
#[rstest]
#[case::asked_what_it_is(&[], "server_version_num")]
#[case::asked_what_was_migrated(&["migrate", "status"], "seaql_migrations")]
#[case::asked_who_migrates(&["migrate", "up"], "pg_try_advisory_xact_lock")]
#[case::asked_whether_its_policies_bind(&[], "row_security_active")]
#[case::asked_for_its_key(&[], "cursors")]
#[tokio::test(flavor = "multi_thread")]
async fn a_start_gives_up_on_a_database_that_falls_silent(#[case] arguments: &[&str], #[case] when: &'static str) {
    let database = TestDatabase::create(Postgres).await;
    let (proxy, url) = Proxy::before(&database.url()).await;
    proxy.set(Weather::StallingAt(when));
    let patience = [("DATABASE_START_TIMEOUT", "10"), ("DATABASE_TIMEOUT", "8")];
    let variables = [&[("DATABASE_URL", url.as_str()), ("DATABASE_RLS", "true")], &patience[..]].concat();
    let Ended { code, said, .. } = ServerProcess::run(arguments, &variables);
    assert!(said.ends_with("no answer in time; is the server up, and are host and port right?\n"), "{said}");
    assert_eq!((code, proxy.hit() > 0), (Some(1), true), "{said}");
}

#[test]
fn a_database_that_is_not_there_is_told_from_a_server_that_is_not() {
    let cluster = Cluster::start();
    let said = ServerProcess::run(&[], &[("DATABASE_URL", &cluster.url("nowhere"))]).said;
    assert!(
        said.contains("does not exist") && said.ends_with("; create that database, or correct its name\n"),
        "{said}"
    );
    let mut by_nobody: Url = cluster.url("postgres").parse().expect("an address");
    by_nobody.set_username("nobody").expect("it has users");
    let said = ServerProcess::run(&[], &[("DATABASE_URL", by_nobody.as_str())]).said;
    let remedy = "; are name and password right, and does pg_hba.conf let us in?\n";
    assert!(said.contains("does not exist") && said.ends_with(remedy), "{said}");
}

/// Told at once, where the start is to wait for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_more_connections_is_told_with_the_remedy() {
    let database = TestDatabase::create(Guarded).await;
    database.alter("CONNECTION LIMIT 0").await;
    let variables = database.variables();
    let refused = ServerProcess::run(&[], &[given(&variables), vec![("DATABASE_START_TIMEOUT", "0")]].concat());
    let remedy = "; lower DATABASE_MAX_CONNECTIONS here or elsewhere, or raise its max_connections\n";
    let said = &refused.said;
    assert!(said.contains("too many connections for database") && said.ends_with(remedy), "{said}");
    assert_eq!(refused.code, Some(1));
}

#[rstest]
#[tokio::test]
async fn a_key_of_cursors_that_is_none_is_named_with_its_row(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let url = database.url();
    drop(ServerProcess::start(&[("DATABASE_URL", &url)]).wait_for("\"serving\""));
    let connection = database.connect().await;
    connection.execute_unprepared("UPDATE keys SET bytes = substr(bytes, 1, 16)").await.expect("it is ours");
    let Ended { code, said, .. } = ServerProcess::run(&[], &[("DATABASE_URL", &url)]);
    assert_eq!(code, Some(1));
    assert!(said.contains("row cursors of the database's table keys") && said.contains("delete the row"), "{said}");
    connection.execute_unprepared("DELETE FROM keys").await.expect("it is ours");
    drop(ServerProcess::start(&[("DATABASE_URL", &url)]).wait_for("\"serving\""));
}

#[test]
fn a_start_that_waits_can_be_stopped() {
    let url = "postgresql://ann@127.0.0.1:1/todo?sslmode=disable";
    let mut server = ServerProcess::start(&[("DATABASE_URL", url), ("DATABASE_TIMEOUT", "1")]);
    server.wait_for("the database does not answer yet");
    server.signal("TERM");
    assert!(server.wait().success(), "{:#?}", server.printed());
}

#[test]
fn a_start_gives_up_on_a_database_that_never_comes() {
    let url = "postgresql://ann:hunter2-and-more@127.0.0.1:1/todo?sslmode=disable";
    let variables = [("DATABASE_URL", url), ("DATABASE_START_TIMEOUT", "1"), ("DATABASE_TIMEOUT", "1")];
    let start = Instant::now();
    let Ended { code, printed, said } = ServerProcess::run(&[], &variables);
    assert!(start.elapsed() < Duration::from_secs(15));
    assert_eq!(code, Some(1));
    assert!(said.contains("DATABASE_URL postgresql://ann:***@127.0.0.1:1/todo cannot be used"), "{said}");
    assert!(said.ends_with("; is the server up, and are host and port right?\n"), "{said}");
    assert!(!printed.contains("hunter2") && !said.contains("hunter2"), "the password is masked");
}
