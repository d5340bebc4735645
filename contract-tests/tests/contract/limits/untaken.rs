//! How much is kept of answers that nobody takes.

use rstest::rstest;
use todo_contract_tests::{
    Client,
    Engine::{self, Postgres, Sqlite},
    Raw, TestApp, until,
};

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
    let whole = async |raw: &mut Raw| raw.rest().await.is_some_and(|answer| answer.len() as u64 > size);
    assert!(!whole(&mut take_nothing[0]).await, "the oldest went");
}

/// A large answer gains time only by what is taken of it. Else a few users with one each would keep out all others for
/// as long as it might have taken.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_makes_way_soon(#[values(Sqlite, Postgres)] engine: Engine) {
    // At 32 KiB a second, each list would take 30 seconds.
    let (app, size) = filled(engine, 200, &[("MAX_UNTAKEN", "16"), ("REQUEST_TIMEOUT", "8")]).await;
    let ann = app.client("ann");
    let take_nothing = take_all(&app, &ann, size).await;
    until("there is room again", async || ann.list().await.status == 200).await;
    drop(take_nothing);
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
