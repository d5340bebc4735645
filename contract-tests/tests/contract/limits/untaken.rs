//! How much is kept of answers that nobody takes.

use std::time::{Duration, Instant};

use rstest::rstest;
use todo_contract_tests::{
    Client,
    Engine::{self, Postgres, Sqlite},
    Raw, TestApp,
};
use tokio::time::sleep;

use super::requests::fill;

/// Asks for the list until the answer has that status.
async fn until(status: u16, client: &Client) {
    let start = Instant::now();
    while client.list().await.status != status {
        assert!(start.elapsed() < Duration::from_mins(1), "{status} comes");
        sleep(Duration::from_millis(50)).await;
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes_have_room_for_so_many_bytes(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("MAX_UNTAKEN", "16")]).await;
    let ann = app.client("ann");
    let size = fill(&ann, 200).await;
    let mut takes_nothing = Vec::new();
    for _ in 0..=16 * 1024 * 1024 / size {
        let mut raw = Raw::narrow(app.address()).await;
        raw.send(Raw::head("GET", "/api/tasks", "ann") + "\r\n").await;
        takes_nothing.push(raw);
    }
    until(503, &ann).await;
    app.client("bob").created("what is small is answered").await;
    drop(takes_nothing);
    until(200, &ann).await;
}
