//! The tables, as SeaORM sees them.

pub(crate) mod key;
pub(crate) mod task;
pub(crate) mod user;
