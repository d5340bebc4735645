//! A connection that was taken from its pool, and the statements that it carries out.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    sqlx::{
        self, AssertSqlSafe, Connection as _, Database, Executor, IntoArguments, Pool, database::HasStatementCache,
        pool::PoolConnection,
    },
};
use sea_query_sqlx::SqlxValues;
use tokio::time::{Instant, timeout};

use super::{
    statement::{Naming, no_connection, query, runtime},
    trouble::is_lasting,
};

/// How long a connection may take to be given back. One that takes longer is closed. It is longer than a statement of
/// PostgreSQL may go on that nobody waits for any more (`DATABASE_TIMEOUT`, 60 s at most): the pool would open another
/// connection beside it.
const GIVEN_BACK: Duration = Duration::from_secs(70);

/// A connection, given back where the value ends.
#[derive(Debug)]
pub(super) struct Taken<DB: Database> {
    connection: PoolConnection<DB>,
    /// Whether it is to be closed instead of being given back.
    pub(super) is_over: bool,
    /// Whether it is in a transaction: then it is closed as well, and so the database takes that back.
    is_held: bool,
    /// When it was taken from the pool.
    pub(super) since: Instant,
    /// When it was last used.
    pub(super) used: Instant,
    _open: Arc<()>,
}

impl<DB: Database> Taken<DB> {
    /// One of the pool's, which is counted by `open` for as long as it is there.
    pub(super) async fn from(pool: &Pool<DB>, open: &Arc<()>) -> Result<Self, DbErr> {
        pool.acquire().await.map_err(no_connection).map(|connection| Self::of(connection, open))
    }

    /// One that lies idle there, if any, which may be dead.
    pub(super) fn idle(pool: &Pool<DB>, open: &Arc<()>) -> Option<Self> {
        pool.try_acquire().map(|connection| Self::of(connection, open))
    }

    fn of(connection: PoolConnection<DB>, open: &Arc<()>) -> Self {
        let now = Instant::now();
        Self { connection, is_over: false, is_held: false, since: now, used: now, _open: Arc::clone(open) }
    }

    /// The error. Where the connection would only give the same again, it is closed.
    fn failed(&mut self, error: sqlx::Error) -> RuntimeErr {
        self.is_over |= is_lasting(&error);
        runtime(error)
    }

    /// Asks for a sign of life.
    pub(super) async fn ping(&mut self) -> Result<(), DbErr> {
        let ping = self.connection.ping().await;
        ping.map_err(|error| DbErr::Conn(self.failed(error)))
    }
}

impl<DB> Taken<DB>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    /// Carries out `words` as they are, unprepared.
    pub(super) async fn say(&mut self, words: &str) -> Result<DB::QueryResult, DbErr> {
        let said = sqlx::raw_sql(AssertSqlSafe(words)).execute(&mut *self.connection).await;
        said.map_err(|error| DbErr::Exec(self.failed(error)))
    }

    /// Begins a transaction with the statement `words`.
    pub(super) async fn begin(&mut self, words: &str) -> Result<(), DbErr> {
        self.is_held = true;
        self.say(words).await.map(drop)
    }

    /// Ends it with the statement `words`. Where that fails, as on a full disk, nobody knows what state it left.
    pub(super) async fn end(&mut self, words: &str) -> Result<(), DbErr> {
        self.say(words).await?;
        self.is_held = false;
        Ok(())
    }
}

impl<DB> Taken<DB>
where
    DB: Database + HasStatementCache,
    SqlxValues: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    QueryResult: From<DB::Row>,
    ExecResult: From<DB::QueryResult>,
{
    pub(super) async fn execute(&mut self, statement: Statement, naming: Naming) -> Result<ExecResult, DbErr> {
        let result = query(statement, naming).execute(&mut *self.connection).await;
        result.map(ExecResult::from).map_err(|error| DbErr::Exec(self.failed(error)))
    }

    /// The first row. For statements outside of transactions; in one, all rows are read, and the first is taken.
    pub(super) async fn query_one(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let row = query(statement, Naming::Named).fetch_optional(&mut *self.connection).await;
        row.map(|row| row.map(QueryResult::from)).map_err(|error| DbErr::Query(self.failed(error)))
    }

    pub(super) async fn query_all(&mut self, statement: Statement, naming: Naming) -> Result<Vec<QueryResult>, DbErr> {
        let rows = query(statement, naming).fetch_all(&mut *self.connection).await;
        let rows = rows.map_err(|error| DbErr::Query(self.failed(error)))?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}

impl<DB: Database> Drop for Taken<DB> {
    /// Gives it back. Not as the driver does by itself, which would wait without end for a connection that fell silent
    /// just then, and the pool lose its place. To close it, the driver has a limit.
    fn drop(&mut self) {
        if self.is_over || self.is_held {
            self.connection.close_on_drop();
        } else {
            tokio::spawn(timeout(GIVEN_BACK, self.connection.return_to_pool()));
        }
    }
}
