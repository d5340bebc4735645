//! A database that sleeps, cuts what idles, and stalls: a slow answer perhaps, never a wrong one.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use rstest::rstest;
use sea_orm::{
    ConnectionTrait, DatabaseConnection,
    sea_query::{Expr, ExprTrait, Func, Query},
};
use serde_json::json;
use todo_contract_tests::{
    Client,
    Engine::{self, Guarded, Postgres},
    Mode::Transaction,
    Pooler, ServerProcess, TestApp, TestDatabase, connections, cut, given, in_state, until, waiting,
};
use tokio::time::{sleep, timeout};

/// How many connections there have ever been to this database, those that are over included.
async fn sessions(database: &DatabaseConnection) -> i64 {
    let question = Query::select()
        .column("sessions")
        .from("pg_stat_database")
        .and_where(Expr::col("datname").eq(Func::cust("current_database")))
        .take();
    let row = database.query_one(&question).await.expect("an answer").expect("a database");
    row.try_get("", "sessions").expect("a number")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_while_idle_cost_no_request(#[values(false, true)] is_pooled: bool) {
    let database = TestDatabase::create(Postgres).await;
    let pooler = Pooler::start(&database, Transaction);
    let url = if is_pooled { pooler.url().to_owned() } else { database.url() };
    let app = TestApp::on(&database, &[("DATABASE_URL", &url)]).await.expect("it starts");
    let (ann, beside) = (app.client("ann"), database.connect().await);
    let id = ann.created("Buy milk").await;
    for round in 0..5 {
        for answer in join_all((0..20).map(|_| ann.list())).await {
            answer.expect(200);
        }
        assert!(round > 0 || connections(&beside).await > 1, "there is something to cut");
        sleep(Duration::from_millis(700)).await;
        cut(&beside).await;
        until("they are gone", async || connections(&beside).await == 0).await;
        for answer in join_all((0..10).map(|_| ann.toggle(id))).await {
            answer.expect(200);
        }
    }
}

/// Those that were used a moment ago are not looked at before they are used again: at hand, or in the pool.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_after_use_cost_no_read(
    #[values(Postgres, Guarded)] engine: Engine,
    #[values("auto", "0")] list_cache: &str,
    #[values(0, 250)] pause: u64,
) {
    let app = TestApp::configured(engine, &[("LIST_CACHE", list_cache)]).await;
    let (ann, beside) = (app.client("ann"), app.database().connect().await);
    let id = ann.created("Buy milk").await;
    for round in 0..5 {
        for answer in join_all((0..20).map(|_| ann.list())).await {
            answer.expect(200);
        }
        assert!(round > 0 || connections(&beside).await > 1, "there is something to cut");
        sleep(Duration::from_millis(pause)).await;
        // Again and again: one that is only being opened is not seen yet.
        until("they are gone", async || cut(&beside).await == 0).await;
        ann.get("/api/tasks?q=milk").await.expect(200);
        ann.task(id).await.expect(200);
        for answer in join_all((0..10).map(|_| ann.list())).await {
            answer.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_asks_lets_its_database_sleep() {
    let database = TestDatabase::create(Postgres).await;
    let app = TestApp::on(&database, &[("DATABASE_IDLE_TIMEOUT", "1")]).await.expect("it starts");
    let (ann, beside) = (app.client("ann"), database.connect().await);
    ann.created("Buy milk").await;
    until("connections go by themselves", async || connections(&beside).await == 0).await;
    for _ in 0..20 {
        ann.get("/api/health").await.expect(200);
        assert_eq!(connections(&beside).await, 0, "liveness asks no database");
    }
    // Beyond a minute: what is done by a timer is often done each minute. Nor has anybody come and gone between two
    // looks.
    let (before, start) = (sessions(&beside).await, Instant::now());
    while start.elapsed() < Duration::from_secs(65) {
        sleep(Duration::from_secs(1)).await;
        assert_eq!((connections(&beside).await, sessions(&beside).await), (0, before), "nobody asks the database");
    }
    assert_eq!(ann.list().await.expect(200).ids().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_connections_are_kept_as_are_asked_for() {
    let database = TestDatabase::create(Postgres).await;
    let one = [
        ("DATABASE_MIN_CONNECTIONS", "1"),
        ("DATABASE_IDLE_TIMEOUT", "2"),
        ("WORKERS", "1"),
        // Whoever waits for the lock is patient.
        ("DATABASE_TIMEOUT", "50"),
        ("REQUEST_TIMEOUT", "60"),
    ];
    let app = TestApp::on(&database, &one).await.expect("it starts");
    let (users, beside) = (["ann", "bob", "cid", "dan"].map(|user| app.client(user)), database.connect().await);
    let block = database.block_all().await;
    let asked = join_all(users.iter().map(Client::list));
    let several = async {
        // That which blocks is another one.
        until("they are opened", async || connections(&beside).await > 3).await;
        block.execute_unprepared("ROLLBACK").await.expect("the lock is free");
        block.close().await.expect("it is closed");
    };
    for answer in join(asked, several).await.0 {
        answer.expect(200);
    }
    until("the others go", async || connections(&beside).await == 1).await;
    // Whatever idles for so long is closed, and another opened in its place.
    sleep(Duration::from_secs(6)).await;
    until("one is kept", async || connections(&beside).await == 1).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_nobody_waits_for_is_stopped_in_the_database(#[values(false, true)] is_pooled: bool) {
    let database = TestDatabase::create(Postgres).await;
    let pooler = Pooler::start(&database, Transaction);
    let url = if is_pooled { pooler.url().to_owned() } else { database.url() };
    let variables = [("DATABASE_URL", url.as_str()), ("DATABASE_TIMEOUT", "1"), ("DATABASE_MAX_CONNECTIONS", "2")];
    let app = TestApp::on(&database, &variables).await.expect("it starts");
    let (ann, beside) = (app.client("ann"), database.connect().await);
    let id = ann.created("Buy milk").await;

    let other = database.block_all().await;
    // More than there are connections: the later ones are answered as well.
    let (one, two, three, four) = tokio::join!(ann.task(id), ann.toggle(id), ann.list(), ann.delete(id));
    for answer in [one, two, three, four] {
        assert!(!answer.expect(503).header("retry-after").is_empty());
    }
    until("nothing waits for the lock any more", async || waiting(&beside).await == 0).await;
    other.execute_unprepared("ROLLBACK").await.expect("the lock is free");
    assert_eq!(ann.task(id).await.expect(200).json()["completed"], false, "what was stopped has not happened");
}

/// Locks are given up sooner: here a trigger takes its time.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_stopped_in_the_database() {
    const DOZES: &str = "CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep(60); RETURN NEW;
        END $$;
        CREATE TRIGGER doze BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION doze();";
    let app = TestApp::configured(Postgres, &[("DATABASE_TIMEOUT", "2")]).await;
    let (ann, beside) = (app.client("ann"), app.database().connect().await);
    let id = ann.created("Buy milk").await;
    beside.execute_unprepared(DOZES).await.expect("a trigger");
    ann.toggle(id).await.expect(503);
    until("nobody works any more", async || in_state(&beside, "active").await == 0).await;
    assert_eq!(ann.task(id).await.expect(200).json()["completed"], false, "what was stopped has not happened");
}

/// Else what it has locked would stay so for as long as its server stands still.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_goes_no_further_is_ended_in_the_database() {
    let database = TestDatabase::create(Postgres).await;
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url()), ("DATABASE_TIMEOUT", "10")]);
    let ann = ServerProcess::client(server.address(), "ann");
    ann.created("so that Ann is known").await;
    let (beside, block) = (database.connect().await, database.block_writes().await);
    let keyed = ann.keyed("key");
    let creating = tokio::spawn(async move { keyed.create(json!({"title": "a"})).await.status });
    until("it is in the midst of a transaction", async || waiting(&beside).await == 1).await;
    server.signal("STOP");
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    let idle = || in_state(&beside, "idle in transaction");
    until("the database waits for the server", async || idle().await == 1).await;
    until("the transaction is ended", async || idle().await == 0).await;
    server.signal("CONT");
    assert_eq!(creating.await.expect("an answer"), 503);
    assert_eq!(ann.list().await.expect(200).ids().len(), 1, "nothing of it has happened");
}

/// As where a primary has become a standby, and its name leads to another.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_cannot_write_any_more_are_given_up() {
    let one = [("LIST_CACHE", "0"), ("WORKERS", "1"), ("DATABASE_MAX_CONNECTIONS", "1")];
    let app = TestApp::configured(Postgres, &one).await;
    let (ann, owner) = (app.client("ann"), app.database().connect().await);
    let id = ann.created("Buy milk").await;
    app.database().alter("SET default_transaction_read_only = on").await;
    cut(&owner).await;
    let states = async || [ann.toggle(id).await.status, ann.task(id).await.status];
    until("all can be read, and nothing be written", async || states().await == [503, 200]).await;
    app.database().alter("SET default_transaction_read_only = off").await;
    // Kept from before, it fails once more.
    ann.toggle(id).await;
    ann.toggle(id).await.expect(200);
}

/// As by a password that was changed, here by a database that takes nobody in: another try may go through once it does.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_let_in_no_more_is_told_to_come_again() {
    let app = TestApp::start(Postgres).await;
    let (ann, owner) = (app.client("ann"), app.database().connect().await);
    ann.created("Buy milk").await;
    app.database().alter("ALLOW_CONNECTIONS false").await;
    cut(&owner).await;
    until("nobody is in any more", async || connections(&owner).await == 0).await;
    // Once those are found gone that were open.
    for _ in 0..5 {
        assert!(!ann.list().await.expect(503).header("retry-after").is_empty());
    }
    ann.get("/api/ready").await.expect(503);
    app.database().alter("ALLOW_CONNECTIONS true").await;
    ann.list().await.expect(200);
}

/// A machine that stands still in the midst of transactions finds that PostgreSQL has ended them.
#[tokio::test(flavor = "multi_thread")]
async fn who_stood_still_tells_its_clients_to_come_again() {
    let database = TestDatabase::create(Guarded).await;
    let variables = database.variables();
    let server = ServerProcess::start(&[given(&variables), vec![("DATABASE_TIMEOUT", "1")]].concat());
    let ann = ServerProcess::client(server.address(), "ann");
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(ann.created("Buy milk").await);
    }
    let id = ids[0];
    let is_over = Arc::new(AtomicBool::new(false));
    let asking = ids.into_iter().map(|id| {
        let (ann, is_over) = (ann.clone(), Arc::clone(&is_over));
        tokio::spawn(async move {
            let mut statuses = BTreeSet::new();
            while !is_over.load(Ordering::Relaxed) {
                statuses.insert(ann.toggle(id).await.status);
            }
            statuses
        })
    });
    let asking: Vec<_> = asking.collect();
    for _ in 0..4 {
        sleep(Duration::from_millis(300)).await;
        server.signal("STOP");
        sleep(Duration::from_millis(1400)).await;
        server.signal("CONT");
    }
    is_over.store(true, Ordering::Relaxed);
    let statuses = join_all(asking).await.into_iter().flat_map(|asked| asked.expect("all are answered"));
    let statuses: BTreeSet<_> = statuses.collect();
    assert!(statuses.contains(&503) && statuses.is_subset(&[200, 503].into()), "{statuses:?}");
    until("it is served again", async || ann.toggle(id).await.status == 200).await;
}

/// The pool waits for the statements that clients leave behind, for as long as they may take.
#[tokio::test(flavor = "multi_thread")]
async fn clients_who_leave_have_no_more_connections_opened() {
    let database = TestDatabase::create(Postgres).await;
    let variables = [("DATABASE_TIMEOUT", "60"), ("REQUEST_TIMEOUT", "60"), ("DATABASE_MAX_CONNECTIONS", "2")];
    let app = TestApp::on(&database, &variables).await.expect("it starts");
    let (ann, beside) = (app.client("ann"), database.connect().await);
    ann.created("Buy milk").await;
    let block = database.block_all().await;
    let leaving = async || {
        let left = join_all([(); 2].map(|()| timeout(Duration::from_secs(1), ann.list()))).await;
        assert!(left.iter().all(Result::is_err), "nobody is answered");
    };
    leaving().await;
    // Longer than a connection was once waited for.
    sleep(Duration::from_secs(11)).await;
    leaving().await;
    // That which blocks is another one.
    assert!(connections(&beside).await <= 3, "{} connections", connections(&beside).await);
    block.execute_unprepared("ROLLBACK").await.expect("the lock is free");
    ann.list().await.expect(200);
}
