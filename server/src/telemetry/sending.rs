//! Sends spans, and says so where the collector does not take them. The library's own warnings are left out of the
//! build: they may show the collector's address with its password. So nothing is said of spans that its queue has no
//! room for.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{Resource, error::OTelSdkResult, trace};

#[derive(Debug)]
pub(super) struct Sending {
    exporter: SpanExporter,
    /// Whether the last ones were lost. Only the first of many is told.
    is_failing: AtomicBool,
}

impl Sending {
    pub(super) fn by(exporter: SpanExporter) -> Self {
        Self { exporter, is_failing: AtomicBool::default() }
    }
}

impl trace::SpanExporter for Sending {
    async fn export(&self, batch: Vec<trace::SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.exporter.export(batch).await;
        let was_failing = self.is_failing.swap(sent.is_err(), Ordering::Relaxed);
        if sent.is_err() && !was_failing {
            tracing::warn!(
                spans,
                "traces are lost: the collector at OTEL_EXPORTER_OTLP_ENDPOINT does not take them; see that it runs, and \
                 that the address is right"
            );
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
