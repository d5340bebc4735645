//! Who owns the table of users.

use rstest::rstest;
use sea_orm::{ConnectionTrait, sea_query::Query};
use serde_json::json;
use todo_contract_tests::{
    Ended,
    Engine::{self, Guarded, Postgres, Sqlite},
    ServerProcess, TestApp, TestDatabase,
};

/// A database in which another system has made tables.
async fn prepared(engine: Engine, statements: &[&str]) -> TestDatabase {
    let database = TestDatabase::create(engine).await;
    let connection = database.connect().await;
    for statement in statements {
        connection.execute_unprepared(statement).await.expect("the other system's statement");
    }
    database
}

/// Runs the command with `USERS_TABLE` as given.
fn run_migrate(database: &TestDatabase, arguments: &[&str], users: &str) -> Ended {
    let variables = [("DATABASE_URL", &*database.url()), ("USERS_TABLE", users), ("LOG_LEVEL", "off")];
    ServerProcess::run(&[&["migrate"], arguments].concat(), &variables)
}

/// The table of Better Auth, as far as it matters here; `user` is a reserved word.
const BETTER_AUTH: [&str; 2] = [
    r#"CREATE TABLE "user" (id text NOT NULL PRIMARY KEY, name text NOT NULL, "emailVerified" boolean NOT NULL)"#,
    r#"INSERT INTO "user" VALUES ('ann', 'Ann', true)"#,
];

#[rstest]
#[tokio::test]
async fn tasks_reference_the_table_of_another_system(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = prepared(engine, &BETTER_AUTH).await;
    let app = TestApp::on(&database, &[("USERS_TABLE", "user")]).await.expect("it starts");
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    let connection = database.connect().await;
    connection.execute_unprepared(r#"DELETE FROM "user" WHERE id = 'ann'"#).await.expect("a deletion over there");
    ann.task(id).await.expect(404);
}

#[rstest]
#[tokio::test]
async fn a_user_who_is_not_in_that_table_cannot_create(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = prepared(engine, &BETTER_AUTH).await;
    let app = TestApp::on(&database, &[("USERS_TABLE", "user")]).await.expect("it starts");
    let ghost = app.client("ghost");
    let refused = ghost.create(json!({"title": "a"})).await.expect(401);
    assert!(refused.header("www-authenticate").contains("does not exist"), "{}", refused.text);
    assert_eq!(ghost.list().await.expect(200).json(), json!([]));
    app.client("ann").created("but others can").await;
}

/// SQLite does not say which reference fails.
#[tokio::test]
async fn a_user_of_that_table_is_not_told_to_be_missing_for_what_a_trigger_lacks() {
    let database = prepared(Sqlite, &BETTER_AUTH).await;
    let app = TestApp::on(&database, &[("USERS_TABLE", "user")]).await.expect("it starts");
    let added = "CREATE TABLE changes_known (id integer PRIMARY KEY);
        CREATE TABLE changes (task_id integer REFERENCES changes_known (id));
        CREATE TRIGGER note AFTER INSERT ON tasks BEGIN INSERT INTO changes VALUES (NEW.id); END";
    database.connect().await.execute_unprepared(added).await.expect("an operator may");
    for (user, status) in [("ann", 500), ("ghost", 401)] {
        app.client(user).create(json!({"title": "a"})).await.expect(status);
    }
}

#[rstest]
#[tokio::test]
async fn a_table_of_users_that_is_not_ours_stops_the_migration(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = prepared(engine, &["CREATE TABLE users (id text PRIMARY KEY)"]).await;
    let refused = TestApp::refused(&database, &[]).await;
    assert!(refused.contains("set USERS_TABLE=users"), "{refused}");
    TestApp::on(&database, &[("USERS_TABLE", "users")]).await.expect("what it says to set, helps");
}

/// Though it is called as ours would be, and would take an id alone.
#[rstest]
#[tokio::test]
async fn nobody_is_put_into_a_table_of_users_that_is_not_ours(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = prepared(engine, &["CREATE TABLE users (id text PRIMARY KEY)"]).await;
    let app = TestApp::on(&database, &[("USERS_TABLE", "users")]).await.expect("it starts");
    let ghost = app.client("ghost");
    for ghost in [&ghost, &ghost.keyed("key")] {
        ghost.create(json!({"title": "a"})).await.expect(401);
    }
    let users = Query::select().column("id").from("users").take();
    assert!(database.connect().await.query_all(&users).await.expect("rows").is_empty());
}

#[rstest]
#[case::integer("integer")]
#[case::bigint("bigint")]
#[tokio::test]
async fn an_id_that_cannot_be_referenced_stops_the_migration(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] kind: &str,
) {
    let database = prepared(engine, &[&format!("CREATE TABLE members (id {kind} PRIMARY KEY)")]).await;
    let refused = TestApp::refused(&database, &[("USERS_TABLE", "members")]).await;
    assert!(refused.contains(&format!("members.id is of type {kind}")), "{refused}");
}

/// To SQLite, a type is whatever its name has in it.
#[rstest]
#[case::of_a_length("char(32)")]
#[case::of_two_words("NATIVE CHARACTER(70)")]
#[case::clob("clob")]
#[case::none("")]
#[tokio::test]
async fn an_id_of_whatever_type_that_keeps_texts_is_referenced(#[case] kind: &str) {
    let made = format!("CREATE TABLE members (id {kind} PRIMARY KEY)");
    let database = prepared(Sqlite, &[made.as_str(), "INSERT INTO members (id) VALUES ('ann')"]).await;
    let app = TestApp::on(&database, &[("USERS_TABLE", "members")]).await.expect("it starts");
    app.client("ann").created("Buy milk").await;
    app.client("ghost").create(json!({"title": "a"})).await.expect(401);
}

/// The text 1 would be the number 1 there.
#[tokio::test]
async fn an_id_that_sqlite_keeps_as_a_number_stops_the_migration() {
    let database = prepared(Sqlite, &["CREATE TABLE members (id charint PRIMARY KEY)"]).await;
    let refused = TestApp::refused(&database, &[("USERS_TABLE", "members")]).await;
    assert!(refused.contains("members.id is of type charint"), "{refused}");
}

/// SQLite itself would say so at every write, and not before.
#[rstest]
#[case::plain(&["CREATE TABLE members (id text)"])]
#[case::of_two(&["CREATE TABLE members (id text, tenant text, PRIMARY KEY (id, tenant))"])]
#[case::a_view(&["CREATE TABLE persons (id text PRIMARY KEY)", "CREATE VIEW members AS SELECT id FROM persons"])]
#[tokio::test]
async fn an_id_that_is_no_key_stops_the_migration(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] statements: &[&str],
) {
    let refused = TestApp::refused(&prepared(engine, statements).await, &[("USERS_TABLE", "members")]).await;
    assert!(refused.contains("primary key, or correct USERS_TABLE"), "{refused}");
}

/// To SQLite, case is nothing in a name.
#[tokio::test]
async fn a_table_of_users_that_is_not_ours_is_known_whatever_its_case() {
    let database = prepared(Sqlite, &["CREATE TABLE Users (id text PRIMARY KEY)"]).await;
    let refused = TestApp::refused(&database, &[]).await;
    assert!(refused.contains("set USERS_TABLE=users"), "{refused}");
}

/// Nothing is wrong with the database itself, which must not be put away for it.
#[rstest]
#[case::tasks("tasks")]
#[case::keys("keys")]
#[tokio::test]
async fn tables_of_another_program_stop_the_migration(#[values(Sqlite, Postgres)] engine: Engine, #[case] table: &str) {
    let database = prepared(engine, &[&format!("CREATE TABLE {table} (theirs text)")]).await;
    let refused = TestApp::refused(&database, &[]).await;
    assert!(refused.contains("already exists") && refused.contains("; another program has its tables"), "{refused}");
    assert!(!refused.contains("backup"), "{refused}");
}

#[tokio::test]
async fn an_id_of_uuid_stops_the_migration() {
    let database = prepared(Postgres, &["CREATE TABLE members (id uuid PRIMARY KEY)"]).await;
    let refused = TestApp::refused(&database, &[("USERS_TABLE", "members")]).await;
    assert!(refused.contains("members.id is of type uuid"), "{refused}");
}

/// What a role has no right on, it does not see.
#[tokio::test]
async fn a_table_that_our_role_may_not_know_of_is_told_with_the_rights_it_wants() {
    let database = TestDatabase::create(Guarded).await;
    let owner = database.connect().await;
    let login = database.login();
    let made = format!(
        "CREATE SCHEMA auth; CREATE TABLE auth.\"user\" (id text PRIMARY KEY); GRANT CREATE ON SCHEMA public TO {login}"
    );
    owner.execute_unprepared(&made).await.expect("it is there");
    let variables = database.variables();
    let url = variables.iter().find(|(name, _)| *name == "DATABASE_URL").map(|(_, url)| url.as_str());
    let variables = [("DATABASE_URL", url.expect("an address")), ("USERS_TABLE", "auth.user")];
    let said = ServerProcess::run(&["migrate", "up"], &variables).said;
    for words in [
        "there is no table auth.user with a column id that our role may know of; GRANT it USAGE on the schema",
        "REFERENCES on the table, if that is there; run the migrations",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let granted = format!("GRANT USAGE ON SCHEMA auth TO {login}; GRANT REFERENCES ON auth.\"user\" TO {login}");
    owner.execute_unprepared(&granted).await.expect("as it was told");
    ServerProcess::run(&["migrate", "up"], &variables).well();
}

/// SQLite has no schemas: a table of that name alone is another one.
#[tokio::test]
async fn a_schema_of_sqlite_stops_the_migration_before_anything_is_made() {
    let database = prepared(Sqlite, &["CREATE TABLE user (id text PRIMARY KEY)"]).await;
    let refused = TestApp::refused(&database, &[("USERS_TABLE", "auth.user")]).await;
    assert!(refused.contains("SQLite has no schema auth; write USERS_TABLE=user"), "{refused}");
    let tables = database.connect().await.execute_unprepared("CREATE TABLE tasks (ours text)").await;
    tables.expect("nothing was made");
}

#[rstest]
#[tokio::test]
async fn a_table_that_is_not_there_stops_the_migration(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = prepared(engine, &[]).await;
    let refused = TestApp::refused(&database, &[("USERS_TABLE", "user")]).await;
    let [words, remedy] =
        ["the migrations did not go through, and nothing was changed: there is no table user", "USERS_TABLE"];
    assert!(refused.starts_with(words) && refused.ends_with(remedy), "{refused}");
}

/// Else everybody would be told at every task that they do not exist.
#[rstest]
#[case::ours_before(&[], &[("USERS_TABLE", "user")], "belong to the table users, but USERS_TABLE says user")]
#[case::theirs_before(&[("USERS_TABLE", "user")], &[], "belong to the table user, but USERS_TABLE says users")]
#[tokio::test]
async fn a_table_that_the_tasks_do_not_belong_to_is_refused(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] before: &[(&str, &str)],
    #[case] after: &[(&str, &str)],
    #[case] words: &str,
) {
    let database = prepared(engine, &BETTER_AUTH).await;
    let app = TestApp::on(&database, before).await.expect("it starts");
    let id = app.client("ann").created("Buy milk").await;
    let refused = TestApp::refused(&database, after).await;
    assert!(refused.contains(words) && refused.contains("migrate down"), "{refused}");
    let app = TestApp::on(&database, before).await.expect("as before it still starts");
    app.client("ann").task(id).await.expect(200);
}

/// By the command, of one that has all of an earlier release.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_migrated_for_another_table(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = prepared(engine, &BETTER_AUTH).await;
    let migrate = |arguments: &[&str], users: &str| {
        let ended = run_migrate(&database, arguments, users);
        [ended.printed, ended.said]
    };
    migrate(&["up"], "user");
    migrate(&["down", "4"], "user");
    let [before, _] = migrate(&["status"], "user");
    for arguments in [&["up"][..], &["down"]] {
        let [listed, refused] = migrate(arguments, "");
        assert!(refused.contains("belong to the table user, but USERS_TABLE says users"), "{refused}");
        assert_eq!(listed, "");
    }
    assert_eq!(before.matches("pending").count(), 4, "{before}");
    assert_eq!(migrate(&["status"], "user"), [before, String::new()]);
    let examined = ServerProcess::run(&["doctor"], &[("DATABASE_URL", &database.url())]).printed;
    let told = examined.lines().find(|line| line.starts_with("fail  migrations")).expect("it is told");
    assert!(told.contains("the tasks belong to the table user, but USERS_TABLE says users"), "{told}");
}

/// Whose it is, the variable tells, and that may be missing where somebody takes all back by hand.
#[rstest]
#[case::made_by_them(true)]
#[case::taken_over(false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_others_use_is_not_dropped(#[values(Sqlite, Postgres)] engine: Engine, #[case] is_theirs: bool) {
    let theirs = ["CREATE TABLE users (id text PRIMARY KEY, email text)"];
    let database = prepared(engine, if is_theirs { &theirs } else { &[] }).await;
    let migrate = |arguments: &[&str], users: &str| run_migrate(&database, arguments, users);
    migrate(&["up"], if is_theirs { "users" } else { "" }).well();
    let connection = database.connect().await;
    if !is_theirs {
        connection.execute_unprepared("ALTER TABLE users ADD COLUMN email text").await.expect("a column of others");
    }
    let keep = "INSERT INTO users (id, email) VALUES ('ann', 'ann@example.com')";
    connection.execute_unprepared(keep).await.expect("a user");
    let said = migrate(&["down", "50"], "").said;
    assert!(said.contains("a column email") && said.contains("set USERS_TABLE=users"), "{said}");
    assert!(migrate(&["down", "50"], "users").is_well(), "what it says to set, helps");
    connection.execute_unprepared("UPDATE users SET email = 'kept'").await.expect("it is still there");
}

#[tokio::test]
async fn the_table_may_live_in_another_schema() {
    let statements = [
        "CREATE SCHEMA neon_auth",
        r#"CREATE TABLE neon_auth."user" (id text PRIMARY KEY)"#,
        r#"INSERT INTO neon_auth."user" VALUES ('ann')"#,
    ];
    let database = prepared(Postgres, &statements).await;
    let app = TestApp::on(&database, &[("USERS_TABLE", "neon_auth.user")]).await.expect("it starts");
    app.client("ann").created("Buy milk").await;
    app.client("ghost").create(json!({"title": "a"})).await.expect(401);
}

#[tokio::test]
async fn one_of_the_same_name_in_another_schema_is_another() {
    let statements = ["CREATE SCHEMA neon_auth", "CREATE TABLE neon_auth.users (id text PRIMARY KEY)"];
    let database = prepared(Postgres, &statements).await;
    let theirs = [("USERS_TABLE", "neon_auth.users")];
    TestApp::on(&database, &theirs).await.expect("it starts");
    let refused = TestApp::refused(&database, &[]).await;
    assert!(
        refused.contains("belong to the table neon_auth.users, but USERS_TABLE says users: set it to neon_auth.users")
    );
    TestApp::on(&database, &theirs).await.expect("what it says to set, helps");
}

#[rstest]
#[tokio::test]
async fn a_table_of_ours_bears_columns_that_others_add(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let connection = app.database().connect().await;
    connection.execute_unprepared("ALTER TABLE users ADD COLUMN email text").await.expect("a new column");
    app.client("new").created("Buy milk").await;
    app.client("new").created("Buy bread").await;
}

#[rstest]
#[tokio::test]
async fn a_table_of_ours_may_be_taken_over(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let connection = app.database().connect().await;
    connection.execute_unprepared("ALTER TABLE users ADD COLUMN name text NOT NULL").await.expect("a column of others");
    let anew = TestApp::on(app.database(), &[]).await.expect("it starts on it too");
    for app in [&app, &anew] {
        let ghost = app.client("ghost").create(json!({"title": "a"})).await.expect(401);
        assert!(ghost.header("www-authenticate").contains("does not exist"), "{}", ghost.text);
    }
    connection
        .execute_unprepared("INSERT INTO users (id, name) VALUES ('ann', 'Ann')")
        .await
        .expect("a user of others");
    for app in [&app, &anew] {
        app.client("ann").created("Buy milk").await;
    }
}
