//! What PostgreSQL itself gives up, so that it works and waits for nobody who does not wait any more.

use std::time::Duration;

use sea_orm::sea_query::{FunctionCall, PostgresQueryBuilder, Query};

use super::setting;

/// Sets the limits of statements that may take `limit`: those of the session, or of its transaction alone.
pub(super) fn set(limit: Duration, is_of_transaction: bool) -> String {
    let set = |name| setting::set(name, &limit.as_millis().to_string(), is_of_transaction);
    Query::select()
        .expr(set("statement_timeout"))
        .expr(set("idle_in_transaction_session_timeout"))
        .expr(set_of_waits(limit, is_of_transaction))
        .to_string(PostgresQueryBuilder)
}

/// Sets how long they wait for a lock that somebody else keeps: a third of `limit`. A statement in company may wait once
/// together and once apart, and a third is left for those who queue for its connection.
pub(crate) fn set_of_waits(limit: Duration, is_of_transaction: bool) -> FunctionCall {
    setting::set("lock_timeout", &(limit / 3).as_millis().to_string(), is_of_transaction)
}
