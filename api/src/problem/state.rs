//! The kinds of problem of requests that the state of things does not allow.

use poem::http::StatusCode;

use super::{
    Problem,
    kind::{Header, Kind},
};

/// There is no such task, or it is another user's: nobody learns which.
#[derive(Debug)]
pub struct NoSuchTask;

impl Kind for NoSuchTask {
    const STATUS: StatusCode = StatusCode::NOT_FOUND;
    const DESCRIPTION: &'static str = "You have no such task. Another user's task is answered in the same way.";

    fn example() -> Self {
        Self
    }
}

impl From<NoSuchTask> for Problem {
    fn from(_: NoSuchTask) -> Self {
        Self::new(NoSuchTask::STATUS, "there is no such task")
    }
}

/// The task is in no version that `If-Match` names.
#[derive(Debug)]
pub(crate) enum PreconditionFailed {
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
        Self::new(PreconditionFailed::STATUS, detail)
    }
}

/// The first request with an idempotency key has no answer yet that could be given again.
#[derive(Debug)]
pub(crate) struct StillRunning;

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
        Self::new(StillRunning::STATUS, detail).retry_after(1)
    }
}
