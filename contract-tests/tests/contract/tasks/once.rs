//! `POST /api/tasks` with an `Idempotency-Key`: sent as often as it takes, done once.

use std::{pin::pin, time::Duration};

use futures_util::future::{join_all, select};
use rstest::rstest;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, TransactionTrait,
    sea_query::{Expr, ExprTrait, Order, Query},
};
use serde_json::json;
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Guarded, Postgres, Sqlite},
    Raw, TestApp, TestDatabase, until, waiting,
};
use tokio::time::{sleep, timeout};

async fn count(client: &Client) -> usize {
    client.list().await.expect(200).ids().len()
}

fn assert_replays(answer: &Answer, first: &Answer) {
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.text, first.text, "the very bytes");
    for header in ["location", "etag", "content-type"] {
        assert_eq!(answer.header(header), first.header(header), "{header}");
    }
    assert_eq!(answer.header("idempotency-replayed"), "true");
    assert_eq!(first.header("idempotency-replayed"), "");
}

#[rstest]
#[tokio::test]
async fn the_same_again_is_answered_as_the_first_was(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let body = json!({"title": "Buy milk", "description": "Two litres", "completed": true});
    let first = ann.keyed("key-1").create(body.clone()).await.expect(201);
    for key in ["key-1", "\"key-1\""] {
        assert_replays(&ann.keyed(key).create(body.clone()).await, &first);
    }
    // In other words, or after what became of the task.
    let reordered = json!({"completed": true, "description": "Two litres", "title": "Buy milk", "more": 1});
    assert_replays(&ann.keyed("key-1").create(reordered).await, &first);
    ann.toggle(first.id()).await.expect(200);
    assert_replays(&ann.keyed("key-1").create(body.clone()).await, &first);
    assert_eq!(count(&ann).await, 1);
    ann.delete(first.id()).await.expect(204);
    assert_replays(&ann.keyed("key-1").create(body).await, &first);
    assert_eq!(count(&ann).await, 0, "what was deleted stays so");
}

#[rstest]
#[tokio::test]
async fn a_key_stands_for_one_body_of_one_user(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    let first = ann.keyed("key").create(json!({"title": "a"})).await.expect(201);
    // What goes without saying may be said.
    let whole = json!({"title": "a", "description": null, "completed": false});
    assert_replays(&ann.keyed("key").create(whole).await, &first);
    for other in
        [json!({"title": "b"}), json!({"title": "a", "completed": true}), json!({"title": "a", "description": ""})]
    {
        let refused = ann.keyed("key").create(other).await.expect(422);
        assert_eq!(refused.faults(), ["Idempotency-Key: was used with another body; send a new key for a new task"]);
    }
    assert_eq!(count(&ann).await, 1, "and nothing was created");
    let of_bob = bob.keyed("key").create(json!({"title": "a"})).await.expect(201);
    assert_ne!(of_bob.id(), first.id());
    assert_eq!((of_bob.header("idempotency-replayed"), of_bob.json()["user_id"].as_str()), ("", Some("bob")));
    ann.keyed("another key").create(json!({"title": "a"})).await.expect(422);
    ann.keyed("another").keyed("key").create(json!({"title": "a"})).await.expect(422);
    ann.keyed("another-key").create(json!({"title": "a"})).await.expect(201);
    assert_eq!(count(&ann).await, 2);
}

#[rstest]
#[case::empty("")]
#[case::of_spaces("a b")]
#[case::unclosed("\"a")]
#[case::escape(r#""a\b""#)]
#[case::too_long(&"x".repeat(256))]
#[tokio::test]
async fn a_bad_key_is_named(#[values(Sqlite, Postgres, Guarded)] engine: Engine, #[case] key: &str) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann").keyed(key);
    let refused = ann.create(json!({"title": "a"})).await.expect(422).json();
    assert_eq!(refused["errors"][0]["parameter"], "Idempotency-Key");
    let all = ann.create(json!({"title": ""})).await.expect(422).faults();
    assert!(all.len() == 2 && all[0].starts_with("/title") && all[1].starts_with("Idempotency-Key"), "{all:?}");
    // Elsewhere the header means nothing.
    ann.list().await.expect(200);
}

/// An answer of the day before, where there is one, is given to neither.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn while_the_first_is_running_the_same_again_is_told_to_wait(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[values(false, true)] is_renewed: bool,
) {
    let app = TestApp::configured(engine, &PATIENT).await;
    let ann = app.client("ann");
    ann.created("so that Ann is known").await;
    let create = async || ann.keyed("key").create(json!({"title": "a"})).await;
    if is_renewed {
        create().await.expect(201);
        let dated = Query::update().table("idempotency_keys").value("created_at", 0_i64).take();
        app.database().connect().await.execute(&dated).await.expect("time passes");
    }
    let block = app.database().block_writes().await;
    let one = pin!(create());
    let other = pin!(create());
    // Whichever comes second.
    let (told, running) = select(one, other).await.factor_first();
    assert_eq!(told.expect(409).header("retry-after"), "1");
    // Another's key is another one.
    let bob = app.client("bob").keyed("key");
    let bobs = tokio::spawn(async move { bob.create(json!({"title": "a"})).await });
    sleep(Duration::from_millis(300)).await;
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    let first = running.await.expect(201);
    assert!(!bobs.await.expect("an answer").expect(201).headers.contains_key("idempotency-replayed"));
    assert_replays(&create().await, &first);
    assert_eq!(count(&ann).await, 2 + usize::from(is_renewed));
}

/// A client that has sent a creation under `key`, and does not wait for the answer yet.
async fn asking(app: &TestApp, key: &str) -> Raw {
    let mut raw = Raw::connect(app.address()).await;
    let body = r#"{"title": "a"}"#;
    let about = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let head = Raw::head("POST", "/api/tasks", "ann") + &about + &format!("Idempotency-Key: {key}\r\n\r\n");
    raw.send(head + body).await;
    sleep(Duration::from_millis(500)).await;
    raw
}

/// Waits until a creation under `key` is under way: that of who has left, or of one who leaves here.
async fn is_under_way(client: &Client, key: &str) {
    let client = client.keyed(key);
    until("it is under way", async || {
        let told = timeout(Duration::from_secs(1), client.create(json!({"title": "a"}))).await;
        told.is_ok_and(|told| told.status == 409)
    })
    .await;
}

/// So that all is where it should be, however slow the machine is.
const PATIENT: [(&str, &str); 2] = [("DATABASE_TIMEOUT", "20"), ("REQUEST_TIMEOUT", "30")];

/// What is under way goes on, and is not begun a second time meanwhile.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_and_comes_again_finds_what_was_created(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::configured(engine, &PATIENT).await;
    let ann = app.client("ann");
    ann.created("so that Ann is known").await;
    let block = app.database().block_writes().await;
    drop(asking(&app, "key").await);
    is_under_way(&ann, "key").await;
    let create = async || ann.keyed("key").create(json!({"title": "a"})).await;
    create().await.expect(409);
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    until("it was created", async || create().await.status == 201).await;
    assert_eq!(create().await.expect(201).header("idempotency-replayed"), "true");
    assert_eq!(count(&ann).await, 2);
}

/// Else who comes and leaves all the time would have everybody wait for what nobody wants any more.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_under_way_goes_with_who_leaves() {
    let app = TestApp::configured(Sqlite, &PATIENT).await;
    let ann = app.client("ann");
    ann.created("so that Ann is known").await;
    let block = app.database().block_writes().await;
    drop(asking(&app, "first").await);
    is_under_way(&ann, "first").await;
    for key in ["second", "third"] {
        drop(asking(&app, key).await);
    }
    sleep(Duration::from_millis(500)).await;
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    ann.keyed("last").create(json!({"title": "b"})).await.expect(201);
    assert_eq!(count(&ann).await, 3, "the first, which was under way, and the last");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn while_the_first_is_running_on_another_server_the_same_is_told_to_wait(
    #[values(Postgres, Guarded)] engine: Engine,
) {
    let database = TestDatabase::create(engine).await;
    let app = TestApp::on(&database, &[("DATABASE_TIMEOUT", "6")]).await.expect("it starts");
    let ann = app.client("ann");
    ann.created("so that Ann is known").await;
    let other = database.connect().await;
    let keep = "BEGIN; INSERT INTO idempotency_keys (user_id, key, answer, created_at) VALUES ('ann', 'key', '', 0)";
    other.execute_unprepared(keep).await.expect("the other server is at it");
    ann.keyed("key").create(json!({"title": "a"})).await.expect(409);
    other.execute_unprepared("ROLLBACK").await.expect("it gave up");
    ann.keyed("key").create(json!({"title": "a"})).await.expect(201);
    assert_eq!(count(&ann).await, 2);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_on_several_servers_one_creates(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let mut servers = Vec::new();
    for _ in 0..2 {
        servers.push(TestApp::on(&database, &[]).await.expect("it starts"));
    }
    for round in 0..5 {
        // The first round is Ann's first request at all.
        let key = format!("key-{round}");
        let answers = join_all((0..20).map(|number| {
            let ann = servers[number % 2].client("ann").keyed(&key);
            async move { ann.create(json!({"title": "a"})).await }
        }));
        let answers = answers.await;
        let created: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(created.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count(), 1);
        assert!(created.iter().all(|answer| answer.text == created[0].text), "all tell of one task");
        assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)));
        assert_eq!(count(&servers[0].client("ann")).await, round + 1);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_forgotten_after_a_day(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let app = TestApp::on(&database, &[]).await.expect("it starts");
    let ann = app.client("ann");
    let day = 24 * 60 * 60 * 1_000_000_i64;
    for key in ["old", "older", "young"] {
        ann.keyed(key).create(json!({"title": key})).await.expect(201);
    }
    let beside = database.connect().await;
    for (key, age) in [("old", day + 1_000_000), ("older", 2 * day), ("young", day - 60_000_000)] {
        let aged = format!("UPDATE idempotency_keys SET created_at = created_at - {age} WHERE key = '{key}'");
        beside.execute_unprepared(&aged).await.expect("time passes");
    }
    assert_eq!(ann.keyed("young").create(json!({"title": "young"})).await.header("idempotency-replayed"), "true");
    let again = ann.keyed("old").create(json!({"title": "another body"})).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "", "it is a new key now");
    drop(app);
    // A server sweeps at its first write, and once a minute from then on.
    let app = TestApp::on(&database, &[]).await.expect("it starts");
    app.client("ann").keyed("newest").create(json!({"title": "a"})).await.expect(201);
    until("older is swept", async || kept(&beside).await == ["newest", "old", "young"]).await;
}

/// However many they are, and where nobody sends keys any more.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn all_old_keys_are_swept(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    app.database().fill("ann", 1).await;
    let mut old = Query::insert();
    old.into_table("idempotency_keys").columns(["user_id", "key", "answer", "created_at"]);
    // More than two statements delete.
    for number in 0..2500 {
        old.values_panic(["ann".into(), format!("key-{number}").into(), "".into(), 0_i64.into()]);
    }
    let beside = app.database().connect().await;
    beside.execute(&old).await.expect("time has passed");
    app.client("ann").created("without a key").await;
    until("all are swept", async || kept(&beside).await.is_empty()).await;
}

/// Whoever is told of a first request that is running waits for it, in vain.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_many_retries_at_once_each_has_the_first_answer(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann").keyed("key");
    let first = ann.create(json!({"title": "a"})).await.expect(201).json();
    for again in join_all((0..16).map(|_| ann.create(json!({"title": "a"})))).await {
        assert_eq!(again.expect(201).json(), first);
    }
    for other in join_all((0..16).map(|_| ann.create(json!({"title": "b"})))).await {
        other.expect(422);
    }
    assert_eq!(count(&ann).await, 1);
}

/// By a trigger that lets each have one.
#[tokio::test]
async fn who_may_have_no_more_tasks_has_the_first_answer_again() {
    const ONE_EACH: &str = "CREATE FUNCTION one_each() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF EXISTS (SELECT FROM tasks WHERE user_id = NEW.user_id) THEN RAISE EXCEPTION 'no more'; END IF; RETURN NEW;
        END $$;
        CREATE TRIGGER one_each BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION one_each();";
    let app = TestApp::start(Postgres).await;
    app.database().connect().await.execute_unprepared(ONE_EACH).await.expect("a trigger");
    let ann = app.client("ann");
    let first = ann.keyed("key").create(json!({"title": "a"})).await.expect(201).json();
    assert_eq!(ann.keyed("key").create(json!({"title": "a"})).await.expect(201).json(), first);
    ann.keyed("key").create(json!({"title": "b"})).await.expect(422);
    ann.keyed("other").create(json!({"title": "a"})).await.expect(500);
}

/// What an operator may have added.
pub(super) const TRIMS: &str = "CREATE FUNCTION trim_title() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.title = trim(NEW.title); RETURN NEW;
    END $$;
    CREATE TRIGGER trim_title BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION trim_title();";

#[tokio::test]
async fn what_a_trigger_makes_of_a_task_is_answered() {
    let app = TestApp::start(Postgres).await;
    app.database().connect().await.execute_unprepared(TRIMS).await.expect("a trigger");
    let ann = app.client("ann").keyed("key");
    let created = ann.create(json!({"title": " a "})).await.expect(201);
    assert_eq!(created.json()["title"], "a");
    assert_replays(&ann.create(json!({"title": " a "})).await, &created);
    for other in ["a", "b", " b "] {
        let refused = ann.create(json!({ "title": other })).await.expect(422);
        assert_eq!(refused.faults(), ["Idempotency-Key: was used with another body; send a new key for a new task"]);
    }
    assert_eq!(count(&ann).await, 1);
}

/// By another server, which takes its time.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_the_day_before_is_given_to_nobody(#[values(Postgres, Guarded)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let app = TestApp::on(&database, &[("DATABASE_TIMEOUT", "6")]).await.expect("it starts");
    let ann = app.client("ann").keyed("old");
    ann.create(json!({"title": "a"})).await.expect(201);
    let other = database.connect().await;
    let dated = |moment: i64| Query::update().table("idempotency_keys").value("created_at", moment).take();
    other.execute(&dated(0)).await.expect("time passes");
    let renewing = other.begin().await.expect("a transaction");
    renewing.execute(&dated(9_000_000_000_000_000)).await.expect("the other server is at it");
    ann.create(json!({"title": "a"})).await.expect(409);
    ann.create(json!({"title": "another body"})).await.expect(409);
    renewing.rollback().await.expect("it fails");
    assert_eq!(ann.create(json!({"title": "a"})).await.expect(201).header("idempotency-replayed"), "");
    assert_eq!(count(&ann).await, 2);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_is_a_fault(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann").keyed("key");
    ann.create(json!({"title": "a"})).await.expect(201);
    let spoilt = Query::update().table("idempotency_keys").value("answer", "{}").take();
    app.database().connect().await.execute(&spoilt).await.expect("it is spoilt");
    ann.create(json!({"title": "a"})).await.expect(500);
    assert_eq!(count(&ann).await, 1, "and nothing is created twice");
}

/// The names of the keys that are kept.
async fn kept(database: &DatabaseConnection) -> Vec<String> {
    let all = Query::select().column("key").from("idempotency_keys").order_by("key", Order::Asc).take();
    let rows = database.query_all(&all).await.expect("rows");
    rows.iter().map(|row| row.try_get("", "key").expect("a key")).collect()
}

/// By another server, which uses an old key anew.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_renewed_while_it_is_swept_stays(#[values(Postgres, Guarded)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let app = TestApp::on(&database, &[]).await.expect("it starts");
    for key in ["old", "older"] {
        app.client("ann").keyed(key).create(json!({"title": key})).await.expect(201);
    }
    drop(app);
    let (other, beside) = (database.connect().await, database.connect().await);
    let dated = |moment: i64| Query::update().table("idempotency_keys").value("created_at", moment).take();
    other.execute(&dated(0)).await.expect("time passes");
    let renewing = other.begin().await.expect("a transaction");
    let renewed = dated(9_000_000_000_000_000).and_where(Expr::col("key").eq("old")).take();
    renewing.execute(&renewed).await.expect("the other server is at it");
    let app = TestApp::on(&database, &[]).await.expect("it starts");
    app.client("ann").keyed("newest").create(json!({"title": "a"})).await.expect(201);
    until("it sweeps", async || waiting(&beside).await == 1).await;
    renewing.commit().await.expect("it is renewed");
    until("older is swept, and old is not", async || kept(&beside).await == ["newest", "old"]).await;
}
