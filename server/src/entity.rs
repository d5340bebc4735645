//! The tables, as SeaORM sees them.

pub(crate) mod task;
pub(crate) mod user;
