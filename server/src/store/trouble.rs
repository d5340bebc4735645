//! What a database's errors mean, where that is more than a fault.

use std::borrow::Cow;

use sea_orm::{DbErr, RuntimeErr, sqlx};

/// Whether the database is out of reach, starting, stopping or saturated, so that another try may go
/// through; all else is a fault.
pub(crate) fn is_away(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) => true,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => is_out_of_reach(error),
        _ => false,
    }
}

/// Whether the database itself has refused the statement, which therefore has done nothing. Not where it
/// stops or the connection breaks: that may happen after the statement was kept.
pub(crate) fn is_refusal(error: &DbErr) -> bool {
    code_of(error).is_some_and(|code| !["08", "57P"].iter().any(|class| code.starts_with(class)))
}

/// Whether a row lacks a value that its table requires: `not_null_violation` (PostgreSQL, appendix A), or
/// SQLite's extended code `SQLITE_CONSTRAINT_NOTNULL`.
pub(crate) fn is_missing_value(error: &DbErr) -> bool {
    code_of(error).is_some_and(|code| code == "23502" || code == "1299")
}

/// The database's own code of an error, where it is the database that says no to a statement.
pub(crate) fn code_of(error: &DbErr) -> Option<Cow<'_, str>> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else {
        return None;
    };
    error.as_database_error().and_then(sqlx::error::DatabaseError::code)
}

fn is_out_of_reach(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
                // Connection exceptions, transaction rollbacks (deadlocks, say), insufficient resources, operator
                // intervention (PostgreSQL, appendix A).
                ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class))
            } else {
                is_busy_or_full(&code)
            }
        }
        _ => false,
    }
}

/// SQLite's extended code, whose low byte is the primary one: BUSY 5, LOCKED 6, IOERR 10, FULL 13, CANTOPEN 14.
fn is_busy_or_full(code: &str) -> bool {
    code.parse::<u32>().is_ok_and(|code| [5, 6, 10, 13, 14].contains(&(code & 0xff)))
}
