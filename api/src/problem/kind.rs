//! What a kind of problem is: a type that says what it means, its status, and the header that goes with it.

use std::{error::Error, sync::Arc};

use poem::http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{ALLOW, RETRY_AFTER},
};
use poem_openapi::{registry::MetaSchemaRef, types::Type};

use super::Problem;

/// A header of an answer, as the document shows it.
pub(crate) struct Header {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    /// Whether it comes with each answer of its kind.
    pub(crate) required: bool,
    pub(crate) schema: fn() -> MetaSchemaRef,
}

impl Header {
    /// RFC 9110, 10.2.3, always in seconds.
    pub(super) const RETRY_AFTER: Self = Self {
        name: "Retry-After",
        description: "Seconds after which another try is worth it.",
        required: true,
        schema: i32::schema_ref,
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

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), faults: Vec::new(), headers: Vec::new(), cause: None }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says after how many seconds another try is worth it (RFC 9110, 10.2.3).
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        self.with_header(RETRY_AFTER, seconds.into())
    }

    pub(super) fn caused_by(mut self, cause: Arc<dyn Error + Send + Sync>) -> Self {
        self.cause = Some(cause);
        self
    }

    /// The path leads nowhere.
    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    /// The path exists, the method does not; RFC 9110 wants to know what would.
    pub(super) fn method_not_allowed(method: &Method, allow: &str) -> Self {
        let detail = format!("{method} is not possible here; these are: {allow}");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, detail);
        match HeaderValue::from_str(allow) {
            Ok(allow) => problem.with_header(ALLOW, allow),
            Err(_) => problem,
        }
    }

    /// A refusal of the framework that we did not foresee; its own words stay inside.
    pub(super) fn unforeseen(status: StatusCode) -> Self {
        Self::new(status, "the request cannot be served")
    }
}
