//! The tables, as SeaORM sees them.

pub(crate) mod idempotency_key;
pub(crate) mod key;
pub(crate) mod task;
pub(crate) mod user;
