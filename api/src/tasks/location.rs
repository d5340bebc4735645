//! Where a task is.

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::ToHeader,
};

use crate::scalar::published;

/// The `Location` of a task (RFC 9110, 10.2.2), relative to this service.
#[derive(Debug)]
pub(super) struct Location(String);

impl Location {
    /// That of the task with that id.
    pub(super) fn of(id: i64) -> Self {
        Self(format!("/api/tasks/{id}"))
    }

    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            example: Some("/api/tasks/42".into()),
            ..MetaSchema::new("string")
        }))
    }
}

published!(Location, "location", Self::schema());

impl ToHeader for Location {
    fn to_header(&self) -> Option<poem::http::HeaderValue> {
        self.0.parse().ok()
    }
}
