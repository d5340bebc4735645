//! The tables: made once, whoever starts first, and sound whoever writes to them.

use std::sync::Arc;

use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    ServerProcess, TestApp, TestDatabase,
};

/// All migrations, in their order.
const NAMES: [&str; 6] = [
    "m20261124_000001_create_users",
    "m20261124_000002_create_tasks",
    "m20261124_000003_sort_tasks",
    "m20261124_000004_create_keys",
    "m20261124_000005_create_idempotency_keys",
    "m20261124_000006_sort_by_state",
];

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn ten_servers_that_start_at_once_migrate_once(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let url = database.url();
    let servers: Vec<_> = (0..10).map(|_| ServerProcess::start(&[("DATABASE_URL", &url)])).collect();
    let mut migrated = 0;
    for (number, server) in servers.iter().enumerate() {
        let client = ServerProcess::client(server.address(), &format!("user {number}"));
        client.created("Buy milk").await;
        migrated += server.printed().iter().filter(|line| line.contains("has been applied")).count();
    }
    assert_eq!(migrated, NAMES.len(), "each of the migrations was applied once");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_by_command(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let url = database.url();
    let migrate = |arguments: &[&str]| {
        let output =
            ServerProcess::run(&[&["migrate"], arguments].concat(), &[("DATABASE_URL", &url), ("LOG_LEVEL", "off")]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let all = NAMES.len();
    let listed = |applied: usize| {
        let state = |number| if number < applied { "applied" } else { "pending" };
        let lines = NAMES.iter().enumerate().map(|(number, name)| format!("{} {name}\n", state(number)));
        lines.collect::<Vec<_>>().concat()
    };
    assert_eq!(migrate(&["status"]), listed(0));
    assert_eq!(migrate(&["up"]), listed(all));
    assert_eq!(migrate(&["up"]), listed(all));
    for left in (0..all).rev() {
        assert_eq!(migrate(&["down"]), listed(left));
    }
    assert_eq!(migrate(&["up"]), listed(all));
    assert_eq!(migrate(&["down", "50"]), listed(0));
    assert_eq!(migrate(&["up"]), listed(all));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_not_migrate_refuses_to_start_on_pending_ones(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = Arc::new(TestDatabase::create(engine).await);
    let variables = [("MIGRATE_ON_START", "false")];
    let refused = TestApp::on(&database, &variables).await.err().expect("a refusal").to_string();
    assert!(
        refused.contains("m20261124_000001_create_users") && refused.contains("todo-server migrate up"),
        "{refused}"
    );
    TestApp::on(&database, &[]).await.expect("one that may, migrates");
    TestApp::on(&database, &variables).await.expect("and then the other starts");
}

/// Runs a statement as another program would, and says whether the database took it.
async fn takes(database: &DatabaseConnection, statement: &str) -> bool {
    database.execute_unprepared(statement).await.is_ok()
}

fn insert(user: &str, title: &str, description: &str, moments: (i64, i64)) -> String {
    let (created, updated) = moments;
    format!(
        "INSERT INTO tasks (user_id, title, description, completed, created_at, updated_at) \
         VALUES ({user}, {title}, {description}, false, {created}, {updated})"
    )
}

#[rstest]
#[tokio::test]
async fn the_database_refuses_what_the_contract_forbids(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    app.client("ann").created("Buy milk").await;
    let database = app.database().connect().await;
    let long = |length: usize| format!("'{}'", "é".repeat(length));
    for refused in [
        insert("'nobody'", "'a'", "NULL", (1, 1)),
        insert("NULL", "'a'", "NULL", (1, 1)),
        insert("'ann'", "NULL", "NULL", (1, 1)),
        insert("'ann'", "''", "NULL", (1, 1)),
        insert("'ann'", &long(201), "NULL", (1, 1)),
        insert("'ann'", "'a'", &long(1001), (1, 1)),
        insert("'ann'", "'a'", "NULL", (2, 1)),
        "INSERT INTO tasks (id, user_id, title, completed, created_at, updated_at) \
         VALUES (9007199254740992, 'ann', 'a', false, 1, 1)"
            .to_owned(),
    ] {
        assert!(!takes(&database, &refused).await, "{refused}");
    }
    assert!(
        takes(&database, &insert("'ann'", &long(200), &long(1000), (1, 1))).await,
        "the bounds themselves are fine"
    );
}

#[rstest]
#[tokio::test]
async fn deleting_a_user_deletes_the_tasks(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    let (anns, bobs) = (ann.created("of ann").await, bob.created("of bob").await);
    assert!(takes(&app.database().connect().await, "DELETE FROM users WHERE id = 'ann'").await);
    ann.task(anns).await.expect(404);
    bob.task(bobs).await.expect(200);
    ann.created("back again").await;
}
