//! Keepers of the ports that fail, on purpose: they show what a failure tells the client.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use poem::{Server, listener::TcpAcceptor};
use todo_api::{
    Broken, Failure, NewTask, NoSuchTask, Outcome, Readiness, Task, TaskPatch, Tasks, Unavailable, Unidentified, UserId,
};
use todo_server::{Config, endpoint};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{Client, SECRET, Token};

/// Words that must never reach a client.
pub const INTERNALS: &str = r#"relation "tasks" at /srv/db.rs:7 in todo_server::store"#;

/// How the keeper fails, at every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// By a fault of ours.
    Fault,
    /// By a database that is away.
    Away,
    /// By a panic.
    Panic,
}

/// A server over a keeper that always fails.
#[derive(Debug)]
pub struct BrokenApp {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl BrokenApp {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn start(mishap: Mishap) -> Self {
        let config = Config::from_pairs([("BETTER_AUTH_SECRET", SECRET)]).expect("the configuration is good");
        let calls = Arc::new(AtomicUsize::new(0));
        let endpoint = endpoint(&config, AlwaysBroken { mishap, calls: Arc::clone(&calls) });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let acceptor = TcpAcceptor::from_tokio(listener).expect("a listener");
        let server = tokio::spawn(async move { _ = Server::new_with_acceptor(acceptor).run(endpoint).await });
        Self { address, calls, server }
    }

    /// A client with a good token.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::of(self.address).with_header("Authorization", &format!("Bearer {}", Token::of("ann").encode()))
    }

    /// How often the keeper was called.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for BrokenApp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Debug, Clone)]
struct AlwaysBroken {
    mishap: Mishap,
    calls: Arc<AtomicUsize>,
}

impl AlwaysBroken {
    fn fail<T, R>(&self) -> Outcome<T, R> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let cause = Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(INTERNALS));
        match self.mishap {
            Mishap::Fault => Err(Failure::Broken(Broken::Fault(cause))),
            Mishap::Away => Err(Failure::Broken(Broken::Away(cause))),
            Mishap::Panic => panic!("{INTERNALS}"),
        }
    }
}

impl Tasks for AlwaysBroken {
    async fn list(&self, _: &UserId) -> Outcome<Vec<Task>> {
        self.fail()
    }

    async fn create(&self, _: &UserId, _: NewTask) -> Outcome<Task, Unidentified> {
        self.fail()
    }

    async fn get(&self, _: &UserId, _: i64) -> Outcome<Task, NoSuchTask> {
        self.fail()
    }

    async fn update(&self, _: &UserId, _: i64, _: TaskPatch) -> Outcome<Task, NoSuchTask> {
        self.fail()
    }

    async fn toggle(&self, _: &UserId, _: i64) -> Outcome<Task, NoSuchTask> {
        self.fail()
    }

    async fn delete(&self, _: &UserId, _: i64) -> Outcome<(), NoSuchTask> {
        self.fail()
    }
}

impl Readiness for AlwaysBroken {
    async fn ready(&self) -> Result<(), Unavailable> {
        Err(Unavailable(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(INTERNALS))))
    }
}
