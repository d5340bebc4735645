//! The embedded database.

use std::{io, path::Path};

use sea_orm::{
    ConnectOptions, Database, DbErr,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use super::{Connection, Databases};
use crate::DatabaseConfig;

/// Prepares the connections.
///
/// SQLite has one writer at a time. A pool of one connection makes writes queue fairly in this process;
/// with more, they would meet in the database's own busy loop, where an unlucky one waits for ever.
pub(super) async fn connect(config: &DatabaseConfig) -> Result<Databases, DbErr> {
    if let Some(file) = config.url.sqlite_file() {
        create_folder(&file).map_err(|error| DbErr::Custom(format!("{}: {error}", file.display())))?;
    }
    let single = options(config).max_connections(1).min_connections(0).to_owned();
    let reads = Connection::embedded(Database::connect(options(config)).await?);
    let writes = Connection::embedded(Database::connect(single.clone()).await?);
    super::wait(config, || writes.ping()).await?;
    Ok(Databases { reads, writes, migrations: single, forgets_names: false })
}

fn options(config: &DatabaseConfig) -> ConnectOptions {
    let timeout = config.timeout;
    super::options(&config.url, config)
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .create_if_missing(true)
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                // An answer means that the write is kept, through a loss of power too.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(timeout)
        })
        .to_owned()
}

fn create_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder),
        _ => Ok(()),
    }
}
