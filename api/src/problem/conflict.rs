//! The kind of problem of a request that comes while its like is under way.

use poem::http::{HeaderValue, StatusCode, header::RETRY_AFTER};

use super::{
    Problem,
    kind::{Header, Kind},
};

/// The first request with an idempotency key has no answer yet that could be given again.
#[derive(Debug)]
pub struct StillRunning;

impl Kind for StillRunning {
    const STATUS: StatusCode = StatusCode::CONFLICT;
    const DESCRIPTION: &'static str =
        "The first request with this `Idempotency-Key` is still running. Send it again after `Retry-After`.";
    const HEADER: Option<Header> = Some(Header::RETRY_AFTER);

    fn example() -> Self {
        Self
    }
}

impl From<StillRunning> for Problem {
    fn from(_: StillRunning) -> Self {
        let detail = "the first request with this Idempotency-Key is still running; send it again soon";
        Self::new(StillRunning::STATUS, "Conflict", detail).with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    }
}
