//! The settings of a session of PostgreSQL.

use sea_orm::sea_query::{Func, FunctionCall};

/// Sets `name` to `value`: for the session, or for its transaction alone.
pub(super) fn set(name: &str, value: &str, is_of_transaction: bool) -> FunctionCall {
    Func::cust("set_config").arg(name).arg(value).arg(is_of_transaction)
}
