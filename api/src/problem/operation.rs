//! The error type of one operation: a list of the kinds of problem that it can answer, no other.

use poem_openapi::{
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaSchema, MetaSchemaRef, Registry},
    types::Type,
};

use super::{
    MEDIA_TYPE, Unprocessable,
    body::{self, ProblemBody, ValidationProblemBody},
    kind::{Header, Kind},
};

/// Declares the error type of an operation. Each kind listed is published with its status, and a port may refuse only
/// with a kind that is listed: the compiler holds the document to the code. With `or broken`, the port may also break,
/// which adds the 500 and the 503; and since only an identified caller comes that far, the 429 of one who asks too
/// often. `while reading`, for a port that writes nothing, leaves out of the 503 that something may have been written.
///
/// A kind says of itself what it is, and has an example; `as` and `=` are for what it is in this operation.
///
/// A macro, because the alternative is nine derived enums with the same attributes on each of up to ten variants, where
/// the differences that matter are lost.
macro_rules! problems {
    (
        $(#[$doc:meta])*
        $name:ident: $($kind:ident $(as $description:literal)? $(= $example:expr)?),+; or broken while reading
    ) => {
        problems! {
            @port $(#[$doc])*
            $name: $($kind $(as $description)? $(= $example)?,)+ TooManyRequests, Internal,
                Unavailable as "The database cannot be reached, or the server is overloaded. Try again after \
                    `Retry-After`."
        }
    };
    ($(#[$doc:meta])* $name:ident: $($kind:ident $(as $description:literal)? $(= $example:expr)?),+; or broken) => {
        problems! {
            @port $(#[$doc])*
            $name: $($kind $(as $description)? $(= $example)?,)+ TooManyRequests, Internal, Unavailable
        }
    };
    (@port $(#[$doc:meta])* $name:ident: $($kinds:tt)+) => {
        problems! { $(#[$doc])* $name: $($kinds)+ }

        impl<R> From<$crate::Failure<R>> for $name
        where
            $name: From<R>,
        {
            fn from(failure: $crate::Failure<R>) -> Self {
                match failure {
                    $crate::Failure::Refused(refusal) => refusal.into(),
                    $crate::Failure::Broken(broken) => Self(broken.into()),
                }
            }
        }

        impl From<std::convert::Infallible> for $name {
            fn from(never: std::convert::Infallible) -> Self {
                match never {}
            }
        }
    };
    ($(#[$doc:meta])* $name:ident: $($kind:ident $(as $description:literal)? $(= $example:expr)?),+) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name($crate::Problem);

        $(impl From<$crate::$kind> for $name {
            fn from(kind: $crate::$kind) -> Self {
                Self(kind.into())
            }
        })+

        impl From<$name> for poem::Error {
            fn from(error: $name) -> Self {
                error.0.into()
            }
        }

        impl poem_openapi::ApiResponse for $name {
            fn meta() -> poem_openapi::registry::MetaResponses {
                poem_openapi::registry::MetaResponses {
                    responses: vec![$($crate::problem::meta::<$crate::$kind>(
                        None$(.or(Some($description)))?,
                        None$(.or(Some($example)))?,
                    )),+],
                }
            }

            fn register(registry: &mut poem_openapi::registry::Registry) {
                $crate::problem::register(registry);
            }
        }
    };
}

pub(crate) use problems;

/// What the document says of a kind, in general or in one operation.
pub(crate) fn meta<K: Kind>(description: Option<&'static str>, example: Option<K>) -> MetaResponse {
    let schema = if K::STATUS == Unprocessable::STATUS {
        ValidationProblemBody::schema_ref()
    } else {
        ProblemBody::schema_ref()
    };
    // The framework has a place for the example of a schema alone; the document gives it to the answer.
    let shown = MetaSchema {
        all_of: vec![schema],
        example: Some(body::example(example.unwrap_or_else(K::example))),
        ..MetaSchema::ANY
    };
    MetaResponse {
        description: description.unwrap_or(K::DESCRIPTION),
        status: Some(K::STATUS.as_u16()),
        status_range: None,
        content: vec![MetaMediaType { content_type: MEDIA_TYPE, schema: MetaSchemaRef::Inline(Box::new(shown)) }],
        headers: K::HEADER.as_ref().map(header).into_iter().collect(),
    }
}

fn header(header: &Header) -> MetaHeader {
    MetaHeader {
        name: header.name.to_owned(),
        description: Some(header.description.to_owned()),
        required: header.required,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new((header.schema)())),
    }
}

/// Puts the schemas of problems into the document.
pub(crate) fn register(registry: &mut Registry) {
    ProblemBody::register(registry);
    ValidationProblemBody::register(registry);
}
