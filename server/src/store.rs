//! The keeper of the ports: SeaORM over PostgreSQL or SQLite.

mod readiness;
mod tasks;
mod trouble;

use std::{future::Future, sync::Arc, time::Duration};

use sea_orm::{ConnAcquireErr, DbErr};
use todo_api::{Broken, Failure, Outcome};

use self::readiness::LastWord;
pub(crate) use self::trouble::is_away;
use crate::{DatabaseConfig, Databases};

/// Keeps tasks in a database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    databases: Databases,
    /// How long the database may take for one operation.
    timeout: Duration,
    /// Whether rows of users are ours to write.
    owns_users: bool,
    readiness: Arc<LastWord>,
}

impl Store {
    pub(crate) fn new(databases: Databases, config: &DatabaseConfig) -> Self {
        Self { databases, timeout: config.timeout, owns_users: config.users_table.is_none(), readiness: Arc::default() }
    }

    /// Waits for the database, but not for ever: past the timeout it counts as away.
    async fn bounded<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(result) => result,
            Err(_elapsed) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
        }
    }

    /// The outcome of work that refuses nothing by itself.
    async fn attempt<T, R>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Outcome<T, R> {
        self.bounded(work).await.map_err(|error| {
            let is_away = is_away(&error);
            let cause = Arc::new(error);
            Failure::Broken(if is_away { Broken::Away(cause) } else { Broken::Fault(cause) })
        })
    }
}
