//! The id in the path.

use poem_openapi::registry::{MetaParamIn, MetaSchema};

use crate::parameter::Parameter;

/// The `{id}` of a path: any int64, in its one decimal spelling; `+1` and `01` are no ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TaskId(pub(crate) i64);

impl Parameter for TaskId {
    const NAME: &'static str = "id";
    const IN: MetaParamIn = MetaParamIn::Path;
    const REQUIRED: bool = true;

    fn schema() -> MetaSchema {
        MetaSchema { example: Some(42.into()), ..MetaSchema::new_with_format("integer", "int64") }
    }

    fn read(text: Option<&str>) -> Result<Self, &'static str> {
        let text = text.unwrap_or_default();
        match text.parse::<i64>() {
            Ok(id) if text == id.to_string() => Ok(Self(id)),
            _ => Err("must be a whole number of at most 64 bits, such as 42"),
        }
    }
}
