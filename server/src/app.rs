//! The life of the server: start, run, stop.

mod seats;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::join_all;
use poem::EndpointExt;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::context::TokioContext;

use self::seats::Seat;
use crate::{
    AuthConfig, Config, DatabaseConfig, Databases, HttpConfig, MigrateError, Migrations, RowSecurityError,
    UnusableDatabase, UnusableJwks,
    admin::Admin,
    database::{in_time, trouble},
    http::Surroundings,
    serve::{self, Address},
    store::{OpenError, Store},
    workers::{Answerer, Thread, Workers},
};

/// How long the database may take to close its connections, and the workers to end: one that fell silent would be
/// waited for without end.
const FAREWELL: Duration = Duration::from_secs(5);

/// A server that is ready: connected, migrated and bound, so that clients may come.
pub struct App {
    listener: TcpListener,
    address: SocketAddr,
    workers: Workers,
    databases: Vec<Databases>,
    admin: Option<Admin>,
    config: HttpConfig,
}

/// The server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database does not answer, refuses us, or is not a database.
    #[error(transparent)]
    Database(#[from] UnusableDatabase),
    /// Its tables are not as they must be.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// What it keeps for the server itself is not as it must be.
    #[error(transparent)]
    Store(OpenError),
    /// Row-level security does not bind.
    #[error(transparent)]
    RowSecurity(#[from] RowSecurityError),
    /// The keys of the issuer cannot be asked for.
    #[error(transparent)]
    Jwks(#[from] UnusableJwks),
    /// `HOST` and `PORT` cannot be listened on.
    #[error("HOST {host} PORT {port} cannot be listened on: {cause}; {}", remedy(.cause))]
    Listen {
        /// The host as configured.
        host: String,
        /// The port as configured.
        port: u16,
        /// What the system says.
        cause: io::Error,
    },
    /// `ADMIN_ADDR` cannot be listened on.
    #[error("ADMIN_ADDR {address} cannot be listened on: {cause}; {}", remedy(.cause))]
    Admin {
        /// The address as configured.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// The system has no more threads.
    #[error("no thread can be started: {0}; raise the limit of threads (ulimit -u), or lower WORKERS")]
    Threads(io::Error),
}

/// What to do where an address is not to be had.
fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "choose another port, or stop what listens there",
        io::ErrorKind::PermissionDenied => "choose a port from 1024 on",
        _ => "it must be of this machine: 127.0.0.1, 0.0.0.0 or ::1, say, or one of its names, without brackets",
    }
}

impl App {
    /// Connects, migrates, and binds.
    ///
    /// # Errors
    ///
    /// Where one of these fails; for a database that is out of reach, or falls silent, only after
    /// `DATABASE_START_TIMEOUT`.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        warn_of_other_tokens(&config.auth);
        // Before anything is done: a server that cannot come to serve migrates nothing.
        let HttpConfig { host, port, .. } = &config.http;
        let listen = |cause| StartError::Listen { host: host.clone(), port: *port, cause };
        let taken = Address::take((host.as_str(), *port)).await.map_err(listen)?;
        let refused = |address| move |cause| StartError::Admin { address, cause };
        let admin = match config.http.admin_address {
            Some(address) => Some((address, Address::take(address).await.map_err(refused(address))?)),
            None => None,
        };
        let surroundings = Surroundings::new(config)?;

        let seats = Seat::each(config).map_err(StartError::Threads)?;
        // There is one at least.
        let (first, others) = (&seats[0], &seats[1..]);
        let (own, store) = TokioContext::new(open(&first.share), first.thread.runtime().clone()).await?;
        let mut databases = vec![own.clone()];
        for Seat { thread, share } in others {
            databases.push(own.on(thread.runtime(), share).await?);
        }

        let listener = taken.listen().map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let worker = |(Seat { thread, share }, databases): (Seat, &Databases)| -> (Thread, Answerer) {
            let store = store.over(databases.clone(), &share, thread.clients());
            (thread, Arc::new(surroundings.of(store).boxed()))
        };
        let workers = Workers::new(seats.into_iter().zip(&databases).map(worker));
        let admin = admin
            .map(|(address, taken)| Admin::start(taken, databases.clone()).map_err(refused(address)))
            .transpose()?;
        let max_connections = serve::allowed_connections(config.http.max_connections, config.database.max_connections);
        Ok(Self {
            listener,
            address,
            workers,
            databases,
            admin,
            config: HttpConfig { max_connections, ..config.http.clone() },
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready, then answers the requests under way, for as long as `SHUTDOWN_TIMEOUT` allows, and
    /// closes the database.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let served = serve::serve_by(&self.workers, self.listener, &self.config, stop);
        match self.admin {
            Some(admin) => tokio::select! {
                () = served => {}
                () = admin.run(&self.config) => {}
            },
            None => served.await,
        }
        let closed = join_all(self.databases.into_iter().map(Databases::close));
        let ended = async {
            closed.await;
            self.workers.end().await;
        };
        if timeout(FAREWELL, ended).await.is_err() {
            tracing::warn!("the database did not let go of its connections; they end with the process");
        }
        tracing::info!("stopped");
    }
}

/// Warns where tokens count beside those that are meant, since no audience is configured.
fn warn_of_other_tokens(config: &AuthConfig) {
    if config.takes_links_for_tokens() {
        tracing::warn!(
            "with BETTER_AUTH_SECRET and without AUTH_AUDIENCE or AUTH_ISSUER, a link that Better Auth mails to verify \
             an address counts as a token; set AUTH_AUDIENCE to the aud of your tokens"
        );
    } else if config.takes_tokens_for_others() {
        tracing::warn!(
            "with AUTH_JWKS_URL and without AUTH_AUDIENCE, tokens that your Better Auth server makes for other \
             applications count here too; set AUTH_AUDIENCE to the aud of your tokens"
        );
    }
}

/// Connects to the database, sees that it is as it must be, and opens the store.
async fn open(config: &DatabaseConfig) -> Result<(Databases, Store), StartError> {
    let unusable = |cause| UnusableDatabase::new(&config.url, cause);
    let mut databases = Databases::connect(config).await?;
    let migrations = Migrations::of(&databases, config);
    migrations.settle(config.migrate_on_start).await.map_err(|error| match error {
        // SQLite's errors here are about the file, unless they are about a statement.
        MigrateError::Database(cause) if trouble::is_of_file(&cause) => unusable(cause).into(),
        error => StartError::from(error),
    })?;
    if config.row_security {
        let role = in_time(config, databases.role_of_callers(&migrations.migrator)).await?;
        databases = databases.restricted_to(&role);
    }
    let opened = in_time(config, Store::open(databases.clone(), config)).await;
    let store = opened.map_err(|error| match error {
        OpenError::Database(cause) => unusable(cause).into(),
        error => StartError::Store(error),
    })?;
    Ok((databases, store))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_is_for_what_is_wrong() {
        for (kind, words) in [
            (io::ErrorKind::AddrInUse, "; choose another port"),
            (io::ErrorKind::PermissionDenied, "; choose a port from 1024 on"),
            (io::ErrorKind::AddrNotAvailable, "; it must be of this machine"),
        ] {
            let refused = StartError::Listen { host: "a".to_owned(), port: 80, cause: kind.into() }.to_string();
            assert!(refused.starts_with("HOST a PORT 80 ") && refused.contains(words), "{refused}");
        }
    }
}
