//! The error type of one operation: a list of the kinds of problem that it can answer, no other.

use poem_openapi::{
    registry::{MetaHeader, MetaMediaType, MetaResponse, Registry},
    types::Type,
};

use serde_json::Value;

use super::{
    ContentTooLarge, Internal, MEDIA_TYPE, NoSuchTask, PreconditionFailed, RequestTimeout, StillRunning,
    TooManyRequests, Unavailable, Unidentified, Unprocessable, UnsupportedMediaType,
    body::{self, ProblemBody, ValidationProblemBody},
    kind::{Header, Kind},
};

/// Declares the error type of an operation. Each kind listed is published with its status, and a port
/// may refuse only with a kind that is listed: the compiler holds the document to the code. With
/// `or broken`, the port may also break, which adds the 500 and the 503; and since only an identified caller
/// comes that far, the 429 of one who asks too often.
///
/// A macro, because the alternative is a derived enum with the same five attributes on each of seven
/// variants, six times over, where the differences that matter are lost.
macro_rules! problems {
    ($(#[$doc:meta])* $name:ident: $($kind:ident),+; or broken) => {
        problems! {
            $(#[$doc])*
            $name: $($kind,)+ TooManyRequests, Internal, Unavailable
        }

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
    ($(#[$doc:meta])* $name:ident: $($kind:ident),+) => {
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
                    responses: vec![$($crate::problem::meta::<$crate::$kind>()),+],
                }
            }

            fn register(registry: &mut poem_openapi::registry::Registry) {
                $crate::problem::register(registry);
            }
        }
    };
}

pub(crate) use problems;

/// What the document says of a kind.
pub(crate) fn meta<K: Kind>() -> MetaResponse {
    let schema = if K::STATUS == Unprocessable::STATUS {
        ValidationProblemBody::schema_ref()
    } else {
        ProblemBody::schema_ref()
    };
    MetaResponse {
        description: K::DESCRIPTION,
        status: Some(K::STATUS.as_u16()),
        status_range: None,
        content: vec![MetaMediaType { content_type: MEDIA_TYPE, schema }],
        headers: K::HEADER.as_ref().map(header).into_iter().collect(),
    }
}

fn header(header: &Header) -> MetaHeader {
    MetaHeader {
        name: header.name.to_owned(),
        description: Some(header.description.to_owned()),
        required: true,
        deprecated: false,
        schema: (header.schema)(),
    }
}

/// Puts the schemas of problems into the document.
pub(crate) fn register(registry: &mut Registry) {
    ProblemBody::register(registry);
    ValidationProblemBody::register(registry);
}

/// The problem of `status` as the document shows it, for a status that an operation can answer.
pub(crate) fn example(status: u16) -> Option<Value> {
    fn of<K: Kind>() -> (u16, fn() -> Value) {
        (K::STATUS.as_u16(), body::example::<K>)
    }
    let examples = [
        of::<Unidentified>(),
        of::<NoSuchTask>(),
        of::<RequestTimeout>(),
        of::<StillRunning>(),
        of::<PreconditionFailed>(),
        of::<ContentTooLarge>(),
        of::<UnsupportedMediaType>(),
        of::<Unprocessable>(),
        of::<TooManyRequests>(),
        of::<Internal>(),
        of::<Unavailable>(),
    ];
    let (_, example) = examples.into_iter().find(|(known, _)| *known == status)?;
    Some(example())
}
