//! Copies of a database, on the same server: roles are the whole server's.

use std::collections::BTreeSet;

use rstest::rstest;
use sea_orm::ConnectionTrait as _;
use todo_contract_tests::{Engine::Guarded, TestApp, TestDatabase, unwatched};

use super::{role_of, roles_of_policies, run, seen, session_of};

/// Else who has the password of a copy would come at the original.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_database_has_a_role_of_its_own() {
    let original = TestDatabase::create(Guarded).await;
    run(&original, &["migrate", "up"], &[]).well();
    let copy = original.copied().await;
    let said = run(&copy, &[], &[]).said;
    assert!(said.contains("lacks its role, policies or rights; run `todo-server migrate up`"), "{said}");
    run(&copy, &["migrate", "up"], &[]).well();
    let roles = roles_of_policies(&copy).await;
    assert_eq!(roles.len(), 3);
    for role in roles {
        assert_eq!(role, role_of(&copy));
    }
}

/// No policy of the copy restricts it any more.
#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_the_original_may_do_nothing_in_a_copy() {
    let original = TestDatabase::create(Guarded).await;
    run(&original, &["migrate", "up"], &[]).well();
    original.fill("bob", 1).await;
    let copy = original.copied().await;
    run(&copy, &["migrate", "up"], &[]).well();
    let session = unwatched(&copy.url()).await;
    let enter = format!("SET ROLE {}", role_of(&original));
    session.execute_unprepared(&enter).await.expect("the role can be taken on");
    for table in ["tasks", "idempotency_keys", "users"] {
        let refused = session.execute_unprepared(&format!("SELECT * FROM {table}")).await.expect_err(table).to_string();
        assert!(refused.contains(&format!("permission denied for table {table}")), "{refused}");
    }
    let bob = session_of(&original, "bob").await;
    assert_eq!(seen(&bob).await.expect("it may look").len(), 1, "where it belongs, all is as before");
}

/// As docs/row-level-security.md has it: what a role may do in any database keeps it from going.
#[tokio::test(flavor = "multi_thread")]
async fn an_original_is_rid_of_its_role_though_there_is_a_copy() {
    let original = TestDatabase::create(Guarded).await;
    run(&original, &["migrate", "up"], &[]).well();
    let copy = original.copied().await;
    run(&copy, &["migrate", "up"], &[]).well();
    let (owner, role) = (unwatched(&original.url()).await, role_of(&original));
    for table in ["tasks", "idempotency_keys", "users"] {
        let rid = format!(
            "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY; DROP POLICY callers_own ON {table}; \
             DROP POLICY as_granted ON {table}; REVOKE ALL ON {table} FROM {role}"
        );
        owner.execute_unprepared(&rid).await.expect("an owner may");
    }
    let rid = format!("REVOKE ALL ON SCHEMA public FROM {role}; DROP ROLE {role}");
    owner.execute_unprepared(&rid).await.expect("nothing depends on it");
}

/// Roles are the whole server's, and PostgreSQL cuts what is too long of their names.
#[rstest]
#[case::of_52_bytes(["_long_ab_1", "_long_ab_2"])]
#[case::of_59_bytes(["_of_a_long_name_1", "_of_a_long_name_2"])]
#[case::of_two_bytes_a_letter(["éééééééé_1", "éééééééé_2"])]
#[tokio::test(flavor = "multi_thread")]
async fn databases_of_long_names_that_begin_alike_have_roles_of_their_own(#[case] endings: [&str; 2]) {
    let beginning = format!("todo_test_{}", uuid::Uuid::new_v4().simple());
    let mut of_both = BTreeSet::new();
    for ending in endings {
        let database = TestDatabase::create_called(format!("{beginning}{ending}")).await;
        for _ in 0..2 {
            let app = TestApp::on(&database, &[("DATABASE_RLS", "true")]).await;
            app.expect("it starts, and starts again").client("ann").created("Buy milk").await;
        }
        let roles: BTreeSet<_> = roles_of_policies(&database).await.into_iter().collect();
        assert_eq!(roles.len(), 1, "{roles:?}");
        for role in &roles {
            let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
            database.connect().await.execute_unprepared(&drop).await.expect("the role can be dropped");
        }
        of_both.extend(roles);
    }
    assert_eq!(of_both.len(), 2, "{of_both:?}");
}

/// Foreign keys are looked up as the owner of the table that they lead to.
#[tokio::test(flavor = "multi_thread")]
async fn a_former_role_that_owns_a_table_of_a_copy_still_finds_it() {
    let original = TestDatabase::create(Guarded).await;
    run(&original, &["migrate", "up"], &[]).well();
    let (copy, role) = (original.copied().await, role_of(&original));
    let owned = format!(
        "GRANT USAGE, CREATE ON SCHEMA public TO {role}; ALTER TABLE users OWNER TO {role}; \
         REVOKE ALL ON SCHEMA public FROM PUBLIC"
    );
    copy.connect().await.execute_unprepared(&owned).await.expect("an owner may");
    TestApp::on(&copy, &[]).await.expect("it migrates").client("ann").created("Buy milk").await;
}
