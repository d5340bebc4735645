//! Parameters: of the path, of the query, and headers.
//!
//! Ours instead of the framework's, which answers 400, takes the last of several values in silence, and
//! stops at the first fault. Here one bad parameter makes the answer name all bad ones of the operation.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};

use crate::{Fault, Unprocessable, problem::failed, tasks::parameters::faults};

/// A type that a parameter is read into. Its text is what the client sent, decoded; a parameter that is
/// not there has none.
pub(crate) trait Parameter: Sized + Send {
    const NAME: &'static str;
    const IN: MetaParamIn;
    const REQUIRED: bool = false;

    /// What the document says of it. With an example only where it is required: Swagger UI fills examples
    /// in, and would send what nobody asked for.
    fn schema() -> MetaSchema;

    /// Reads it; what is wrong with it is half a sentence, such as `must be true or false`.
    fn read(text: Option<&str>) -> Result<Self, &'static str>;
}

/// An argument of an operation that is a parameter of the request.
pub(crate) struct Param<T>(pub(crate) T);

impl<T: Parameter> Param<T> {
    pub(crate) fn read(request: &Request) -> Result<T, Fault> {
        let text = match T::IN {
            MetaParamIn::Query => in_query(request, T::NAME),
            MetaParamIn::Path => Ok(in_path(request).map(Cow::Borrowed)),
            _ => in_header(request, T::NAME),
        };
        text.and_then(|text| T::read(text.as_deref())).map_err(|detail| Fault::in_parameter(T::NAME, detail))
    }
}

/// How `text` is refused as the parameter `T`, for the document to show.
pub(crate) fn refusal<T: Parameter>(text: &str) -> Unprocessable {
    let fault = T::read(Some(text)).err().map(|detail| Fault::in_parameter(T::NAME, detail));
    Unprocessable(fault.into_iter().collect())
}

/// The only parameter of a path that there is.
fn in_path(request: &Request) -> Option<&str> {
    // The framework names the parameters of a path by their position.
    request.raw_path_param("param0")
}

pub(crate) fn in_query<'a>(request: &'a Request, name: &str) -> Result<Option<Cow<'a, str>>, &'static str> {
    let pairs = request.uri().query().unwrap_or_default().split('&');
    let mut values = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).filter(|(key, _)| {
        // A name that is no UTF-8 is not one of ours.
        *key == name || decoded(key).is_some_and(|key| key == name)
    });
    let Some((_, value)) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err("must be given at most once");
    }
    decoded(value).map(Some).ok_or("must be UTF-8, percent-encoded")
}

/// The text that a form-encoded one stands for, where it is UTF-8. By hand: `form_urlencoded` reads what is not
/// UTF-8 as U+FFFD, and so would search for another text than was sent.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return percent_decode_str(&spaced).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()));
    }
    percent_decode_str(text).decode_utf8().ok()
}

/// The header's value; of several lines the one list that they mean (RFC 9110, 5.3).
fn in_header<'a>(request: &'a Request, name: &str) -> Result<Option<Cow<'a, str>>, &'static str> {
    let mut whole: Option<Cow<'a, str>> = None;
    for line in request.headers().get_all(name) {
        let line = line.to_str().map_err(|_| "must be visible ASCII")?;
        whole = Some(whole.map_or(Cow::Borrowed(line), |lines| Cow::Owned(format!("{lines}, {line}"))));
    }
    Ok(whole)
}

impl<'a, T: Parameter> ApiExtractor<'a> for Param<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = T::REQUIRED;

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(T::IN)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(T::schema())))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        Self::read(request).map(Self).map_err(|_| failed(Unprocessable(faults(request))))
    }
}
