//! `PATCH /api/tasks` and `DELETE /api/tasks`: all of the caller's tasks at once.

use std::time::{Duration, Instant};

use rstest::rstest;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Guarded, Postgres, Sqlite},
    TestApp, until, waiting,
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// Two open tasks and one that is done.
async fn three(client: &Client) -> Vec<Value> {
    let mut tasks = Vec::new();
    for (title, completed) in [("a", false), ("b", true), ("c", false)] {
        let task = json!({"title": title, "description": format!("of {title}"), "completed": completed});
        tasks.push(client.create(task).await.expect(201).json());
    }
    tasks
}

#[rstest]
#[case::done(true, 2)]
#[case::open(false, 1)]
#[tokio::test]
async fn all_are_set_and_those_that_changed_are_counted(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] completed: bool,
    #[case] updated: i64,
) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    let before = three(&ann).await;
    three(&bob).await;
    let bobs = bob.list().await.expect(200).json();
    assert_eq!(ann.complete_all(completed).await.expect(200).json(), json!({ "updated": updated }));
    let after = ann.list().await.expect(200).json();
    assert_eq!(after.as_array().map(Vec::len), Some(before.len()));
    for (before, after) in before.iter().zip(after.as_array().expect("a list")) {
        assert_eq!(after["completed"], completed);
        let moved = after["updated_at"].as_str() > before["updated_at"].as_str();
        assert_eq!(moved, before["completed"] != completed, "updated_at moves only where something changed");
        let mut rest = after.clone();
        for moved in ["completed", "updated_at"] {
            rest[moved] = before[moved].clone();
        }
        assert_eq!(rest, *before, "and all else stays");
    }
    assert_eq!(ann.complete_all(completed).await.expect(200).json(), json!({"updated": 0}));
    assert_eq!(ann.list().await.expect(200).json(), after, "a second time changes nothing");
    assert_eq!(bob.list().await.expect(200).json(), bobs, "and nobody else's are touched");
}

#[rstest]
#[tokio::test]
async fn the_completed_are_deleted_and_counted(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    let tasks = three(&ann).await;
    three(&bob).await;
    assert_eq!(ann.delete_completed().await.expect(200).json(), json!({"deleted": 1}));
    assert_eq!(ann.list().await.expect(200).json(), json!([tasks[0], tasks[2]]));
    ann.task(tasks[1]["id"].as_i64().expect("an id")).await.expect(404);
    assert_eq!(ann.delete_completed().await.expect(200).json(), json!({"deleted": 0}));
    assert_eq!(bob.list().await.expect(200).ids().len(), 3, "nobody else's are touched");
}

#[rstest]
#[case::without_filter("")]
#[case::open_ones("?completed=false")]
#[case::empty("?completed=")]
#[case::no_value("?completed")]
#[case::in_capitals("?completed=TRUE")]
#[case::twice("?completed=true&completed=false")]
#[case::number("?completed=1")]
#[case::another_parameter("?q=a")]
#[tokio::test]
async fn nobody_deletes_open_tasks_by_a_slip(#[values(Sqlite, Postgres, Guarded)] engine: Engine, #[case] query: &str) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    three(&ann).await;
    let refused = ann.send("DELETE", &format!("/api/tasks{query}"), None).await.expect(422);
    assert!(refused.faults()[0].starts_with("completed: must be "), "{:?}", refused.faults());
    assert_eq!(ann.list().await.expect(200).ids().len(), 3);
}

#[rstest]
#[case::delete_search("DELETE", "completed=true&q=a", &["q"])]
#[case::delete_empty_search("DELETE", "completed=true&q=", &["q"])]
#[case::delete_page("DELETE", "completed=true&limit=1&cursor=junk&sort=id", &["limit", "cursor", "sort"])]
#[case::delete_encoded("DELETE", "completed=true&%71=a", &["q"])]
#[case::delete_by_what_cannot_be_read("DELETE", "completed=true&q=a&q=b&sort=%ff", &["q", "sort"])]
#[case::delete_with_another_fault("DELETE", "q=a", &["completed", "q"])]
#[case::set_completed("PATCH", "completed=true", &["completed"])]
#[case::set_search("PATCH", "q=a&limit=1", &["limit", "q"])]
#[tokio::test]
async fn what_narrows_the_list_is_refused_where_it_narrows_nothing(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] method: &str,
    #[case] query: &str,
    #[case] parameters: &[&str],
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    three(&ann).await;
    let before = ann.list().await.expect(200).json();
    let body = (method == "PATCH").then(|| json!({"completed": true}));
    let refused = ann.send(method, &format!("/api/tasks?{query}"), body).await.expect(422);
    let named: Vec<_> =
        refused.faults().iter().filter_map(|fault| fault.split(':').next().map(str::to_owned)).collect();
    assert_eq!(named, parameters);
    assert_eq!(ann.list().await.expect(200).json(), before);
}

/// What is no text, a path has no id of.
#[rstest]
#[case::delete("DELETE", "/api/tasks/%ff?limit=5&completed=maybe")]
#[case::toggle("PATCH", "/api/tasks/%ff/complete?q=x")]
#[tokio::test]
async fn what_is_about_one_task_is_not_about_all(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] method: &str,
    #[case] path: &str,
) {
    let app = TestApp::start(engine).await;
    let faults = app.client("ann").send(method, path, None).await.expect(422).faults();
    assert!(faults.len() == 1 && faults[0].starts_with("id: "), "{faults:?}");
}

#[rstest]
#[case::nothing(json!({}), "/completed: is required")]
#[case::null(json!({"completed": null}), "/completed: must be a boolean")]
#[case::text(json!({"completed": "true"}), "/completed: must be a boolean")]
#[case::no_object(json!([]), ": must be an object")]
#[tokio::test]
async fn a_bad_body_changes_nothing(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] body: Value,
    #[case] fault: &str,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    three(&ann).await;
    let before = ann.list().await.expect(200).json();
    assert_eq!(ann.send("PATCH", "/api/tasks", Some(body)).await.expect(422).faults(), [fault]);
    assert_eq!(ann.list().await.expect(200).json(), before);
}

#[rstest]
#[tokio::test]
async fn who_has_no_tasks_has_none_changed(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    assert_eq!(ann.complete_all(true).await.expect(200).json(), json!({"updated": 0}));
    assert_eq!(ann.delete_completed().await.expect(200).json(), json!({"deleted": 0}));
}

#[rstest]
#[tokio::test]
async fn the_version_of_the_list_moves(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    three(&ann).await;
    let mut last = ann.list().await.expect(200).header("etag").to_owned();
    for number in 0..2 {
        let change = if number == 0 { ann.complete_all(true).await } else { ann.delete_completed().await };
        change.expect(200);
        let moved = ann.clone().with_header("If-None-Match", &last).list().await.expect(200);
        last = moved.header("etag").to_owned();
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_neither_lock_one_another_out_nor_count_twice(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    ann.created("first").await;
    app.database().fill("ann", 199).await;
    let before = there(&ann).await;
    let mut under_way = JoinSet::new();
    for number in 0..40 {
        let ann = ann.clone();
        under_way.spawn(async move {
            match number % 4 {
                0 => [0, counted(ann.complete_all(true).await, "updated")],
                1 => [0, -counted(ann.complete_all(false).await, "updated")],
                2 => [-counted(ann.delete_completed().await, "deleted"); 2],
                _ => {
                    ann.create(json!({"title": "new", "completed": true})).await.expect(201);
                    [1, 1]
                }
            }
        });
    }
    let changes = under_way.join_all().await;
    let told = changes.iter().fold(before, |[all, done], [more, more_done]| [all + more, done + more_done]);
    assert_eq!(there(&ann).await, told, "each change was counted once");
}

/// Before PostgreSQL has seen how many there are: it takes them for few, and may go through all of them for each.
#[tokio::test(flavor = "multi_thread")]
async fn all_of_many_are_written_in_time() {
    let app = TestApp::start(Postgres).await;
    app.database().populate(100, 10).await;
    app.database().connect().await.execute_unprepared("ANALYZE tasks").await.expect("it is done");
    app.database().fill("ann", 8000).await;
    let ann = app.client("ann");
    ann.complete_all(true).await.expect(200);
    assert_eq!(ann.delete_completed().await.expect(200).json(), json!({ "deleted": 8000 }));
}

/// All of them wait for a task that somebody keeps locked; the connections are for others as well.
#[tokio::test(flavor = "multi_thread")]
async fn who_writes_all_again_and_again_leaves_room_for_others() {
    let variables =
        [("WORKERS", "1"), ("DATABASE_MAX_CONNECTIONS", "4"), ("DATABASE_TIMEOUT", "60"), ("REQUEST_TIMEOUT", "60")];
    let app = TestApp::configured(Postgres, &variables).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    three(&ann).await;
    three(&bob).await;
    let beside = app.database().connect().await;
    beside.execute_unprepared("BEGIN; SELECT id FROM tasks WHERE user_id = 'ann' FOR UPDATE").await.expect("a lock");
    let mut under_way = JoinSet::new();
    for round in 0..20 {
        let ann = ann.clone();
        under_way.spawn(async move { ann.complete_all(round % 2 == 0).await.status });
    }
    for _ in 0..3 {
        sleep(Duration::from_millis(100)).await;
        bob.list().await.expect(200);
        bob.created("Buy milk").await;
    }
    beside.execute_unprepared("ROLLBACK").await.expect("they are let go");
    assert_eq!(under_way.join_all().await, [200; 20]);
}

/// Where time matters to nothing else.
const PATIENT: [(&str, &str); 3] = [("WORKERS", "1"), ("DATABASE_TIMEOUT", "60"), ("REQUEST_TIMEOUT", "60")];

/// Has `user` write all forty times at once, while nobody can. Those that wait for it, once all others were told that
/// they are too many.
async fn forty(user: &Client) -> JoinSet<Answer> {
    let mut under_way = JoinSet::new();
    for _ in 0..40 {
        let user = user.clone();
        under_way.spawn(async move { user.complete_all(true).await });
    }
    for _ in 0..8 {
        let refused = timeout(Duration::from_secs(10), under_way.join_next()).await.expect("it is told at once");
        let refused = refused.expect("there are more").expect("an answer").expect(503);
        assert_eq!(refused.header("retry-after"), "1");
    }
    under_way
}

/// Each that waits for its turn keeps a place that others want.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_a_few_of_one_user_wait_for_their_turn(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &PATIENT).await;
    let ann = app.client("ann");
    three(&ann).await;
    let block = app.database().block_writes().await;
    let under_way = forty(&ann).await;
    // A search wants a turn as well.
    ann.get("/api/tasks?q=a").await.expect(503);
    app.client("bob").get("/api/tasks?q=a").await.expect(200);
    block.execute_unprepared("ROLLBACK").await.expect("they are let go");
    for answer in under_way.join_all().await {
        answer.expect(200);
    }
    ann.get("/api/tasks?q=a").await.expect(200);
}

/// They keep their places while they pause, too.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_a_few_of_one_user_pause_after_a_long_one(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &PATIENT).await;
    let ann = app.client("ann");
    three(&ann).await;
    // Told before the pause is over, of a second, in one of three: the machine may be busy with other tests.
    let mut told = Duration::MAX;
    for _ in 0..3 {
        let ends = write_for_long(&app, &ann).await;
        let block = app.database().block_writes().await;
        let under_way = forty(&ann).await;
        told = ends.elapsed();
        block.execute_unprepared("ROLLBACK").await.expect("writes go on");
        for answer in under_way.join_all().await {
            answer.expect(200);
        }
        if told < Duration::from_secs(1) {
            return;
        }
    }
    panic!("they are told when the pause is over, after {told:?}");
}

/// Each would wait for the same tasks with a connection of its own; those of all workers together, too.
#[tokio::test(flavor = "multi_thread")]
async fn who_changes_tasks_while_all_are_written_leaves_room_for_others() {
    let variables = [("WORKERS", "2"), ("DATABASE_MAX_CONNECTIONS", "8"), ("DATABASE_TIMEOUT", "20")];
    let app = TestApp::configured(Postgres, &variables).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    let ids: Vec<_> = three(&ann).await.iter().filter_map(|task| task["id"].as_i64()).collect();
    let (beside, watching) = (app.database().connect().await, app.database().connect().await);
    beside.execute_unprepared("BEGIN; SELECT id FROM tasks WHERE user_id = 'ann' FOR UPDATE").await.expect("a lock");
    let all = ann.clone();
    let all = tokio::spawn(async move { all.complete_all(true).await });
    until("it waits", async || waiting(&watching).await == 1).await;
    let mut under_way = JoinSet::new();
    for round in 0..10 {
        let (ann, id) = (ann.clone(), ids[round % 2]);
        under_way.spawn(async move { ann.toggle(id).await.status });
        sleep(Duration::from_millis(50)).await;
    }
    let (deleting, id) = (ann.clone(), ids[2]);
    under_way.spawn(async move { deleting.delete(id).await.status });
    sleep(Duration::from_millis(50)).await;
    assert_eq!(waiting(&watching).await, 1, "the others wait without a connection");
    bob.created("Buy milk").await;
    beside.execute_unprepared("ROLLBACK").await.expect("they are let go");
    assert_eq!(all.await.expect("an answer").expect(200).json(), json!({"updated": 2}));
    let mut statuses = under_way.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200; 10], vec![204]].concat());
    assert_eq!(there(&ann).await, [2, 0], "each was toggled five times, after all were completed");
}

/// Has `user` write all, which takes two seconds; when that was about to end.
async fn write_for_long(app: &TestApp, user: &Client) -> Instant {
    let block = app.database().block_writes().await;
    let user = user.clone();
    let written = tokio::spawn(async move { user.complete_all(true).await });
    sleep(Duration::from_secs(2)).await;
    let ends = Instant::now();
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    written.await.expect("an answer").expect(200);
    ends
}

/// So that others get in between, where one writes at a time.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_next_write_of_all_waits_as_long_as_the_last_one_took(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("DATABASE_TIMEOUT", "20")]).await;
    let ann = app.client("ann");
    three(&ann).await;
    let ends = write_for_long(&app, &ann).await;
    ann.complete_all(false).await.expect(200);
    // It began some time after it was sent.
    assert!(ends.elapsed() >= Duration::from_secs(1), "{:?}", ends.elapsed());
}

/// How many tasks there are, and how many of them are completed.
async fn there(client: &Client) -> [i64; 2] {
    let list = client.list().await.expect(200).json();
    let tasks = list.as_array().expect("a list").iter();
    tasks.fold([0, 0], |[all, done], task| [all + 1, done + i64::from(task["completed"] == true)])
}

/// How many the answer says that it has changed.
fn counted(answer: Answer, name: &str) -> i64 {
    answer.expect(200).json()[name].as_i64().expect("a number")
}
