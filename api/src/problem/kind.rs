//! The kinds of problem, one type each: what it means, its status, and the headers that go with it.

use std::{error::Error, sync::Arc};

use poem::http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{ACCEPT_ENCODING, ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
};

use poem_openapi::{
    registry::MetaSchemaRef,
    types::{Example, Type},
};

use super::{Fault, Problem};

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
    pub(super) fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into(), faults: Vec::new(), headers: Vec::new(), cause: None }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn caused_by(mut self, cause: Arc<dyn Error + Send + Sync>) -> Self {
        self.cause = Some(cause);
        self
    }

    /// The path leads nowhere.
    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found", "there is nothing at this path")
    }

    /// The path exists, the method does not; RFC 9110 wants to know what would.
    pub(super) fn method_not_allowed(method: &Method, allow: &str) -> Self {
        let detail = format!("{method} is not possible here; these are: {allow}");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed", detail);
        match HeaderValue::from_str(allow) {
            Ok(allow) => problem.with_header(ALLOW, allow),
            Err(_) => problem,
        }
    }

    /// A refusal of the framework that we did not foresee; its own words stay inside.
    pub(super) fn unforeseen(status: StatusCode) -> Self {
        Self::new(status, status.canonical_reason().unwrap_or("Refused"), "the request cannot be served")
    }
}

/// It is not known who asks.
#[derive(Debug)]
pub enum Unidentified {
    /// No bearer token was sent.
    NoToken,
    /// One was sent, and does not stand for a user.
    InvalidToken(String),
}

impl Unidentified {
    /// A token was sent, and `reason` is why it does not count: a clause for a frontend developer, with
    /// nothing in it that helps to forge one.
    pub fn because(reason: impl Into<String>) -> Self {
        Self::InvalidToken(reason.into())
    }
}

impl Kind for Unidentified {
    const STATUS: StatusCode = StatusCode::UNAUTHORIZED;
    const DESCRIPTION: &'static str = "No token, or one that does not verify. It is looked at before anything else.";
    const HEADER: Option<Header> = Some(Header {
        name: "WWW-Authenticate",
        description: "The challenge of RFC 6750: `Bearer`, with `error` and `error_description` where a token was sent.",
        required: true,
        schema: String::schema_ref,
    });

    fn example() -> Self {
        Self::because("the token expired 40 s ago")
    }
}

impl From<Unidentified> for Problem {
    fn from(unidentified: Unidentified) -> Self {
        let (detail, challenge) = match unidentified {
            Unidentified::NoToken => {
                ("a token is needed: send it as Authorization: Bearer <token>".to_owned(), "Bearer".to_owned())
            }
            Unidentified::InvalidToken(reason) => {
                let challenge = format!(r#"Bearer error="invalid_token", error_description="{}""#, quotable(&reason));
                (reason, challenge)
            }
        };
        let challenge = HeaderValue::from_str(&challenge).unwrap_or(HeaderValue::from_static("Bearer"));
        Self::new(Unidentified::STATUS, "Unauthorized", detail).with_header(WWW_AUTHENTICATE, challenge)
    }
}

/// What RFC 6750 allows in `error_description`: visible ASCII and spaces without `"` and `\`.
fn quotable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

/// There is no such task, or it is another user's: nobody learns which.
#[derive(Debug)]
pub struct NoSuchTask;

impl Kind for NoSuchTask {
    const STATUS: StatusCode = StatusCode::NOT_FOUND;
    const DESCRIPTION: &'static str = "The caller has no such task. Another user's task is answered in the same way.";

    fn example() -> Self {
        Self
    }
}

impl From<NoSuchTask> for Problem {
    fn from(_: NoSuchTask) -> Self {
        Self::new(NoSuchTask::STATUS, "Not Found", "there is no such task")
    }
}

/// The task is in no version that `If-Match` names.
#[derive(Debug)]
pub enum PreconditionFailed {
    /// One task: it was changed since.
    OfOne,
    /// All tasks: no version names them.
    OfMany,
}

impl Kind for PreconditionFailed {
    const STATUS: StatusCode = StatusCode::PRECONDITION_FAILED;
    const DESCRIPTION: &'static str = "The task is in no version that `If-Match` names. Nothing was changed.";

    fn example() -> Self {
        Self::OfOne
    }
}

impl From<PreconditionFailed> for Problem {
    fn from(failed: PreconditionFailed) -> Self {
        let detail = match failed {
            PreconditionFailed::OfOne => "the task is in no version that If-Match names; get it, and decide anew",
            PreconditionFailed::OfMany => "no version names all tasks; send If-Match: * or none",
        };
        Self::new(PreconditionFailed::STATUS, "Precondition Failed", detail)
    }
}

/// The body is larger than it may be.
#[derive(Debug)]
pub struct ContentTooLarge;

impl Kind for ContentTooLarge {
    const STATUS: StatusCode = StatusCode::PAYLOAD_TOO_LARGE;
    const DESCRIPTION: &'static str = "The body is larger than 64 KiB.";

    fn example() -> Self {
        Self
    }
}

impl From<ContentTooLarge> for Problem {
    fn from(_: ContentTooLarge) -> Self {
        Self::new(ContentTooLarge::STATUS, "Content Too Large", "the body may have at most 64 KiB")
    }
}

/// The body is in a form that is not read.
#[derive(Debug)]
pub enum UnsupportedMediaType {
    /// It does not claim to be JSON.
    NotJson,
    /// It is compressed, or encoded in another way.
    Encoded,
}

impl Kind for UnsupportedMediaType {
    const STATUS: StatusCode = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    const DESCRIPTION: &'static str = "The `Content-Type` of the body is not `application/json` (or \
                                       `application/*+json`), or it has a `Content-Encoding`.";
    const HEADER: Option<Header> = Some(Header {
        name: "Accept-Encoding",
        description: "What would have been taken, where a `Content-Encoding` is refused: `identity` (RFC 9110, 15.5.16).",
        required: false,
        schema: String::schema_ref,
    });

    fn example() -> Self {
        Self::NotJson
    }
}

impl From<UnsupportedMediaType> for Problem {
    fn from(unsupported: UnsupportedMediaType) -> Self {
        let because = |detail: &str| Self::new(UnsupportedMediaType::STATUS, "Unsupported Media Type", detail);
        match unsupported {
            UnsupportedMediaType::NotJson => because("the body must be JSON: send Content-Type: application/json"),
            // RFC 9110, 15.5.16: what would have been taken.
            UnsupportedMediaType::Encoded => because("the body is read as it is: send it without Content-Encoding")
                .with_header(ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        }
    }
}

/// Values of the request are at fault; there is at least one.
#[derive(Debug)]
pub struct Unprocessable(pub Vec<Fault>);

impl Kind for Unprocessable {
    const STATUS: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
    const DESCRIPTION: &'static str =
        "What was sent is not as it must be. `errors` has an entry for each value at fault.";

    fn example() -> Self {
        Self(vec![Fault::example()])
    }
}

impl From<Unprocessable> for Problem {
    fn from(Unprocessable(faults): Unprocessable) -> Self {
        let detail = faults.iter().map(Fault::sentence).collect::<Vec<_>>().join("; ");
        Self { faults, ..Self::new(Unprocessable::STATUS, "Unprocessable Content", detail) }
    }
}

/// A fault of ours. The cause is for the log.
#[derive(Debug)]
pub struct Internal(pub Arc<dyn Error + Send + Sync>);

impl Internal {
    /// A fault that nothing deeper caused.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(cause.into()))
    }
}

impl Kind for Internal {
    const STATUS: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
    const DESCRIPTION: &'static str =
        "A fault of the server. It is logged under the `request_id`; nothing more is said.";

    fn example() -> Self {
        Self::new("an example")
    }
}

impl From<Internal> for Problem {
    fn from(Internal(cause): Internal) -> Self {
        let detail = "something went wrong on our side; the log knows it by its request_id";
        Self::new(Internal::STATUS, "Internal Server Error", detail).caused_by(cause)
    }
}

/// The database cannot be reached or is saturated. The cause is for the log.
#[derive(Debug)]
pub struct Unavailable(pub Arc<dyn Error + Send + Sync>);

impl Unavailable {
    /// Seconds after which another try is worth it.
    const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");
}

impl Kind for Unavailable {
    const STATUS: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
    const DESCRIPTION: &'static str = "The database cannot be reached, or the server has all the work that it can bear. Try again after `Retry-After`. \
         A write may have been done: send it again only with its `Idempotency-Key` or `If-Match`, or where doing it \
         twice does no harm.";
    const HEADER: Option<Header> = Some(Header::RETRY_AFTER);

    fn example() -> Self {
        Self(Arc::from(Box::<dyn Error + Send + Sync>::from("an example")))
    }
}

impl From<Unavailable> for Problem {
    fn from(Unavailable(cause): Unavailable) -> Self {
        Self::new(Unavailable::STATUS, "Service Unavailable", "the database does not answer; try again soon")
            .with_header(RETRY_AFTER, Unavailable::RETRY_AFTER)
            .caused_by(cause)
    }
}
