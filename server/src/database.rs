//! Connections to the database.

use std::{io, path::Path, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};
use tokio::time::Instant;
use tracing::log::LevelFilter;

use crate::DatabaseConfig;

/// The connections for reading and for writing.
///
/// SQLite has one writer at a time. A pool of one connection makes writes queue fairly in this process;
/// with more, they would meet in the database's own busy loop, where an unlucky one waits for ever.
#[derive(Debug, Clone)]
pub struct Databases {
    /// For statements that change nothing.
    pub reads: DatabaseConnection,
    /// For all others.
    pub writes: DatabaseConnection,
}

impl Databases {
    /// Prepares the connections; none is made yet, so a sleeping database sleeps on.
    ///
    /// # Errors
    ///
    /// Where the folder of an SQLite file cannot be made, or the options make no sense to the driver.
    pub async fn prepare(config: &DatabaseConfig) -> Result<Self, DbErr> {
        if let Some(file) = config.url.sqlite_file() {
            create_folder(&file).map_err(|error| DbErr::Custom(format!("{}: {error}", file.display())))?;
            let writes = Database::connect(options(config).max_connections(1).min_connections(0).to_owned()).await?;
            let reads = Database::connect(options(config)).await?;
            return Ok(Self { reads, writes });
        }
        let both = Database::connect(options(config)).await?;
        Ok(Self { reads: both.clone(), writes: both })
    }

    /// Waits until the database answers: with growing pauses, for as long as the configuration says.
    ///
    /// # Errors
    ///
    /// The last word of the database; at once where waiting cannot help, as with a wrong password.
    pub async fn wait(&self, config: &DatabaseConfig) -> Result<(), DbErr> {
        let deadline = Instant::now() + config.start_timeout;
        let mut pause = Duration::from_millis(250);
        loop {
            let Err(error) = self.writes.ping().await else {
                return Ok(());
            };
            if !crate::store::is_away(&error) || Instant::now() + pause > deadline {
                return Err(error);
            }
            tracing::warn!(database = %config.url, error = %error, "the database does not answer yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// Closes all connections.
    pub async fn close(self) {
        for connection in [self.reads, self.writes] {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a connection could not be closed");
            }
        }
    }
}

fn create_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder),
        _ => Ok(()),
    }
}

fn options(config: &DatabaseConfig) -> ConnectOptions {
    let mut options = ConnectOptions::new(config.url.expose());
    let timeout = config.timeout;
    options
        .max_connections(config.max_connections)
        .min_connections(config.min_connections)
        .acquire_timeout(config.timeout)
        .connect_timeout(config.timeout)
        .idle_timeout(config.idle_timeout)
        // A ping before every statement would cost a round trip each time.
        .test_before_acquire_if_idle_for(Duration::from_secs(5))
        .connect_lazy(true)
        .sqlx_logging_level(LevelFilter::Debug)
        .sqlx_slow_statements_logging_settings(LevelFilter::Warn, Duration::from_secs(1))
        .set_application_name("todo-server")
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .create_if_missing(true)
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                // An answer means that the write is kept, through a loss of power too.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(timeout)
        });
    options
}
