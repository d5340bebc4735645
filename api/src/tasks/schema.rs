//! What a task looks like: out ([`Task`]), in ([`NewTask`]), and as a change ([`TaskPatch`]).

use std::sync::LazyLock;

use poem_openapi::{
    Object,
    registry::{MetaSchema, MetaSchemaRef},
    types::{Example, MaybeUndefined, ParseFromJSON, ToJSON, Type},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    Timestamp, UserId,
    json::Readable,
    scalar::scalar,
    schema::Schema,
    text::{NO_NUL, Shape, VISIBLE},
};

/// A task.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(example)]
pub struct Task {
    /// Given by the server: ascending, never used again, and at most 2^53 - 1, so that JavaScript holds it exactly.
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    pub id: i64,
    /// The owner: the user that the bearer token stands for.
    pub user_id: UserId,
    /// What is to be done: 1 to 200 code points, of which at least one is neither white space nor a control
    /// character. Kept as sent, code point for code point.
    pub title: Title,
    /// More about it, at most 1000 code points; `null` where there is nothing more to say.
    pub description: Nullable<Description>,
    /// Whether it is done.
    pub completed: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed; equal to `created_at` until then. It moves at every change, and never backwards.
    pub updated_at: Timestamp,
}

/// A task to create. Fields that are not listed here are ignored.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub struct NewTask {
    /// What is to be done: 1 to 200 code points, of which at least one is neither white space nor a control
    /// character, and none is U+0000.
    pub title: Title,
    /// More about it, at most 1000 code points; leave it out, or send `null`, where there is nothing more to say.
    #[oai(nullable)]
    pub description: Option<Description>,
    /// Whether it is already done; it is not, unless you say so.
    pub completed: Option<bool>,
}

/// A change of a task: fields that are absent stay as they are. Fields that are not listed here are ignored.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub struct TaskPatch {
    /// What is to be done: 1 to 200 code points, of which at least one is neither white space nor a control
    /// character, and none is U+0000.
    pub title: Option<Title>,
    /// More about it, at most 1000 code points; `null` takes it away.
    #[oai(nullable)]
    pub description: MaybeUndefined<Description>,
    /// Whether it is done. Safe to send again, unlike the toggle.
    pub completed: Option<bool>,
}

/// How all tasks shall be. Fields that are not listed here are ignored.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub(crate) struct Completion {
    /// Whether they are done.
    pub(crate) completed: bool,
}

/// How many tasks were changed.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(example)]
pub(crate) struct UpdatedTasks {
    /// How many tasks were changed; those that were so already do not count.
    #[oai(validator(minimum(value = "0")))]
    pub(crate) updated: i64,
}

/// How many tasks were deleted.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(example)]
pub(crate) struct DeletedTasks {
    /// How many tasks were deleted.
    #[oai(validator(minimum(value = "0")))]
    pub(crate) deleted: i64,
}

impl From<u64> for UpdatedTasks {
    fn from(count: u64) -> Self {
        Self { updated: count.try_into().unwrap_or(i64::MAX) }
    }
}

impl From<u64> for DeletedTasks {
    fn from(count: u64) -> Self {
        Self { deleted: count.try_into().unwrap_or(i64::MAX) }
    }
}

impl TaskPatch {
    /// Whether it asks for no change at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.title.is_none() && self.description.is_undefined() && self.completed.is_none()
    }
}

/// What is to be done: 1 to 200 code points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Title(String);

/// More about a task: at most 1000 code points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description(String);

impl Title {
    const SHAPE: Shape = Shape { min_length: Some(1), max_length: 200, pattern: VISIBLE, example: "Buy milk" };
}

impl Description {
    const SHAPE: Shape = Shape {
        min_length: None,
        max_length: 1000,
        pattern: NO_NUL,
        example: "Two litres, from the shop on the corner",
    };
}

/// Gives a string type its way in (from a store, or from JSON) and out.
macro_rules! text {
    ($($type:ident $name:literal),+) => {$(
        impl $type {
            /// The text as a store has it, which was read from JSON before: it is not checked again.
            #[must_use]
            pub fn stored(text: String) -> Self {
                Self(text)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$type> for String {
            fn from(text: $type) -> Self {
                text.0
            }
        }

        scalar!(
            $type, $name,
            schema: Self::SHAPE.schema(),
            read: |value: &Value| value.as_str().map(|text| Self(text.to_owned())),
            write: |this: &Self| this.0.clone().into()
        );
    )+};
}

text!(Title "title", Description "description");

/// A value that is always there and may be `null`. The framework's `Option` publishes a field that may
/// be missing and is never null, which is the opposite of what it sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nullable<T>(pub Option<T>);

impl<T: Type> Type for Nullable<T> {
    const IS_REQUIRED: bool = true;

    type RawValueType = T::RawValueType;
    type RawElementValueType = T::RawElementValueType;

    fn name() -> std::borrow::Cow<'static, str> {
        format!("nullable_{}", T::name()).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref().merge(MetaSchema { nullable: true, ..MetaSchema::ANY })
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.0.as_ref()?.as_raw_value()
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.0.iter().flat_map(Type::raw_element_iter))
    }
}

impl<T: ParseFromJSON> ParseFromJSON for Nullable<T> {
    fn parse_from_json(value: Option<Value>) -> poem_openapi::types::ParseResult<Self> {
        Option::<T>::parse_from_json(value).map(Self).map_err(poem_openapi::types::ParseError::propagate)
    }
}

impl<T: ToJSON> ToJSON for Nullable<T> {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.as_ref().and_then(ToJSON::to_json).unwrap_or_default())
    }
}

/// What a body may be read into.
macro_rules! readable {
    ($($type:ident),+) => {$(
        impl Readable for $type {
            fn schema() -> &'static Schema {
                static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::of::<$type>);
                &SCHEMA
            }
        }
    )+};
}

readable!(NewTask, TaskPatch, Completion);

impl Example for Task {
    fn example() -> Self {
        Self {
            id: 42,
            user_id: UserId::example(),
            title: Title(Title::SHAPE.example.to_owned()),
            description: Nullable(Some(Description(Description::SHAPE.example.to_owned()))),
            completed: false,
            created_at: Timestamp::from_micros(1_795_509_000_123_456),
            updated_at: Timestamp::from_micros(1_795_509_000_123_456),
        }
    }
}

impl Example for NewTask {
    fn example() -> Self {
        Self {
            title: Title(Title::SHAPE.example.to_owned()),
            description: Some(Description(Description::SHAPE.example.to_owned())),
            completed: Some(false),
        }
    }
}

impl Example for TaskPatch {
    fn example() -> Self {
        Self { title: Some(Title("Buy oat milk".to_owned())), description: MaybeUndefined::Null, completed: Some(true) }
    }
}

impl Example for Completion {
    fn example() -> Self {
        Self { completed: true }
    }
}

impl Example for UpdatedTasks {
    fn example() -> Self {
        Self { updated: 3 }
    }
}

impl Example for DeletedTasks {
    fn example() -> Self {
        Self { deleted: 3 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_straight_is_what_the_framework_would_write() {
        for task in [Task::example(), Task { description: Nullable(None), ..Task::example() }] {
            assert_eq!(serde_json::to_string(&task).expect("it is written"), task.to_json_string());
        }
    }
}
