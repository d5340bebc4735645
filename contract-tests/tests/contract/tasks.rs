//! `/api/tasks` and below.

mod company;
mod concurrency;
mod conditions;
mod create;
mod delete;
mod disregarded;
mod get;
mod list;
mod many;
mod once;
mod order;
mod pages;
mod plans;
mod revalidation;
mod search;
mod text;
mod toggle;
mod update;
mod walks;
