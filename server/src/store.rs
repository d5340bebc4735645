//! The keeper of the ports: SeaORM over PostgreSQL or SQLite.

mod readiness;
mod tasks;
mod trouble;

use std::{future::Future, sync::Arc, time::Duration};

use sea_orm::DbErr;
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
            Err(_elapsed) => Err(trouble::timed_out(self.timeout)),
        }
    }

    /// The outcome of work that refuses nothing by itself.
    async fn attempt<T, R>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Outcome<T, R> {
        self.bounded(work).await.map_err(broken)
    }
}

fn broken<R>(error: DbErr) -> Failure<R> {
    Failure::Broken(if is_away(&error) { Broken::Away(Arc::new(error)) } else { Broken::Fault(Arc::new(error)) })
}
