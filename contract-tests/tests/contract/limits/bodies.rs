//! How much is kept of bodies, and for whom.

use std::time::Duration;

use todo_contract_tests::{Client, Engine::Sqlite, Raw, ServerProcess, TestDatabase, until};
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

/// Whoever keeps us waiting for the last byte has us keep all others.
#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_do_not_end_have_room_for_so_many_bytes() {
    const ROOM_BYTES: usize = 32 << 20;
    const LARGEST: usize = 64 * 1024;
    rlimit::increase_nofile_limit(8192).expect("files to open");
    let database = TestDatabase::create(Sqlite).await;
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url()), ("REQUEST_TIMEOUT", "300")]);
    let address = server.address();
    let ann = ServerProcess::client(address, "ann");
    // Of no task, so that only what is read counts.
    let large =
        async || ann.send_bytes("POST", "/api/tasks", Some("application/json"), vec![b' '; LARGEST]).await.status;

    let about = format!("Content-Type: application/json\r\nContent-Length: {LARGEST}\r\n\r\n");
    let beginning = Raw::head("POST", "/api/tasks", "eve") + &about + &" ".repeat(LARGEST - 1);
    let mut held_back = Vec::new();
    while large().await != 503 {
        assert!(held_back.len() * LARGEST < 2 * ROOM_BYTES, "there is room for more than {ROOM_BYTES} bytes");
        for _ in 0..8 {
            let mut raw = Raw::connect(address).await;
            raw.send(&beginning).await;
            held_back.push(raw);
        }
    }
    assert!(held_back.len() * LARGEST > ROOM_BYTES, "{} bodies fill the room", held_back.len());
    ann.created("what is small is taken").await;
    held_back[0].send(" ").await;
    held_back[0].told("HTTP/1.1 422").await;
    drop(held_back);
    until("there is room again", async || large().await == 422).await;
}
