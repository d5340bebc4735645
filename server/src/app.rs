//! The life of the server: start, run, stop.

use std::{future::Future, io, net::SocketAddr};

use poem::{EndpointExt, Response, endpoint::BoxEndpoint};
use sea_orm::DbErr;
use tokio::net::TcpListener;

use crate::{
    Config, DatabaseUrl, Databases, HttpConfig, MigrateError, Migrations, RowSecurityError, UnusableJwks, admin::Admin,
    http, serve, store::Store,
};

/// A server that is ready: connected, migrated and bound, so that clients may come.
pub struct App {
    listener: TcpListener,
    address: SocketAddr,
    endpoint: BoxEndpoint<'static, Response>,
    databases: Databases,
    admin: Option<Admin>,
    config: HttpConfig,
}

/// The server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database does not answer, or refuses us.
    #[error("DATABASE_URL {url} cannot be used: {cause}; is the server up, and are name and password right?")]
    Database {
        /// Which one, its password masked.
        url: Box<DatabaseUrl>,
        /// Its last word.
        cause: DbErr,
    },
    /// Its tables are not as they must be.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// Row-level security does not bind.
    #[error(transparent)]
    RowSecurity(#[from] RowSecurityError),
    /// The keys of the issuer cannot be asked for.
    #[error(transparent)]
    Jwks(#[from] UnusableJwks),
    /// The address is not to be had.
    #[error("HOST {host} PORT {port} cannot be listened on: {cause}; choose another PORT, or stop what listens there")]
    Listen {
        /// The host as configured.
        host: String,
        /// The port as configured.
        port: u16,
        /// What the system says.
        cause: io::Error,
    },
    /// Nor is the operator's.
    #[error("ADMIN_ADDR {address} cannot be listened on: {cause}; choose another, or stop what listens there")]
    Admin {
        /// The address as configured.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
}

impl App {
    /// Connects, migrates, and binds.
    ///
    /// # Errors
    ///
    /// Where one of these fails; for a database that is out of reach only after `DATABASE_START_TIMEOUT`.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let database = |cause| StartError::Database { url: Box::new(config.database.url.clone()), cause };
        let databases = Databases::connect(&config.database).await.map_err(database)?;
        let migrations = Migrations::of(&databases, &config.database);
        migrations.settle(config.database.migrate_on_start).await?;
        let databases =
            if config.database.row_security { databases.restricted(&migrations).await? } else { databases.clone() };
        let store = Store::open(databases.clone(), &config.database).await.map_err(database)?;

        let listen = |cause| StartError::Listen { host: config.http.host.clone(), port: config.http.port, cause };
        let listener = TcpListener::bind((config.http.host.as_str(), config.http.port)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let endpoint = http::endpoint(config, store)?.boxed();
        let admin = match config.http.admin_address {
            Some(address) => {
                let admin = Admin::start(address, databases.clone()).await;
                Some(admin.map_err(|cause| StartError::Admin { address, cause })?)
            }
            None => None,
        };
        let max_connections = serve::allowed_connections(config.http.max_connections, config.database.max_connections);
        Ok(Self {
            listener,
            address,
            endpoint,
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

    /// Serves until `stop` is ready, then answers the requests under way, for as long as
    /// `SHUTDOWN_TIMEOUT` allows, and closes the database.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let served = serve::serve(self.listener, self.endpoint, &self.config, stop);
        match self.admin {
            Some(admin) => tokio::select! {
                () = served => {}
                () = admin.run(&self.config, std::future::pending()) => {}
            },
            None => served.await,
        }
        self.databases.close().await;
        tracing::info!("stopped");
    }
}
