//! The tables: made once, whoever starts first, and sound whoever writes to them.

use std::time::Duration;

use futures_util::future::{join, join_all};
use rstest::rstest;
use sea_orm::{
    ConnectionTrait, TransactionTrait,
    sea_query::{Func, Query},
};
use serde_json::json;
use todo_contract_tests::{
    Ended,
    Engine::{self, Guarded, Postgres, Sqlite},
    ServerProcess, TestApp, TestDatabase, temporary_folder,
};
use tokio::time::sleep;

/// All migrations, in their order.
const NAMES: [&str; 7] = [
    "m20261124_000001_create_users",
    "m20261124_000002_create_tasks",
    "m20261124_000003_sort_tasks",
    "m20261124_000004_create_keys",
    "m20261124_000005_create_idempotency_keys",
    "m20261124_000006_sort_by_state",
    "m20261129_000007_include_updated_at",
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

/// Who has waited for the lock sees what was migrated meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_migrate_once_whatever_isolation_is_the_databases() {
    let database = TestDatabase::create(Postgres).await;
    database.alter("SET default_transaction_isolation = 'serializable'").await;
    let url = database.url();
    let servers: Vec<_> = (0..5).map(|_| ServerProcess::start(&[("DATABASE_URL", &url)])).collect();
    for server in servers {
        ServerProcess::client(server.address(), "ann").list().await.expect(200);
    }
}

/// Another one that migrates, perhaps, which may take longer than a request waits.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_finds_another_program_writing_migrates_after_it(#[values(false, true)] is_there: bool) {
    let database = TestDatabase::create(Sqlite).await;
    let url = database.url();
    if is_there {
        for direction in ["up", "down"] {
            ServerProcess::run(&["migrate", direction], &[("DATABASE_URL", &url)]).well();
        }
    }
    let other = database.block_writes().await;
    // One that waits for nobody says who is in the way.
    let impatient = [("DATABASE_URL", url.as_str()), ("DATABASE_START_TIMEOUT", "0"), ("DATABASE_TIMEOUT", "1")];
    let said = ServerProcess::run(&[], &impatient).said;
    assert!(said.ends_with("database is locked; end the other program that has it locked\n"), "{said}");
    let ends = async {
        sleep(Duration::from_secs(3)).await;
        other.execute_unprepared("ROLLBACK").await.expect("writes go on");
    };
    let (app, ()) = join(TestApp::on(&database, &[("DATABASE_TIMEOUT", "1")]), ends).await;
    app.expect("it starts").client("ann").created("Buy milk").await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_by_command(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let url = database.url();
    database.connect().await.close().await.expect("it is there, and empty");
    let migrate = |arguments: &[&str]| {
        let variables = [("DATABASE_URL", url.as_str()), ("LOG_LEVEL", "off")];
        ServerProcess::run(&[&["migrate"], arguments].concat(), &variables).well()
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
    let database = TestDatabase::create(engine).await;
    let variables = [("MIGRATE_ON_START", "false")];
    let refused = TestApp::refused(&database, &variables).await;
    assert!(
        refused.contains("m20261124_000001_create_users") && refused.contains("todo-server migrate up"),
        "{refused}"
    );
    TestApp::on(&database, &[]).await.expect("one that may, migrates");
    TestApp::on(&database, &variables).await.expect("and then the other starts");
}

/// That a later release, which has run that migration, has to be run.
#[track_caller]
fn assert_is_refused(refused: &Ended, migration: &str) {
    let said = &refused.said;
    assert!(!refused.is_well() && said.contains(migration) && said.contains("run that one"), "{said}");
}

/// Has a migration be taken for one that was run.
async fn record(name: &str, database: &impl ConnectionTrait) {
    let mut row = Query::insert();
    row.into_table("seaql_migrations").columns(["version", "applied_at"]).values_panic([name.into(), 0.into()]);
    database.execute(&row).await.expect("a row of the history");
}

/// One goes back to the release before, or a server of it is still there.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_release_has_migrated_stops_no_server(#[values(Sqlite, Postgres)] engine: Engine) {
    const LATER: &str = "m20990101_000001_later";
    let database = TestDatabase::create(engine).await;
    let url = database.url();
    TestApp::on(&database, &[]).await.expect("it migrates");
    record(LATER, &database.connect().await).await;
    for may_migrate in ["true", "false"] {
        let server = ServerProcess::start(&[("DATABASE_URL", &url), ("MIGRATE_ON_START", may_migrate)]);
        assert!(server.wait_for("a later release has migrated").contains(LATER));
        ServerProcess::client(server.address(), "ann").created("Buy milk").await;
    }
    let migrate = |command| ServerProcess::run(&["migrate", command], &[("DATABASE_URL", &url), ("LOG_LEVEL", "off")]);
    let listed = NAMES.iter().chain([&LATER]).map(|name| format!("applied {name}\n")).collect::<Vec<_>>().concat();
    for command in ["status", "up"] {
        assert_eq!(migrate(command).printed, listed);
    }
    assert_is_refused(&migrate("down"), LATER);
    assert_eq!(migrate("status").printed, listed, "nothing is taken back");
}

/// What the later one has made may stand on what is missing, or in its place.
#[rstest]
#[case::of_the_start("true")]
#[case::of_somebody("false")]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_migrated_beneath_a_later_release(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] migrate_on_start: &str,
) {
    const LATER: &str = "m20990101_000001_later";
    let database = TestDatabase::create(engine).await;
    let url = database.url();
    let variables = [("DATABASE_URL", url.as_str()), ("MIGRATE_ON_START", migrate_on_start)];
    for direction in ["up", "down"] {
        ServerProcess::run(&["migrate", direction], &variables).well();
    }
    record(LATER, &database.connect().await).await;
    assert_is_refused(&ServerProcess::run(&[], &variables), LATER);
    let examined = ServerProcess::run(&["doctor"], &variables).printed;
    let told = examined.lines().find(|line| line.starts_with("fail  migrations")).expect("it is told");
    assert!(told.contains(LATER) && told.contains("run that one"), "{told}");
}

/// Of one that is made with the same library, and is no later release of ours.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_another_program_stops_the_migration(#[values(Sqlite, Postgres)] engine: Engine) {
    const THEIRS: &str = "m20220101_000001_create_post";
    let database = TestDatabase::create(engine).await;
    let connection = database.connect().await;
    let made = "CREATE TABLE seaql_migrations (version varchar(255) PRIMARY KEY, applied_at bigint NOT NULL)";
    connection.execute_unprepared(made).await.expect("their table");
    record(THEIRS, &connection).await;
    let url = database.url();
    for arguments in [&["migrate", "up"][..], &["migrate", "down"], &["migrate", "status"], &["doctor"], &[]] {
        let refused = ServerProcess::run(arguments, &[("DATABASE_URL", &url)]);
        let said = refused.told();
        assert!(!refused.is_well() && !said.contains("later release"), "{arguments:?}: {said}");
        for words in ["is another program's", THEIRS, "use a database, or a schema, of the tasks' own"] {
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
    }
}

#[rstest]
#[case("status")]
#[case("down")]
#[test]
fn a_file_that_is_not_there_is_not_made_to_tell_of(#[case] command: &str) {
    let folder = temporary_folder();
    let Ended { code, said, .. } = ServerProcess::run_in(folder.path(), &["migrate", command], &[]);
    let file = folder.path().canonicalize().expect("it is there").join("data/todo.db");
    assert!(code != Some(0) && said.contains(&format!("there is no file {}", file.display())), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

/// Requests queue behind who waits for a whole table.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_keeps_is_not_waited_for_longer_than_requests_wait() {
    let database = TestDatabase::create(Postgres).await;
    let variables = [("DATABASE_URL", &*database.url()), ("LOG_LEVEL", "off"), ("DATABASE_TIMEOUT", "1")];
    let migrate = |command| ServerProcess::run(&["migrate", command], &variables);
    let all = migrate("up").printed;
    let dump = database.block_writes().await;
    let said = migrate("down").said;
    assert!(said.contains("lock timeout") && said.contains("nothing was changed"), "{said}");
    assert!(said.contains("pg_stat_activity"), "{said}");
    assert_eq!(migrate("status").printed, all);
    dump.execute_unprepared("ROLLBACK").await.expect("the dump ends");
    migrate("down").well();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_another_server_s_migrations_says_so() {
    let database = TestDatabase::create(Postgres).await;
    let other = database.connect().await;
    let migrating = other.begin().await.expect("a transaction");
    let lock = Query::select().expr(Func::cust("pg_advisory_xact_lock").arg(0x746f_646f_i64)).take();
    migrating.query_all(&lock).await.expect("the lock");
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url())]);
    server.wait_for("another server migrates; waiting for it");
    migrating.rollback().await.expect("it ends");
    ServerProcess::client(server.address(), "ann").created("Buy milk").await;
}

/// It would count bytes for characters.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_keep_every_text_is_refused() {
    let database = TestDatabase::create_of_bytes().await;
    let Ended { code, said, .. } = ServerProcess::run(&[], &[("DATABASE_URL", &database.url())]);
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("its encoding is SQL_ASCII") && said.ends_with("ENCODING 'UTF8'\n"), "{said}");
}

/// PostgreSQL is made to say here that it is another one, by a function that is found before its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_too_old_is_refused() {
    const SAYS: &str = "CREATE FUNCTION public.current_setting(setting text) RETURNS text LANGUAGE sql AS $$
            SELECT pg_catalog.current_setting(
                CASE WHEN setting LIKE 'server_version%' THEN 'todo.version' ELSE setting END
            )
        $$";
    let database = TestDatabase::create(Postgres).await;
    let url = database.url();
    database.connect().await.execute_unprepared(SAYS).await.expect("it is added");
    database.alter("SET search_path = public, pg_catalog").await;
    // What has no such number is no PostgreSQL, and judged by what it can do.
    for (version, is_refused) in [("139999", true), ("140000", false), ("of others", false)] {
        database.alter(&format!("SET todo.version = '{version}'")).await;
        let asked = ServerProcess::run(&["migrate", "status"], &[("DATABASE_URL", &url)]);
        assert_eq!(asked.is_well(), !is_refused, "{version}: {}", asked.said);
        let words = "cannot be used: it is PostgreSQL 139999; move to 14 or a later one\n";
        assert_eq!(asked.said.ends_with(words), is_refused, "{version}: {}", asked.said);
    }
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
    let over = "INSERT INTO tasks (id, user_id, title, completed, created_at, updated_at) \
                VALUES (9007199254740992, 'ann', 'a', false, 1, 1)";
    // What it has against each, in the words of PostgreSQL and of SQLite.
    for (statement, faults) in [
        (insert("'nobody'", "'a'", "NULL", (1, 1)), ["fk_tasks_user_id", "FOREIGN KEY constraint"]),
        (insert("NULL", "'a'", "NULL", (1, 1)), ["null value in column \"user_id\"", "failed: tasks.user_id"]),
        (insert("'ann'", "NULL", "NULL", (1, 1)), ["null value in column \"title\"", "failed: tasks.title"]),
        (insert("'ann'", "''", "NULL", (1, 1)), ["ck_tasks_title"; 2]),
        (insert("'ann'", &long(201), "NULL", (1, 1)), ["character varying(200)", "ck_tasks_title"]),
        (insert("'ann'", "'a'", &long(1001), (1, 1)), ["character varying(1000)", "ck_tasks_description"]),
        (insert("'ann'", "'a'", "NULL", (2, 1)), ["ck_tasks_updated_at"; 2]),
        (over.to_owned(), ["ck_tasks_id"; 2]),
    ] {
        let refused = database.execute_unprepared(&statement).await.expect_err(&statement).to_string();
        assert!(refused.contains(faults[usize::from(engine == Sqlite)]), "{statement}: {refused}");
    }
    let bounds = insert("'ann'", &long(200), &long(1000), (1, 1));
    database.execute_unprepared(&bounds).await.expect("the bounds themselves are fine");
}

#[rstest]
#[tokio::test]
async fn deleting_a_user_deletes_the_tasks(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    let (anns, bobs) = (ann.created("of ann").await, bob.created("of bob").await);
    let create_once = async || ann.keyed("key").create(json!({"title": "under a key"})).await.expect(201);
    let once = create_once().await.id();
    app.database().connect().await.execute_unprepared("DELETE FROM users WHERE id = 'ann'").await.expect("a user goes");
    for id in [anns, once] {
        ann.task(id).await.expect(404);
    }
    bob.task(bobs).await.expect(200);
    ann.created("back again").await;
    assert_eq!(create_once().await.header("idempotency-replayed"), "", "what was answered goes, too");
}

#[rstest]
#[tokio::test]
async fn a_table_that_is_altered_beneath_the_server_fails_nobody_for_long(#[values(Postgres, Guarded)] engine: Engine) {
    let few = [("LIST_CACHE", "0"), ("WORKERS", "1"), ("DATABASE_MAX_CONNECTIONS", "2")];
    let app = TestApp::configured(engine, &few).await;
    let (ann, owner) = (app.client("ann"), app.database().connect().await);
    let id = ann.created("a").await;
    let each = async || {
        let renamed = ann.update(id, json!({"title": "b"})).await.status;
        [ann.list().await.status, ann.task(id).await.status, renamed, ann.toggle(id).await.status]
    };
    for _ in 0..20 {
        let at_once = join_all((0..8).map(|_| each())).await;
        assert_eq!(at_once, [[200; 4]; 8], "statements are prepared, on each connection");
    }
    owner.execute_unprepared("ALTER TABLE tasks ALTER title TYPE varchar(300)").await.expect("an owner may");
    let mut refused = 0;
    while each().await != [200; 4] {
        refused += 1;
        assert!(refused <= 4, "a connection that fails is closed");
    }
}
