//! What PostgreSQL itself gives up, so that it works and waits for nobody who does not wait any more.

use std::time::Duration;

/// Sets the limits of statements that may take `limit`, by `SET` or `SET LOCAL`, for which the builder of statements has no
/// words. For a lock that somebody else keeps only half of it is waited: then there is time left for those who go in
/// company with who waits for it, and are asked again apart.
pub(super) fn set(scope: &str, limit: Duration) -> String {
    let limits =
        [("statement_timeout", limit), ("idle_in_transaction_session_timeout", limit), ("lock_timeout", limit / 2)];
    limits.map(|(name, limit)| format!("{scope} {name} = {}", limit.as_millis())).join("; ")
}
