//! The keeper of the ports: SeaORM over PostgreSQL or SQLite.

mod bulk;
mod check;
mod cursor;
mod lanes;
mod listing;
mod memory;
mod once;
mod owner;
mod page;
mod quotas;
mod readiness;
mod search;
mod single;
mod tasks;
mod turns;
mod version;
mod wait;
mod write;

use std::{error::Error, sync::Arc, time::Duration};

use sea_orm::DbErr;
use todo_api::{Broken, Failure, Outcome, UserId};
use todo_migration::UsersTable;
use tokio::sync::Semaphore;

use self::{
    bulk::Bulk, cursor::Seal, lanes::Lanes, memory::Memory, once::Keys, quotas::Quotas, readiness::LastWord,
    turns::Turns, wait::within,
};
use crate::{
    DatabaseConfig, Databases,
    database::{Connection, trouble::is_away},
    entity::key,
    metrics,
    workers::Clients,
};

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// What it keeps is no key of cursors.
    #[error(
        "the key in row cursors of the database's table keys must have 32 bytes; delete the row, and the start makes another"
    )]
    Key,
    /// The system has no random bytes for a key.
    #[error("the system gives no random bytes for the key of cursors: {0}")]
    Random(getrandom::Error),
}

/// Keeps tasks in a database.
#[derive(Clone)]
pub(crate) struct Store {
    databases: Databases,
    lanes: Arc<Lanes>,
    memory: Arc<Memory>,
    /// How long the database may take for one operation.
    timeout: Duration,
    /// The table of users where it is another system's, whose rows are not ours to write.
    users: Option<UsersTable>,
    readiness: LastWord,
    keys: Arc<Keys>,
    /// Room for transactions that go on where their client leaves.
    transactions: Arc<Semaphore>,
    turns: Arc<Turns>,
    quotas: Quotas,
    /// Of the whole process.
    bulk: Arc<Bulk>,
    /// Seals and opens cursors.
    seal: Arc<Seal>,
}

/// A fault of ours as the failure that it is.
fn internal<R>(error: impl Error + Send + Sync + 'static) -> Failure<R> {
    Failure::Broken(Broken::Internal(Arc::new(error)))
}

/// Half of a worker's connections, one at least: the rest are there for everybody else.
fn half_of_connections(config: &DatabaseConfig) -> usize {
    (config.max_connections as usize / 2).max(1)
}

/// As many as there are connections that write.
fn room_for_transactions(config: &DatabaseConfig) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(if config.url.is_embedded() { 1 } else { config.max_connections as usize }))
}

impl Store {
    /// Opens the store on a database that is migrated.
    pub(crate) async fn open(databases: Databases, config: &DatabaseConfig) -> Result<Self, OpenError> {
        let mut fresh = [0; cursor::KEY_LENGTH];
        // The system itself: the cryptographic library would first measure the processor's jitter, for longer than all
        // else takes at the start.
        getrandom::fill(&mut fresh).map_err(OpenError::Random)?;
        let key = key::Entity::settle("cursors", &fresh, &databases.writes).await?;
        let seal = Seal::new(&key).map_err(|_| OpenError::Key)?;
        let (memory, quotas) = (Arc::new(Memory::new(config)), Quotas::new(config));
        Ok(Self {
            lanes: Arc::new(Lanes::new(&databases, config, None, &memory, &quotas)),
            memory,
            databases,
            timeout: config.timeout,
            users: config.users_table.clone(),
            readiness: LastWord::default(),
            keys: Arc::default(),
            transactions: room_for_transactions(config),
            turns: Arc::new(Turns::new(config)),
            quotas,
            bulk: Arc::default(),
            seal: Arc::new(seal),
        })
    }

    /// The same store for those clients alone, over other connections to the same database.
    pub(crate) fn over(&self, databases: Databases, config: &DatabaseConfig, clients: Clients) -> Self {
        // All have the same connections to an embedded one.
        let quotas = if config.url.is_embedded() { self.quotas.clone() } else { Quotas::new(config) };
        let mut lanes = Lanes::new(&databases, config, Some(clients), &self.memory, &quotas);
        if config.url.is_embedded() {
            // One writes at a time there.
            lanes.write_with(&self.lanes);
            return Self { databases, lanes: Arc::new(lanes), ..self.clone() };
        }
        Self {
            databases,
            lanes: Arc::new(lanes),
            transactions: room_for_transactions(config),
            turns: Arc::new(Turns::new(config)),
            quotas,
            ..self.clone()
        }
    }

    /// For statements of `owner` that change nothing.
    fn reads(&self, owner: &UserId) -> Connection {
        self.databases.reads.for_caller(owner)
    }

    /// For all others of `owner`.
    fn writes(&self, owner: &UserId) -> Connection {
        self.databases.writes.for_caller(owner)
    }

    /// Waits for the database, but not for ever.
    fn bounded<T, E: From<DbErr>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        within(self.timeout, work)
    }

    /// The outcome of work that refuses nothing by itself.
    async fn attempt<T, R, E>(&self, work: impl Future<Output = Result<T, E>>) -> Outcome<T, R>
    where
        E: From<DbErr> + Into<Arc<DbErr>>,
    {
        self.bounded(work).await.map_err(|error| {
            let cause = error.into();
            let is_away = is_away(&cause);
            metrics::database_failed(is_away);
            Failure::Broken(if is_away { Broken::Unavailable(cause) } else { Broken::Internal(cause) })
        })
    }
}
