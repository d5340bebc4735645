//! Parameters: of the path, of the query, and headers.
//!
//! Ours instead of the framework's, which answers 400, takes the last of several values in silence, and
//! stops at the first fault. Here one bad parameter makes the answer name all bad ones of the operation.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use poem::{FromRequest, Request, RequestBody, http::Method};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};

use crate::{
    Fault, Problem, Unprocessable,
    idempotency::Once,
    operations,
    page::{Cursor, Limit},
    precondition::{IfMatch, IfNoneMatch},
    tasks::{Completed, OnlyCompleted, Search, Sort, TaskId},
};

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
    fn read(request: &Request) -> Result<T, Fault> {
        let text = match T::IN {
            MetaParamIn::Query => in_query(request, T::NAME),
            MetaParamIn::Path => Ok(in_path(request).map(Cow::Borrowed)),
            _ => in_header(request, T::NAME),
        };
        text.and_then(|text| T::read(text.as_deref())).map_err(|detail| Fault::in_parameter(T::NAME, detail))
    }
}

/// The name of a parameter, and what would be wrong with it in a request.
type Judge = (&'static str, fn(&Request) -> Option<Fault>);

/// All parameters that any operation takes.
const JUDGES: [Judge; 9] = [
    judge::<Limit>(),
    judge::<Option<Cursor>>(),
    judge::<Completed>(),
    judge::<Search>(),
    judge::<Sort>(),
    judge::<TaskId>(),
    judge::<IfMatch>(),
    judge::<IfNoneMatch>(),
    judge::<Once>(),
];

const fn judge<T: Parameter>() -> Judge {
    (T::NAME, |request| Param::<T>::read(request).err())
}

/// What is wrong with the parameters of the operation that `request` asks for.
pub(crate) fn faults(request: &Request) -> Vec<Fault> {
    // The one parameter that is read differently by one operation.
    let deletes_many = request.method() == Method::DELETE && in_path(request).is_none();
    operations::parameters(request.method(), request.original_uri().path())
        .iter()
        .filter_map(|name| match name.as_str() {
            OnlyCompleted::NAME if deletes_many => Param::<OnlyCompleted>::read(request).err(),
            name => JUDGES.iter().find(|(known, _)| *known == name).and_then(|(_, fault)| fault(request)),
        })
        .chain(narrowing(request))
        .collect()
}

/// The parameters of the list that are given to what changes all tasks, and narrow nothing there.
fn narrowing(request: &Request) -> impl Iterator<Item = Fault> {
    let changes_many = in_path(request).is_none() && [Method::PATCH, Method::DELETE].contains(request.method());
    let own = operations::parameters(request.method(), request.original_uri().path());
    [Limit::NAME, Option::<Cursor>::NAME, Completed::NAME, Search::NAME, Sort::NAME]
        .into_iter()
        .filter(move |name| changes_many && !own.iter().any(|own| own == name))
        .filter(|name| !matches!(in_query(request, name), Ok(None)))
        .map(|name| Fault::in_parameter(name, "must not be given: it narrows the list alone"))
}

/// An argument of an operation on all of the caller's tasks. Refuses the parameters of the list that is at the same address:
/// whoever gives one means the tasks that they see there, and not all.
pub(crate) struct All;

impl<'a> FromRequest<'a> for All {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        if narrowing(request).next().is_some() {
            return Err(Problem::from(Unprocessable(faults(request))).into());
        }
        Ok(Self)
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

fn in_query<'a>(request: &'a Request, name: &str) -> Result<Option<Cow<'a, str>>, &'static str> {
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

/// The text that a form-encoded one stands for, where it is UTF-8.
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
        Self::read(request).map(Self).map_err(|_| Problem::from(Unprocessable(faults(request))).into())
    }
}
