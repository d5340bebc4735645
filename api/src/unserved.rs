//! The ports as nobody keeps them.

use crate::{
    Creation, Expected, IdempotencyKey, InvalidCursor, ListQuery, NewTask, NoSuchTask, NotCreated, Outcome, Page,
    PageVersion, Readiness, Task, TaskPatch, Tasks, Unavailable, Unidentified, Unmatched, UserId, WrittenTask,
};

/// The keeper of all ports that nobody can have: enough for the types, and so for the document.
pub(crate) enum Unserved {}

impl Tasks for Unserved {
    async fn list(&self, _: &UserId, _: &ListQuery) -> Outcome<Page<Task>, InvalidCursor> {
        match *self {}
    }

    async fn version(&self, _: &UserId, _: &ListQuery) -> Outcome<PageVersion, InvalidCursor> {
        match *self {}
    }

    async fn create(&self, _: &UserId, _: NewTask) -> Outcome<Task, Unidentified> {
        match *self {}
    }

    async fn create_once(&self, _: &UserId, _: &IdempotencyKey, _: NewTask) -> Outcome<Creation, NotCreated> {
        match *self {}
    }

    async fn complete_all(&self, _: &UserId, _: bool) -> Outcome<u64> {
        match *self {}
    }

    async fn delete_completed(&self, _: &UserId) -> Outcome<u64> {
        match *self {}
    }

    async fn get(&self, _: &UserId, _: i64) -> Outcome<WrittenTask, NoSuchTask> {
        match *self {}
    }

    async fn update(&self, _: &UserId, _: i64, _: TaskPatch, _: Expected) -> Outcome<Task, Unmatched> {
        match *self {}
    }

    async fn toggle(&self, _: &UserId, _: i64, _: Expected) -> Outcome<Task, Unmatched> {
        match *self {}
    }

    async fn delete(&self, _: &UserId, _: i64, _: Expected) -> Outcome<(), Unmatched> {
        match *self {}
    }
}

impl Readiness for Unserved {
    async fn ready(&self) -> Result<(), Unavailable> {
        match *self {}
    }
}
