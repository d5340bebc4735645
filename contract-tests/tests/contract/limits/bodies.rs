//! How much is kept of bodies, and for whom.

use std::time::Duration;

use todo_contract_tests::{Client, Engine::Sqlite, Raw, ServerProcess, TestDatabase};
use tokio::time::sleep;

/// Each byte would else keep some 4 KiB: what the connection was read into.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_takes_no_more_memory_where_it_comes_byte_by_byte() {
    const CLIENTS: u64 = 8;
    const BYTES: usize = 4000;
    let database = TestDatabase::create(Sqlite).await;
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url()), ("REQUEST_TIMEOUT", "300")]);
    let address = server.address();
    // What the first request takes for good is not counted.
    ServerProcess::client(address, "ann").created("a").await;
    let before = server.usage().0;

    let task = r#"{"title": "a"}"#;
    let about = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", BYTES + task.len());
    let mut slow = Vec::new();
    for _ in 0..CLIENTS {
        let mut raw = Raw::connect(address).await;
        raw.send(Raw::head("POST", "/api/tasks", "ann") + &about + "Connection: close\r\n\r\n").await;
        slow.push(raw);
    }
    for _ in 0..BYTES {
        for raw in &mut slow {
            raw.send(" ").await;
        }
        // So that each comes by itself.
        sleep(Duration::from_millis(1)).await;
    }
    let each = server.usage().0.saturating_sub(before) / CLIENTS;
    assert!(each < 4 << 20, "{each} bytes are kept for each body of {BYTES}");
    for raw in &mut slow {
        raw.send(task).await;
        let text = raw.text().await;
        assert!(text.starts_with("HTTP/1.1 201 "), "it is read to its end: {text}");
    }
}

/// Not even of strangers, whose bodies are read for the sake of the next request.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_keeps_no_memory_for_the_large_bodies_that_it_brought() {
    const CLIENTS: u64 = 300;
    rlimit::increase_nofile_limit(8192).expect("files to open");
    let database = TestDatabase::create(Sqlite).await;
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url()), ("IDLE_TIMEOUT", "300")]);
    let address = server.address();
    ServerProcess::client(address, "ann").created("a").await;
    let before = server.usage().0;

    let mut idle = Vec::new();
    for _ in 0..CLIENTS {
        let stranger = Client::of(address);
        for _ in 0..4 {
            let body = vec![b' '; 65_000];
            stranger.send_bytes("POST", "/api/tasks", Some("application/json"), body).await.expect(401);
        }
        idle.push(stranger);
    }
    let each = server.usage().0.saturating_sub(before) / CLIENTS;
    assert!(each < 40 * 1024, "{each} bytes are kept for each connection on which nothing comes");
}
