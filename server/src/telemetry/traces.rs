//! Traces: one span a request, for a collector (OTLP over HTTP).
//!
//! Spans are made by hand, at the one place that sees each request from its head to its answer. A layer over `tracing`
//! would make one of everything that is logged, with whatever is in it; here it is plain what is sent: operation,
//! route, status and the name of the request, and of the client's trace what it says itself (`tracestate`). No address,
//! user, token or title.
//!
//! They are sent from a thread of their own, in batches; what the collector does not take is lost, and told. What the
//! queue has no room for meanwhile is dropped without a word. Other variables of the standard are read by the library,
//! from the environment alone: `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_TIMEOUT`, `OTEL_TRACES_SAMPLER` with
//! its `_ARG`, `OTEL_BSP_…`, `OTEL_RESOURCE_ATTRIBUTES`.

use std::{sync::OnceLock, time::Duration};

use opentelemetry::{
    KeyValue,
    trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _},
};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    resource::EnvResourceDetector,
    trace::{SdkTracer, SdkTracerProvider, Span},
};
use poem::http::HeaderMap;
use todo_api::{Operation, RequestId};
use url::Url;

use super::{parent::parent, sending::Sending};

/// How long the last spans may take to be sent.
const LAST_CALL: Duration = Duration::from_secs(2);

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The sending of spans.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    pub(super) fn start(collector: &Url, service_name: Option<&str>) -> Result<Self, ExporterBuildError> {
        // As the standard has it: the path of a signal is put behind the address.
        let mut address = collector.clone();
        address.set_path(&format!("{}/v1/traces", collector.path().trim_end_matches('/')));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address.as_str())
            .build()?;
        // As the standard has it too: OTEL_SERVICE_NAME goes before a name in OTEL_RESOURCE_ATTRIBUTES.
        let name = |name: &str| KeyValue::new("service.name", name.to_owned());
        let resource = Resource::builder_empty()
            .with_attribute(name("todo-server"))
            .with_detector(Box::new(EnvResourceDetector::new()))
            .with_attributes(service_name.map(name))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider =
            SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(Sending::by(exporter)).build();
        // Nobody else starts one: logging, which is started once, comes first.
        let _ = TRACER.set(provider.tracer("todo-server"));
        Ok(Self(provider))
    }

    /// Sends what is left, and waits for that; not in the threads of requests.
    pub(super) fn stop(&self) {
        // What the collector does not take now is lost, and nobody is there to be told.
        let _ = self.0.shutdown_with_timeout(LAST_CALL);
    }
}

/// A request under way, as a span that ends with it. Boxed: the futures that hold it are copied.
pub(crate) struct Trace(Box<Span>);

impl Trace {
    /// Begins one where traces are sent, within the trace that the client tells of (W3C Trace Context).
    pub(crate) fn begin(headers: &HeaderMap) -> Option<Self> {
        let tracer = TRACER.get()?;
        let span = tracer.span_builder("unanswered").with_kind(SpanKind::Server);
        Some(Self(Box::new(span.start_with_context(tracer, &parent(headers)))))
    }

    /// Ends it, with the status where there was an answer.
    pub(crate) fn end(mut self, id: &RequestId, method: &str, operation: Option<&Operation>, status: Option<u16>) {
        let Self(span) = &mut self;
        span.update_name(operation.map_or(method, |operation| operation.id).to_owned());
        span.set_attribute(KeyValue::new("http.request.method", method.to_owned()));
        span.set_attribute(KeyValue::new("request_id", id.as_str().to_owned()));
        if let Some(operation) = operation {
            span.set_attribute(KeyValue::new("http.route", operation.route));
        }
        if let Some(status) = status {
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
            if status >= 500 {
                span.set_status(Status::error(""));
            }
        }
        span.end();
    }
}
