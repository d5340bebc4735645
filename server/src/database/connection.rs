//! The way of every statement to the database.
//!
//! Most go as they are. Through a transaction pooler that would fail at random: the driver prepares
//! statements under names, in a session that the next transaction does not have. There each statement
//! goes in a transaction of its own, which holds one session from preparing to executing, without a
//! name, and with the limits that otherwise a session keeps.
//!
//! What lost: a cache of no statements, which changes the names but not that they collide, and nameless
//! statements by themselves, which are parsed in one session and may be executed in another.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};

use super::{sessions::Sessions, transaction::Transaction};

/// A pool of connections to the database, for SeaORM's statements.
#[derive(Debug, Clone)]
pub struct Connection {
    pool: DatabaseConnection,
    way: Way,
}

/// How a statement reaches the database.
#[derive(Debug, Clone)]
enum Way {
    /// By itself.
    Straight,
    /// In a transaction that begins with these words.
    Wrapped(Arc<str>),
}

impl Connection {
    /// Over the pool of an embedded database.
    pub(super) fn embedded(pool: DatabaseConnection) -> Self {
        Self { pool, way: Way::Straight }
    }

    /// Over a pool of PostgreSQL, where a statement may take `limit`.
    pub(super) fn served(pool: DatabaseConnection, sessions: Sessions, limit: Duration) -> Self {
        let way = match sessions {
            Sessions::Own => Way::Straight,
            Sessions::Lent => Way::Wrapped(begin(limit).into()),
        };
        Self { pool, way }
    }

    /// Whether each statement goes in a transaction of its own.
    pub(super) fn is_wrapped(&self) -> bool {
        matches!(self.way, Way::Wrapped(_))
    }

    /// Begins a transaction, which ends with its value unless it is committed.
    ///
    /// # Errors
    ///
    /// Where the database does not answer.
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        match &self.way {
            // SQLite has one writer: a transaction that turned to writing later could find another at it.
            Way::Straight => {
                let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
                let options = TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
                self.pool.begin_with_options(options).await.map(Transaction::prepared)
            }
            Way::Wrapped(begin) => Transaction::nameless(self.pool.get_postgres_connection_pool(), begin).await,
        }
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.pool.ping().await
    }

    /// How many connections are open, and how many of those are idle.
    pub(crate) fn counts(&self) -> (u32, u32) {
        let (open, idle) = match self.pool.get_database_backend() {
            DbBackend::Postgres => {
                let pool = self.pool.get_postgres_connection_pool();
                (pool.size(), pool.num_idle())
            }
            DbBackend::Sqlite => {
                let pool = self.pool.get_sqlite_connection_pool();
                (pool.size(), pool.num_idle())
            }
            _ => (0, 0),
        };
        (open, u32::try_from(idle).unwrap_or(open))
    }

    /// Closes the pool.
    pub(super) async fn close(self) -> Result<(), DbErr> {
        self.pool.close().await
    }
}

/// Begins a transaction with limits that end with it. A pooler passes on no parameters at connecting, and
/// would keep what is set for a session in sessions of others. The builder of statements has no `SET`.
fn begin(limit: Duration) -> String {
    let limit = limit.as_millis();
    format!("BEGIN; SET LOCAL statement_timeout = {limit}; SET LOCAL idle_in_transaction_session_timeout = {limit}")
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        if let Way::Straight = self.way {
            return self.pool.execute_raw(statement).await;
        }
        let transaction = self.begin().await?;
        let result = transaction.execute_raw(statement).await?;
        transaction.commit().await?;
        Ok(result)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if let Way::Straight = self.way {
            return self.pool.query_one_raw(statement).await;
        }
        let transaction = self.begin().await?;
        let row = transaction.query_one_raw(statement).await?;
        transaction.commit().await?;
        Ok(row)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if let Way::Straight = self.way {
            return self.pool.query_all_raw(statement).await;
        }
        let transaction = self.begin().await?;
        let rows = transaction.query_all_raw(statement).await?;
        transaction.commit().await?;
        Ok(rows)
    }
}
