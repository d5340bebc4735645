//! The JSON of a problem, as published.

use poem::http::StatusCode;
use poem_openapi::{
    Object,
    types::{Example, ToJSON},
};
use serde_json::Value;

use super::{Problem, kind::Kind};

/// What went wrong, as RFC 9457 has it. `detail` is always there and made to be shown.
#[derive(Debug, Object)]
#[oai(rename = "Problem", example)]
pub(super) struct ProblemBody {
    /// The kind of problem, as a URI: `about:blank`, which means that `status` says it all.
    #[oai(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status of this answer.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    status: i32,
    /// What went wrong here, in a sentence for people.
    detail: String,
    /// The `X-Request-Id` of this answer, under which the server's log knows it.
    request_id: String,
}

/// A problem with values of the request: one entry in `errors` for every value at fault.
#[derive(Debug, Object)]
#[oai(rename = "ValidationProblem", example)]
pub(super) struct ValidationProblemBody {
    /// The kind of problem, as a URI: `about:blank`, which means that `status` says it all.
    #[oai(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status of this answer.
    #[oai(validator(minimum(value = "422"), maximum(value = "422")))]
    status: i32,
    /// What went wrong here, in a sentence for people.
    detail: String,
    /// One entry for every value at fault.
    #[oai(validator(min_items = 1))]
    errors: Vec<Fault>,
    /// The `X-Request-Id` of this answer, under which the server's log knows it.
    request_id: String,
}

/// One value at fault: where it stands and what is wrong with it. Either `pointer` or `parameter` is there.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub(crate) struct Fault {
    /// Where in the body, as a JSON Pointer (RFC 6901); the empty string is the body itself.
    pointer: Option<String>,
    /// The name of the path, query or header parameter.
    parameter: Option<String>,
    /// What is wrong with the value.
    detail: String,
}

impl Fault {
    /// A fault of the body, at a JSON Pointer.
    pub(crate) fn in_body(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, detail: detail.into() }
    }

    /// A fault of a path, query or header parameter.
    pub(crate) fn in_parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: None, parameter: Some(name.into()), detail: detail.into() }
    }

    /// The fault as half a sentence, such as `title: is required`.
    pub(super) fn sentence(&self) -> String {
        let place = self.parameter.as_deref().or(self.pointer.as_deref()).unwrap_or_default();
        match place.trim_start_matches('/') {
            "" => format!("the body {}", self.detail),
            place => format!("{place}: {}", self.detail),
        }
    }
}

impl Problem {
    /// The JSON that the client reads.
    pub(super) fn to_json(&self, request_id: &str) -> Value {
        let (kind, title, detail) = ("about:blank".to_owned(), title(self.status).to_owned(), self.detail.clone());
        let (status, request_id) = (i32::from(self.status.as_u16()), request_id.to_owned());
        let json = if self.faults.is_empty() {
            ProblemBody { kind, title, status, detail, request_id }.to_json()
        } else {
            ValidationProblemBody { kind, title, status, detail, errors: self.faults.clone(), request_id }.to_json()
        };
        json.unwrap_or_default()
    }
}

/// A status in words: of `about:blank`, the title says no more (RFC 9457, 4.2.1). For two of them the library has the
/// words of before RFC 9110.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        status => status.canonical_reason().unwrap_or("Refused"),
    }
}

const REQUEST_ID: &str = "4f1c0bb4-6fd1-4c35-b6f3-0a5c6a1d2e9b";

/// The JSON of a problem, as the document shows it.
pub(super) fn example(kind: impl Kind) -> Value {
    kind.into().to_json(REQUEST_ID)
}

impl Example for ProblemBody {
    fn example() -> Self {
        Self {
            kind: "about:blank".into(),
            title: "Not Found".into(),
            status: 404,
            detail: "there is no such task".into(),
            request_id: REQUEST_ID.into(),
        }
    }
}

impl Example for ValidationProblemBody {
    fn example() -> Self {
        Self {
            kind: "about:blank".into(),
            title: "Unprocessable Content".into(),
            status: 422,
            detail: "title: must have 1 to 200 characters".into(),
            errors: vec![Fault::example()],
            request_id: REQUEST_ID.into(),
        }
    }
}

impl Example for Fault {
    fn example() -> Self {
        Self::in_body("/title", "must have 1 to 200 characters")
    }
}
