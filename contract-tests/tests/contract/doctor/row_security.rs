//! The checklist where PostgreSQL itself keeps users apart.

use rstest::rstest;
use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Expr, ExprTrait as _, Query},
};
use todo_contract_tests::{Engine::Guarded, ServerProcess, TestApp, TestDatabase, given, unwatched};
use url::Url;

use super::examine;

#[tokio::test(flavor = "multi_thread")]
async fn row_level_security_is_judged() {
    let app = TestApp::start(Guarded).await;
    let database = app.database();
    let variables = database.variables();
    let of_database = given(&variables);
    let seen = examine(&of_database);
    seen.assert_told("rls", "pass", "on, and");
    // It needs none of its own.
    seen.assert_is("rights", "pass");

    let url = database.url();
    let seen = examine(&[("DATABASE_URL", &url), ("DATABASE_RLS", "true")]);
    seen.assert_told("rls", "warn", "CREATE ROLE todo");
    assert!(seen.line("role").ends_with("CREATE ROLE todo LOGIN NOINHERIT"), "{}", seen.said);
    let seen = examine(&[("DATABASE_URL", &url)]);
    seen.assert_told("rls", "pass", "DATABASE_RLS");

    let meddler = database.connect().await;
    meddler.execute_unprepared("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY").await.expect("an owner may");
    let seen = examine(&of_database);
    seen.assert_told("rls", "fail", "migrate up");
    assert_eq!(seen.code, Some(2), "{}", seen.said);

    // Turned off for the server, and on in the database.
    let (login, role) = (database.login(), format!("{}_caller", database.name()));
    let seen = examine(&of_database[..1]);
    seen.assert_is("rls", "pass");
    let inherits = format!("ALTER ROLE {login} INHERIT; REVOKE {role} FROM {login}; GRANT {role} TO {login}");
    meddler.execute_unprepared(&inherits).await.expect("an owner may");
    let seen = examine(&of_database[..1]);
    let told = format!(r#"inherits the restrictions of {role}: ALTER ROLE "{login}" NOINHERIT"#);
    seen.assert_told("rls", "fail", &told);
}

/// A login that may do itself what requests do would go around the wall.
#[rstest]
#[case::a_copy(true)]
#[case::one_where_it_was_never_on(false)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_to_grant_what_migrating_gives(#[case] was_on: bool) {
    let original = TestDatabase::create(Guarded).await;
    let (guarded, owner) = (original.variables(), [("DATABASE_URL", original.url())]);
    ServerProcess::run(&["migrate", "up"], &given(if was_on { &guarded } else { &owner })).well();

    let copy = original.copied().await;
    let variables = copy.variables();
    let of_copy = given(&variables);
    let seen = examine(&of_copy);
    assert_eq!(seen.code, Some(1), "{}", seen.said);
    seen.assert_is("rights", "pass");
    assert!(seen.line("rights").ends_with("see rls"), "{}", seen.said);
    seen.assert_told("rls", "warn", "at the next start");
    let by_somebody = [of_copy.as_slice(), &[("MIGRATE_ON_START", "false")]].concat();
    // Without a role that owns the tables, no start can migrate.
    let alone: Vec<_> = of_copy.iter().copied().filter(|(name, _)| *name != "DATABASE_DIRECT_URL").collect();
    for variables in [by_somebody, alone] {
        let seen = examine(&variables);
        assert_eq!(seen.code, Some(2), "{}", seen.said);
        seen.assert_told("rls", "fail", "migrate up");
        assert!(!seen.said.contains("GRANT") && !seen.line("migrations").starts_with("fail"), "{}", seen.said);
    }

    ServerProcess::run(&["migrate", "up"], &of_copy).well();
    let seen = examine(&of_copy);
    for check in ["rights", "rls", "migrations"] {
        seen.assert_is(check, "pass");
    }
}

const AS_IT_IS: &str = "SELECT 1";
const MADE: &str = "made at the next start";
const NO_MAKER: &str = "permission denied to create role; set DATABASE_DIRECT_URL to a role that owns the tables and";
const NO_OWNER: &str = "with a role that owns the tables in DATABASE_DIRECT_URL";
const INHERITS: &str = "inherits the restrictions of {callers}: ALTER ROLE";

/// What is promised comes about, and what is not is refused. The owner owns the tables, or may make them, and does not
/// make roles; `done` is what who rules the server does.
#[rstest]
#[case::an_owner_who_makes_roles("login", &["up"], "ALTER ROLE {owner} CREATEROLE", MADE)]
#[case::an_owner_who_serves_and_makes_roles("owner", &["up"], "ALTER ROLE {owner} CREATEROLE", MADE)]
#[case::an_owner_to_be_who_makes_roles("login", &[], "ALTER ROLE {owner} CREATEROLE", MADE)]
#[case::a_role_that_is_there("login", &["up"], "CREATE ROLE {callers}; GRANT {callers} TO {login}", MADE)]
#[case::an_owner("login", &["up"], AS_IT_IS, NO_MAKER)]
#[case::an_owner_who_serves("owner", &["up"], AS_IT_IS, NO_MAKER)]
#[case::an_owner_to_be("login", &[], AS_IT_IS, NO_MAKER)]
#[case::a_reader(
    "login",
    &["up"],
    "ALTER ROLE {owner} CREATEROLE; ALTER TABLE tasks OWNER TO CURRENT_USER; GRANT SELECT ON tasks TO {owner}",
    NO_OWNER
)]
#[case::a_login_that_inherits(
    "login",
    &["up"],
    "ALTER ROLE {login} INHERIT; CREATE ROLE {callers}; GRANT {callers} TO {login}",
    INHERITS
)]
// From PostgreSQL 16 on, it does not inherit what it is granted without.
#[case::a_login_that_would_inherit("login", &[], "ALTER ROLE {owner} CREATEROLE; ALTER ROLE {login} INHERIT", "")]
#[tokio::test(flavor = "multi_thread")]
async fn no_start_is_promised_that_is_refused(
    #[case] server: &str,
    #[case] before: &[&str],
    #[case] done: &str,
    #[case] words: &str,
) {
    let database = TestDatabase::create(Guarded).await;
    let (name, ruler, of_login) = (database.name(), unwatched(&database.url()).await, database.variables());
    let named = |words: &str| {
        let words = words.replace("{owner}", &format!("\"Newcomer-of_{name}\""));
        words.replace("{login}", &format!("{name}_login")).replace("{callers}", &format!("{name}_caller"))
    };
    let made = named("CREATE ROLE {owner} LOGIN; GRANT USAGE, CREATE ON SCHEMA public TO {owner}");
    ruler.execute_unprepared(&made).await.expect("the role can be made");
    let mut owner: Url = database.url().parse().expect("an address");
    owner.set_username(&format!("Newcomer-of_{name}")).expect("it has users");
    for &direction in before {
        ServerProcess::run(&["migrate", direction], &[("DATABASE_URL", owner.as_str())]).well();
    }
    ruler.execute_unprepared(&named(done)).await.expect("who rules may");

    let by_login = [("DATABASE_URL", of_login[0].1.as_str()), ("DATABASE_DIRECT_URL", owner.as_str())];
    let by_owner = [("DATABASE_URL", owner.as_str())];
    let of_server = if server == "owner" { by_owner.as_slice() } else { &by_login };
    let variables = [of_server, &[("DATABASE_RLS", "true")]].concat();
    let callers = Expr::col("rolname").eq(named("{callers}"));
    let roles = Query::select().column("rolname").from("pg_roles").and_where(callers).take();
    let are_there = async || ruler.query_all(&roles).await.expect("roles").len();
    let were_there = are_there().await;
    let seen = examine(&variables);
    assert_eq!(are_there().await, were_there, "nothing is made");
    assert!(seen.line("rls").contains(&named(words)), "{}", seen.said);
    let migrated = ServerProcess::run(&["migrate", "up"], &variables);
    let verdict = if migrated.is_well() { "warn" } else { "fail" };
    assert!(seen.line("rls").starts_with(verdict), "{}{}", seen.said, migrated.said);
}

/// The answers that are kept for retries hold tasks, and an earlier release let a login read them; its doctor told to
/// grant all that requests need.
#[rstest]
#[case::answers("SELECT ON idempotency_keys", "what creations under a key were answered")]
#[case::tasks("SELECT, INSERT, UPDATE, DELETE ON tasks", "may read tasks without it")]
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_was_granted_too_much_is_told_with_the_remedy(#[case] rights: &str, #[case] words: &str) {
    let app = TestApp::start(Guarded).await;
    let (variables, owner) = (app.database().variables(), unwatched(&app.database().url()).await);
    let granted = format!("GRANT {rights} TO {}", app.database().login());
    owner.execute_unprepared(&granted).await.expect("an owner may");
    let seen = examine(&given(&variables));
    let (told, remedy) = seen.line("rls").split_once("; ").expect("a remedy");
    assert!(told.starts_with("warn") && told.ends_with(words), "{told}");
    owner.execute_unprepared(remedy).await.expect("it can be revoked");
    let seen = examine(&given(&variables));
    for check in ["rights", "rls"] {
        seen.assert_is(check, "pass");
    }
}
