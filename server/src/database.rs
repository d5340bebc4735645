//! Connections to the database.

mod at_hand;
pub(crate) mod codes;
mod connection;
mod held;
pub(crate) mod limits;
mod postgres;
pub(crate) mod requirements;
mod row_security;
mod sessions;
pub(crate) mod setting;
mod sqlite;
mod standbys;
mod statement;
mod taken;
pub(crate) mod tls;
mod transaction;
pub(crate) mod trouble;
mod unusable;
mod why;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseTransaction, DbBackend, DbErr, TransactionTrait,
};
use todo_migration::Migrator;
use tokio::{
    runtime::Handle,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::context::TokioContext;
use tracing::log::LevelFilter;

pub(crate) use self::{
    connection::Connection,
    statement::runtime,
    unusable::{BACKUP, UNANSWERED, words},
};
pub use self::{row_security::RowSecurityError, unusable::UnusableDatabase};
use self::{sessions::Sessions, trouble::unanswered};
use crate::{DatabaseConfig, DatabaseUrl};

/// The connections for reading and for writing, which are made as they are needed and go when they are not, so that a
/// database may sleep.
#[derive(Debug, Clone)]
pub struct Databases {
    /// For statements that change nothing.
    pub(crate) reads: Connection,
    /// For all others.
    pub(crate) writes: Connection,
    migrations: ConnectOptions,
    /// Whether migrations go by a lent session, in which others may have left statements under the same names.
    forgets_names: bool,
}

impl Databases {
    /// Prepares the connections once the database answers: it is asked with growing pauses, for as long as the
    /// configuration says.
    ///
    /// # Errors
    ///
    /// The last word of the database that says something; at once where waiting cannot help, as with a wrong password.
    pub async fn connect(config: &DatabaseConfig) -> Result<Self, UnusableDatabase> {
        let connected =
            if config.url.is_embedded() { sqlite::connect(config).await } else { postgres::connect(config).await };
        connected.map_err(|cause| UnusableDatabase::new(&config.url, cause))
    }

    /// The same for another runtime, with connections of its own, as `share` allows; an embedded database has one
    /// writer, so its connections are everybody's.
    pub(crate) async fn on(&self, runtime: &Handle, share: &DatabaseConfig) -> Result<Self, UnusableDatabase> {
        if self.writes.get_database_backend() == DbBackend::Sqlite {
            return Ok(self.clone());
        }
        let sessions = if self.is_pooled() { Sessions::Lent } else { Sessions::Own };
        let led = TokioContext::new(postgres::lead(share, sessions), runtime.clone()).await;
        let own = led.map_err(|cause| UnusableDatabase::new(&share.url, cause))?;
        Ok(match self.writes.role() {
            Some(role) => own.restricted_to(role),
            None => own,
        })
    }

    /// The role that callers' statements are carried out by under row-level security, once it is proved to bind.
    pub(crate) async fn role_of_callers(&self, migrator: &Migrator) -> Result<Arc<str>, RowSecurityError> {
        let role = migrator.role_of_callers(&self.writes).await?.ok_or(RowSecurityError::Missing)?.into();
        row_security::prove(&self.restricted_to(&role).writes, &role, migrator).await?;
        Ok(role)
    }

    /// The same, with the statements of callers carried out by `role`.
    pub(crate) fn restricted_to(&self, role: &Arc<str>) -> Self {
        Self { reads: self.reads.restricted_to(role), writes: self.writes.restricted_to(role), ..self.clone() }
    }

    /// The pools of `all`, by name. Those of an embedded database are everybody's; of others, each has one for reading
    /// and writing.
    pub(crate) fn pools(all: &[Self]) -> Vec<(&'static str, &Connection)> {
        match all.first().filter(|first| first.writes.get_database_backend() == DbBackend::Sqlite) {
            Some(shared) => vec![("reads", &shared.reads), ("writes", &shared.writes)],
            None => all.iter().map(|each| ("all", &each.writes)).collect(),
        }
    }

    /// Whether a pooler in transaction mode stands before the database.
    pub(crate) fn is_pooled(&self) -> bool {
        self.writes.is_wrapped()
    }

    /// Begins a transaction for migrations, on a connection of its own without the limits of requests, to the direct
    /// address where there is one.
    pub(crate) async fn begin_migrating(
        &self,
        options: sea_orm::TransactionOptions,
    ) -> Result<DatabaseTransaction, DbErr> {
        let transaction = Database::connect(self.migrations.clone()).await?.begin_with_options(options).await?;
        if self.forgets_names {
            postgres::forget_names(&transaction).await?;
        }
        Ok(transaction)
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

/// Tries until the database answers, or waiting is over or cannot help. A try that hangs is cut off at the deadline,
/// but has `DATABASE_TIMEOUT` at least.
async fn wait<T>(
    config: &DatabaseConfig,
    may_pass: impl Fn(&DbErr) -> bool,
    try_once: impl AsyncFn() -> Result<T, DbErr>,
) -> Result<T, DbErr> {
    let deadline = Instant::now() + config.start_timeout;
    let (mut pause, mut told) = (Duration::from_millis(250), None);
    loop {
        let silence = deadline.max(Instant::now() + config.timeout);
        let error = match timeout_at(silence, try_once()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_elapsed) => unanswered(),
        };
        let is_silence = matches!(error, DbErr::ConnectionAcquire(_));
        if !may_pass(&error) || Instant::now() + pause > deadline {
            // That no connection came in time says least, so an earlier error is told instead.
            return Err(told.filter(|_| is_silence).unwrap_or(error));
        }
        tracing::warn!(database = %config.url, error = %error, "the database does not answer yet");
        told = if is_silence { told } else { Some(error) };
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// The result of `work` of a start or a command, unless the database falls silent over it: then it is given up as one
/// that never answers is. A file does not fall silent, and SQLite has limits of its own.
pub(crate) fn in_time<T, E: From<DbErr>>(
    config: &DatabaseConfig,
    work: impl Future<Output = Result<T, E>>,
) -> impl Future<Output = Result<T, E>> {
    let limit = if config.url.is_embedded() { Duration::MAX } else { config.start_timeout.max(config.timeout) };
    timeout(limit, work).map(|result| result.unwrap_or_else(|_elapsed| Err(unanswered().into())))
}

/// What both databases have in common.
fn options(url: &DatabaseUrl, config: &DatabaseConfig) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.expose());
    options
        .max_connections(config.max_connections)
        .min_connections(config.min_connections)
        .acquire_timeout(config.timeout)
        .connect_timeout(config.timeout)
        .idle_timeout(config.idle_timeout)
        // A ping before every statement would cost a round trip each time.
        .test_before_acquire(false)
        .connect_lazy(true)
        .sqlx_logging_level(LevelFilter::Debug)
        .sqlx_slow_statements_logging_settings(LevelFilter::Warn, Duration::from_secs(1))
        .set_application_name("todo-server");
    options
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicBool, Ordering},
    };

    use super::{trouble::tests::said, *};
    use crate::config::tests::configured;

    #[tokio::test]
    async fn what_the_database_said_is_told_though_it_fell_silent() {
        let config = configured(&[("DATABASE_START_TIMEOUT", "1"), ("DATABASE_TIMEOUT", "1")]).database;
        let has_said = AtomicBool::new(false);
        let refused = wait(&config, trouble::may_come, async || {
            if has_said.swap(true, Ordering::Relaxed) {
                return pending().await;
            }
            Err::<(), _>(DbErr::Conn(said("XX000")))
        });
        let refused = timeout_at(Instant::now() + Duration::from_secs(20), refused).await.expect("it is given up");
        assert!(matches!(refused, Err(DbErr::Conn(_))), "its disk is full");
    }
}
