//! What the operations on tasks answer.

use poem_openapi::ApiResponse;

use super::{DeletedTasks, OnlyCompleted, Task, TaskId, Unmatched, UpdatedTasks, location::Location};
use crate::{
    Cursor, Fault, IdempotencyKey, InvalidCursor, Limit, NoSuchTask, NotCreated, PreconditionFailed, StillRunning,
    Unprocessable, Written,
    json::Json,
    link::NextPage,
    parameter::{Parameter as _, refusal},
    precondition::ETag,
    problem::problems,
};

#[derive(ApiResponse)]
pub(super) enum ListTasks {
    /// A page of your tasks: all of them, where there is no `Link`.
    #[oai(status = 200)]
    Found(
        Written<Vec<Task>>,
        /// The version of this page: it changes whenever the page does.
        #[oai(header = "ETag")]
        ETag,
        /// The next page, where there is one (RFC 8288): `<…>; rel="next"`, relative to this service.
        #[oai(header = "Link")]
        Option<NextPage>,
    ),
    /// The page is still of a version that `If-None-Match` names.
    #[oai(status = 304)]
    NotModified(
        /// The version of the page.
        #[oai(header = "ETag")]
        ETag,
    ),
}

#[derive(ApiResponse)]
pub(super) enum CreateTask {
    /// The task was created, and is kept.
    #[oai(status = 201)]
    Created(
        Json<Task>,
        /// Where the task is, relative to this service: `/api/tasks/{id}`.
        #[oai(header = "Location")]
        Location,
        /// The version of the task.
        #[oai(header = "ETag")]
        ETag,
        /// `true` where an earlier request with the same `Idempotency-Key` created it, whose answer this is.
        #[oai(header = "Idempotency-Replayed")]
        Option<bool>,
    ),
}

#[derive(ApiResponse)]
pub(super) enum CompleteAllTasks {
    /// All of your tasks are as you asked.
    #[oai(status = 200)]
    Updated(Json<UpdatedTasks>),
}

#[derive(ApiResponse)]
pub(super) enum DeleteCompletedTasks {
    /// The completed tasks are gone for good.
    #[oai(status = 200)]
    Deleted(Json<DeletedTasks>),
}

#[derive(ApiResponse)]
pub(super) enum GetTask {
    /// The task.
    #[oai(status = 200)]
    Found(
        Written<Task>,
        /// The version of the task: it changes whenever the task does.
        #[oai(header = "ETag")]
        ETag,
    ),
    /// The task is still of a version that `If-None-Match` names.
    #[oai(status = 304)]
    NotModified(
        /// The version of the task.
        #[oai(header = "ETag")]
        ETag,
    ),
}

#[derive(ApiResponse)]
pub(super) enum UpdateTask {
    /// The task after the change.
    #[oai(status = 200)]
    Updated(
        Json<Task>,
        /// The version of the task.
        #[oai(header = "ETag")]
        ETag,
    ),
}

#[derive(ApiResponse)]
pub(super) enum ToggleTaskCompletion {
    /// The task after the change.
    #[oai(status = 200)]
    Toggled(
        Json<Task>,
        /// The version of the task.
        #[oai(header = "ETag")]
        ETag,
    ),
}

#[derive(ApiResponse)]
pub(super) enum DeleteTask {
    /// The task is gone for good.
    #[oai(status = 204)]
    Deleted,
}

problems! {
    /// Why `listTasks` has no list.
    ListTasksError: Unidentified, Unprocessable = refusal::<Limit>("0"); or broken while reading
}

impl From<InvalidCursor> for ListTasksError {
    fn from(_: InvalidCursor) -> Self {
        Unprocessable(vec![Fault::in_parameter(<Option<Cursor>>::NAME, InvalidCursor::DETAIL)]).into()
    }
}

problems! {
    /// Why `createTask` created nothing.
    CreateTaskError:
        Unidentified as "No token, or one that does not verify: this is checked before parameters and body. Or the token \
            is good, but its user does not exist (any more): this is checked last.",
        RequestTimeout, StillRunning, ContentTooLarge, UnsupportedMediaType, Unprocessable; or broken
}

impl From<NotCreated> for CreateTaskError {
    fn from(refusal: NotCreated) -> Self {
        match refusal {
            NotCreated::Unidentified(unidentified) => unidentified.into(),
            NotCreated::AnotherBody => {
                let detail = "was used with another body; send a new key for a new task";
                Unprocessable(vec![Fault::in_parameter(<Option<IdempotencyKey>>::NAME, detail)]).into()
            }
            NotCreated::StillRunning => StillRunning.into(),
        }
    }
}

problems! {
    /// Why `completeAllTasks` changed nothing.
    CompleteAllTasksError:
        Unidentified, RequestTimeout,
        PreconditionFailed as "`If-Match` names a version, and all tasks together have none. Nothing was changed."
            = PreconditionFailed::OfMany,
        ContentTooLarge, UnsupportedMediaType,
        Unprocessable = Unprocessable(vec![Fault::in_body("/completed", "is required")]);
        or broken
}

problems! {
    /// Why `deleteCompletedTasks` deleted nothing.
    DeleteCompletedTasksError:
        Unidentified,
        PreconditionFailed as "`If-Match` names a version, and all tasks together have none. Nothing was deleted."
            = PreconditionFailed::OfMany,
        Unprocessable = refusal::<OnlyCompleted>("false");
        or broken
}

problems! {
    /// Why `getTask` has no task.
    GetTaskError: Unidentified, NoSuchTask, Unprocessable = refusal::<TaskId>("one"); or broken while reading
}

problems! {
    /// Why `updateTask` changed nothing.
    UpdateTaskError:
        Unidentified, NoSuchTask, RequestTimeout, PreconditionFailed, ContentTooLarge, UnsupportedMediaType,
        Unprocessable; or broken
}

problems! {
    /// Why `toggleTaskCompletion` changed nothing.
    ToggleTaskCompletionError:
        Unidentified, NoSuchTask, PreconditionFailed, Unprocessable = refusal::<TaskId>("one"); or broken
}

problems! {
    /// Why `deleteTask` deleted nothing.
    DeleteTaskError:
        Unidentified, NoSuchTask, PreconditionFailed, Unprocessable = refusal::<TaskId>("one"); or broken
}

/// Errors of the operations that may be bound to a version of a task.
macro_rules! unmatched {
    ($($name:ident),+) => {$(
        impl From<Unmatched> for $name {
            fn from(unmatched: Unmatched) -> Self {
                match unmatched {
                    Unmatched::Missing => NoSuchTask.into(),
                    Unmatched::Stale => PreconditionFailed::OfOne.into(),
                }
            }
        }
    )+};
}

unmatched!(UpdateTaskError, ToggleTaskCompletionError, DeleteTaskError);
