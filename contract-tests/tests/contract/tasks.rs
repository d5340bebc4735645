//! `/api/tasks` and below.

mod concurrency;
mod create;
mod delete;
mod get;
mod list;
mod text;
mod toggle;
mod update;
