//! A real PgBouncer between the server and its database.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::json;
use todo_contract_tests::{
    Answer, Client, Ended,
    Engine::Postgres,
    Mode::{self, Session, Statement, Transaction},
    Pooler, ServerProcess, TestApp, TestDatabase,
};

async fn behind(mode: Mode) -> (TestDatabase, Pooler) {
    let database = TestDatabase::create(Postgres).await;
    let pooler = Pooler::start(&database, mode);
    (database, pooler)
}

/// Every operation, again and again; each answer is the one that it must be.
async fn work(client: Client, rounds: usize) {
    let mut titles = BTreeMap::new();
    for round in 0..rounds {
        let title = format!("title {round}");
        let keyed = client.keyed(&format!("key-{round}"));
        let created = keyed.create(json!({ "title": title })).await.expect(201);
        let (id, again) = (created.id(), keyed.create(json!({ "title": title })).await.expect(201));
        assert_eq!((again.id(), again.header("idempotency-replayed")), (id, "true"));
        titles.insert(id, title);
        let bound = client.clone().with_header("If-Match", created.header("etag"));
        bound.update(id, json!({"description": "more"})).await.expect(200);
        bound.update(id, json!({"description": "less"})).await.expect(412);
        client.toggle(id).await.expect(200);
        assert_eq!(client.task(id).await.expect(200).json()["completed"], true);
        let gone = client.created("gone").await;
        client.delete(gone).await.expect(204);
        client.task(gone).await.expect(404);
    }
    let list = client.list().await.expect(200);
    let tasks = list.json();
    let found = tasks
        .as_array()
        .expect("a list")
        .iter()
        .map(|task| (task["id"].as_i64().expect("an id"), task["title"].as_str().expect("a title").to_owned()));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), titles);
    let keeping = client.clone().with_header("If-None-Match", list.header("etag"));
    keeping.list().await.expect(304);
    let paged = async |query: &str| {
        let pages = client.pages(&format!("/api/tasks?limit=2&{query}")).await;
        pages.iter().flat_map(Answer::ids).collect::<Vec<_>>()
    };
    assert!(paged("completed=true").await.iter().eq(titles.keys()));
    assert!(paged("q=TITLE&sort=-title").await.iter().eq(titles.keys().rev()));
    for completed in [false, true] {
        let updated = client.complete_all(completed).await.expect(200);
        assert_eq!(updated.json(), json!({ "updated": rounds }));
    }
    let deleted = client.delete_completed().await.expect(200);
    assert_eq!(deleted.json(), json!({ "deleted": rounds }));
    assert_eq!(keeping.list().await.expect(200).ids(), Vec::<i64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_through_a_transaction_pooler() {
    let (database, pooler) = behind(Transaction).await;
    let app = TestApp::on(&database, &[("DATABASE_URL", pooler.url())]).await.expect("it adapts");
    join_all((0..16).map(|number| work(app.client(&format!("user {number}")), 6))).await;
    // Another server beside it finds sessions that the first one has used.
    let other = TestApp::on(&database, &[("DATABASE_URL", pooler.url())]).await.expect("it adapts");
    join_all((16..32).map(|number| {
        let app = if number % 2 == 0 { &app } else { &other };
        work(app.client(&format!("user {number}")), 3)
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_session_mode_is_like_none() {
    let (database, pooler) = behind(Session).await;
    let variables = [("DATABASE_URL", pooler.url()), ("DATABASE_MAX_CONNECTIONS", "2")];
    let app = TestApp::on(&database, &variables).await.expect("it starts");
    join_all((0..4).map(|number| work(app.client(&format!("user {number}")), 3))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_without_transactions_is_refused() {
    let (_database, pooler) = behind(Statement).await;
    let Ended { code, said, .. } = ServerProcess::run(&[], &[("DATABASE_URL", pooler.url())]);
    assert_eq!(code, Some(1));
    assert!(said.contains("DATABASE_URL") && said.contains("set pool_mode to transaction"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_through_a_pooler_where_there_is_no_other_way() {
    let (_database, pooler) = behind(Transaction).await;
    // As many times as there are sessions, and more: each finds what an earlier one left behind.
    for arguments in [["migrate", "up"], ["migrate", "down"]].iter().cycle().take(12) {
        ServerProcess::run(arguments, &[("DATABASE_URL", pooler.url()), ("LOG_LEVEL", "off")]).well();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_to_the_direct_address_where_one_is_given() {
    let (database, pooler) = behind(Transaction).await;
    // A role that may not create tables, as one should have behind a pooler.
    let role = format!("{}_login", database.name());
    let owner = database.connect().await;
    for statement in [
        format!("CREATE ROLE {role} LOGIN PASSWORD 'of-this-test'"),
        format!("ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}"),
        format!("ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {role}"),
    ] {
        owner.execute_unprepared(&statement).await.expect("a role");
    }
    let mut url: url::Url = database.url().parse().expect("an address");
    url.set_username(&role).and_then(|()| url.set_password(Some("of-this-test"))).expect("a name");
    let restricted = [("DATABASE_URL", url.as_str())];
    let refused = TestApp::refused(&database, &restricted).await;
    assert!(refused.contains("permission denied") && refused.contains("DATABASE_DIRECT_URL"), "{refused}");

    let direct = database.url();
    let variables = [("DATABASE_URL", url.as_str()), ("DATABASE_DIRECT_URL", direct.as_str())];
    let app = TestApp::on(&database, &variables).await.expect("the other role migrates");
    work(app.client("ann"), 1).await;
    drop(app);
    let through = [("DATABASE_URL", pooler.url()), ("DATABASE_DIRECT_URL", direct.as_str())];
    let app = TestApp::on(&database, &through).await.expect("nothing is pending");
    work(app.client("bob"), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_address_that_leads_nowhere_is_named() {
    let database = TestDatabase::create(Postgres).await;
    let mut direct: url::Url = database.url().parse().expect("an address");
    direct.set_port(Some(1)).expect("a port where nothing listens");
    let variables = [("DATABASE_DIRECT_URL", direct.as_str()), ("DATABASE_TIMEOUT", "1")];
    let refused = TestApp::refused(&database, &variables).await;
    assert!(refused.starts_with("DATABASE_DIRECT_URL post") && refused.contains("cannot be used"), "{refused}");
    assert!(!refused.contains("create tables"), "its role is not at fault: {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_address_of_another_database_is_refused_and_that_one_is_left_alone() {
    let (database, other) = (TestDatabase::create(Postgres).await, TestDatabase::create(Postgres).await);
    let direct = other.url();
    let variables = [("DATABASE_DIRECT_URL", direct.as_str())];
    let refused = TestApp::refused(&database, &variables).await;
    assert!(refused.contains("DATABASE_DIRECT_URL leads to another database than DATABASE_URL"), "{refused}");

    let variables = [("DATABASE_URL", direct.as_str()), ("LOG_LEVEL", "off")];
    let listed = ServerProcess::run(&["migrate", "status"], &variables).well();
    assert!(listed.starts_with("pending") && !listed.contains("applied"), "{listed}");
}
