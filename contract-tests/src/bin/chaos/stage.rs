//! What a round is played on: a server that may be ended and started, its database, and the way between.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use todo_contract_tests::{Client, Cluster, Engine, Proxy, ServerProcess, SmallDisk, TestDatabase, connections, cut};
use tokio::task::block_in_place;

/// How long the server may take to serve again once all is well.
const PATIENCE: Duration = Duration::from_mins(1);

/// Everything that a fault may befall. The fields go in this order.
#[derive(Debug)]
pub(crate) struct Stage {
    server: Mutex<Option<ServerProcess>>,
    address: RwLock<SocketAddr>,
    url: String,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) database: TestDatabase,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) disk: Option<SmallDisk>,
}

impl Stage {
    /// Sets one up, with the database on `disk` where there is one, and a network of ours where that is asked for.
    pub(crate) async fn set_up(engine: Engine, disk: Option<SmallDisk>, is_proxied: bool) -> Self {
        let cluster = (engine == Engine::Postgres).then(|| block_in_place(Cluster::durable));
        let database = match &disk {
            Some(disk) => TestDatabase::create_on(disk, cluster.as_ref()).await,
            None => TestDatabase::create_in(cluster.as_ref()).await,
        };
        let (mut url, mut proxy) = (database.url(), None);
        if is_proxied {
            let (network, through) = Proxy::before(&url).await;
            (url, proxy) = (through, Some(network));
        }
        let (server, address) = block_in_place(|| start(&url));
        Self { server: Mutex::new(Some(server)), address: RwLock::new(address), url, proxy, database, cluster, disk }
    }

    /// Where the server is, or was last.
    pub(crate) fn address(&self) -> SocketAddr {
        *self.address.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the server by SIGKILL. Whether it was there to be ended, and ended by that.
    pub(crate) fn kill_server(&self) -> bool {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        server.is_some_and(|server| block_in_place(|| server.kill()))
    }

    /// Starts the server again.
    pub(crate) fn start_server(&self) {
        let (server, address) = block_in_place(|| start(&self.url));
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        *self.address.write().unwrap_or_else(PoisonError::into_inner) = address;
    }

    /// Stops the server as an operator would, and waits until nothing is under way in the database.
    pub(crate) async fn stop_server(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut server) = server {
            server.signal("TERM");
            assert!(block_in_place(|| server.wait()).success(), "it stops as it should");
        }
        if self.cluster.is_some() {
            let (beside, start) = (self.database.connect().await, Instant::now());
            while connections(&beside).await > 0 {
                assert!(start.elapsed() < PATIENCE, "the database is done with what it was told");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            beside.close().await.expect("a connection can be closed");
        }
    }

    /// Waits until the server says that it is ready.
    pub(crate) async fn wait_until_ready(&self) -> Result<(), String> {
        let (client, start) = (Client::of(self.address()), Instant::now());
        while client.attempt("GET", "/api/ready", None).await.map_or(0, |answer| answer.status) != 200 {
            if start.elapsed() > PATIENCE {
                return Err("the server is not ready a minute after all was well again".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Cuts all sessions of the database, as an administrator may. Says how many they were.
    pub(crate) async fn cut_sessions(&self) -> usize {
        let beside = self.database.connect().await;
        let sessions = cut(&beside).await;
        beside.close().await.expect("a connection can be closed");
        sessions
    }
}

fn start(url: &str) -> (ServerProcess, SocketAddr) {
    // Requests are not logged one by one: there are too many.
    let log = ("LOG_LEVEL", "info,todo_server::http=warn");
    let server = ServerProcess::start(&[("DATABASE_URL", url), log]);
    let address = server.address();
    (server, address)
}
