//! Tasks: what they look like, what may be answered, what is asked of the store, and the operations.

mod answer;
mod id;
mod location;
pub(crate) mod parameters;
mod port;
mod query;
mod schema;
mod version;
mod written;

use poem_openapi::{OpenApi, Tags};

use self::{
    answer::{
        CompleteAllTasks, CompleteAllTasksError, CreateTask, CreateTaskError, DeleteCompletedTasks,
        DeleteCompletedTasksError, DeleteTask, DeleteTaskError, GetTask, GetTaskError, ListTasks, ListTasksError,
        ToggleTaskCompletion, ToggleTaskCompletionError, UpdateTask, UpdateTaskError,
    },
    location::Location,
    parameters::{OwnConditions, Unfiltered},
};
pub(crate) use self::{
    id::TaskId,
    query::{Completed, OnlyCompleted, Search},
    schema::{Completion, DeletedTasks, UpdatedTasks},
};
pub use self::{
    port::Tasks,
    query::{ListQuery, Sort, SortKey},
    schema::{Description, NewTask, Nullable, Task, TaskPatch, Title},
    version::{Expected, Unmatched},
    written::WrittenTask,
};
use crate::{
    Caller, Creation, Cursor, IdempotencyKey, Limit,
    json::Json,
    link::NextPage,
    parameter::Param,
    precondition::{IfMatch, IfNoneMatch},
};

#[derive(Tags)]
enum Tag {
    /// Your tasks. Nobody sees another's.
    Tasks,
}

/// The operations on tasks, over the keeper `S` of [`Tasks`].
pub(crate) struct TasksApi<S>(S);

impl<S> TasksApi<S> {
    pub(crate) fn new(store: S) -> Self {
        Self(store)
    }
}

#[OpenApi(prefix_path = "/api", tag = "Tag::Tasks")]
impl<S: Tasks> TasksApi<S> {
    /// List your tasks
    ///
    /// Your tasks, oldest first (`id` ascending) unless `sort` says otherwise. Up to 1000 come in one answer; where
    /// there are more than `limit`, `Link` leads to the next page. A task that does not change while you page is seen
    /// exactly once, whatever happens to others.
    ///
    /// With `If-None-Match` an unchanged page is answered by 304 without a body. That is cheaper than the page, except
    /// where `q` has to look through your tasks either way.
    #[oai(path = "/tasks", method = "get", operation_id = "listTasks")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the document")]
    async fn list_tasks(
        &self,
        caller: Caller,
        _conditions: OwnConditions,
        /// How many tasks a page has at most, such as 50; 1000 by default. It may change from page to page.
        Param(limit): Param<Limit>,
        /// Where the page begins, from the `Link` of the page before. It is valid only for you, and for the
        /// `completed`, `q` and `sort` that it was made for.
        Param(cursor): Param<Option<Cursor>>,
        /// Only tasks that are done (`true`), or only those that are not (`false`); all, unless given.
        Param(completed): Param<Completed>,
        /// Only tasks that have this text in their title or description. Case does not count (Unicode's simple case
        /// folding: `É` finds `é`, `ß` does not find `ss`); everything else does, and no character is a wildcard.
        /// Empty, it filters nothing. It may have to look at all of your tasks, one by one, and takes longer the more
        /// there are.
        Param(q): Param<Search>,
        /// The order: a leading `-` reverses it; `id` ascending by default. Tasks that are equal in it are in the order
        /// of their ids, in the same direction. Titles are compared code point by code point: capitals before small
        /// letters, accented letters after `z`.
        Param(sort): Param<Sort>,
        /// Versions of the page that you have, from `ETag`; or `*`.
        #[oai(name = "If-None-Match")]
        Param(if_none_match): Param<IfNoneMatch>,
    ) -> Result<ListTasks, ListTasksError> {
        let query = ListQuery { limit, cursor, completed: completed.0, search: q.0, sort };
        if if_none_match.is_given() {
            let etag = self.0.version(caller.user(), &query).await?.into();
            if if_none_match.names(&etag) {
                return Ok(ListTasks::NotModified(etag));
            }
        }
        let page = self.0.list(caller.user(), &query).await?;
        let next = page.next.map(|cursor| NextPage::to(&query.next_page(&cursor)));
        Ok(ListTasks::Found(page.items, page.version.into(), next))
    }

    /// Create a task
    ///
    /// The answer is the task as it is kept, with its `id`; `Location` says where it is. A request that is sent twice
    /// creates two tasks, unless both bear the same `Idempotency-Key`: then the second gets the first answer again,
    /// with `Idempotency-Replayed: true`. So a request whose answer was lost may be sent again. The same key with
    /// another task is refused (422), and so is any request with it while the first is still running (409).
    #[oai(path = "/tasks", method = "post", operation_id = "createTask")]
    async fn create_task(
        &self,
        caller: Caller,
        /// The task to create.
        Json(task): Json<NewTask>,
        _conditions: OwnConditions,
        /// A name for this creation, of your making and the same at every try: 1 to 255 visible ASCII characters, in
        /// quotes or without; a UUID, say. It counts for you alone, and for 24 hours.
        #[oai(name = "Idempotency-Key")]
        Param(key): Param<Option<IdempotencyKey>>,
    ) -> Result<CreateTask, CreateTaskError> {
        let Creation { task, is_replayed } = match &key {
            Some(key) => self.0.create_once(caller.user(), key, task).await?,
            None => Creation::new(self.0.create(caller.user(), task).await?),
        };
        let (location, etag) = (Location::of(task.id), task.etag());
        Ok(CreateTask::Created(Json(task), location, etag, is_replayed.then_some(true)))
    }

    /// Set whether all tasks are done
    ///
    /// Sets `completed` of all of your tasks. `updated` counts those that were otherwise; the others stay as they are,
    /// `updated_at` included. Safe to send again. The list's parameters are refused: they would narrow nothing.
    #[oai(path = "/tasks", method = "patch", operation_id = "completeAllTasks")]
    async fn complete_all_tasks(
        &self,
        caller: Caller,
        /// How all tasks shall be.
        Json(completion): Json<Completion>,
        _conditions: OwnConditions,
        _unfiltered: Unfiltered,
        /// Only `*` can hold: no version names all tasks.
        #[oai(name = "If-Match")]
        Param(if_match): Param<IfMatch>,
    ) -> Result<CompleteAllTasks, CompleteAllTasksError> {
        if_match.on_all()?;
        let updated = self.0.complete_all(caller.user(), completion.completed).await?;
        Ok(CompleteAllTasks::Updated(Json(updated.into())))
    }

    /// Delete the completed tasks
    ///
    /// Deletes all of your tasks that are done, for good, and says how many. Open tasks are never deleted together:
    /// without `completed=true` nothing happens. The list's other parameters are refused: they would narrow nothing.
    #[oai(path = "/tasks", method = "delete", operation_id = "deleteCompletedTasks")]
    async fn delete_completed_tasks(
        &self,
        caller: Caller,
        _conditions: OwnConditions,
        /// Has to be `true`.
        #[oai(name = "completed")]
        _completed: Param<OnlyCompleted>,
        _unfiltered: Unfiltered,
        /// Only `*` can hold: no version names all tasks.
        #[oai(name = "If-Match")]
        Param(if_match): Param<IfMatch>,
    ) -> Result<DeleteCompletedTasks, DeleteCompletedTasksError> {
        if_match.on_all()?;
        let deleted = self.0.delete_completed(caller.user()).await?;
        Ok(DeleteCompletedTasks::Deleted(Json(deleted.into())))
    }

    /// Get a task
    ///
    /// Another user's task is answered as if it did not exist.
    #[oai(path = "/tasks/:id", method = "get", operation_id = "getTask")]
    async fn get_task(
        &self,
        caller: Caller,
        _conditions: OwnConditions,
        /// The id of one of your tasks.
        Param(id): Param<TaskId>,
        /// Versions of the task that you have, from `ETag`; or `*`.
        #[oai(name = "If-None-Match")]
        Param(if_none_match): Param<IfNoneMatch>,
    ) -> Result<GetTask, GetTaskError> {
        let task = self.0.get(caller.user(), id.0).await?;
        let etag = task.etag();
        if if_none_match.names(&etag) {
            return Ok(GetTask::NotModified(etag));
        }
        Ok(GetTask::Found(task.json, etag))
    }

    /// Update a task
    ///
    /// Only the fields that the body has are changed. `{}` changes nothing, `updated_at` included, and answers the task
    /// as it is. To complete a task in a way that may be tried again, set `completed` here.
    ///
    /// With `If-Match` nobody's change is overwritten unseen: where the task has changed since, 412.
    #[oai(path = "/tasks/:id", method = "put", operation_id = "updateTask")]
    async fn update_task(
        &self,
        caller: Caller,
        /// What to change.
        Json(patch): Json<TaskPatch>,
        _conditions: OwnConditions,
        /// The id of one of your tasks.
        Param(id): Param<TaskId>,
        /// The versions that the change is meant for, from `ETag`, strongly compared; or `*`.
        #[oai(name = "If-Match")]
        Param(if_match): Param<IfMatch>,
    ) -> Result<UpdateTask, UpdateTaskError> {
        let id = id.0;
        let task = self.0.update(caller.user(), id, patch, if_match.expected(id)).await?;
        let etag = task.etag();
        Ok(UpdateTask::Updated(Json(task), etag))
    }

    /// Flip whether a task is done
    ///
    /// Every call flips `completed` once: two calls leave it as it was. Where an answer may get lost, set `completed`
    /// with `updateTask` instead, or send `If-Match`. It takes no body: one that is sent is not looked at.
    #[oai(path = "/tasks/:id/complete", method = "patch", operation_id = "toggleTaskCompletion")]
    async fn toggle_task_completion(
        &self,
        caller: Caller,
        _conditions: OwnConditions,
        /// The id of one of your tasks.
        Param(id): Param<TaskId>,
        /// The versions that the change is meant for, from `ETag`, strongly compared; or `*`.
        #[oai(name = "If-Match")]
        Param(if_match): Param<IfMatch>,
    ) -> Result<ToggleTaskCompletion, ToggleTaskCompletionError> {
        let id = id.0;
        let task = self.0.toggle(caller.user(), id, if_match.expected(id)).await?;
        let etag = task.etag();
        Ok(ToggleTaskCompletion::Toggled(Json(task), etag))
    }

    /// Delete a task
    ///
    /// It is gone for good: a second delete finds no such task, and its id is never used again.
    #[oai(path = "/tasks/:id", method = "delete", operation_id = "deleteTask")]
    async fn delete_task(
        &self,
        caller: Caller,
        _conditions: OwnConditions,
        /// The id of one of your tasks.
        Param(id): Param<TaskId>,
        /// The versions that the deletion is meant for, from `ETag`, strongly compared; or `*`.
        #[oai(name = "If-Match")]
        Param(if_match): Param<IfMatch>,
    ) -> Result<DeleteTask, DeleteTaskError> {
        let id = id.0;
        self.0.delete(caller.user(), id, if_match.expected(id)).await?;
        Ok(DeleteTask::Deleted)
    }
}
