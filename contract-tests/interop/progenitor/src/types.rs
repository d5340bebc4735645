//! What the generated types must be. Compiled, and never run.

use chrono::{DateTime, Utc};
use progenitor_client::{ByteStream, Error, ResponseValue};

use crate::generated::{
    Client,
    types::{Fault, NewTask, Problem, Task, TaskDescription, TaskPatch, TaskTitle, ValidationProblem},
};

type Answer<T> = Result<ResponseValue<T>, Error<ByteStream>>;

/// All fields of a task, and none that may be missing: `description` is there and may be null.
pub fn fields(task: Task) -> (bool, Option<TaskDescription>, TaskTitle, [DateTime<Utc>; 2], u64, String) {
    let Task { completed, created_at, description, id, title, updated_at, user_id, .. } = task;
    (completed, description, title, [created_at, updated_at], id.get(), user_id.into())
}

pub fn bodies(title: TaskTitle) -> (NewTask, TaskPatch) {
    let title = title.parse().expect("the same rules");
    let new = NewTask { title, description: None, completed: None };
    (new, TaskPatch { title: None, description: None, completed: Some(true) })
}

/// Progenitor knows a type only for what is `application/json`: a problem comes as bytes, and is read by its model.
pub fn problems(problem: Problem, refused: ValidationProblem) -> (String, Vec<String>) {
    (problem.detail, refused.errors.into_iter().map(|Fault { detail, .. }| detail).collect())
}

pub async fn answers(client: &Client, new: &NewTask, patch: &TaskPatch) {
    let _: Answer<Task> = client.create_task(None, new).await;
    let _: Answer<Task> = client.get_task(1, None).await;
    let _: Answer<Task> = client.update_task(1, None, patch).await;
    let _: Answer<()> = client.delete_task(1, None).await;
}
