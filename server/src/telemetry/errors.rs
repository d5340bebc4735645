//! Errors, for Sentry: what is logged as an error by us, which is faults of ours and panics.
//!
//! Sent are the line of the log and the name of the request, from a thread of its own and with a bounded queue; none
//! of the crate's integrations, which would add the machine, its modules and what people sent. A database that is
//! away is no fault of ours, and comes by the thousand: the metrics tell of it.

use std::{sync::Arc, time::Duration};

use sentry::{
    ClientInitGuard, ClientOptions, Hub, SentryFutureExt as _,
    integrations::tracing::ErrorLayer,
    protocol::{Context, Event},
    types::Dsn,
};
use todo_api::RequestId;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// How long the last events may take to be sent.
const LAST_CALL: Duration = Duration::from_secs(2);

/// Starts sending, until the value ends.
pub(super) fn start(dsn: &Dsn) -> ClientInitGuard {
    let options = ClientOptions::new()
        .release(concat!("todo-server@", env!("CARGO_PKG_VERSION")))
        .default_integrations(false)
        .max_breadcrumbs(0)
        .before_send(|event| is_ours(&event).then_some(event))
        .shutdown_timeout(LAST_CALL);
    sentry::init((dsn.clone(), options))
}

/// Takes errors out of the log.
pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let is_error =
        |metadata: &Metadata<'_>| *metadata.level() == Level::ERROR && metadata.target().starts_with("todo_");
    ErrorLayer::new().with_filter(filter_fn(is_error))
}

/// Whether an event is a fault of ours: all are but answers of 503.
fn is_ours(event: &Event<'_>) -> bool {
    let fields = event.contexts.get("Rust Tracing Fields");
    !matches!(fields, Some(Context::Other(fields)) if fields.get("status").is_some_and(|status| status == 503))
}

/// Does the work of a request, whose errors bear its name.
pub(crate) async fn of_request<T>(id: &RequestId, work: impl Future<Output = T>) -> T {
    let main = Hub::main();
    if main.client().is_none() {
        return work.await;
    }
    let hub = Hub::new_from_top(main);
    hub.configure_scope(|scope| scope.set_tag("request_id", id.as_str()));
    work.bind_hub(Arc::new(hub)).await
}
