//! The settings of a session of PostgreSQL.

use sea_orm::sea_query::{Func, FunctionCall};

/// For how long a setting counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Session,
    Transaction,
}

/// Sets `name` to `value`.
pub(super) fn set(name: &str, value: &str, scope: Scope) -> FunctionCall {
    Func::cust("set_config").arg(name).arg(value).arg(scope == Scope::Transaction)
}
