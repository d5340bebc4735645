//! The second wall between users: row-level security of PostgreSQL.

mod copies;

use std::time::Duration;

use rstest::rstest;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement,
    sea_query::{Expr, ExprTrait as _, Query},
};
use serde_json::json;
use todo_contract_tests::{
    Ended,
    Engine::{Guarded, Postgres},
    Mode::Transaction,
    Pooler, ServerProcess, TestApp, TestDatabase, given, processes_of, until, unwatched, waiting,
};
use tokio::{task::JoinSet, time::sleep};

/// What a session sees of tasks: the title of each.
async fn seen(session: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let query = Statement::from_string(DbBackend::Postgres, "SELECT title FROM tasks ORDER BY id");
    let rows = session.query_all_raw(query).await?;
    rows.iter().map(|row| row.try_get("", "title")).collect()
}

/// A session of the role of callers, as that of `caller`.
async fn session_of(database: &TestDatabase, caller: &str) -> DatabaseConnection {
    let session = unwatched(&database.url()).await;
    let (role, caller) = (role_of(database), caller.replace('\'', "''"));
    let enter = format!("SET ROLE {role}; SELECT set_config('todo.caller', '{caller}', false)");
    session.execute_unprepared(&enter).await.expect("the role can be taken on");
    session
}

fn role_of(database: &TestDatabase) -> String {
    format!("{}_caller", database.name())
}

/// Whom each of the policies for callers is for.
async fn roles_of_policies(database: &TestDatabase) -> Vec<String> {
    let policies = Query::select()
        .expr_as(Expr::col("roles").cast_as("text"), "roles")
        .from("pg_policies")
        .and_where(Expr::col("policyname").eq("callers_own"))
        .take();
    let rows = database.connect().await.query_all(&policies).await.expect("the policies");
    let roles = rows.iter().map(|row| row.try_get::<String>("", "roles").expect("text"));
    roles.map(|roles| roles.trim_matches(['{', '}']).to_owned()).collect()
}

/// Runs a command as on `database`, where a start makes nothing.
fn run(database: &TestDatabase, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let of_database = database.variables();
    ServerProcess::run(arguments, &[&*given(&of_database), &[("MIGRATE_ON_START", "false")], variables].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_without_an_owner_sees_and_changes_the_callers_rows_alone() {
    let app = TestApp::start(Guarded).await;
    app.client("ann").created("of ann").await;
    let bobs = app.client("bob").created("of bob").await;
    let keyed = app.client("bob").keyed("a");
    keyed.create(json!({"title": "under a key"})).await.expect(201);

    let ann = session_of(app.database(), "ann").await;
    assert_eq!(seen(&ann).await.expect("it may look"), ["of ann"]);
    for (sql, touched) in [
        ("UPDATE tasks SET completed = true", 1),
        ("UPDATE idempotency_keys SET answer = ''", 0),
        ("DELETE FROM tasks WHERE user_id = 'bob'", 0),
        ("DELETE FROM tasks", 1),
    ] {
        assert_eq!(ann.execute_unprepared(sql).await.expect("it may").rows_affected(), touched, "{sql}");
    }
    for (sql, fault) in [
        ("INSERT INTO users (id) VALUES ('carol')", "row-level security policy"),
        ("INSERT INTO idempotency_keys VALUES ('bob', 'b', '', 1)", "row-level security policy"),
        (
            "INSERT INTO tasks (user_id, title, completed, created_at, updated_at) VALUES ('bob', 'a', false, 1, 1)",
            "row-level security policy",
        ),
        // What requests need not, they may not.
        ("SELECT bytes FROM keys", "permission denied for table keys"),
        ("DELETE FROM idempotency_keys", "permission denied for table idempotency_keys"),
        ("DROP TABLE tasks", "must be owner of table tasks"),
    ] {
        let refused = ann.execute_unprepared(sql).await.expect_err(sql).to_string();
        assert!(refused.contains(fault), "{sql}: {refused}");
    }
    let nobody = session_of(app.database(), "").await;
    assert_eq!(seen(&nobody).await.expect("it may look"), [""; 0]);
    assert_eq!(app.client("bob").task(bobs).await.expect(200).json()["completed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_role_sees_no_task_at_all() {
    let app = TestApp::start(Guarded).await;
    app.client("ann").created("of ann").await;
    app.client("ann").keyed("a").create(json!({"title": "under a key"})).await.expect(201);
    let session = unwatched(&app.database().variables()[0].1).await;
    let refused = seen(&session).await.expect_err("it may not look").to_string();
    assert!(refused.contains("permission denied for table tasks"), "{refused}");
    for sql in ["SELECT answer FROM idempotency_keys", "DELETE FROM idempotency_keys RETURNING answer"] {
        let refused = session.execute_unprepared(sql).await.expect_err(sql).to_string();
        assert!(refused.contains("permission denied for table idempotency_keys"), "{sql}: {refused}");
    }
    let swept = "DELETE FROM idempotency_keys WHERE user_id = 'ann' AND key = 'a' AND created_at > 0";
    assert_eq!(session.execute_unprepared(swept).await.expect("it may sweep").rows_affected(), 1);
}

/// What is done to the database, and what the server says of it. `{role}` is that of callers.
#[rstest]
#[case::superuser("ALTER ROLE {role} SUPERUSER", "is a superuser", r#"ALTER ROLE "{role}" NOSUPERUSER"#)]
#[case::bypasses("ALTER ROLE {role} BYPASSRLS", "has BYPASSRLS", r#"ALTER ROLE "{role}" NOBYPASSRLS"#)]
#[case::owner(
    "GRANT CREATE ON SCHEMA public TO {role}; ALTER TABLE tasks OWNER TO {role}",
    "owns the table tasks",
    "ALTER TABLE tasks OWNER TO"
)]
#[case::off(
    "ALTER TABLE idempotency_keys DISABLE ROW LEVEL SECURITY",
    "is off for the table idempotency_keys",
    "todo-server migrate up"
)]
#[case::rightless(
    "REVOKE INSERT ON idempotency_keys FROM {role}",
    "lacks its role, policies or rights",
    "todo-server migrate up"
)]
#[case::readable("ALTER POLICY callers_own ON tasks USING (true)", "another's rows of tasks", "todo-server migrate up")]
#[case::writable(
    "ALTER POLICY callers_own ON idempotency_keys WITH CHECK (true)",
    "another's rows of idempotency_keys",
    "todo-server migrate up"
)]
#[case::users(
    "ALTER POLICY callers_own ON users WITH CHECK (true)",
    "another's rows of users",
    "todo-server migrate up"
)]
#[case::keys(
    "ALTER POLICY callers_own ON idempotency_keys USING (true) \
         WITH CHECK (user_id = (SELECT current_setting('todo.caller', true)))",
    "callers_own on idempotency_keys is not as this server makes it",
    "todo-server migrate up"
)]
#[case::for_some(
    "DROP POLICY callers_own ON tasks; CREATE POLICY callers_own ON tasks AS RESTRICTIVE FOR SELECT TO {role} \
         USING (user_id = (SELECT current_setting('todo.caller', true)))",
    "another's rows of tasks",
    "todo-server migrate up"
)]
#[case::inherited(
    "ALTER ROLE {login} INHERIT; REVOKE {role} FROM {login}; GRANT {role} TO {login}",
    "inherits the restrictions",
    r#"ALTER ROLE "{login}" NOINHERIT"#
)]
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_bind_is_refused_with_the_remedy(#[case] done: &str, #[case] fault: &str, #[case] remedy: &str) {
    let database = TestDatabase::create(Guarded).await;
    drop(TestApp::on(&database, &[]).await.expect("as it is made, it binds"));
    let named = |words: &str| {
        let words = words.replace("{role}", &role_of(&database));
        words.replace("{login}", database.login())
    };
    database.connect().await.execute_unprepared(&named(done)).await.expect("an owner may");
    let refused = TestApp::refused(&database, &[]).await;
    for words in ["DATABASE_RLS is true, but", fault, &named(remedy)] {
        assert!(refused.contains(words), "{words} in {refused}");
    }
    carry_out(&refused, &database).await;
    // Last: what an owner was given on a table goes with it, where another becomes its owner.
    if refused.contains("todo-server migrate up") {
        ServerProcess::run(&["migrate", "up"], &given(&database.variables())).well();
    }
    TestApp::on(&database, &[]).await.expect("and it is mended");
}

/// Does what a refusal tells in SQL, as who rules the server.
async fn carry_out(refused: &str, database: &TestDatabase) {
    let owner = database.connect().await;
    let told = ["ALTER ", "GRANT "].into_iter().filter_map(|verb| refused.find(verb).map(|place| &refused[place..]));
    for statement in told.filter_map(|told| told.split(';').next()) {
        let statement = statement.replace("another role", "CURRENT_USER");
        // What is told for later versions, an earlier one does not take: whether it helps, the start shows.
        let _ = owner.execute_unprepared(&statement).await;
    }
}

/// Servers that run without would see no task any more.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_turned_on_for_a_login_that_inherits_the_restrictions() {
    let database = TestDatabase::create(Guarded).await;
    let (login, role) = (database.login(), role_of(&database));
    // By their owner, who may look at them afterwards.
    let owner = database.url();
    run(&database, &["migrate", "up"], &[("DATABASE_RLS", "false"), ("DATABASE_URL", &owner)]).well();
    let given = format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {login}; \
         ALTER ROLE {login} INHERIT; CREATE ROLE {role}; GRANT {role} TO {login}"
    );
    database.connect().await.execute_unprepared(&given).await.expect("an owner may");
    let off = [("DATABASE_RLS", "false"), ("LIST_CACHE", "0")];
    let without = TestApp::on(&database, &off).await.expect("it starts");
    let id = without.client("ann").created("before").await;
    let migrated = run(&database, &["migrate", "up"], &[]);
    assert!(!migrated.is_well());
    let refused = TestApp::refused(&database, &[]).await;
    for said in [&refused, &migrated.said] {
        for words in [&format!("inherits the restrictions of {role}"), &format!(r#"ALTER ROLE "{login}" NOINHERIT"#)] {
            assert!(said.contains(words), "{words} in {said}");
        }
    }
    without.client("ann").task(id).await.expect(200);
    without.client("ann").created("and after").await;
    assert_eq!(without.client("ann").list().await.expect(200).ids().len(), 2);
    carry_out(&refused, &database).await;
    let with = TestApp::on(&database, &[]).await.expect("and it is mended");
    for app in [&with, &without] {
        app.client("ann").toggle(id).await.expect(200);
    }
}

/// Nor is it taken for one whose policies let others in.
#[rstest]
#[case::users_are_ours(&[])]
#[case::users_are_theirs(&[("USERS_TABLE", "members")])]
#[tokio::test(flavor = "multi_thread")]
async fn a_database_for_reading_alone_is_refused_with_the_remedy(#[case] variables: &[(&str, &str)]) {
    let database = TestDatabase::create(Guarded).await;
    let owner = database.connect().await;
    owner.execute_unprepared("CREATE TABLE members (id text PRIMARY KEY)").await.expect("the other system's");
    drop(TestApp::on(&database, variables).await.expect("as it is made, it binds"));
    database.alter("SET default_transaction_read_only = on").await;
    let refused = TestApp::refused(&database, variables).await;
    for words in ["read-only transaction", "; give DATABASE_URL the address of one that takes writes"] {
        assert!(refused.contains(words), "{words} in {refused}");
    }
}

/// Else old keys would stay, and the log alone would tell.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_find_old_keys_does_not_start() {
    let database = TestDatabase::create(Guarded).await;
    run(&database, &["migrate", "up"], &[]).well();
    let revoked = format!("REVOKE SELECT (created_at) ON idempotency_keys FROM {}", database.login());
    database.connect().await.execute_unprepared(&revoked).await.expect("an owner may");
    let said = run(&database, &[], &[]).said;
    assert!(said.contains("lacks its role, policies or rights; run `todo-server migrate up`"), "{said}");
}

/// Where users are another system's, there may be no row to try it on.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_looked_at_where_there_is_nothing_to_see() {
    let database = TestDatabase::create(Guarded).await;
    let owner = database.connect().await;
    owner.execute_unprepared("CREATE TABLE members (id text PRIMARY KEY)").await.expect("the other system's");
    let theirs = [("USERS_TABLE", "members")];
    drop(TestApp::on(&database, &theirs).await.expect("as it is made, it binds"));
    let open = "ALTER POLICY callers_own ON tasks USING (true) \
                WITH CHECK (user_id = (SELECT current_setting('todo.caller', true)))";
    owner.execute_unprepared(open).await.expect("an owner may");
    let refused = TestApp::refused(&database, &theirs).await;
    assert!(refused.contains("callers_own on tasks is not as this server makes it"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_policies_is_refused_where_they_may_not_be_made() {
    let database = TestDatabase::create(Postgres).await;
    drop(TestApp::on(&database, &[]).await.expect("without, as ever"));
    let variables = [("DATABASE_RLS", "true"), ("MIGRATE_ON_START", "false")];
    let refused = TestApp::refused(&database, &variables).await;
    assert!(refused.contains("DATABASE_RLS") && refused.contains("todo-server migrate up"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_turned_on_and_off_on_a_database_in_use() {
    let database = TestDatabase::create(Postgres).await;
    let without = TestApp::on(&database, &[]).await.expect("it starts");
    let before = without.client("ann").created("before").await;
    let with = TestApp::on(&database, &[("DATABASE_RLS", "true")]).await.expect("the owner makes the policies");
    // Both at once, as while servers are replaced.
    for app in [&with, &without] {
        app.client("ann").toggle(before).await.expect(200);
        app.client("ann").created("and after").await;
        app.client("eve").task(before).await.expect(404);
    }
    assert_eq!(with.client("ann").list().await.expect(200).ids().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_through_a_transaction_pooler() {
    let database = TestDatabase::create(Postgres).await;
    let pooler = Pooler::start(&database, Transaction);
    let app = TestApp::on(&database, &[("DATABASE_URL", pooler.url()), ("DATABASE_RLS", "true")]).await;
    let app = app.expect("it adapts");
    let users = futures_util::future::join_all((0..16).map(|number| {
        let client = app.client(&format!("user {number}"));
        async move {
            for _ in 0..4 {
                let id = client.created("mine").await;
                client.toggle(id).await.expect(200);
            }
            client.list().await.expect(200).json()
        }
    }));
    for (number, tasks) in users.await.into_iter().enumerate() {
        let tasks = tasks.as_array().expect("a list").clone();
        assert_eq!(tasks.len(), 4);
        assert!(tasks.iter().all(|task| task["user_id"] == format!("user {number}")));
    }
}

/// Else the pool would open others, while the database is still at what was asked.
#[tokio::test(flavor = "multi_thread")]
async fn clients_who_leave_have_no_connection_closed() {
    const MOST: usize = 4;
    let variables = [
        ("WORKERS", "1"),
        ("DATABASE_MAX_CONNECTIONS", "4"),
        ("DATABASE_TIMEOUT", "60"),
        ("REQUEST_TIMEOUT", "60"),
        ("LIST_CACHE", "0"),
    ];
    let app = TestApp::configured(Guarded, &variables).await;
    let (ann, beside) = (app.client("ann"), app.database().connect().await);
    ann.created("Buy milk").await;
    let block = app.database().block_all().await;
    for _ in 0..5 {
        let mut leaving = JoinSet::new();
        for number in 0..10 {
            let client = app.client(&format!("user {number}"));
            leaving.spawn(async move { client.list().await.status });
        }
        until("all connections are at it", async || waiting(&beside).await >= MOST).await;
        // So that others could be opened.
        sleep(Duration::from_millis(300)).await;
        leaving.shutdown().await;
    }
    let there = async || processes_of(&beside, app.database().login()).await;
    let before = there().await;
    assert!(before.len() <= MOST, "{before:?}");
    block.execute_unprepared("ROLLBACK").await.expect("the lock is free");
    ann.list().await.expect(200);
    assert_eq!(there().await, before, "they are the same");
}
