//! The id in the path.

use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};

use crate::{Fault, Problem, Unprocessable};

/// The `{id}` of a path: any int64, in its one decimal spelling.
///
/// Ours instead of the framework's `Path<i64>`, which answers 400, speaks of `param0`, and takes `+1`
/// and `01` for 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TaskId(pub(crate) i64);

impl TaskId {
    /// The id in the path of `request`, or what is wrong with it; where the path has none, there is nothing
    /// to be wrong, and nothing that it could be used for: 0 names no task.
    pub(crate) fn read(request: &Request) -> Result<Self, Fault> {
        // The framework names the parameters of a path by their position.
        let text = request.raw_path_param("param0").unwrap_or("0");
        match text.parse::<i64>() {
            Ok(id) if id.to_string() == text => Ok(Self(id)),
            _ => Err(Self::fault()),
        }
    }

    /// What is wrong with whatever is no id.
    pub(crate) fn fault() -> Fault {
        Fault::in_parameter("id", "must be a whole number of at most 64 bits, such as 42")
    }
}

impl<'a> ApiExtractor<'a> for TaskId {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = i64;
    type ParamRawType = i64;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let schema = MetaSchema { example: Some(42.into()), ..MetaSchema::new_with_format("integer", "int64") };
        Some(MetaSchemaRef::Inline(Box::new(schema)))
    }

    fn param_raw_type(&self) -> Option<&i64> {
        Some(&self.0)
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<i64>,
    ) -> poem::Result<Self> {
        Self::read(request).map_err(|fault| Problem::from(Unprocessable(vec![fault])).into())
    }
}
