//! The kinds of problem that are the server's, or its database's.

use std::{error::Error, sync::Arc};

use poem::http::StatusCode;

use super::{
    Problem,
    kind::{Header, Kind},
};

/// A fault of ours. The cause is for the log.
#[derive(Debug)]
pub(crate) struct Internal(pub(super) Arc<dyn Error + Send + Sync>);

impl Internal {
    /// A fault that nothing deeper caused.
    pub(crate) fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
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
        let detail = "something went wrong on our side; the server's log has the details under this request_id";
        Self::new(Internal::STATUS, detail).caused_by(cause)
    }
}

/// The database cannot be reached or is saturated. The cause is for the log.
#[derive(Debug)]
pub struct Unavailable(pub Arc<dyn Error + Send + Sync>);

impl Kind for Unavailable {
    const STATUS: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
    const DESCRIPTION: &'static str = "The database cannot be reached, or the server is overloaded. Try again after \
         `Retry-After`. A write may have been done: send it again only with its `Idempotency-Key` or `If-Match`, or where \
         doing it twice does no harm.";
    const HEADER: Option<Header> = Some(Header::RETRY_AFTER);

    fn example() -> Self {
        Self(Arc::from(Box::<dyn Error + Send + Sync>::from("an example")))
    }
}

impl From<Unavailable> for Problem {
    fn from(Unavailable(cause): Unavailable) -> Self {
        Self::new(Unavailable::STATUS, "the database does not answer; try again soon").retry_after(2).caused_by(cause)
    }
}
