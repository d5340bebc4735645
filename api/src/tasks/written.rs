//! A task whose answer is written.

use super::Task;
use crate::{Timestamp, Written};

/// A task as it is answered, and what names its version.
#[derive(Debug, Clone)]
pub struct WrittenTask {
    /// [`Task::id`].
    pub id: i64,
    /// [`Task::updated_at`].
    pub updated_at: Timestamp,
    /// All of it.
    pub json: Written<Task>,
}

impl WrittenTask {
    /// Writes `task`.
    ///
    /// # Errors
    ///
    /// As [`Written::of`].
    pub fn of(task: &Task) -> Result<Self, serde_json::Error> {
        Ok(Self { id: task.id, updated_at: task.updated_at, json: Written::of(task)? })
    }
}
