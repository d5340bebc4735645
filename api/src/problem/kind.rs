//! What a kind of problem is: a type that says what it means, its status, and the header that goes with it.

use poem::http::StatusCode;
use poem_openapi::registry::MetaSchema;

use super::Problem;

/// A header of an answer, as the document shows it.
pub(crate) struct Header {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    /// Whether it comes with each answer of its kind.
    pub(crate) required: bool,
    pub(crate) schema: fn() -> MetaSchema,
}

impl Header {
    /// RFC 9110, 10.2.3, always in seconds.
    pub(super) const RETRY_AFTER: Self = Self {
        name: "Retry-After",
        description: "Seconds after which another try is worth it.",
        required: true,
        schema: || MetaSchema { minimum: Some(1.0), ..MetaSchema::new_with_format("integer", "int32") },
    };
}

/// A kind of problem that an operation can answer, with what the document says of it.
pub(crate) trait Kind: Into<Problem> {
    const STATUS: StatusCode;
    /// Published as the description of the response.
    const DESCRIPTION: &'static str;
    /// The header that comes with it, and what it says.
    const HEADER: Option<Header> = None;

    /// One that the document can show.
    fn example() -> Self;
}
