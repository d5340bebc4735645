//! Keepers of the ports that fail, on purpose: they show what a failure tells the client.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use todo_api::{
    Broken, Creation, Expected, Failure, IdempotencyKey, InvalidCursor, ListQuery, NewTask, NoSuchTask, NotCreated,
    Outcome, Page, PageVersion, Readiness, Task, TaskPatch, Tasks, Unavailable, Unidentified, Unmatched, UserId,
    WrittenTask,
};
use todo_server::{Config, endpoint, serve};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{Client, SECRET, Token};

/// Words that must never reach a client.
pub const INTERNALS: &str = "relation at /srv/db.rs:7 in todo_server::store";

/// How the keeper fails, at every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// By a fault of ours.
    Fault,
    /// By a database that is away.
    Away,
    /// By a panic.
    Panic,
    /// By never coming to an end.
    Never,
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
        Self::configured(mishap, &[]).await
    }

    /// Starts one with variables of the configuration set.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn configured(mishap: Mishap, variables: &[(&str, &str)]) -> Self {
        let variables = [("BETTER_AUTH_SECRET", SECRET)].iter().chain(variables).copied();
        let config = Config::from_pairs(variables).expect("the configuration is good");
        let calls = Arc::new(AtomicUsize::new(0));
        let endpoint = endpoint(&config, AlwaysBroken { mishap, calls: Arc::clone(&calls) }).expect("an endpoint");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move { serve(listener, endpoint, &config.http, std::future::pending()).await });
        Self { address, calls, server }
    }

    /// A client with a good token.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::of(self.address).with_token(&Token::of("ann").encode())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
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
    async fn fail<T, R>(&self) -> Outcome<T, R> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let cause = Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(INTERNALS));
        match self.mishap {
            Mishap::Fault => Err(Failure::Broken(Broken::Internal(cause))),
            Mishap::Away => Err(Failure::Broken(Broken::Unavailable(cause))),
            Mishap::Panic => panic!("{INTERNALS}"),
            Mishap::Never => std::future::pending().await,
        }
    }
}

impl Tasks for AlwaysBroken {
    async fn list(&self, _: &UserId, _: &ListQuery) -> Outcome<Page<Task>, InvalidCursor> {
        self.fail().await
    }

    async fn version(&self, _: &UserId, _: &ListQuery) -> Outcome<PageVersion, InvalidCursor> {
        self.fail().await
    }

    async fn create(&self, _: &UserId, _: NewTask) -> Outcome<Task, Unidentified> {
        self.fail().await
    }

    async fn create_once(&self, _: &UserId, _: &IdempotencyKey, _: NewTask) -> Outcome<Creation, NotCreated> {
        self.fail().await
    }

    async fn complete_all(&self, _: &UserId, _: bool) -> Outcome<u64> {
        self.fail().await
    }

    async fn delete_completed(&self, _: &UserId) -> Outcome<u64> {
        self.fail().await
    }

    async fn get(&self, _: &UserId, _: i64) -> Outcome<WrittenTask, NoSuchTask> {
        self.fail().await
    }

    async fn update(&self, _: &UserId, _: i64, _: TaskPatch, _: Expected) -> Outcome<Task, Unmatched> {
        self.fail().await
    }

    async fn toggle(&self, _: &UserId, _: i64, _: Expected) -> Outcome<Task, Unmatched> {
        self.fail().await
    }

    async fn delete(&self, _: &UserId, _: i64, _: Expected) -> Outcome<(), Unmatched> {
        self.fail().await
    }
}

impl Readiness for AlwaysBroken {
    async fn ready(&self) -> Result<(), Unavailable> {
        Err(Unavailable(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(INTERNALS))))
    }
}
