//! What a database's errors mean, where that is more than a fault.

use std::borrow::Cow;

use sea_orm::{
    ConnAcquireErr, DbErr, RuntimeErr,
    sqlx::{
        self,
        postgres::{PgDatabaseError, PgSeverity},
    },
};

use super::codes::{postgres, sqlite};

/// The database does not answer a start or a command.
pub(super) fn unanswered() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

/// What is said where the database took longer than it may.
const TOO_LATE: &str = "not done within DATABASE_TIMEOUT";

/// The database took longer than it may.
pub(crate) fn too_late() -> DbErr {
    DbErr::Exec(RuntimeErr::Internal(TOO_LATE.to_owned()))
}

/// Whether it is that the database took longer than it may.
pub(crate) fn is_too_late(error: &DbErr) -> bool {
    matches!(error, DbErr::Exec(RuntimeErr::Internal(words)) if words == TOO_LATE)
}

/// A fault of ours ended the statement; what it has done is not known.
pub(crate) fn lost() -> DbErr {
    DbErr::Custom("a statement was not carried to its end".to_owned())
}

/// Whether the database is out of reach, takes too long, or lets us in no more, so that another try may go through; all
/// else is a fault.
pub(crate) fn is_away(error: &DbErr) -> bool {
    let has_no_session = matches!(error, DbErr::Conn(_)) && sqlite_code(error).is_none();
    has_no_session || is_too_late(error) || ends_session(error) || may_come(error)
}

/// Whether it is out of reach, starting, stopping or saturated, so that a start may wait for it. Not where it says who
/// may come in, which is somebody's to change.
pub(super) fn may_come(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(_))
        || is_busy(error)
        || matches!(sqlite_code(error), Some(sqlite::IOERR | sqlite::FULL | sqlite::CANTOPEN))
        || driver(error).is_some_and(is_out_of_reach)
        // PostgreSQL fails within before there is a session: on a full disk, it cannot write its own caches.
        || matches!(error, DbErr::Conn(_)) && code_of(error).is_some_and(|code| code.starts_with(postgres::INTERNAL_ERROR))
}

/// Whether another program has an embedded database locked.
pub(crate) fn is_busy(error: &DbErr) -> bool {
    matches!(sqlite_code(error), Some(sqlite::BUSY | sqlite::LOCKED))
}

/// SQLite's primary result code, where the error is one of SQLite's.
pub(crate) fn sqlite_code(error: &DbErr) -> Option<u32> {
    let error = driver(error)?.as_database_error()?;
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    // Its extended code, whose low byte is the primary one.
    error.code()?.parse::<u32>().ok().map(|code| code & 0xff)
}

/// Whether it is the embedded database's file that SQLite has something against.
pub(crate) fn is_of_file(error: &DbErr) -> bool {
    sqlite_code(error).is_some_and(|code| code != sqlite::ERROR)
}

/// Whether there is a table or an index of that name already; SQLite says so in words alone.
pub(crate) fn is_taken(error: &DbErr) -> bool {
    code_of(error).as_deref() == Some(postgres::DUPLICATE_TABLE)
        || sqlite_code(error) == Some(sqlite::ERROR) && error.to_string().ends_with(" already exists")
}

/// Whether somebody else kept a row locked for longer than the database waits.
pub(crate) fn is_locked(error: &DbErr) -> bool {
    code_of(error).as_deref() == Some(postgres::LOCK_NOT_AVAILABLE)
}

/// Whether the session takes no writes: it leads to a standby, or the operator says so.
pub(crate) fn is_read_only(error: &DbErr) -> bool {
    code_of(error).as_deref() == Some(postgres::READ_ONLY_SQL_TRANSACTION)
}

/// The error as the driver had it.
fn driver(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// Whether the database itself has refused the statement, which therefore has done nothing. Not where it stops or the
/// connection breaks: that may happen after the statement was kept.
pub(crate) fn is_refusal(error: &DbErr) -> bool {
    let endings = [postgres::CONNECTION_EXCEPTION, postgres::SHUTDOWN];
    code_of(error).is_some_and(|code| !endings.iter().any(|class| code.starts_with(class))) && !ends_session(error)
}

/// Whether the connection would only give the same again, and is to be closed: what it has prepared is of no use any
/// more, or it leads to what was the primary, where another one may lead to what is.
pub(super) fn is_lasting(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some(postgres::FEATURE_NOT_SUPPORTED | postgres::READ_ONLY_SQL_TRANSACTION))
}

/// Whether the session ends with it: a pooler that has lost the database says so by whatever code it likes.
fn ends_session(error: &DbErr) -> bool {
    let error = driver(error).and_then(sqlx::Error::as_database_error);
    let severity = error.and_then(|error| error.try_downcast_ref()).map(PgDatabaseError::severity);
    matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
}

/// Whether the connection ended under the statement, which another one may carry out; what it has done is not known.
/// Not where none was to be had, which is another's to wait for.
pub(crate) fn is_cut(error: &DbErr) -> bool {
    let is_lost = matches!(driver(error), Some(sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed));
    matches!(error, DbErr::Exec(_) | DbErr::Query(_)) && (is_lost || ends_session(error))
}

/// Whether a row lacks a value that its table requires.
pub(crate) fn is_missing_value(error: &DbErr) -> bool {
    matches!(code_of(error).as_deref(), Some(postgres::NOT_NULL_VIOLATION | sqlite::CONSTRAINT_NOTNULL))
}

/// PostgreSQL's own words, without those that the library puts around them, such as the line of PostgreSQL's source
/// that they come from. Around SQLite's it puts their code, which often says more.
pub(super) fn message_of(error: &DbErr) -> Option<&str> {
    let error = driver(error)?.as_database_error()?;
    error.try_downcast_ref().map(PgDatabaseError::message)
}

/// The constraint that the database says is violated.
pub(crate) fn constraint_of(error: &DbErr) -> Option<&str> {
    driver(error)?.as_database_error()?.constraint()
}

/// The database's own code of an error, where it is the database that says no.
pub(crate) fn code_of(error: &DbErr) -> Option<Cow<'_, str>> {
    driver(error)?.as_database_error()?.code()
}

/// How the codes of PostgreSQL begin after which another try may go through.
const PASSING: [&str; 8] = [
    postgres::CONNECTION_EXCEPTION,
    postgres::TRANSACTION_ROLLBACK,
    postgres::INSUFFICIENT_RESOURCES,
    postgres::OPERATOR_INTERVENTION,
    postgres::SYSTEM_ERROR,
    postgres::READ_ONLY_SQL_TRANSACTION,
    postgres::LOCK_NOT_AVAILABLE,
    postgres::FEATURE_NOT_SUPPORTED,
];

fn is_out_of_reach(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            error.try_downcast_ref::<PgDatabaseError>().is_some()
                && PASSING.iter().any(|beginning| code.starts_with(beginning))
        }
        _ => false,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a database says by a code.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Code(&'static str);

    impl sqlx::error::DatabaseError for Code {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> sqlx::error::ErrorKind {
            sqlx::error::ErrorKind::Other
        }
    }

    pub(crate) fn said(code: &'static str) -> RuntimeErr {
        RuntimeErr::SqlxError(std::sync::Arc::new(sqlx::Error::Database(Box::new(Code(code)))))
    }

    #[test]
    fn who_gets_no_session_may_come_again_and_is_waited_for_where_that_helps() {
        let judged = |error: DbErr| (is_away(&error), may_come(&error));
        assert_eq!(judged(DbErr::Conn(said("XX000"))), (true, true), "a full disk");
        assert_eq!(judged(DbErr::Conn(said("28P01"))), (true, false), "a wrong password");
        assert_eq!(judged(DbErr::Query(said("XX000"))), (false, false), "a fault");
    }
}
