//! How PostgreSQL carries out statements: what it gives up by itself, so that it works and waits for nobody who does
//! not wait any more, and what it shows.

use std::time::Duration;

use sea_orm::sea_query::{Func, FunctionCall, PostgresQueryBuilder, Query};

use super::{
    setting::{self, Scope},
    standbys::IS_STANDBY,
};

/// What a statement sees: all that was committed before it, or before the lock that it waited for was free. Whatever
/// else is a database's default would refuse those who wait for one another, and two toggles at the same time are two.
pub(super) const ISOLATION: &str = "READ COMMITTED";

/// Sets the timeouts of statements that may take `limit`. For a session also the isolation level (a transaction has it
/// in its `BEGIN`), and answers in [`IS_STANDBY`] whether it leads to a standby.
pub(super) fn set(limit: Duration, scope: Scope) -> String {
    let set = |name| setting::set(name, &limit.as_millis().to_string(), scope);
    let mut all = Query::select();
    all.expr(set("statement_timeout"))
        .expr(set("idle_in_transaction_session_timeout"))
        .expr(set_lock_timeout(limit, scope));
    if scope == Scope::Session {
        all.expr(setting::set("default_transaction_isolation", ISOLATION, scope));
        all.expr_as(Func::cust("pg_is_in_recovery"), IS_STANDBY);
    }
    all.to_string(PostgresQueryBuilder)
}

/// Sets how long they may wait for a lock that somebody else keeps: a third of `limit`. A statement in company may wait
/// once together and once apart, and a third is left for those who queue for its connection.
pub(crate) fn set_lock_timeout(limit: Duration, scope: Scope) -> FunctionCall {
    setting::set("lock_timeout", &(limit / 3).as_millis().to_string(), scope)
}
