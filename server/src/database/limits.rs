//! What PostgreSQL itself gives up, so that it works and waits for nobody who does not wait any more.

use std::time::Duration;

use sea_orm::sea_query::{Func, PostgresQueryBuilder, Query};

/// Sets the limits of statements that may take `limit`: those of the session, or of its transaction alone. For a lock that
/// somebody else keeps only a third of it is waited: then there is time left for those who go in company with who waits for
/// it, and are asked again apart, where that one waits once more and they may have to wait for its connection.
pub(super) fn set(limit: Duration, is_of_transaction: bool) -> String {
    let set = |name: &str, limit: Duration| {
        Func::cust("set_config").arg(name).arg(limit.as_millis().to_string()).arg(is_of_transaction)
    };
    Query::select()
        .expr(set("statement_timeout", limit))
        .expr(set("idle_in_transaction_session_timeout", limit))
        .expr(set("lock_timeout", limit / 3))
        .to_string(PostgresQueryBuilder)
}
