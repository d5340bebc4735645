//! SeaORM's statements as the driver's, and the driver's errors as SeaORM's: where SeaORM has no way to ask for what is
//! needed.

use std::sync::Arc;

use sea_orm::{
    ConnAcquireErr, DbErr, RuntimeErr, Statement,
    sqlx::{self, AssertSqlSafe, Database, IntoArguments, database::HasStatementCache, query::Query},
};
use sea_query_sqlx::SqlxValues;

/// Whether statements have names, by which the session keeps them prepared; in a session that is lent, they must not.
#[derive(Debug, Clone, Copy)]
pub(super) enum Naming {
    Named,
    Nameless,
}

/// The statement, for the driver.
pub(super) fn query<DB>(statement: Statement, naming: Naming) -> Query<'static, DB, SqlxValues>
where
    DB: Database + HasStatementCache,
    SqlxValues: IntoArguments<DB>,
{
    let values = statement.values.unwrap_or_else(|| sea_orm::Values(Vec::new()));
    let query = sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values));
    query.persistent(matches!(naming, Naming::Named))
}

/// Why no connection could be had.
pub(super) fn no_connection(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        other => DbErr::Conn(runtime(other)),
    }
}

/// The driver's error, as SeaORM's errors have it within.
pub(crate) fn runtime(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(Arc::new(error))
}
