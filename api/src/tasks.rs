//! Tasks: what they look like, what may be answered, what is asked of the store, and the operations.

mod id;
mod schema;

use std::future::Future;

use poem_openapi::{ApiResponse, OpenApi, Tags};

pub(crate) use self::id::TaskId;
pub use self::schema::{Description, NewTask, Nullable, Owner, Task, TaskPatch, Title};
use crate::{Caller, NoSuchTask, Outcome, Unidentified, UserId, json::Json, problem::problems};

#[derive(Tags)]
enum Tag {
    /// The caller's tasks. Nobody sees another's.
    Tasks,
}

#[derive(ApiResponse)]
enum ListTasks {
    /// The caller's tasks, oldest first.
    #[oai(status = 200)]
    Found(Json<Vec<Task>>),
}

#[derive(ApiResponse)]
enum CreateTask {
    /// The task was created, and is kept.
    #[oai(status = 201)]
    Created(
        Json<Task>,
        /// Where the task is, relative to this service.
        #[oai(header = "Location")]
        String,
    ),
}

#[derive(ApiResponse)]
enum GetTask {
    /// The task.
    #[oai(status = 200)]
    Found(Json<Task>),
}

#[derive(ApiResponse)]
enum UpdateTask {
    /// The task after the change.
    #[oai(status = 200)]
    Updated(Json<Task>),
}

#[derive(ApiResponse)]
enum ToggleTaskCompletion {
    /// The task after the change.
    #[oai(status = 200)]
    Toggled(Json<Task>),
}

#[derive(ApiResponse)]
enum DeleteTask {
    /// The task is gone for good.
    #[oai(status = 204)]
    Deleted,
}

problems! {
    /// Why `listTasks` has no list.
    ListTasksError: Unidentified; or broken
}

problems! {
    /// Why `createTask` created nothing.
    CreateTaskError:
        Unidentified, RequestTimeout, ContentTooLarge, UnsupportedMediaType, Unprocessable; or broken
}

problems! {
    /// Why `getTask` has no task.
    GetTaskError: Unidentified, NoSuchTask, Unprocessable; or broken
}

problems! {
    /// Why `updateTask` changed nothing.
    UpdateTaskError:
        Unidentified, NoSuchTask, RequestTimeout, ContentTooLarge, UnsupportedMediaType, Unprocessable; or broken
}

problems! {
    /// Why `toggleTaskCompletion` changed nothing.
    ToggleTaskCompletionError: Unidentified, NoSuchTask, Unprocessable; or broken
}

problems! {
    /// Why `deleteTask` deleted nothing.
    DeleteTaskError: Unidentified, NoSuchTask, Unprocessable; or broken
}

/// The port behind the operations on tasks. Its keeper shows and touches `owner`'s tasks alone, writes
/// with one statement an operation, and answers a write only once it is kept.
pub trait Tasks: Send + Sync + 'static {
    /// All tasks of `owner`, `id` ascending.
    fn list(&self, owner: &UserId) -> impl Future<Output = Outcome<Vec<Task>>> + Send;

    /// Creates a task. Refuses an owner whom the system that keeps the users does not know.
    fn create(&self, owner: &UserId, task: NewTask) -> impl Future<Output = Outcome<Task, Unidentified>> + Send;

    /// One task.
    fn get(&self, owner: &UserId, id: i64) -> impl Future<Output = Outcome<Task, NoSuchTask>> + Send;

    /// Changes what `patch` names, and `updated_at`; nothing at all where it names nothing.
    fn update(
        &self,
        owner: &UserId,
        id: i64,
        patch: TaskPatch,
    ) -> impl Future<Output = Outcome<Task, NoSuchTask>> + Send;

    /// Flips `completed`; of two at the same time both take effect.
    fn toggle(&self, owner: &UserId, id: i64) -> impl Future<Output = Outcome<Task, NoSuchTask>> + Send;

    /// Deletes a task for good.
    fn delete(&self, owner: &UserId, id: i64) -> impl Future<Output = Outcome<(), NoSuchTask>> + Send;
}

/// The operations on tasks, over the keeper `S` of [`Tasks`].
pub struct TasksApi<S>(S);

impl<S> TasksApi<S> {
    pub(crate) fn new(store: S) -> Self {
        Self(store)
    }
}

#[OpenApi(prefix_path = "/api", tag = "Tag::Tasks")]
impl<S: Tasks> TasksApi<S> {
    /// List your tasks
    ///
    /// All of the caller's tasks, oldest first (`id` ascending).
    #[oai(path = "/tasks", method = "get", operation_id = "listTasks")]
    async fn list_tasks(&self, caller: Caller) -> Result<ListTasks, ListTasksError> {
        let tasks = self.0.list(caller.user()).await?;
        Ok(ListTasks::Found(Json(tasks)))
    }

    /// Create a task
    ///
    /// The answer is the task as it is kept, with its `id`; `Location` says where it is. Sent twice,
    /// two tasks are created.
    #[oai(path = "/tasks", method = "post", operation_id = "createTask")]
    async fn create_task(
        &self,
        caller: Caller,
        /// The task to create.
        task: Json<NewTask>,
    ) -> Result<CreateTask, CreateTaskError> {
        let task = self.0.create(caller.user(), task.0).await?;
        let location = format!("/api/tasks/{}", task.id);
        Ok(CreateTask::Created(Json(task), location))
    }

    /// Get a task
    ///
    /// Another user's task is answered as if it did not exist.
    #[oai(path = "/tasks/:id", method = "get", operation_id = "getTask")]
    async fn get_task(
        &self,
        caller: Caller,
        /// The id of one of your tasks.
        id: TaskId,
    ) -> Result<GetTask, GetTaskError> {
        let task = self.0.get(caller.user(), id.0).await?;
        Ok(GetTask::Found(Json(task)))
    }

    /// Update a task
    ///
    /// Only the fields that the body has are changed. `{}` changes nothing, `updated_at` included, and
    /// answers the task as it is. To complete a task in a way that may be tried again, set `completed` here.
    #[oai(path = "/tasks/:id", method = "put", operation_id = "updateTask")]
    async fn update_task(
        &self,
        caller: Caller,
        /// What to change.
        patch: Json<TaskPatch>,
        /// The id of one of your tasks.
        id: TaskId,
    ) -> Result<UpdateTask, UpdateTaskError> {
        let task = self.0.update(caller.user(), id.0, patch.0).await?;
        Ok(UpdateTask::Updated(Json(task)))
    }

    /// Flip whether a task is done
    ///
    /// Every call flips `completed` once: sent twice, it is as it was. Where an answer may get lost, set
    /// `completed` with `updateTask` instead.
    #[oai(path = "/tasks/:id/complete", method = "patch", operation_id = "toggleTaskCompletion")]
    async fn toggle_task_completion(
        &self,
        caller: Caller,
        /// The id of one of your tasks.
        id: TaskId,
    ) -> Result<ToggleTaskCompletion, ToggleTaskCompletionError> {
        let task = self.0.toggle(caller.user(), id.0).await?;
        Ok(ToggleTaskCompletion::Toggled(Json(task)))
    }

    /// Delete a task
    ///
    /// It is gone for good: a second delete finds no such task, and its id is never used again.
    #[oai(path = "/tasks/:id", method = "delete", operation_id = "deleteTask")]
    async fn delete_task(
        &self,
        caller: Caller,
        /// The id of one of your tasks.
        id: TaskId,
    ) -> Result<DeleteTask, DeleteTaskError> {
        self.0.delete(caller.user(), id.0).await?;
        Ok(DeleteTask::Deleted)
    }
}
