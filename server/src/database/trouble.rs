//! What a database's errors mean, where that is more than a fault.

use std::borrow::Cow;

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{
        self,
        postgres::{PgDatabaseError, PgSeverity},
    },
};

/// Whether the database is out of reach, starting, stopping or saturated, so that another try may go
/// through; all else is a fault.
pub(crate) fn is_away(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(_))
        // SQLite's BUSY, LOCKED, IOERR, FULL, CANTOPEN.
        || sqlite_code(error).is_some_and(|code| [5, 6, 10, 13, 14].contains(&code))
        || driver(error).is_some_and(is_out_of_reach)
        // PostgreSQL fails within before there is a session: on a full disk, it cannot write its own caches.
        || matches!(error, DbErr::Conn(_)) && code_of(error).is_some_and(|code| code.starts_with("XX"))
}

/// Whether another program has an embedded database locked: BUSY 5, LOCKED 6.
pub(crate) fn is_busy(error: &DbErr) -> bool {
    sqlite_code(error).is_some_and(|code| [5, 6].contains(&code))
}

/// SQLite's primary result code, where the error is one of SQLite's.
pub(crate) fn sqlite_code(error: &DbErr) -> Option<u32> {
    let error = driver(error)?.as_database_error()?;
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    // Its extended code, whose low byte is the primary one.
    error.code()?.parse::<u32>().ok().map(|code| code & 0xff)
}

/// SQLite's code for whatever a statement has against it.
const ERROR: u32 = 1;

/// Whether it is the embedded database's file that SQLite has something against.
pub(crate) fn is_of_file(error: &DbErr) -> bool {
    sqlite_code(error).is_some_and(|code| code != ERROR)
}

/// Whether there is a table or an index of that name already: `duplicate_table`, or SQLite's words, for which it has no code.
pub(crate) fn is_taken(error: &DbErr) -> bool {
    code_of(error).as_deref() == Some("42P07")
        || sqlite_code(error) == Some(ERROR) && error.to_string().ends_with(" already exists")
}

/// `lock_not_available` (PostgreSQL, appendix A).
pub(crate) const LOCKED: &str = "55P03";

/// `feature_not_supported`: that a prepared statement answers with other columns than it did, since the table was altered.
const OUTDATED: &str = "0A000";

/// `read_only_sql_transaction`: that the primary is one no more.
const DEMOTED: &str = "25006";

/// `insufficient_privilege`, which is also what a policy answers.
pub(crate) const NO_PRIVILEGE: &str = "42501";

/// Whether somebody else kept a row locked for longer than the database waits.
pub(crate) fn is_locked(error: &DbErr) -> bool {
    code_of(error).is_some_and(|code| code == LOCKED)
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

/// Whether the database itself has refused the statement, which therefore has done nothing. Not where it
/// stops or the connection breaks: that may happen after the statement was kept.
pub(crate) fn is_refusal(error: &DbErr) -> bool {
    code_of(error).is_some_and(|code| !["08", "57P"].iter().any(|class| code.starts_with(class)))
        && !ends_session(error)
}

/// Whether the connection would only give the same again, and is to be closed: what it has prepared is of no use any more,
/// or it leads to what was the primary, where another one may lead to what is.
pub(super) fn is_lasting(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| [OUTDATED, DEMOTED].contains(&&*code))
}

/// Whether the session ends with it: a pooler that has lost the database says so by whatever code it likes.
fn ends_session(error: &DbErr) -> bool {
    let error = driver(error).and_then(sqlx::Error::as_database_error);
    let severity = error.and_then(|error| error.try_downcast_ref()).map(PgDatabaseError::severity);
    matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
}

/// Whether a row lacks a value that its table requires: `not_null_violation` (PostgreSQL, appendix A), or
/// SQLite's extended code `SQLITE_CONSTRAINT_NOTNULL`.
pub(crate) fn is_missing_value(error: &DbErr) -> bool {
    code_of(error).is_some_and(|code| code == "23502" || code == "1299")
}

/// The database's own code of an error, where it is the database that says no.
pub(crate) fn code_of(error: &DbErr) -> Option<Cow<'_, str>> {
    driver(error)?.as_database_error().and_then(sqlx::error::DatabaseError::code)
}

fn is_out_of_reach(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // Connection exceptions, transaction rollbacks (deadlocks, say), insufficient resources (a full disk),
            // operator intervention, errors of the system beneath; a primary that is one no more, and a lock that
            // somebody else kept; a statement that was prepared before its table was altered (PostgreSQL, appendix A).
            error.try_downcast_ref::<PgDatabaseError>().is_some()
                && ["08", "40", "53", "57", "58", DEMOTED, LOCKED, OUTDATED].iter().any(|class| code.starts_with(class))
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
    fn who_fails_within_before_there_is_a_session_is_away() {
        assert!(is_away(&DbErr::Conn(said("XX000"))), "a full disk");
        assert!(!is_away(&DbErr::Conn(said("28P01"))), "a wrong password");
        assert!(!is_away(&DbErr::Query(said("XX000"))), "a fault");
    }
}
