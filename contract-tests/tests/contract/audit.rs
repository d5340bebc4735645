//! The audit of statements, audited. It runs beside every test: a client lets no answer pass after a
//! statement on tasks that does not say whose.

use std::{env, process::Command};

use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    Answer,
    Engine::{self, Postgres, Sqlite},
    TestApp, assert_clean, fault_of,
};

/// In a process of their own, where no other test's statements are seen in their place.
#[test]
fn the_statements_of_every_operation_are_seen() {
    let mut alone = Command::new(env::current_exe().expect("this program has a path"));
    let output = alone.args(["--ignored", "--test-threads=1", "audit::alone"]).output().expect("it can be run");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("2 passed"), "{printed}");
}

#[rstest]
#[tokio::test]
#[ignore = "the_statements_of_every_operation_are_seen runs it, alone"]
async fn alone_the_statements_of_every_operation_are_seen(#[values(Sqlite, Postgres)] engine: Engine) {
    // What is remembered takes a statement that names no tasks.
    let app = TestApp::configured(engine, &[("LIST_CACHE", "0")]).await;
    let ann = app.client("ann");
    let id = ann.created("the first of a user, which writes the user too").await;
    let mut before = assert_clean();
    let mut is_seen = |answer: Answer| {
        let now = assert_clean();
        assert!(answer.status < 400 && now > before, "{}", answer.text);
        before = now;
    };
    is_seen(ann.create(json!({"title": "a"})).await);
    is_seen(ann.keyed("\"one\"").create(json!({"title": "a"})).await);
    let list = ann.list().await;
    let known = ann.clone().with_header("If-None-Match", list.header("etag"));
    is_seen(list);
    is_seen(known.list().await.expect(304));
    is_seen(ann.task(id).await);
    is_seen(ann.update(id, json!({"title": "a"})).await);
    is_seen(ann.toggle(id).await);
    is_seen(ann.delete(id).await);
    is_seen(ann.complete_all(true).await);
    is_seen(ann.delete_completed().await);
}

#[rstest]
#[case(r#"SELECT "tasks"."id" FROM "tasks" WHERE "tasks"."user_id" = $1 AND "tasks"."id" = $2 LIMIT $3"#)]
#[case(r#"UPDATE "tasks" SET "completed" = NOT "completed" WHERE "tasks"."user_id" = ? AND "id" = ? RETURNING "id""#)]
#[case(r#"DELETE FROM "tasks" WHERE "tasks"."user_id" = $1 AND "tasks"."id" = $2"#)]
#[case(r#"INSERT INTO "tasks" ("user_id", "title") VALUES ($1, $2) RETURNING "id""#)]
#[case(r#"CREATE TABLE "tasks" ("id" integer)"#)]
#[case(r#"SELECT "id" FROM "users""#)]
#[case(r#"ALTER TABLE "tasks" ALTER COLUMN "title" TYPE varchar(200) COLLATE pg_catalog."C""#)]
#[case(r#"SELECT * FROM "tasks" WHERE ("user_id" = $1 AND "id" = $2) OR ("user_id" = $3 AND "id" = $4)"#)]
#[case(r#"UPDATE "tasks" SET "title" = $3 FROM (VALUES ($1, $2)) AS "brought" WHERE "user_id" = "brought"."column1""#)]
#[case(r#"SELECT (SELECT "id" FROM "tasks" WHERE "user_id" = "brought"."column1") FROM (VALUES ($1)) AS "brought""#)]
#[case(r#"WITH "written" AS (DELETE FROM "tasks" WHERE "user_id" = $1 RETURNING "id") SELECT COUNT(*) FROM "written""#)]
fn a_statement_that_says_whose_passes(#[case] sql: &str) {
    assert_eq!(fault_of(sql), None);
}

#[rstest]
#[case(r#"SELECT * FROM "tasks""#)]
#[case(r#"SELECT * FROM "tasks" WHERE "id" = $1"#)]
#[case(r#"SELECT * FROM "tasks" WHERE "user_id" = $1 OR "id" = $2"#)]
#[case(r#"SELECT * FROM "tasks" WHERE "user_id" <> $1"#)]
#[case(r#"SELECT * FROM "tasks" WHERE "user_id" = "user_id""#)]
#[case(r#"UPDATE "tasks" SET "title" = $1 WHERE "id" = $2"#)]
#[case(r#"UPDATE "tasks" SET "user_id" = $1"#)]
#[case(r#"DELETE FROM "tasks""#)]
#[case(r#"DELETE FROM "tasks" WHERE "id" = $1"#)]
#[case(r#"INSERT INTO "tasks" ("title") VALUES ($1)"#)]
#[case(r#"SELECT * FROM "users"; DELETE FROM "tasks""#)]
#[case(r#"ALTER TABLE "tasks" ADD "x" int; DELETE FROM "tasks""#)]
#[case(r#"SELECT * FROM "tasks" WHERE ("user_id" = $1 AND "id" = $2) OR "id" = $3"#)]
#[case(r#"UPDATE "tasks" SET "title" = $3 FROM (VALUES ($1, $2)) AS "brought" WHERE "id" = "brought"."column2""#)]
#[case(r#"SELECT (SELECT "id" FROM "tasks" WHERE "id" = "brought"."column1") FROM (VALUES ($1)) AS "brought""#)]
#[case(r#"SELECT * FROM "users" JOIN "tasks" ON true"#)]
#[case(r#"WITH "written" AS (UPDATE "tasks" SET "title" = $1 RETURNING "id") SELECT COUNT(*) FROM "written""#)]
#[case(r#"WITH "written" AS (DELETE FROM "tasks" RETURNING "id") SELECT COUNT(*) FROM "written""#)]
#[case(r#"SELECT * FROM "tasks" JOIN "keys" ON true WHERE "keys"."user_id" = $1"#)]
#[case(r#"SELECT * FROM ("tasks" JOIN "keys" ON true)"#)]
#[case(r#"TABLE "tasks""#)]
#[case(r#"TRUNCATE "tasks""#)]
#[case(r#"COPY "tasks" TO STDOUT"#)]
#[case(r#"MERGE INTO "tasks" USING "keys" ON true WHEN MATCHED THEN DELETE"#)]
#[case(r#"INSERT INTO "tasks" ("user_id") VALUES ($1) ON CONFLICT ("id") DO UPDATE SET "title" = $2"#)]
#[case("tasks tasks tasks")]
fn a_statement_that_does_not_is_found(#[case] sql: &str) {
    assert!(fault_of(sql).is_some());
}
