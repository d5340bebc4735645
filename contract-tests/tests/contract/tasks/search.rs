//! `GET /api/tasks?q=&completed=`: the same tasks on both databases.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rstest::rstest;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::json;
use todo_contract_tests::{
    Client,
    Engine::{self, Postgres, Sqlite},
    Proxy, Raw, ServerProcess, TestApp, TestDatabase, Weather, count, page, until, until_counted, watched_on,
};
use tokio::time::timeout;

async fn finds(client: &Client, q: &str) -> bool {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish();
    match client.get(&format!("/api/tasks?{query}")).await.expect(200).ids().len() {
        0 => false,
        1 => true,
        more => panic!("{more} tasks are found, of one"),
    }
}

#[rstest]
#[case::whole("Buy milk", "Buy milk")]
#[case::part("Buy milk", "uy m")]
#[case::capitals("buy milk", "MILK")]
#[case::small_letters("BUY MILK", "milk")]
#[case::umlaut("ÄRGER", "ärger")]
#[case::accents("ÉTÉ", "été")]
#[case::greek_final_sigma("ὈΔΥΣΣΕΎΣ", "ὀδυσσεύς")]
#[case::cyrillic("ПРИВЕТ", "привет")]
#[case::kelvin("273 \u{212a}", "273 k")]
#[case::long_s("\u{17f}ame", "SAME")]
#[case::capital_sharp_s("STRA\u{1e9e}E", "straße")]
#[case::deseret("\u{10400}", "\u{10428}")]
#[case::emoji("\u{1F468}\u{200d}\u{1F469}", "\u{200d}\u{1F469}")]
#[case::percent("100%", "0%")]
#[case::underscore("snake_case", "e_c")]
#[case::backslash(r"C:\Windows", r":\w")]
#[case::star("a*b", "*B")]
#[case::question_mark("why?", "Y?")]
#[case::brackets("a[b]c", "[B]")]
#[case::opening_bracket("a[b", "A[")]
#[case::closing_bracket("a]b", "]b")]
#[case::caret("a^b", "^")]
#[case::hyphen("a-b", "a-B")]
#[case::regular_expression("(a|b)+.*$", "|B)+.*$")]
#[case::quotes(r#"'"`"#, r#"'"`"#)]
#[case::plus("a+b", "a+b")]
#[case::ampersand("a&b=c", "A&B=C")]
#[case::control("a\u{1}b", "\u{1}")]
#[case::line_feed("a\nb", "A\nB")]
#[case::three_stars("***:a", "***:A")]
#[tokio::test]
async fn a_part_is_found_whatever_its_case(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] text: &str,
    #[case] q: &str,
) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    ann.create(json!({ "title": text })).await.expect(201);
    bob.create(json!({"title": "b", "description": text})).await.expect(201);
    assert!(finds(&ann, q).await, "in the title");
    assert!(finds(&bob, q).await, "in the description");
}

#[rstest]
#[case::other_word("Buy milk", "bread")]
#[case::longer("milk", "milky")]
#[case::percent("100 of them", "1%m")]
#[case::percent_alone("abc", "%")]
#[case::underscore("abc", "a_c")]
#[case::star("abc", "a*c")]
#[case::question_mark("abc", "a?c")]
#[case::set("abc", "[abc]")]
#[case::dot("abc", "a.c")]
#[case::alternative("abc", "a|x")]
#[case::class("abc", r"\w")]
#[case::anchor("abc", "^a")]
#[case::backslash("abc", r"a\b")]
#[case::accent("été", "ete")]
#[case::normalisation("e\u{301}", "é")]
#[case::full_folding("Straße", "STRASSE")]
#[case::ligature("\u{fb01}", "fi")]
#[case::dotted_capital_i("\u{130}", "i")]
#[case::width("\u{ff41}", "a")]
#[case::across_title_and_description("one", "onetwo")]
#[tokio::test]
async fn what_is_no_part_is_not_found(#[values(Sqlite, Postgres)] engine: Engine, #[case] text: &str, #[case] q: &str) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    ann.create(json!({"title": text, "description": "two"})).await.expect(201);
    assert!(!finds(&ann, q).await);
}

#[rstest]
#[tokio::test]
async fn an_empty_text_filters_nothing(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    ann.created("Buy milk").await;
    assert_eq!(ann.get("/api/tasks?q=").await.expect(200).ids().len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_text_as_long_as_a_title_is_found(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let title = "É\u{10400}*[".repeat(50);
    ann.create(json!({ "title": title })).await.expect(201);
    assert!(finds(&ann, &title.to_lowercase()).await);
}

#[rstest]
#[tokio::test]
async fn completed_chooses_those_that_are_done_or_those_that_are_not(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let open = ann.created("open").await;
    let done = ann.create(json!({"title": "done", "completed": true})).await.expect(201).id();
    assert_eq!(ann.get("/api/tasks?completed=true").await.expect(200).ids(), [done]);
    assert_eq!(ann.get("/api/tasks?completed=false").await.expect(200).ids(), [open]);
    ann.toggle(open).await.expect(200);
    assert_eq!(ann.get("/api/tasks?completed=true").await.expect(200).ids(), [open, done]);
}

#[rstest]
#[tokio::test]
async fn a_search_finds_nothing_of_others(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    app.client("ann").created("secret").await;
    let eve = app.client("eve");
    eve.created("mine").await;
    assert!(!finds(&eve, "secret").await);
}

/// Patient, with one connection beside the one that searches may have, and without what would answer in the database's
/// place.
const NARROW: [(&str, &str); 5] = [
    ("DATABASE_TIMEOUT", "50"),
    ("REQUEST_TIMEOUT", "60"),
    ("WORKERS", "1"),
    ("DATABASE_MAX_CONNECTIONS", "2"),
    ("LIST_CACHE", "0"),
];

/// Gives `user` so many tasks that are long.
async fn make_tedious(database: &TestDatabase, user: &str, tasks: usize) {
    database.fill(user, tasks).await;
    let (title, description) = ("k".repeat(200), "k".repeat(1000));
    let mut long = Query::update();
    long.table("tasks")
        .value("title", title)
        .value("description", description)
        .and_where(Expr::col("user_id").eq(user));
    database.connect().await.execute(&long).await.expect("they are long");
}

/// What is nearly in each of them, from every place on.
fn nearly() -> String {
    "k".repeat(199) + "b"
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_nearly_there_is_sought_in_time(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    make_tedious(app.database(), "ann", 5000).await;
    assert!(!finds(&app.client("ann"), &nearly()).await);
}

/// Those of one user, who has a turn at a time, and those of several, who have half of the connections.
#[rstest]
#[case::of_one(&["ann"; 8])]
#[case::of_several(&["ann", "bob", "cid", "dan"])]
#[tokio::test(flavor = "multi_thread")]
async fn searches_leave_room_for_everybody_else(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] searching: &[&str],
) {
    let app = TestApp::configured(engine, &NARROW).await;
    let users: BTreeSet<_> = searching.iter().copied().collect();
    for user in &users {
        make_tedious(app.database(), user, 5000).await;
    }
    let (is_over, found) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let searches: Vec<_> = searching
        .iter()
        .map(|user| {
            let (user, is_over, found) = (app.client(user), Arc::clone(&is_over), Arc::clone(&found));
            tokio::spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    user.get(&format!("/api/tasks?q={}", nearly())).await.expect(200);
                    found.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let found = || found.load(Ordering::SeqCst);
    until("they are under way", async || found() > 0).await;
    let eve = app.client("eve");
    let (before, mut asked) = (found(), 0);
    for _ in 0..10 {
        for (path, status) in [("/api/tasks/1", 404), ("/api/tasks", 200), ("/api/ready", 200)] {
            eve.get(path).await.expect(status);
            asked += 1;
        }
    }
    // Had they all connections, whatever asks the database would wait for the end of one.
    let waited_for = found() - before;
    assert!(waited_for < asked / 3, "{waited_for} searches were waited for by {asked} requests");
    // Others' searches, too: for one of each user, and one that ends just before. At least once in five times: the
    // machine may be busy with other tests.
    let (most, mut waited_for) = (users.len() + 1, usize::MAX);
    for _ in 0..5 {
        let before = found();
        eve.get("/api/tasks?q=a").await.expect(200);
        waited_for = found() - before;
        if waited_for <= most {
            break;
        }
    }
    assert!(waited_for <= most, "{waited_for} searches were waited for by a search");
    is_over.store(true, Ordering::SeqCst);
    for search in searches {
        search.await.expect("it is answered");
    }
}

/// One connection writes there, and others read.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_to_write_an_embedded_database_keeps_nobody_from_searching() {
    let database = TestDatabase::create(Sqlite).await;
    let (_server, address, admin) = watched_on(&database.url(), &NARROW);
    database.fill("cid", 1).await;
    let block = database.block_writes().await;
    let writes = ["ann", "bob"].map(|user| {
        let user = ServerProcess::client(address, user);
        tokio::spawn(async move { user.complete_all(true).await })
    });
    until_counted(admin, "database_operations_in_progress", 2).await;
    let cid = ServerProcess::client(address, "cid");
    let found = timeout(Duration::from_secs(20), finds(&cid, "task")).await;
    assert!(found.expect("it is answered meanwhile"));
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    for write in writes {
        write.await.expect("an answer").expect(200);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_search_has_its_turn_until_its_end_whoever_leaves(#[values(Sqlite, Postgres)] engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let (_server, address, admin) = watched_on(&database.url(), &NARROW);
    // For longer than it takes to look whether one has come.
    make_tedious(&database, "ann", 10_000).await;
    for left in 1..=4 {
        let mut raw = Raw::connect(address).await;
        let path = format!("/api/tasks?limit={left}&q={}", nearly());
        raw.send(Raw::head("GET", &path, "ann") + "\r\n").await;
        until_counted(admin, "http_requests_in_flight", 1).await;
        drop(raw);
        until_counted(admin, r#"http_requests_abandoned_total{operation="listTasks"}"#, left).await;
        let pool = if engine == Sqlite { "reads" } else { "all" };
        let used = count(&page(admin).await, &format!(r#"database_pool_connections{{pool="{pool}",state="used"}}"#));
        assert!(used <= 1, "{used} connections search for {left} who left");
    }
}

/// A connection that fell silent says nothing of its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_gives_its_turn_back_where_the_database_falls_silent() {
    let database = TestDatabase::create(Postgres).await;
    let (proxy, url) = Proxy::before(&database.url()).await;
    let variables = [("DATABASE_URL", &*url), ("WORKERS", "1"), ("DATABASE_TIMEOUT", "1")];
    let server = ServerProcess::start(&variables);
    let address = server.address();
    let ann = ServerProcess::client(address, "ann");
    ann.created("Buy milk").await;
    proxy.set(Weather::SwallowingAnswers);
    for user in ["ann", "bob", "cid", "dan", "eve", "fay"] {
        ServerProcess::client(address, user).get("/api/tasks?q=milk").await.expect(503);
    }
    proxy.set(Weather::Fair);
    until("one is found again", async || ann.get("/api/tasks?q=milk").await.status == 200).await;
}
