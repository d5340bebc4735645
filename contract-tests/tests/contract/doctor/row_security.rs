//! The checklist where PostgreSQL itself keeps users apart.

use rstest::rstest;
use sea_orm::ConnectionTrait as _;
use todo_contract_tests::{Engine::Guarded, ServerProcess, TestApp, TestDatabase, given};

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

/// The answers that are kept for retries hold tasks, and an earlier release let a login read them.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_can_read_answers_is_told_with_the_remedy() {
    let app = TestApp::start(Guarded).await;
    let (variables, owner) = (app.database().variables(), app.database().connect().await);
    let granted = format!("GRANT SELECT ON idempotency_keys TO {}", app.database().login());
    owner.execute_unprepared(&granted).await.expect("an owner may");
    let seen = examine(&given(&variables));
    let (told, remedy) = seen.line("rls").split_once("; ").expect("a remedy");
    assert!(told.starts_with("warn") && told.ends_with("what creations under a key were answered"), "{told}");
    owner.execute_unprepared(remedy).await.expect("it can be revoked");
    let seen = examine(&given(&variables));
    for check in ["rights", "rls"] {
        seen.assert_is(check, "pass");
    }
}
