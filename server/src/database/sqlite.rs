//! The embedded database.

mod wal;

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    time::Duration,
};

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DbErr,
    sea_query::Query,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use super::{Connection, Databases, trouble};
use crate::DatabaseConfig;

/// How much of the file a connection that reads keeps in memory, in KiB, which SQLite writes as a negative number. The
/// system keeps it too, once for all of them.
const READERS_CACHE: &str = "-1000";

/// The same of the connection that writes, as SQLite has it by itself.
const WRITERS_CACHE: &str = "-2000";

/// Prepares the connections.
///
/// SQLite has one writer at a time. A pool of one connection makes writes queue fairly in this process; with more, they
/// would meet in the database's own busy loop, where an unlucky one waits for ever.
pub(super) async fn connect(config: &DatabaseConfig) -> Result<Databases, DbErr> {
    if let Some(file) = config.url.sqlite_file() {
        prepare(&file).map_err(|error| DbErr::Custom(format!("{}: {error}", file.display())))?;
    }
    let several = options(config, READERS_CACHE, config.timeout);
    let single = |patience| options(config, WRITERS_CACHE, patience).max_connections(1).min_connections(0).to_owned();
    let mut writing = single(config.timeout);
    if let Some(file) = config.url.sqlite_file() {
        writing.map_sqlx_sqlite_pool_opts(wal::cut(file, config.timeout));
    }
    // Another server may migrate just then, which takes its time.
    let migrations = single(config.start_timeout.max(config.timeout));
    // Another program may be done with the file soon; what cannot be used is not mended by waiting. Connecting is tried
    // again, too: the library opens the file at once, to ask for SQLite's version.
    let (reads, writes) = super::wait(config, trouble::is_busy, async || {
        let reads = Connection::embedded(Database::connect(several.clone()).await?);
        let writes = Connection::embedded(Database::connect(writing.clone()).await?);
        look(&writes).await?;
        Ok((reads, writes))
    })
    .await?;
    Ok(Databases { reads, writes, migrations, forgets_names: false })
}

/// For connections that wait for as long as `patience` where another program writes.
fn options(config: &DatabaseConfig, cache: &'static str, patience: Duration) -> ConnectOptions {
    let pages_of_log = wal::pages(config.url.sqlite_file().as_deref());
    super::options(&config.url, config)
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                // An answer means that the write is kept, through a loss of power too.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(patience)
                // For searches.
                .with_regexp()
                .pragma("cache_size", cache)
                .pragma("wal_autocheckpoint", pages_of_log.to_string())
        })
        .to_owned()
}

/// Makes the file and its folder where they are not, for their owner alone: people's data is in it. SQLite gives the
/// files that it puts beside it the same mode, but would make this one for all to read.
fn prepare(file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file).map(drop)
}

/// Reads the list of tables, which shows whether it is a database at all. An empty file is one.
async fn look(connection: &Connection) -> Result<(), DbErr> {
    let tables = Query::select().column("name").from("sqlite_master").limit(1).take();
    connection.query_one(&tables).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::configured;

    /// Nothing short of a loss of power shows it from outside.
    #[tokio::test]
    async fn what_is_written_is_on_the_disk_once_that_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("todo.db").display());
        let config = configured(&[("DATABASE_URL", &url)]).database;
        let writes = connect(&config).await.expect("it opens").writes;
        let asked = async |setting: &'static str, table: &'static str| {
            let row = writes.query_one(&Query::select().column(setting).from(table).take()).await.expect("an answer");
            row.expect("a row")
        };
        let synchronous: i64 = asked("synchronous", "pragma_synchronous").await.try_get_by_index(0).expect("a number");
        let journal: String = asked("journal_mode", "pragma_journal_mode").await.try_get_by_index(0).expect("a text");
        assert_eq!((synchronous, journal.as_str()), (2, "wal"), "FULL, by SQLite's numbers");
    }
}
