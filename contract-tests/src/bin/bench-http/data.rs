//! The data: the same for each server, and the same again before each measurement that would see it changed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, TransactionTrait,
    sea_query::{Alias, Query},
};
use tempfile::TempDir;
use todo_contract_tests::{Cluster, temporary_folder};

use crate::{engine::Engine, server::Contender, settings::Settings};

/// Where the servers' databases are.
#[derive(Debug)]
pub(crate) enum Data {
    /// A database for each on one PostgreSQL, with its durable defaults.
    Postgres(Cluster),
    /// A file for each, copied from one that is ready.
    Sqlite(TempDir),
}

/// The users, in their order.
pub(crate) fn users(settings: &Settings) -> Vec<String> {
    let mut users: Vec<_> = (0..settings.users).map(|_| uuid::Uuid::new_v4().simple().to_string()).collect();
    users.sort();
    users
}

impl Data {
    pub(crate) fn new(engine: Engine) -> Self {
        match engine {
            Engine::Postgres => Self::Postgres(Cluster::durable()),
            Engine::Sqlite => Self::Sqlite(temporary_folder()),
        }
    }

    /// Makes a server's database, with everything in it.
    pub(crate) async fn make(
        &self,
        place: usize,
        contender: &Contender,
        users: &[String],
        settings: &Settings,
    ) -> Result<(), String> {
        if let Self::Postgres(cluster) = self {
            tell(&cluster.url("postgres"), &format!("CREATE DATABASE todo{place}")).await.map_err(in_words)?;
        }
        let url = self.seeded(place);
        contender.migrate(&url).await?;
        let database = connect(&url).await.map_err(in_words)?;
        keep(&database, users).await.map_err(in_words)?;
        fill(&database, settings.tasks_of_each()).await.map_err(in_words)?;
        settle(&database).await.map_err(in_words)?;
        database.close().await.map_err(in_words)
    }

    /// Brings a server's database to where [`Data::make`] had it.
    pub(crate) async fn restore(&self, place: usize, settings: &Settings) -> Result<(), String> {
        match self {
            Self::Postgres(_) => {
                let database = connect(&self.seeded(place)).await.map_err(in_words)?;
                refill(&database, settings.tasks_of_each()).await.map_err(in_words)?;
                settle(&database).await.map_err(in_words)?;
                database.close().await.map_err(in_words)
            }
            Self::Sqlite(_) => {
                let (from, to) = (self.file(place, "seeded"), self.file(place, "served"));
                for rest in ["-wal", "-shm"] {
                    // There is none where all was written back.
                    let _ = fs::remove_file(to.with_extension(format!("db{rest}")));
                }
                // Written down, so that none of it falls into a measurement.
                let copied = fs::copy(from, &to).and_then(|_| File::open(to)).and_then(|file| file.sync_all());
                copied.map_err(|error| error.to_string())
            }
        }
    }

    /// The address that a server is given.
    pub(crate) fn url(&self, place: usize) -> String {
        match self {
            Self::Postgres(_) => self.seeded(place),
            Self::Sqlite(_) => format!("sqlite://{}", self.file(place, "served").display()),
        }
    }

    /// Whether servers have the database within themselves.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// The process whose processor time is the database's, where that is one of its own.
    pub(crate) fn process(&self) -> Option<u32> {
        match self {
            Self::Postgres(cluster) => Some(cluster.process()),
            Self::Sqlite(_) => None,
        }
    }

    /// What the database is, in a few words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Postgres(cluster) => cluster.version(),
            Self::Sqlite(_) => "SQLite, synchronous=FULL".to_owned(),
        }
    }

    fn seeded(&self, place: usize) -> String {
        match self {
            Self::Postgres(cluster) => cluster.url(&format!("todo{place}")),
            Self::Sqlite(_) => format!("sqlite://{}", self.file(place, "seeded").display()),
        }
    }

    fn file(&self, place: usize, name: &str) -> PathBuf {
        let folder = if let Self::Sqlite(folder) = self { folder.path() } else { Path::new("") };
        folder.join(format!("{name}{place}.db"))
    }
}

async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    Database::connect(ConnectOptions::new(url).max_connections(1).to_owned()).await
}

/// Tells PostgreSQL to make a database, for which there is no builder of statements.
async fn tell(url: &str, statement: &str) -> Result<(), DbErr> {
    let database = connect(url).await?;
    database.execute_unprepared(statement).await?;
    database.close().await
}

async fn keep(database: &DatabaseConnection, users: &[String]) -> Result<(), DbErr> {
    for some in users.chunks(1_000) {
        let mut insert = Query::insert().into_table(Alias::new("users")).columns([Alias::new("id")]).take();
        for user in some {
            insert.values_panic([user.into()]);
        }
        database.execute(&insert).await?;
    }
    Ok(())
}

/// Gives each user so many tasks, through the users one by one, as they come in life: not one user's beside one
/// another. In one statement, which only databases can say.
async fn fill(database: &impl ConnectionTrait, tasks_of_each: usize) -> Result<(), DbErr> {
    let statement = format!(
        "INSERT INTO tasks (user_id, title, description, completed, created_at, updated_at) \
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {tasks_of_each}) \
         SELECT id, 'Buy milk, for the ' || n || '. time', \
           CASE WHEN n % 2 = 0 THEN 'Two litres, from the shop on the corner' END, \
           n % 3 = 0, 1795509000000000 + n, 1795509000000000 + n \
         FROM numbers CROSS JOIN users ORDER BY n, id"
    );
    database.execute_unprepared(&statement).await.map(drop)
}

/// The same in place of all there were, beginning with the first id again, which the builder has no words for. At once:
/// what the last load asked for and did not wait to see done takes its ids behind these.
async fn refill(database: &DatabaseConnection, tasks_of_each: usize) -> Result<(), DbErr> {
    let transaction = database.begin().await?;
    transaction.execute_unprepared("TRUNCATE tasks RESTART IDENTITY").await?;
    fill(&transaction, tasks_of_each).await?;
    transaction.commit().await
}

/// Has all written down and counted, so that none of it falls into a measurement. There is no builder for that.
async fn settle(database: &DatabaseConnection) -> Result<(), DbErr> {
    for statement in match database.get_database_backend() {
        sea_orm::DbBackend::Sqlite => &["ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"],
        _ => &["VACUUM ANALYZE", "CHECKPOINT"],
    } {
        database.execute_unprepared(statement).await?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn in_words(error: DbErr) -> String {
    format!("the database: {error}")
}
