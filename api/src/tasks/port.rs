//! What is asked of the store.

use super::{Expected, ListQuery, NewTask, Task, TaskPatch, Unmatched, WrittenTask};
use crate::{
    Creation, IdempotencyKey, InvalidCursor, NoSuchTask, NotCreated, Outcome, Page, PageVersion, Unidentified, UserId,
};

/// The port behind the operations on tasks. Its keeper shows and touches `owner`'s tasks alone, writes all of an
/// operation or nothing, and answers a write only once it is kept.
pub trait Tasks: Send + Sync + 'static {
    /// One page of the tasks of `owner`. Refuses a cursor that it has not sealed for this owner and query.
    fn list(
        &self,
        owner: &UserId,
        query: &ListQuery,
    ) -> impl Future<Output = Outcome<Page<Task>, InvalidCursor>> + Send;

    /// The version of that page alone, which costs less than the page, except for a search.
    fn version(
        &self,
        owner: &UserId,
        query: &ListQuery,
    ) -> impl Future<Output = Outcome<PageVersion, InvalidCursor>> + Send;

    /// Creates a task. Refuses an owner whom the system that keeps the users does not know.
    fn create(&self, owner: &UserId, task: NewTask) -> impl Future<Output = Outcome<Task, Unidentified>> + Send;

    /// Creates a task as [`Tasks::create`] does, but only once under one key of an owner: for 24 hours, whoever
    /// asks for the same again gets the first answer again.
    fn create_once(
        &self,
        owner: &UserId,
        key: &IdempotencyKey,
        task: NewTask,
    ) -> impl Future<Output = Outcome<Creation, NotCreated>> + Send;

    /// Sets `completed` of all tasks, and says how many were otherwise; the others are not touched.
    fn complete_all(&self, owner: &UserId, completed: bool) -> impl Future<Output = Outcome<u64>> + Send;

    /// Deletes all tasks that are completed, for good, and says how many.
    fn delete_completed(&self, owner: &UserId) -> impl Future<Output = Outcome<u64>> + Send;

    /// One task.
    fn get(&self, owner: &UserId, id: i64) -> impl Future<Output = Outcome<WrittenTask, NoSuchTask>> + Send;

    /// Changes what `patch` names, and `updated_at`; nothing at all where it names nothing.
    fn update(
        &self,
        owner: &UserId,
        id: i64,
        patch: TaskPatch,
        expected: Expected,
    ) -> impl Future<Output = Outcome<Task, Unmatched>> + Send;

    /// Flips `completed`; of two at the same time both take effect.
    fn toggle(
        &self,
        owner: &UserId,
        id: i64,
        expected: Expected,
    ) -> impl Future<Output = Outcome<Task, Unmatched>> + Send;

    /// Deletes a task for good.
    fn delete(
        &self,
        owner: &UserId,
        id: i64,
        expected: Expected,
    ) -> impl Future<Output = Outcome<(), Unmatched>> + Send;
}
