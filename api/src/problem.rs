//! Every refusal and every fault, as one shape: `application/problem+json` (RFC 9457).
//!
//! A port fails with a [`Failure`]; an operation turns it into its own error type, which lists exactly
//! the [kinds](kind) that the operation can answer and publishes them; [`answer`] renders whatever
//! comes out, the framework's own errors included, in one place.

mod answer;
mod body;
mod content;
mod failure;
mod kind;
mod limits;
mod operation;
mod ours;
mod state;
mod unidentified;
mod unreadable;

use std::{error::Error, fmt, sync::Arc};

use poem::{
    error::ResponseError,
    http::{HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
};

pub(crate) use self::{
    answer::answer,
    body::Fault,
    content::{ContentTooLarge, Unprocessable, UnsupportedMediaType},
    operation::{meta, problems, register},
    ours::Internal,
    state::{PreconditionFailed, StillRunning},
};
pub use self::{
    failure::{Broken, Failure, Outcome},
    limits::{Overloaded, RequestTimeout, TooManyRequests},
    ours::Unavailable,
    state::NoSuchTask,
    unidentified::Unidentified,
    unreadable::Unreadable,
};

/// The media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// A problem on its way to the client.
///
/// Two audiences, two messages: `detail` and `faults` are for whoever asked, `cause` is for the log and
/// never leaves the process.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    faults: Vec<Fault>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), faults: Vec::new(), headers: Vec::new(), cause: None }
    }

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says after how many seconds another try is worth it (RFC 9110, 10.2.3).
    fn retry_after(self, seconds: u64) -> Self {
        self.with_header(RETRY_AFTER, seconds.into())
    }

    fn caused_by(mut self, cause: Arc<dyn Error + Send + Sync>) -> Self {
        self.cause = Some(cause);
        self
    }
}

/// The problem of that kind, as the error that the framework asks for.
pub(crate) fn failed(kind: impl Into<Problem>) -> poem::Error {
    let problem: Problem = kind.into();
    problem.into()
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)
    }
}

impl Error for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status
    }
}
