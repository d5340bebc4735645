//! Many at once: nothing is lost, nothing is done twice, and nobody sees another's.

use std::{collections::HashSet, time::Duration};

use rstest::rstest;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, TransactionTrait,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::json;
use todo_contract_tests::{
    Engine::{self, Guarded, Postgres, Sqlite},
    Mode::Transaction,
    Pooler, Raw, TestApp, TestDatabase, until, waiting,
};
use tokio::{task::JoinSet, time::sleep};

#[rstest]
#[case::even(200, false)]
#[case::odd(201, true)]
#[tokio::test(flavor = "multi_thread")]
async fn toggles_at_the_same_time_all_take_effect(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] toggles: usize,
    #[case] expected: bool,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    let mut under_way = JoinSet::new();
    for _ in 0..toggles {
        let ann = ann.clone();
        under_way.spawn(async move { ann.toggle(id).await.expect(200).json()["updated_at"].to_string() });
    }
    let moments: HashSet<String> = under_way.join_all().await.into_iter().collect();
    assert_eq!(moments.len(), toggles, "updated_at moves at each");
    assert_eq!(ann.task(id).await.expect(200).json()["completed"], expected);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_asked_for_beside_those_who_take_any(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    let stale = ann.task(id).await.expect(200).header("ETag").to_owned();
    ann.toggle(id).await.expect(200);
    let expecting = ann.clone().with_header("If-Match", &stale);
    let mut under_way = JoinSet::new();
    for _ in 0..50 {
        let (ann, expecting) = (ann.clone(), expecting.clone());
        under_way.spawn(async move { ann.task(id).await.status });
        under_way.spawn(async move { expecting.update(id, json!({})).await.status });
    }
    let statuses = under_way.join_all().await;
    for status in [200, 412] {
        assert_eq!(statuses.iter().filter(|is| **is == status).count(), 50, "{statuses:?}");
    }
}

/// A database to which its operator has given another isolation, by which one of two who wait for each other is
/// refused; and the address of it, or of a pooler before it.
async fn serializable(is_pooled: bool) -> (TestDatabase, Pooler, String) {
    let database = TestDatabase::create(Postgres).await;
    database.alter("SET default_transaction_isolation = 'serializable'").await;
    let pooler = Pooler::start(&database, Transaction);
    let url = if is_pooled { pooler.url().to_owned() } else { database.url() };
    (database, pooler, url)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_another_s_change_changes_the_task_too_whatever_isolation_is_the_databases(
    #[values(false, true)] is_pooled: bool,
) {
    let (database, _pooler, url) = serializable(is_pooled).await;
    let app = TestApp::on(&database, &[("DATABASE_URL", url.as_str())]).await.expect("it starts");
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    let (beside, other) = (database.connect().await, database.connect().await);
    let changing = other.begin().await.expect("a transaction");
    let mut change = Query::update();
    change.table("tasks").value("title", "Buy oat milk").and_where(Expr::col("user_id").eq("ann"));
    changing.execute(&change).await.expect("it is changed");
    let toggled = tokio::spawn(async move { ann.toggle(id).await });
    until("it waits", async || waiting(&beside).await == 1).await;
    changing.commit().await.expect("it stays so");
    let toggled = toggled.await.expect("an answer").expect(200).json();
    assert_eq!((&toggled["title"], &toggled["completed"]), (&json!("Buy oat milk"), &json!(true)));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn toggles_by_several_servers_take_effect_whatever_isolation_is_the_databases(
    #[values(false, true)] is_pooled: bool,
) {
    let (database, _pooler, url) = serializable(is_pooled).await;
    let start = async || TestApp::on(&database, &[("DATABASE_URL", url.as_str())]).await.expect("it starts");
    let ann = [start().await, start().await].map(|server| (server.client("ann"), server));
    let id = ann[0].0.created("Buy milk").await;
    let mut under_way = JoinSet::new();
    for (ann, _) in ann.iter().cycle().take(101) {
        let ann = ann.clone();
        under_way.spawn(async move { ann.toggle(id).await.status });
    }
    assert_eq!(under_way.join_all().await, [200; 101]);
    assert_eq!(ann[0].0.task(id).await.expect(200).json()["completed"], true);
}

/// In company with its owner, too.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn others_who_ask_for_a_task_at_the_same_time_do_nothing_to_it(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, eve) = (app.client("ann"), app.client("eve"));
    let id = ann.created("Buy milk").await;
    let mut under_way = JoinSet::new();
    for number in 0..51 {
        let (ann, eve) = (ann.clone(), eve.clone());
        under_way.spawn(async move {
            let of_eve = async { if number % 2 == 0 { eve.toggle(id).await } else { eve.delete(id).await } };
            let (own, others) = tokio::join!(ann.toggle(id), of_eve);
            (own.status, others.status)
        });
    }
    assert!(under_way.join_all().await.iter().all(|statuses| *statuses == (200, 404)));
    assert_eq!(ann.task(id).await.expect(200).json()["completed"], true);
    let (own, others) = tokio::join!(ann.delete(id), eve.delete(id));
    assert_eq!((own.status, others.status), (204, 404));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn creates_of_many_users_at_the_same_time_stay_apart(#[values(Sqlite, Postgres)] engine: Engine) {
    const USERS: usize = 50;
    const TASKS: usize = 10;
    let app = TestApp::start(engine).await;
    let mut under_way = JoinSet::new();
    for number in 0..USERS * TASKS {
        let user = format!("user {}", number % USERS);
        let client = app.client(&user);
        under_way.spawn(async move {
            let task = client.create(json!({"title": format!("of {user}")})).await.expect(201);
            (user, task.id())
        });
    }
    let created = under_way.join_all().await;
    assert_eq!(created.iter().map(|(_, id)| id).collect::<HashSet<_>>().len(), USERS * TASKS, "ids are distinct");
    for user in 0..USERS {
        let user = format!("user {user}");
        let seen: HashSet<_> = app.client(&user).list().await.expect(200).ids().into_iter().collect();
        let own: HashSet<_> = created.iter().filter(|(owner, _)| *owner == user).map(|(_, id)| *id).collect();
        assert_eq!(seen, own, "{user} sees its own");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_deletes_at_the_same_time_exactly_one_takes_effect(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    let mut under_way = JoinSet::new();
    for _ in 0..50 {
        let ann = ann.clone();
        under_way.spawn(async move { ann.delete(id).await.status });
    }
    let mut statuses = under_way.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 204);
    assert!(statuses[1..].iter().all(|status| *status == 404), "{statuses:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn updates_of_different_fields_at_the_same_time_keep_each_other(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    for round in 0..20 {
        let id = ann.created("before").await;
        let (title, description, completed) = tokio::join!(
            ann.update(id, json!({"title": format!("after {round}")})),
            ann.update(id, json!({"description": format!("new {round}")})),
            ann.update(id, json!({"completed": true})),
        );
        for answer in [title, description, completed] {
            assert_eq!(answer.status, 200);
        }
        let task = ann.task(id).await.expect(200).json();
        assert_eq!(task["title"], format!("after {round}"));
        assert_eq!(task["description"], format!("new {round}"));
        assert_eq!(task["completed"], true);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn first_creates_of_a_user_at_the_same_time_all_go_through(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let mut under_way = JoinSet::new();
    for _ in 0..50 {
        let ann = ann.clone();
        under_way.spawn(async move { ann.created("Buy milk").await });
    }
    assert_eq!(under_way.join_all().await.into_iter().collect::<HashSet<_>>().len(), 50);
}

/// Whoever goes in company with changes that have to wait is not made to wait as long, not even where these have all
/// connections.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_somebody_keeps_locked_fail_no_other(#[values(1, 2)] locked: usize) {
    let variables =
        [("DATABASE_TIMEOUT", "15"), ("REQUEST_TIMEOUT", "30"), ("WORKERS", "1"), ("DATABASE_MAX_CONNECTIONS", "2")];
    let app = TestApp::configured(Postgres, &variables).await;
    let ann = app.client("ann");
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(ann.created("Buy milk").await);
    }
    let locked = &ids[10..10 + locked];
    let beside = app.database().connect().await;
    let lock = format!(
        "BEGIN; SELECT id FROM tasks WHERE user_id = 'ann' AND id BETWEEN {} AND {} FOR UPDATE",
        locked[0],
        locked[locked.len() - 1]
    );
    beside.execute_unprepared(&lock).await.expect("a lock");
    let mut under_way = JoinSet::new();
    for id in ids.clone() {
        let ann = ann.clone();
        under_way.spawn(async move { (id, ann.toggle(id).await.status) });
    }
    for (id, status) in under_way.join_all().await {
        assert_eq!(status, if locked.contains(&id) { 503 } else { 200 }, "{id}, where {locked:?} are locked");
    }
    beside.execute_unprepared("ROLLBACK").await.expect("they are let go");
    for id in locked {
        assert_eq!(ann.toggle(*id).await.expect(200).json()["completed"], true, "it was not done before");
    }
}

/// Whoever locks the same tasks does so in the order of their ids; in which the table has them is another.
#[rstest]
#[case::deletes("DELETE", 204)]
#[case::changes("PATCH", 200)]
#[tokio::test(flavor = "multi_thread")]
async fn who_writes_in_company_locks_nobody_out(#[case] method: &'static str, #[case] status: u16) {
    let app = TestApp::configured(Postgres, &[("DATABASE_TIMEOUT", "10"), ("WORKERS", "1")]).await;
    let mut tasks = Vec::new();
    for user in ["ann", "bob"].into_iter().cycle().take(20) {
        tasks.push((user, app.client(user).created("Buy milk").await));
    }
    // What was changed last is the last in the table.
    for (user, id) in tasks.iter().rev() {
        app.client(user).toggle(*id).await.expect(200);
    }
    let beside = app.database().connect().await;
    // Of so few, PostgreSQL reads all there are.
    beside.execute_unprepared("ANALYZE tasks").await.expect("it is done");
    let lock = async |tasks: &[(&str, i64)]| {
        let tasks: Vec<_> = tasks.iter().map(|(user, id)| format!("user_id = '{user}' AND id = {id}")).collect();
        let lock = format!("SELECT id FROM tasks WHERE {} ORDER BY id FOR UPDATE", tasks.join(" OR "));
        beside.execute_unprepared(&lock).await.expect("a lock");
    };
    beside.execute_unprepared("BEGIN").await.expect("a transaction");
    let (first, others) = tasks.split_at(3);
    lock(first).await;
    // One that has to wait goes alone; the next ones in company, as they find it under way.
    let mut under_way = JoinSet::new();
    for (user, id) in tasks.clone() {
        let client = app.client(user);
        under_way.spawn(async move {
            let answer = if method == "DELETE" { client.delete(id).await } else { client.toggle(id).await };
            answer.status
        });
    }
    // By then PostgreSQL has looked whether they wait for one another: who comes now would be the one to fail.
    sleep(Duration::from_millis(1500)).await;
    lock(others).await;
    beside.execute_unprepared("ROLLBACK").await.expect("they are let go");
    assert_eq!(under_way.join_all().await, [status; 20]);
}

/// So that all connections are soon taken, and nobody is given up, however slow the machine is.
const FEW_CONNECTIONS: [(&str, &str); 5] = [
    ("WORKERS", "1"),
    ("DATABASE_MAX_CONNECTIONS", "8"),
    ("DATABASE_TIMEOUT", "60"),
    ("REQUEST_TIMEOUT", "60"),
    ("LIST_CACHE", "0"),
];

/// Sees that what one user has under way waits for `block` with so many connections, and lets it go; the statuses that
/// come of it. Those who wait for a connection wait in one order, whoever they are.
async fn with_connections(
    count: usize,
    app: &TestApp,
    block: &DatabaseConnection,
    under_way: JoinSet<u16>,
) -> Vec<u16> {
    let beside = app.database().connect().await;
    until("the connections are at it", async || waiting(&beside).await == count).await;
    sleep(Duration::from_millis(500)).await;
    assert_eq!(waiting(&beside).await, count, "the others are left");
    app.stranger().get("/api/ready").await.expect(200);
    block.execute_unprepared("ROLLBACK").await.expect("they are let go");
    under_way.join_all().await
}

#[rstest]
#[case::lists(Postgres, "GET", "?limit={number}", None, 200)]
#[case::changes_of_several_versions(
    Postgres,
    "PATCH",
    "/{id}/complete",
    Some(("If-Match", "\"{id}.7\", \"{id}.8\"")),
    412
)]
#[case::tasks_that_nobody_asks_for_in_company(Guarded, "GET", "/{id}", None, 200)]
#[case::changes_that_nobody_makes_in_company(Guarded, "PATCH", "/{id}/complete", None, 200)]
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_much_leaves_connections_for_others(
    #[case] engine: Engine,
    #[case] method: &'static str,
    #[case] path: &str,
    #[case] condition: Option<(&str, &str)>,
    #[case] status: u16,
) {
    let app = TestApp::configured(engine, &FEW_CONNECTIONS).await;
    let mut ann = app.client("ann");
    let id = ann.created("Buy milk").await.to_string();
    let path = path.replace("{id}", &id);
    if let Some((name, value)) = condition {
        ann = ann.with_header(name, &value.replace("{id}", &id));
    }
    let block = app.database().block_all().await;
    let mut under_way = JoinSet::new();
    for number in 1..=20 {
        let (ann, path) = (ann.clone(), format!("/api/tasks{}", path.replace("{number}", &number.to_string())));
        under_way.spawn(async move { ann.send(method, &path, None).await.status });
    }
    assert_eq!(with_connections(4, &app, &block, under_way).await, [status; 20]);
}

/// One of them waits for the lock, and the others for that one.
#[rstest]
#[case::toggles("PATCH", "/complete", 200)]
#[case::deletions("DELETE", "", 204)]
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_locked_task_take_one_connection(
    #[case] method: &'static str,
    #[case] end: &str,
    #[case] status: u16,
) {
    let variables = [&FEW_CONNECTIONS[..], &[("DATABASE_BATCH_SIZE", "128")]].concat();
    let app = TestApp::configured(Postgres, &variables).await;
    let ann = app.client("ann");
    let path = format!("/api/tasks/{}{end}", ann.created("Buy milk").await);
    // One client alone would go by itself.
    let _another = Raw::connect(app.address()).await;
    let block = app.database().block_all().await;
    let mut under_way = JoinSet::new();
    for _ in 0..20 {
        let (ann, path) = (ann.clone(), path.clone());
        under_way.spawn(async move { ann.send(method, &path, None).await.status });
    }
    let statuses = with_connections(1, &app, &block, under_way).await;
    assert!(statuses.contains(&status) && statuses.iter().all(|each| [status, 404].contains(each)), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_creates_under_many_keys_leaves_connections_for_others() {
    let app = TestApp::configured(Postgres, &FEW_CONNECTIONS).await;
    let ann = app.client("ann");
    ann.created("so that Ann is known").await;
    let block = app.database().block_writes().await;
    let mut under_way = JoinSet::new();
    for number in 1..=20 {
        let ann = ann.keyed(&format!("key-{number}"));
        under_way.spawn(async move { ann.create(json!({"title": "Buy milk"})).await.status });
    }
    assert_eq!(with_connections(4, &app, &block, under_way).await, [201; 20]);
}
