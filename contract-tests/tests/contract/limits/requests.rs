//! How long a request may take, and how many may be under way.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    BrokenApp, Client,
    Engine::{self, Postgres, Sqlite},
    Mishap, Raw, TestApp, TestDatabase, until,
};
use tokio::time::{sleep, timeout};

const IMPATIENT: &[(&str, &str)] = &[("REQUEST_TIMEOUT", "1"), ("IDLE_TIMEOUT", "2")];

#[rstest]
#[case::that_stops("GET /api/health HTTP/1.1\r\nHost: lo")]
#[case::of_one_byte("G")]
#[tokio::test]
async fn a_head_that_does_not_arrive_is_not_waited_for(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] beginning: &str,
) {
    let app = TestApp::configured(engine, IMPATIENT).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(beginning).await;
    raw.problem().await.expect(408);
}

/// Some clients end a body with one (RFC 9112, 2.2).
#[rstest]
#[case::before_a_request("")]
#[case::after_an_answer("GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n")]
#[tokio::test]
async fn an_empty_line_is_not_the_beginning_of_a_head(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] request: &str,
) {
    let app = TestApp::configured(engine, IMPATIENT).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(request).await;
    if !request.is_empty() {
        raw.told("HTTP/1.1 200 OK\r\n").await;
    }
    raw.send("\r\n").await;
    let rest = raw.text().await;
    assert!(!rest.contains("HTTP/1.1"), "nothing is asked, and nothing answered: {rest}");
}

#[rstest]
#[case::one("\r\n")]
#[case::two("\r\n\r\n")]
#[tokio::test]
async fn a_request_behind_empty_lines_is_answered(#[values(Sqlite, Postgres)] engine: Engine, #[case] lines: &str) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(lines).await;
    // So that they come by themselves.
    sleep(Duration::from_millis(100)).await;
    raw.send("GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.told("HTTP/1.1 200 OK\r\n").await;
}

#[rstest]
#[tokio::test]
async fn a_head_that_trickles_in_gains_no_time(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, IMPATIENT).await;
    let mut raw = Raw::connect(app.address()).await;
    let start = Instant::now();
    raw.send("GET /api/health HTTP/1.1\r\nX: ").await;
    while raw.send("x").await {
        // A second, and some time for a busy machine.
        assert!(start.elapsed() < Duration::from_secs(10), "it ends");
        sleep(Duration::from_millis(100)).await;
    }
}

#[rstest]
#[case::of_known_length("Content-Length: 100\r\n\r\n{")]
#[case::in_chunks("Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")]
#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] beginning: &str,
) {
    let app = TestApp::configured(engine, IMPATIENT).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(Raw::head("POST", "/api/tasks", "ann") + "Content-Type: application/json\r\n" + beginning).await;
    let answer = raw.problem().await.expect(408);
    assert_eq!(answer.header("connection"), "close");
    app.client("ann").list().await.expect(200);
}

/// It is not waited for a second time, for the sake of the next request.
#[tokio::test]
async fn whose_body_does_not_arrive_is_told_so_when_time_is_over() {
    let app = TestApp::configured(Sqlite, IMPATIENT).await;
    let head =
        Raw::head("POST", "/api/tasks", "ann") + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    // The least of three: the machine may be busy with other tests.
    let mut least = Duration::MAX;
    for _ in 0..3 {
        let mut raw = Raw::connect(app.address()).await;
        let sent = Instant::now();
        raw.send(&head).await;
        raw.told("HTTP/1.1 408").await;
        least = least.min(sent.elapsed());
    }
    assert!(least < Duration::from_millis(1900), "{least:?}");
}

#[rstest]
#[tokio::test]
async fn a_body_that_trickles_in_gains_no_time(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, IMPATIENT).await;
    let mut raw = Raw::connect(app.address()).await;
    let about = "Content-Type: application/json\r\nContent-Length: 10000\r\n\r\n{";
    raw.send(Raw::head("POST", "/api/tasks", "ann") + about).await;
    // To the end of the second that it has, and beyond.
    for _ in 0..15 {
        raw.send(" ").await;
        sleep(Duration::from_millis(100)).await;
    }
    raw.problem().await.expect(408);
}

#[rstest]
#[tokio::test]
async fn a_stranger_is_refused_before_the_body_arrives(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send("POST /api/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{").await;
    raw.problem().await.expect(401);
}

/// Many clients send head and body apart, and the next request on the same connection.
#[rstest]
#[tokio::test]
async fn a_refusal_leaves_the_connection_fit_for_the_next_request(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send("POST /api/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n").await;
    sleep(Duration::from_millis(200)).await;
    raw.send(r#"{"title":""}"#).await;
    raw.send("GET /api/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let text = raw.text().await;
    assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
    assert!(text.contains("HTTP/1.1 200 "), "the next request is answered too: {text}");
}

/// A body in pieces does not say itself that it is over.
#[rstest]
#[tokio::test]
async fn a_body_that_was_asked_for_leaves_the_connection_fit_as_well(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    let about = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
    raw.send(Raw::head("POST", "/api/tasks", "ann") + about).await;
    raw.told("HTTP/1.1 100 Continue\r\n\r\n").await;
    raw.send("e\r\n{\"title\": \"a\"}\r\n0\r\n\r\n").await;
    raw.told("HTTP/1.1 201 Created\r\n").await;
    raw.send("GET /api/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let text = raw.text().await;
    assert!(text.contains("HTTP/1.1 200 "), "the next request is answered too: {text}");
}

#[rstest]
#[case::that_is_long("Content-Length: 1000000")]
#[case::that_waits_to_be_asked_for("Content-Length: 12\r\nExpect: 100-continue")]
#[case::that_does_not_come("Content-Length: 12")]
#[tokio::test]
async fn a_refusal_says_that_the_connection_ends_where_a_body_is_left(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] body: &str,
) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(format!("POST /api/tasks HTTP/1.1\r\nHost: a\r\n{body}\r\n\r\n")).await;
    let answer = raw.problem().await.expect(401);
    assert_eq!(answer.header("connection"), "close");
}

/// Whoever waits to be asked for a body learns first that it is too large.
#[rstest]
#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_not_asked_for(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    let about = "Content-Type: application/json\r\nContent-Length: 65537\r\nExpect: 100-continue\r\n\r\n";
    raw.send(Raw::head("POST", "/api/tasks", "ann") + about).await;
    raw.problem().await.expect(413);
}

#[rstest]
#[case::alone("POST", "/api/tasks", &[": did not arrive whole"])]
#[case::beside_a_bad_id("PUT", "/api/tasks/x", &[": did not arrive whole", "id: must be a whole number of at most 64 bits, such as 42"])]
#[tokio::test]
async fn a_body_that_breaks_off_is_a_problem(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] method: &str,
    #[case] path: &str,
    #[case] faults: &[&str],
) {
    let app = TestApp::start(engine).await;
    let mut raw = Raw::connect(app.address()).await;
    let broken = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n";
    raw.send(Raw::head(method, path, "ann") + broken).await;
    let answer = raw.problem().await.expect(422);
    assert_eq!(answer.faults(), faults);
    assert_eq!(answer.header("connection"), "close", "nobody knows where the next request begins");
}

#[rstest]
#[tokio::test]
async fn an_answer_that_is_not_taken_is_not_kept(#[values(Sqlite, Postgres)] engine: Engine) {
    // More than the system keeps on the way, and 15 seconds' worth at 32 KiB a second.
    let (app, size) = filled(engine, 96, IMPATIENT).await;
    // The first who connects, too, while the server is hardly there.
    let mut raw = Raw::narrow(app.address()).await;
    raw.send(Raw::head("GET", "/api/tasks", "ann") + "\r\n").await;
    raw.told("HTTP/1.1 200 OK\r\n").await;
    sleep(Duration::from_secs(1 + size / (32 * 1024) + 3)).await;
    let rest = raw.rest().await.map_or(0, |bytes| bytes.len());
    assert!((rest as u64) < size, "the rest of the answer is gone: {rest} of {size}");
}

#[rstest]
#[tokio::test]
async fn an_answer_that_is_taken_slowly_is_not_cut(#[values(Sqlite, Postgres)] engine: Engine) {
    // Whatever the system keeps on the way, there is more; and 30 seconds' worth at 32 KiB a second.
    let (app, size) = filled(engine, 192, IMPATIENT).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(Raw::head("GET", "/api/tasks", "ann") + "Connection: close\r\n\r\n").await;
    // At four times that speed, to leave some time for a busy machine.
    let taken = raw.slowly(16 * 1024, Duration::from_millis(125)).await.len();
    assert!(taken as u64 > size, "{taken} bytes came, with a head, of a list of {size}");
}

/// A server with so many tasks of ann, and how large their list is. They are created while it is still patient.
pub(super) async fn filled(engine: Engine, tasks: usize, variables: &[(&str, &str)]) -> (TestApp, u64) {
    let database = TestDatabase::create(engine).await;
    let patient = TestApp::on(&database, &[]).await.expect("it starts");
    let size = fill(&patient.client("ann"), tasks).await;
    drop(patient);
    (TestApp::on(&database, variables).await.expect("it starts"), size)
}

/// Gives the caller tasks as large as they get, and says how large their list is.
pub(super) async fn fill(client: &Client, tasks: usize) -> u64 {
    for _ in 0..tasks {
        let task = json!({"title": "\u{1f4a3}".repeat(200), "description": "\u{1f4a3}".repeat(1000)});
        client.create(task).await.expect(201);
    }
    client.list().await.expect(200).text.len() as u64
}

#[tokio::test]
async fn past_the_bound_the_answer_is_no_at_once() {
    let app = BrokenApp::configured(Mishap::Never, &[("MAX_REQUESTS", "1"), ("REQUEST_TIMEOUT", "300")]).await;
    let client = app.client();
    let under_way = tokio::spawn(async move { client.list().await.status });
    until("it is at it", async || app.calls() > 0).await;
    for _ in 0..100 {
        let refused = app.client().list().await.expect(503);
        assert_eq!(refused.header("retry-after"), "1");
    }
    assert_eq!(app.calls(), 1, "nothing was queued");
    app.client().get("/api/health").await.expect(200);
    assert!(!under_way.is_finished());
    under_way.abort();
}

const BODY: &str = r#"{"title": "a"}"#;

/// A creation of ann's whose body is waited for, which takes no place.
async fn all_but_its_body(app: &BrokenApp) -> Raw {
    let mut raw = Raw::connect(app.address()).await;
    let about = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", BODY.len());
    let head = Raw::head("POST", "/api/tasks", "ann") + &about + "Connection: close\r\nExpect: 100-continue\r\n\r\n";
    raw.send(head).await;
    raw.told("HTTP/1.1 100 Continue\r\n\r\n").await;
    raw
}

#[tokio::test]
async fn who_finds_no_place_once_all_has_arrived_is_refused() {
    let app = BrokenApp::configured(Mishap::Never, &[("MAX_REQUESTS", "1"), ("REQUEST_TIMEOUT", "300")]).await;
    let mut raw = all_but_its_body(&app).await;
    let client = app.client();
    let under_way = tokio::spawn(async move { client.list().await.status });
    until("another is at it", async || app.calls() > 0).await;
    raw.send(BODY).await;
    let refused = raw.problem().await.expect(503);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(app.calls(), 1, "nothing was done");
    under_way.abort();
}

#[tokio::test]
async fn a_place_is_free_again_once_its_client_is_gone() {
    let app = BrokenApp::configured(Mishap::Never, &[("MAX_REQUESTS", "1"), ("REQUEST_TIMEOUT", "300")]).await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send(Raw::head("GET", "/api/tasks", "ann") + "\r\n").await;
    until("it is at it", async || app.calls() > 0).await;
    app.client().get("/openapi.json").await.expect(503);
    drop(raw);
    until("it is free", async || app.client().get("/openapi.json").await.status != 503).await;
}

/// A request of `user` that is under way once `app` was asked so many times.
async fn under_way(app: &BrokenApp, user: &str, calls: usize) -> Raw {
    let mut raw = Raw::connect(app.address()).await;
    raw.send(Raw::head("GET", "/api/tasks", user) + "\r\n").await;
    until("it is at it", async || app.calls() == calls).await;
    raw
}

#[tokio::test]
async fn one_user_leaves_half_of_the_places_to_others() {
    let app = BrokenApp::configured(Mishap::Never, &[("MAX_REQUESTS", "4"), ("REQUEST_TIMEOUT", "300")]).await;
    let of_ann = [under_way(&app, "ann", 1).await, under_way(&app, "ann", 2).await];
    for _ in 0..10 {
        let refused = app.client().list().await.expect(503);
        assert_eq!(refused.header("retry-after"), "1");
    }
    assert_eq!(app.calls(), 2, "nothing was queued");
    let of_others = [under_way(&app, "bob", 3).await, under_way(&app, "cid", 4).await];
    drop((of_ann, of_others));
    until("ann has a place again", async || {
        // Once she has, it is not answered.
        let _ = timeout(Duration::from_secs(1), app.client().list()).await;
        app.calls() > 4
    })
    .await;
}

#[tokio::test]
async fn two_users_leave_a_place_to_others() {
    let app = BrokenApp::configured(Mishap::Never, &[("MAX_REQUESTS", "6"), ("REQUEST_TIMEOUT", "300")]).await;
    let mut all = Vec::new();
    for (calls, user) in ["ann", "ann", "ann", "bob", "bob"].into_iter().enumerate() {
        all.push(under_way(&app, user, calls + 1).await);
    }
    let mut third = Raw::connect(app.address()).await;
    third.send(Raw::head("GET", "/api/tasks", "bob") + "Connection: close\r\n\r\n").await;
    third.problem().await.expect(503);
    all.push(under_way(&app, "cid", 6).await);
}

#[tokio::test]
async fn a_user_has_no_more_of_the_places_once_all_has_arrived() {
    let app = BrokenApp::configured(Mishap::Never, &[("MAX_REQUESTS", "4"), ("REQUEST_TIMEOUT", "300")]).await;
    let mut raw = all_but_its_body(&app).await;
    let _of_ann = [under_way(&app, "ann", 1).await, under_way(&app, "ann", 2).await];
    raw.send(BODY).await;
    let refused = raw.problem().await.expect(503);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(app.calls(), 2, "nothing was done");
}

#[tokio::test]
async fn work_that_does_not_end_is_given_up() {
    let app = BrokenApp::configured(Mishap::Never, &[("MAX_REQUESTS", "1"), ("REQUEST_TIMEOUT", "1")]).await;
    // The least of three: the machine may be busy with other tests.
    let mut least = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        app.client().list().await.expect(503);
        least = least.min(start.elapsed());
    }
    // A second to arrive, and a second for its answer.
    assert!((2000..2900).contains(&least.as_millis()), "it was given up after {least:?}");
    app.client().get("/openapi.json").await.expect(200);
}

#[rstest]
#[tokio::test]
async fn who_sends_slowly_takes_no_place(#[values(Sqlite, Postgres)] engine: Engine) {
    // By one worker, who takes the heads one after the other: two at once would want two places.
    let app = TestApp::configured(engine, &[("MAX_REQUESTS", "1"), ("WORKERS", "1")]).await;
    let mut slow = Vec::new();
    for _ in 0..10 {
        let mut raw = Raw::connect(app.address()).await;
        let head = Raw::head("POST", "/api/tasks", "eve") + "Content-Type: application/json\r\nConnection: close\r\n";
        raw.send(head + "Content-Length: 14\r\n\r\n{\"title\":").await;
        slow.push(raw);
    }
    sleep(Duration::from_millis(300)).await;
    app.client("ann").created("Buy milk").await;
    for raw in &mut slow {
        raw.send(" \"a\"}").await;
        let text = raw.text().await;
        assert!(text.starts_with("HTTP/1.1 201 "), "and is served in the end: {text}");
    }
}
