//! How much is kept of answers that nobody takes.

use rstest::rstest;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    Raw, TestApp, until,
};

use super::requests::fill;

const ROOM_BYTES: u64 = 16 << 20;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes_have_room_for_so_many_bytes(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("MAX_UNTAKEN", "16")]).await;
    let ann = app.client("ann");
    let size = fill(&ann, 200).await;
    let fit = usize::try_from(ROOM_BYTES / size).expect("a small number");
    let mut take_nothing = Vec::new();
    // Any of them may itself be refused, for the answer that is just being taken.
    while ann.list().await.status != 503 {
        assert!(take_nothing.len() < 10 * fit, "there is room for more than {ROOM_BYTES} bytes");
        let mut raw = Raw::narrow(app.address()).await;
        raw.send(Raw::head("GET", "/api/tasks", "ann") + "\r\n").await;
        take_nothing.push(raw);
    }
    assert!(take_nothing.len() + 1 >= fit, "{} answers of {size} bytes fill the room", take_nothing.len());
    app.client("bob").created("what is small is answered").await;
    drop(take_nothing);
    until("there is room again", async || ann.list().await.status == 200).await;
}
