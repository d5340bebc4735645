//! What PostgreSQL itself gives up, so that it works and waits for nobody who does not wait any more.

use std::time::Duration;

use sea_orm::sea_query::{FunctionCall, PostgresQueryBuilder, Query};

use super::setting::{self, Scope};

/// Sets the limits of statements that may take `limit`.
pub(super) fn set(limit: Duration, scope: Scope) -> String {
    let set = |name| setting::set(name, &limit.as_millis().to_string(), scope);
    Query::select()
        .expr(set("statement_timeout"))
        .expr(set("idle_in_transaction_session_timeout"))
        .expr(set_lock_timeout(limit, scope))
        .to_string(PostgresQueryBuilder)
}

/// Sets how long they may wait for a lock that somebody else keeps: a third of `limit`. A statement in company may wait once
/// together and once apart, and a third is left for those who queue for its connection.
pub(crate) fn set_lock_timeout(limit: Duration, scope: Scope) -> FunctionCall {
    setting::set("lock_timeout", &(limit / 3).as_millis().to_string(), scope)
}
