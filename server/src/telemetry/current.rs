//! The request that a task is at work on.

use std::{cell::Cell, sync::Arc, time::Duration};

use todo_api::RequestContext;
use tracing::{Instrument as _, Span};

struct Current {
    context: Arc<RequestContext>,
    /// How long it has waited for the database.
    database: Cell<Duration>,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// Does `work`, the answering of the request of `context`, and says how long it waited for the database.
pub(crate) async fn at_work_on<T>(context: Arc<RequestContext>, work: impl Future<Output = T>) -> (T, Duration) {
    let current = Current { context, database: Cell::default() };
    CURRENT.scope(current, async { (work.await, CURRENT.with(|current| current.database.get())) }).await
}

/// The request at work has waited so long for the database. What tasks of their own wait is nobody's.
pub(crate) fn add_database_wait(duration: Duration) {
    let _ = CURRENT.try_with(|current| current.database.set(current.database.get() + duration));
}

/// How long the request at work has waited for the database; nothing where none is.
pub(crate) fn database_wait() -> Duration {
    CURRENT.try_with(|current| current.database.get()).unwrap_or_default()
}

/// `work` for the request at work, to be done in a task of its own: panics there are logged with the request's name,
/// and so are lines of libraries, on statements that fail or are slow.
pub(crate) fn named<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let (context, current) = (CURRENT.try_with(|current| Arc::clone(&current.context)).ok(), Span::current());
    async {
        let Some(context) = context else { return work.await };
        let id = context.id().as_str();
        let span = if current.is_none() { tracing::error_span!("request", request_id = id) } else { current };
        at_work_on(context, work.instrument(span)).await.0
    }
}

/// The name of the request at work.
pub(super) fn request_id() -> Option<String> {
    CURRENT.try_with(|current| current.context.id().as_str().to_owned()).ok()
}
