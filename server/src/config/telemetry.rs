//! Where traces and errors are sent, if anywhere.

use std::fmt;

use sentry::types::Dsn;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{http_url, reader::Reader};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Where traces and errors are sent, if anywhere.
#[derive(Clone)]
pub struct TelemetryConfig {
    /// The collector of traces (OTLP over HTTP).
    pub traces: Option<Url>,
    /// What this service is called there, whatever `OTEL_RESOURCE_ATTRIBUTES` says of it.
    pub service_name: Option<String>,
    /// The project of Sentry that errors go to.
    pub sentry: Option<Dsn>,
}

/// The variables of this section, as they are written.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Variables {
    otel_exporter_otlp_endpoint: Option<String>,
    otel_service_name: Option<String>,
    sentry_dsn: Option<String>,
}

impl TelemetryConfig {
    pub(super) fn read(given: Variables, reader: &mut Reader) -> Self {
        let traces = given.otel_exporter_otlp_endpoint.and_then(|url| {
            let wanted = "your collector's HTTP port, such as http://localhost:4318";
            http_url::read(reader, ENDPOINT, &url, wanted)
        });
        if traces.as_ref().is_some_and(|url| !url.username().is_empty() || url.password().is_some()) {
            reader.refuse(
                ENDPOINT,
                "has a user or a password, which would not be sent; set OTEL_EXPORTER_OTLP_HEADERS in the environment \
                 instead, to authorization=Basic%20 and the base64 of user:password",
            );
        }
        let sentry = given.sentry_dsn.and_then(|dsn| {
            let parsed = dsn.trim().parse().ok();
            if parsed.is_none() {
                let remedy = "copy it from Sentry: the project's settings, Client Keys (DSN)";
                reader.refuse("SENTRY_DSN", format_args!("is not a DSN; {remedy}"));
            }
            parsed
        });
        Self { traces, service_name: given.otel_service_name, sentry }
    }
}

/// Without the addresses, in which there may be keys.
impl fmt::Debug for TelemetryConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { traces, service_name, sentry } = self;
        formatter
            .debug_struct("TelemetryConfig")
            .field("traces", &traces.as_ref().map(Url::host_str))
            .field("service_name", service_name)
            .field("sentry", &sentry.as_ref().map(Dsn::host))
            .finish()
    }
}
