//! What the process tells of itself: logs, to the standard output, in one line each; and, where somebody
//! collects them, traces and errors.

mod current;
mod errors;
mod fields;
mod lines;
mod parent;
mod sending;
mod traces;

use std::{
    fmt,
    io::{IsTerminal, stdout},
    panic, thread,
    time::Duration,
};

use sentry::ClientInitGuard;
use todo_api::Timestamp;
use tokio::sync::oneshot;
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{format::Writer, time::FormatTime},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

pub(crate) use self::{
    current::{add_database_wait, at_work_on, database_wait, named},
    errors::of_request,
    lines::{gather, write_gathered},
    traces::Trace,
};
use self::{fields::Plain, lines::Lines, traces::Traces};
use crate::{
    LogConfig, LogFormat, TelemetryConfig, clock,
    http_client::{CERTIFICATES, causes},
};

/// How long the stop waits for what is to be sent.
const LAST_CALL: Duration = Duration::from_secs(4);

/// Logging could not be started, or what sends traces.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level does not parse.
    #[error("LOG_LEVEL must be a level or directives: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Something else in this process logs already.
    #[error("logging was started twice: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
    /// No HTTP client can be made.
    #[error("{variable} cannot be used{}; {CERTIFICATES}", causes(.cause))]
    Client {
        /// Whose address it is.
        variable: &'static str,
        /// What the client says.
        cause: reqwest::Error,
    },
    /// What the environment alone configures of the collector cannot be used.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT or another variable of OTEL_EXPORTER_OTLP_ cannot be used: {0}")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Starts the log of the whole process, and nothing else.
///
/// # Errors
///
/// Where the level does not parse, or logging was started before.
pub fn start_log(config: &LogConfig) -> Result<(), TelemetryError> {
    subscribe(config, false)
}

/// What is sent to others while the server runs.
pub struct Telemetry {
    traces: Option<Traces>,
    /// Ends the sending of errors where it is dropped.
    errors: Option<ClientInitGuard>,
}

impl Telemetry {
    /// Starts logging, and the sending of traces and errors where somebody collects them.
    ///
    /// # Errors
    ///
    /// As [`start_log`], and where no request to the collectors can be made.
    pub fn start(logs: &LogConfig, config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        subscribe(logs, config.sentry.is_some())?;
        // Where there can be no HTTP client, Sentry's library would panic, and that of traces would not say why.
        let asked = [("OTEL_EXPORTER_OTLP_ENDPOINT", config.traces.is_some()), ("SENTRY_DSN", config.sentry.is_some())];
        if let Some((variable, _)) = asked.into_iter().find(|(_, is_set)| *is_set) {
            reqwest::Client::builder().build().map_err(|cause| TelemetryError::Client { variable, cause })?;
        }
        let traces = config.traces.as_ref().map(|collector| Traces::start(collector, config.service_name.as_deref()));
        let errors = config.sentry.as_ref().map(errors::start);
        Ok(Self { traces: traces.transpose()?, errors })
    }

    /// Sends what is left, for some seconds at most.
    pub async fn stop(self) {
        let Self { traces, errors } = self;
        if traces.is_none() && errors.is_none() {
            return;
        }
        // In a thread of its own, so that the wait can end: neither library promises an end.
        let (sender, sent) = oneshot::channel();
        thread::spawn(move || {
            if let Some(traces) = traces {
                traces.stop();
            }
            drop(errors);
            // Nobody may be waiting any more.
            let _ = sender.send(());
        });
        if tokio::time::timeout(LAST_CALL, sent).await.is_err() {
            tracing::warn!("the last traces or errors could not be sent in time");
        }
    }
}

/// The moment of a line, as the API writes it, which takes a fifth of the library's time for the same.
struct Moment;

impl FormatTime for Moment {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", Timestamp::from_micros(clock::now_micros()))
    }
}

fn subscribe(config: &LogConfig, sends_errors: bool) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder().parse(&config.level)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(Lines).with_timer(Moment);
    let layer = match config.format {
        LogFormat::Text if stdout().is_terminal() => lines.with_target(false).boxed(),
        LogFormat::Text => lines.with_target(false).with_ansi(false).fmt_fields(Plain).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let errors = sends_errors.then(errors::layer);
    tracing_subscriber::registry().with(layer.with_filter(filter)).with(errors).try_init()?;
    // A panic is logged like everything else, once and with its place.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // In the message, by which who collects errors tells them apart.
        let words = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(request_id = current::request_id(), place, "panicked: {words:?}");
    }));
    Ok(())
}
