//! Two thousand slow clients at once, as `slowhttptest` makes them, and one honest one.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    Raw, ServerProcess, TestDatabase,
};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::requests::fill;

const CROWD: usize = 2000;

/// What is slow about a client.
#[derive(Debug, Clone, Copy)]
enum Slow {
    Head,
    Body,
    Reading,
}

impl Slow {
    /// Connects, does what is slow until the server has had enough, and comes again.
    async fn attack(self, address: SocketAddr, begun: Arc<AtomicUsize>) {
        let (beginning, drop) = match self {
            Self::Head => ("GET /api/tasks HTTP/1.1\r\nX: ".to_owned(), "x"),
            Self::Body => {
                let head = Raw::head("POST", "/api/tasks", "eve") + "Content-Type: application/json\r\n";
                (head + "Content-Length: 60000\r\n\r\n{", " ")
            }
            // After a request, which is what it takes to notice that nobody is there any more.
            Self::Reading => (Raw::head("GET", "/api/tasks", "eve") + "\r\n", "\r\n"),
        };
        for round in 0_u64.. {
            let mut raw = match self {
                Self::Reading => Raw::narrow(address).await,
                Self::Head | Self::Body => Raw::connect(address).await,
            };
            raw.send(&beginning).await;
            if round == 0 {
                begun.fetch_add(1, Ordering::SeqCst);
            }
            sleep(Duration::from_secs(1)).await;
            while raw.send(drop).await {
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

#[rstest]
#[case::heads(Slow::Head, "4096")]
#[case::bodies(Slow::Body, "4096")]
#[case::readers(Slow::Reading, "4096")]
#[case::heads_on_every_place(Slow::Head, "500")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_slow_clients_keeps_nobody_from_an_answer(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] slow: Slow,
    #[case] max_connections: &str,
) {
    // One crowd at a time is enough for a machine.
    static ALONE: Mutex<()> = Mutex::const_new(());
    let _alone = ALONE.lock().await;
    rlimit::increase_nofile_limit(8192).expect("files to open");
    let database = TestDatabase::create(engine).await;
    let url = database.url();
    let server = ServerProcess::start(&[("DATABASE_URL", &url), ("MAX_CONNECTIONS", max_connections)]);
    let address = server.address();
    // What the slow readers ask for: more than the system keeps on the way.
    fill(&ServerProcess::client(address, "eve"), 48).await;

    let (begun, mut crowd) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for _ in 0..CROWD {
        crowd.spawn(slow.attack(address, Arc::clone(&begun)));
    }
    let all = async {
        while begun.load(Ordering::SeqCst) < CROWD {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_mins(1), all).await.expect("all of the crowd begin");
    let honest = ServerProcess::client(address, "ann").with_header("Connection", "close");
    for number in 0..20 {
        // A 503 may come of an answer that took too long, to what was done.
        let creator = honest.keyed(&format!("number-{number}"));
        let mut refused = 0;
        // What the crowd asks for all at once may be too much for a moment, and then it is said so.
        let mut wait = async || {
            assert!(matches!(slow, Slow::Reading), "those who send slowly take no place");
            refused += 1;
            assert!(refused <= 10, "answer {number} is not refused all the time");
            sleep(Duration::from_secs(1)).await;
        };
        let asked = async {
            while creator.create(json!({"title": "a"})).await.status == 503 {
                wait().await;
            }
            while honest.list().await.status == 503 {
                wait().await;
            }
        };
        timeout(Duration::from_secs(30), asked).await.unwrap_or_else(|_| panic!("answer {number} in time"));
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(honest.list().await.expect(200).ids().len(), 20);
    let given_up = crowd.try_join_next();
    assert!(given_up.is_none(), "the crowd was at it to the end: {given_up:?}");
}
