//! Where a task is.

use poem_openapi::registry::MetaSchema;

use crate::scalar::header;

/// The `Location` of a task (RFC 9110, 10.2.2), relative to this service.
#[derive(Debug)]
pub(super) struct Location(String);

impl Location {
    /// That of the task with that id.
    pub(super) fn of(id: i64) -> Self {
        Self(format!("/api/tasks/{id}"))
    }
}

header!(Location, "location", MetaSchema { example: Some("/api/tasks/42".into()), ..MetaSchema::new("string") });
