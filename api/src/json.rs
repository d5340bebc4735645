//! JSON: bodies, in and out, and values of whatever kind.

use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited, combinators::BoxBody};
use poem::{
    IntoResponse, Request, RequestBody, Response,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::Payload,
    registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry},
    types::{ParseFromJSON, Type},
};
use serde::Serialize;
use serde_json::{Deserializer, Value, value::Serializer};
use serde_transcode::transcode;

use crate::{
    ContentTooLarge, Fault, Internal, Problem, Unprocessable, UnsupportedMediaType, Written, problem::failed,
    schema::Schema, tasks::parameters,
};

/// The most bytes that a body has.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// A JSON body.
///
/// Ours instead of the framework's, which publishes `application/json; charset=utf-8` (a charset that RFC 8259 does not
/// have, and that several generators stumble over), reads bodies of any size, and stops at the first fault in words of
/// its own.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// A type that a body may be read into.
pub(crate) trait Readable: ParseFromJSON {
    /// Its published schema, compiled once.
    fn schema() -> &'static Schema;
}

impl<T: Type> Payload for Json<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// Written straight, as lists are: the framework's `ToJSON` builds a tree of values first, which takes six times as
/// long for a list. That both write the same, a test holds.
impl<T: Type + Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match Written::of(&self.0) {
            Ok(written) => written.into_response(),
            Err(error) => failed(Internal::new(error.to_string())).into_response(),
        }
    }
}

impl<'a, T: Readable> ApiExtractor<'a> for Json<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType { content_type: Self::CONTENT_TYPE, schema: T::schema_ref() }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        if !is_json(request) {
            return Err(failed(UnsupportedMediaType::NotJson));
        }
        if is_encoded(request) {
            return Err(failed(UnsupportedMediaType::Encoded));
        }
        let bytes = read(request, body).await?;
        let value = parse::<T>(&bytes).map_err(|faults| unprocessable(faults, request))?;
        T::parse_from_json(Some(value)).map(Self).map_err(|error| failed(Internal::new(error.into_message())))
    }
}

/// The value that `json` is, nested to 127 levels at most.
///
/// [`Value`] is not left to read itself: where any crate turns on `raw_value` of `serde_json`, as the database's driver
/// does, it takes an object whose first member has a certain name for raw JSON, and parses the text in it, with a fresh
/// limit of nesting. So a string could become a list, and a short request thousands of levels.
///
/// # Errors
///
/// Where it is not valid JSON, with the line and the column.
pub fn json_value(json: &[u8]) -> Result<Value, serde_json::Error> {
    let mut json = Deserializer::from_slice(json);
    let value = transcode(&mut json, Serializer)?;
    json.end()?;
    Ok(value)
}

/// The JSON of a body that fits the schema of `T`, or all that is wrong with it.
fn parse<T: Readable>(bytes: &[u8]) -> Result<Value, Vec<Fault>> {
    let value = json_value(bytes).map_err(|error| vec![Fault::in_body("", unreadable(&error))])?;
    let faults = T::schema().faults(&value);
    if faults.is_empty() { Ok(value) } else { Err(faults) }
}

/// Why a body cannot be read. Some of what is refused is JSON by its grammar (RFC 8259, 6, 8.2 and 9): the library has
/// no code for that, so it is told by the library's words.
fn unreadable(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let why = [
        ("hex escape", "has an escape (\\u) that is half of a surrogate pair"),
        ("number out of range", "has a number that is out of range"),
        ("recursion limit", "is nested too deep"),
    ];
    match why.into_iter().find(|(part, _)| words.contains(part)) {
        Some((_, why)) => format!("{why}, at line {} column {}", error.line(), error.column()),
        None => format!("is not valid JSON: {words}"),
    }
}

/// The faults of the body, and those of the parameters, which are read after it: each value at fault has its entry.
fn unprocessable(mut faults: Vec<Fault>, request: &Request) -> Problem {
    faults.extend(parameters::faults(request));
    Unprocessable(faults).into()
}

/// `application/json`, or any media type that ends in `+json` (RFC 6839).
fn is_json(request: &Request) -> bool {
    // Exactly one: of several, a proxy may have gone by another (RFC 9110, 5.3).
    let mut types = request.headers().get_all(CONTENT_TYPE).iter();
    let (Some(text), None) = (types.next(), types.next()) else { return false };
    // Without its parameters, none of which matters here: RFC 9110, 5.6.6 has more ways to write them than the library.
    let text = text.to_str().ok().and_then(|text| text.split(';').next());
    let media_type = text.and_then(|text| text.trim().parse::<mime::Mime>().ok());
    media_type.is_some_and(|media_type| {
        media_type.essence_str() == mime::APPLICATION_JSON.essence_str()
            || (media_type.type_() == mime::APPLICATION && media_type.suffix() == Some(mime::JSON))
    })
}

/// Whether the body is compressed, or encoded in another way (RFC 9110, 8.4).
fn is_encoded(request: &Request) -> bool {
    let codings =
        request.headers().get_all(CONTENT_ENCODING).iter().flat_map(|line| line.as_bytes().split(|&b| b == b','));
    // An element of a list may be empty (RFC 9110, 5.6.1.2).
    codings.map(<[u8]>::trim_ascii).any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// The whole body. Of one that is too large no more than the limit is read, and nothing at all where its length is
/// announced. Each piece is copied and goes at once: kept, a single byte would keep the kilobytes that the connection
/// was read into with it.
async fn read(request: &Request, body: &mut RequestBody) -> poem::Result<Vec<u8>> {
    let announced = request.header(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(failed(ContentTooLarge));
    }
    let body: BoxBody<Bytes, io::Error> = body.take()?.into();
    let mut pieces = Limited::new(body, MAX_BODY_BYTES);
    let mut whole: Vec<u8> = Vec::new();
    let error = loop {
        match pieces.frame().await {
            Some(Ok(frame)) => whole.extend_from_slice(frame.data_ref().map_or(&[], |piece| piece)),
            Some(Err(error)) => break error,
            None => return Ok(whole),
        }
    };
    if error.is::<LengthLimitError>() {
        return Err(failed(ContentTooLarge));
    }
    // The server may have put a problem into the error, which says why the body ends; else it broke off.
    let problem = error.downcast::<io::Error>().ok().and_then(|error| error.downcast::<Problem>().ok());
    let broken = || unprocessable(vec![Fault::in_body("", "did not arrive whole")], request);
    Err(problem.unwrap_or_else(broken).into())
}
