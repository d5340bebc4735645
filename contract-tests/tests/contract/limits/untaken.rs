//! How much is kept of answers that nobody takes.

use std::time::Duration;

use futures_util::future::join_all;
use rstest::rstest;
use todo_contract_tests::{
    Client,
    Engine::{self, Postgres, Sqlite},
    Raw, ServerProcess, TestApp, TestDatabase, until,
};
use tokio::time::sleep;

use super::requests::{fill, filled};

const ROOM_BYTES: u64 = 16 << 20;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes_have_room_for_so_many_bytes(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("MAX_UNTAKEN", "16")]).await;
    let ann = app.client("ann");
    let size = fill(&ann, 200).await;
    let take_nothing = take_all(&app, &ann, size).await;
    let taken = (take_nothing.len() as u64 + 1) * size;
    assert!(taken > ROOM_BYTES - size, "{} answers of {size} bytes fill the room", take_nothing.len());
    app.client("bob").created("what is small is answered").await;
    ann.send("HEAD", "/api/tasks", None).await.expect(200);
    drop(take_nothing);
    until("there is room again", async || ann.list().await.status == 200).await;
}

/// Who takes nothing keeps nobody else from a large answer, as often as they ask.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_has_most_of_the_room_makes_way_for_others(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("MAX_UNTAKEN", "16")]).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    let size = fill(&ann, 200).await;
    fill(&bob, 200).await;
    let mut take_nothing = take_all(&app, &ann, size).await;
    for _ in 0..3 {
        bob.list().await.expect(200);
        take_nothing.extend(take_all(&app, &ann, size).await);
    }
    assert!(take_nothing[0].rest().await.is_none(), "the oldest is cut, with what the system keeps for it");
}

/// A large answer gains time only by what is taken of it. Else a few users with one each would keep out all others for
/// as long as it might have taken.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_makes_way_soon(#[values(Sqlite, Postgres)] engine: Engine) {
    // At 32 KiB a second, each list would take 30 seconds.
    let (app, size) = filled(engine, 200, &[("MAX_UNTAKEN", "16"), ("REQUEST_TIMEOUT", "8")]).await;
    let ann = app.client("ann");
    // No more than fit, so that all are there before the time of the first is over.
    let list = Raw::head("GET", "/api/tasks", "ann") + "\r\n";
    let take_nothing = ask_for(&app, &list, ROOM_BYTES / size).await;
    ann.list().await.expect(503);
    until("there is room again", async || ann.list().await.status == 200).await;
    drop(take_nothing);
}

/// Least of all while the rest of the request is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_list_that_head_asks_for_nothing_is_kept() {
    const CLIENTS: u64 = 128;
    let database = TestDatabase::create(Sqlite).await;
    // None of them is to be given up, however slow the machine.
    let timeouts = [("DATABASE_TIMEOUT", "60"), ("REQUEST_TIMEOUT", "60")];
    let url = database.url();
    let server = ServerProcess::start(&[&[("DATABASE_URL", &*url), ("LIST_CACHE", "0")], timeouts.as_slice()].concat());
    let address = server.address();
    let ann = ServerProcess::client(address, "ann");
    let size = fill(&ann, 200).await;
    // What the first lists take for good is not counted.
    let warm = join_all((0..16).map(|_| ann.send("HEAD", "/api/tasks", None))).await;
    assert!(warm.iter().all(|answer| answer.header("content-length") == size.to_string()));
    let before = server.usage().0;

    let (mut hold_back, mut most) = (Vec::new(), before);
    for client in 0..CLIENTS {
        let mut raw = Raw::connect(address).await;
        // Each for another list, so that none is made for several.
        let head = Raw::head("HEAD", &format!("/api/tasks?limit={}", 200 + client), "ann");
        raw.send(head + "Content-Length: 1\r\nConnection: close\r\n\r\n").await;
        hold_back.push(raw);
        most = most.max(server.usage().0);
    }
    let answered = tokio::spawn(async move {
        for raw in &mut hold_back {
            let answer = raw.text().await.to_lowercase();
            assert!(answer.starts_with("http/1.1 200 ok\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
            assert!(answer.contains(&format!("\r\ncontent-length: {size}\r\n")), "{answer}");
        }
    });
    while !answered.is_finished() {
        most = most.max(server.usage().0);
        sleep(Duration::from_millis(5)).await;
    }
    answered.await.expect("each is answered");
    let kept = most - before;
    assert!(kept < CLIENTS * size / 3, "{kept} bytes are kept for {CLIENTS} who each asked how long {size} bytes are");
}

/// Together they have what one user may have. The oldest goes for the next of them, or who takes nothing would keep a
/// page from all others.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_take_nothing_make_way(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("MAX_UNTAKEN", "16")]).await;
    let (ann, stranger) = (app.client("ann"), app.stranger());
    fill(&ann, 200).await;
    let page = stranger.get("/docs").await.expect(200).text;
    let bundle = page.split('"').find(|part| part.ends_with("/swagger-ui-bundle.js")).expect("it loads one");
    let path = format!("/{bundle}");
    let size = stranger.get(&path).await.expect(200).text.len() as u64;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut take_nothing = ask_for(&app, &request, ROOM_BYTES / size + 1).await;
    for _ in 0..3 {
        ann.list().await.expect(200);
        stranger.get(&path).await.expect(200);
    }
    let rest = take_nothing[0].rest().await.map_or(0, |rest| rest.len() as u64);
    assert!(rest < size, "the oldest went, and {rest} bytes of {size} with it");
}

/// Sends a `request` so many times, each of which is answered, and takes none of the answers.
async fn ask_for(app: &TestApp, request: &str, times: u64) -> Vec<Raw> {
    let mut take_nothing = Vec::new();
    for _ in 0..times {
        let mut raw = Raw::narrow(app.address()).await;
        raw.send(request).await;
        raw.told("HTTP/1.1 200 OK\r\n").await;
        take_nothing.push(raw);
    }
    take_nothing
}

/// Has `client`, who is ann, ask for lists of `size` bytes and take none, until there is room for no more.
async fn take_all(app: &TestApp, ann: &Client, size: u64) -> Vec<Raw> {
    let mut take_nothing = Vec::new();
    // Any of them may itself be refused, for the answer that is just being taken.
    while ann.list().await.status != 503 {
        let asked = take_nothing.len() as u64 * size;
        assert!(asked < 10 * ROOM_BYTES, "there is room for more than {ROOM_BYTES} bytes");
        let mut raw = Raw::narrow(app.address()).await;
        raw.send(Raw::head("GET", "/api/tasks", "ann") + "\r\n").await;
        take_nothing.push(raw);
    }
    take_nothing
}
