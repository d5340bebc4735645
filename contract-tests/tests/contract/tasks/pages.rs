//! `GET /api/tasks` page by page: `limit`, `cursor`, `Link`.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Postgres, Sqlite},
    ServerProcess, TestApp, TestDatabase, until, waiting,
};

async fn numbered(client: &Client, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(client.created(&format!("task {number}")).await);
    }
    ids
}

fn ids(pages: &[Answer]) -> Vec<i64> {
    pages.iter().flat_map(Answer::ids).collect()
}

#[rstest]
#[case::one_by_one(1, 7)]
#[case::uneven(3, 3)]
#[case::whole(7, 1)]
#[case::more_than_there_are(8, 1)]
#[tokio::test]
async fn the_links_lead_through_all_tasks_in_order(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] limit: usize,
    #[case] count: usize,
) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    bob.created("of bob").await;
    let expected = numbered(&ann, 7).await;
    bob.created("of bob").await;
    let pages = ann.pages(&format!("/api/tasks?limit={limit}")).await;
    assert_eq!(ids(&pages), expected);
    assert_eq!(pages.len(), count, "no page is empty, and the last one has no link");
}

#[rstest]
#[case::default("/api/tasks", 1000)]
#[case::largest("/api/tasks?limit=1000", 1000)]
#[tokio::test]
async fn a_page_has_a_thousand_tasks_at_most(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] path: &str,
    #[case] first: usize,
) {
    let app = TestApp::start(engine).await;
    app.client("ann").created("of ann").await;
    app.database().fill("ann", 1001).await;
    let pages = app.client("ann").pages(path).await;
    assert_eq!(pages.iter().map(|page| page.ids().len()).collect::<Vec<_>>(), [first, 2]);
}

#[rstest]
#[tokio::test]
async fn tasks_that_stay_are_seen_once_while_others_come_and_go(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let tasks = numbered(&ann, 6).await;
    let first = ann.get("/api/tasks?limit=2").await.expect(200);
    // Before, at, and after the place where the page ends.
    for id in [tasks[0], tasks[1], tasks[2]] {
        ann.delete(id).await.expect(204);
    }
    let new = ann.created("new").await;
    let rest = ann.pages(&first.next().expect("another page")).await;
    assert_eq!([first.ids(), ids(&rest)].concat(), [&tasks[..2], &tasks[3..], &[new]].concat());
}

#[rstest]
#[case::with_text("q=task&completed=false&sort=-title")]
#[case::with_signs("q=%26+%25%3D&sort=updated_at")]
#[tokio::test]
async fn a_link_keeps_the_query(#[values(Sqlite, Postgres)] engine: Engine, #[case] query: &str) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    for title in ["task & %= 1", "task & %= 2", "TASK & %= 3"] {
        ann.created(title).await;
    }
    ann.create(json!({"title": "done & %=", "completed": true})).await.expect(201);
    let whole = ann.get(&format!("/api/tasks?{query}")).await.expect(200).ids();
    let pages = ann.pages(&format!("/api/tasks?{query}&limit=1")).await;
    assert_eq!(ids(&pages), whole);
    assert_eq!(pages.len(), whole.len());
}

#[rstest]
#[tokio::test]
async fn the_limit_may_change_from_page_to_page(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let tasks = numbered(&ann, 5).await;
    let next = ann.get("/api/tasks?limit=1").await.expect(200).next().expect("another page");
    let rest = ann.get(&next.replace("limit=1", "limit=100")).await.expect(200);
    assert_eq!(rest.ids(), tasks[1..]);
}

#[rstest]
#[case::zero("limit=0", "limit: must be a whole number from 1 to 1000")]
#[case::too_many("limit=1001", "limit: must be a whole number from 1 to 1000")]
#[case::negative("limit=-1", "limit: must be a whole number from 1 to 1000")]
#[case::plus("limit=%2B5", "limit: must be a whole number from 1 to 1000")]
#[case::fraction("limit=1.0", "limit: must be a whole number from 1 to 1000")]
#[case::leading_zero("limit=05", "limit: must be a whole number from 1 to 1000")]
#[case::huge("limit=99999999999999999999", "limit: must be a whole number from 1 to 1000")]
#[case::empty("limit=", "limit: must be a whole number from 1 to 1000")]
#[case::word("limit=all", "limit: must be a whole number from 1 to 1000")]
#[case::twice("limit=5&limit=5", "limit: must be given at most once")]
#[case::twice_in_disguise("limit=5&%6cimit=6", "limit: must be given at most once")]
#[case::completed("completed=yes", "completed: must be true or false")]
#[case::completed_capital("completed=True", "completed: must be true or false")]
#[case::completed_empty("completed", "completed: must be true or false")]
#[case::sort("sort=id", "sort: must be created_at, updated_at or title, for the greatest first with a - before it")]
#[case::sort_list(
    "sort=title,id",
    "sort: must be created_at, updated_at or title, for the greatest first with a - before it"
)]
#[case::q_long("q=".to_owned() + &"%F0%9F%98%80".repeat(201), "q: must have at most 200 characters")]
#[case::q_nul("q=a%00", "q: must not have the character U+0000")]
#[case::q_no_utf_8("q=%ff", "q: must be UTF-8, percent-encoded")]
#[case::cursor_empty("cursor=", "cursor: is no cursor of this list; begin again without one")]
#[case::cursor_signs("cursor=%27%20OR%201=1", "cursor: is no cursor of this list; begin again without one")]
#[case::cursor_long("cursor=".to_owned() + &"A".repeat(2001), "cursor: is no cursor of this list; begin again without one")]
#[tokio::test]
async fn a_bad_parameter_is_refused(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] query: impl AsRef<str>,
    #[case] fault: &str,
) {
    let app = TestApp::start(engine).await;
    let refused = app.client("ann").get(&format!("/api/tasks?{}", query.as_ref())).await.expect(422);
    assert_eq!(refused.faults(), [fault]);
    assert!(refused.json()["errors"][0]["parameter"].is_string());
}

#[rstest]
#[tokio::test]
async fn all_bad_parameters_are_told_at_once(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let client = app.client("ann").with_header("If-None-Match", "unquoted");
    let refused = client.get("/api/tasks?limit=0&completed=1&q=%00&sort=x&cursor=*&other=%ff").await.expect(422);
    let faults = refused.faults();
    let places: Vec<_> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
    assert_eq!(places, ["limit", "cursor", "completed", "q", "sort", "If-None-Match"]);
}

#[rstest]
#[tokio::test]
async fn parameters_that_mean_nothing_are_ignored(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    let list = ann.get("/api/tasks?user_id=bob&page=2&offset=7&%ff=%00&&=&LIMIT=0").await.expect(200);
    assert_eq!(list.ids(), [id]);
}

/// A cursor of Ann's list of open tasks by title, three tasks long.
async fn cursor(app: &TestApp) -> String {
    let ann = app.client("ann");
    numbered(&ann, 3).await;
    app.client("eve").created("of eve").await;
    let next = ann.get("/api/tasks?limit=1&completed=false&sort=title&q=task").await.expect(200).next();
    next.and_then(|next| next.split_once("cursor=").map(|(_, cursor)| cursor.to_owned())).expect("a cursor")
}

#[rstest]
#[case::of_another_user("eve", "completed=false&sort=title&q=task")]
#[case::of_a_user_whose_id_goes_on_as_the_text_begins("annt", "completed=false&sort=title&q=ask")]
#[case::of_another_filter("ann", "completed=true&sort=title&q=task")]
#[case::of_no_filter("ann", "sort=title&q=task")]
#[case::of_another_text("ann", "completed=false&sort=title&q=tas")]
#[case::of_no_text("ann", "completed=false&sort=title")]
#[case::of_another_order("ann", "completed=false&sort=updated_at&q=task")]
#[case::of_the_other_direction("ann", "completed=false&sort=-title&q=task")]
#[case::of_no_order("ann", "completed=false&q=task")]
#[case::of_nothing("ann", "")]
#[tokio::test]
async fn a_cursor_counts_for_its_caller_and_its_query_alone(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] user: &str,
    #[case] query: &str,
) {
    let app = TestApp::start(engine).await;
    let cursor = cursor(&app).await;
    let good = "/api/tasks?completed=false&sort=title&q=task";
    app.client("ann").get(&format!("{good}&cursor={cursor}")).await.expect(200);
    let refused = app.client(user).get(&format!("/api/tasks?{query}&cursor={cursor}")).await.expect(422);
    assert_eq!(refused.faults(), ["cursor: is no cursor of this list; begin again without one"]);
}

#[rstest]
#[tokio::test]
async fn a_cursor_that_was_tampered_with_is_refused(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let cursor = cursor(&app).await;
    let ann = app.client("ann");
    let ask = |cursor: String| {
        let (ann, path) = (ann.clone(), format!("/api/tasks?completed=false&sort=title&q=task&cursor={cursor}"));
        async move { ann.get(&path).await.status }
    };
    assert_eq!(ask(cursor.clone()).await, 200);
    let other = |c: char| if c == 'A' { 'B' } else { 'A' };
    for place in 0..cursor.len() {
        let mut letters: Vec<char> = cursor.chars().collect();
        letters[place] = other(letters[place]);
        assert_eq!(ask(letters.into_iter().collect()).await, 422, "the letter at {place}");
        assert_eq!(ask(cursor[..place].to_owned()).await, 422, "cut at {place}");
    }
    assert_eq!(ask(cursor.clone() + "A").await, 422);
    assert_eq!(ask(cursor.clone() + &cursor).await, 422);
}

#[rstest]
#[tokio::test]
async fn a_cursor_tells_nothing_of_the_tasks(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let cursor = cursor(&app).await;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).expect("base64url");
    assert!(!bytes.windows(4).any(|window| window == b"task"), "a title ends in the logs of proxies");
}

#[rstest]
#[tokio::test]
async fn a_cursor_outlives_its_server(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let tasks = numbered(&app.client("ann"), 3).await;
    let next = app.client("ann").get("/api/tasks?limit=1").await.expect(200).next().expect("another page");
    let other = TestApp::on(app.database(), &[]).await.expect("another server on the same database");
    assert_eq!(other.client("ann").get(&next).await.expect(200).ids(), [tasks[1]]);
}

/// Whoever revalidates would else keep a link that is refused, for as long as the tasks stay as they are.
#[rstest]
#[tokio::test]
async fn a_page_has_changed_where_its_link_is_refused(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let tasks = numbered(&app.client("ann"), 2).await;
    let path = "/api/tasks?limit=1";
    let old = app.client("ann").get(path).await.expect(200);
    app.database().connect().await.execute_unprepared("DELETE FROM keys").await.expect("it is ours");
    let other = TestApp::on(app.database(), &[]).await.expect("another server on the same database");
    let ann = other.client("ann");
    ann.get(&old.next().expect("another page")).await.expect(422);
    // The first is told by the database, the second out of the memory.
    for _ in 0..2 {
        let new = ann.clone().with_header("If-None-Match", old.header("etag")).get(path).await.expect(200);
        assert_eq!(ann.get(&new.next().expect("another page")).await.expect(200).ids(), tasks[1..]);
        ann.clone().with_header("If-None-Match", new.header("etag")).get(path).await.expect(304);
    }
}

/// Neither finds a key in the database, and each has made one for it: the first to be written is that of both.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_take_one_anothers_cursors() {
    let database = TestDatabase::create(Postgres).await;
    ServerProcess::run(&["migrate", "up"], &[("DATABASE_URL", &database.url())]).well();
    let (block, beside) = (database.connect().await, database.connect().await);
    // There is no builder for locks of tables.
    block.execute_unprepared("BEGIN; LOCK TABLE keys IN EXCLUSIVE MODE").await.expect("a lock");
    let start = async || TestApp::on(&database, &[("DATABASE_TIMEOUT", "50")]).await.expect("it starts");
    let let_go = async {
        until("both are about to write theirs", async || waiting(&beside).await == 2).await;
        block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    };
    let (one, other, ()) = tokio::join!(start(), start(), let_go);
    let tasks = numbered(&one.client("ann"), 2).await;
    let next = one.client("ann").get("/api/tasks?limit=1").await.expect(200).next().expect("another page");
    assert_eq!(other.client("ann").get(&next).await.expect(200).ids(), tasks[1..]);
}

/// With a key that all databases had, anybody could read cursors, and make them.
#[rstest]
#[tokio::test]
async fn a_cursor_counts_in_its_database_alone(#[values(Sqlite, Postgres)] engine: Engine) {
    let (app, other) = (TestApp::start(engine).await, TestApp::start(engine).await);
    numbered(&app.client("ann"), 2).await;
    let next = app.client("ann").get("/api/tasks?limit=1").await.expect(200).next().expect("another page");
    let refused = other.client("ann").get(&next).await.expect(422);
    assert_eq!(refused.faults(), ["cursor: is no cursor of this list; begin again without one"]);
}

#[rstest]
#[tokio::test]
async fn the_same_page_has_the_same_cursor(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    numbered(&app.client("ann"), 3).await;
    let page = || async { app.client("ann").get("/api/tasks?limit=2").await.expect(200).next().expect("another page") };
    assert_eq!(page().await, page().await);
}

#[rstest]
#[tokio::test]
async fn head_has_the_link_too(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    numbered(&ann, 2).await;
    let head = ann.send("HEAD", "/api/tasks?limit=1", None).await.expect(200);
    assert!(head.next().is_some());
    assert_eq!(head.json(), Value::Null);
}
