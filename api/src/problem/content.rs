//! The kinds of problem of what was sent.

use poem::http::{HeaderValue, StatusCode, header::ACCEPT_ENCODING};
use poem_openapi::{registry::MetaSchema, types::Example};

use super::{
    Fault, Problem,
    kind::{Header, Kind},
};

/// The body is larger than it may be.
#[derive(Debug)]
pub(crate) struct ContentTooLarge;

impl Kind for ContentTooLarge {
    const STATUS: StatusCode = StatusCode::PAYLOAD_TOO_LARGE;
    const DESCRIPTION: &'static str = "The body is larger than 64 KiB.";

    fn example() -> Self {
        Self
    }
}

impl From<ContentTooLarge> for Problem {
    fn from(_: ContentTooLarge) -> Self {
        Self::new(ContentTooLarge::STATUS, "the body may have at most 64 KiB")
    }
}

/// The body is in a form that is not read.
#[derive(Debug)]
pub(crate) enum UnsupportedMediaType {
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
        schema: || MetaSchema { example: Some("identity".into()), ..MetaSchema::new("string") },
    });

    fn example() -> Self {
        Self::NotJson
    }
}

impl From<UnsupportedMediaType> for Problem {
    fn from(unsupported: UnsupportedMediaType) -> Self {
        let because = |detail: &str| Self::new(UnsupportedMediaType::STATUS, detail);
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
pub(crate) struct Unprocessable(pub(crate) Vec<Fault>);

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
        Self { faults, ..Self::new(Unprocessable::STATUS, detail) }
    }
}
