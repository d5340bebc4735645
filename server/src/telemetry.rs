//! Logs: to the standard output, in one line each.

use std::{
    io::{IsTerminal, stdout},
    panic,
};

use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{LogConfig, LogFormat};

/// Logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level does not parse.
    #[error("LOG_LEVEL must be a level or directives: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Something else in this process logs already.
    #[error("logging was started twice: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts logging for the whole process.
///
/// # Errors
///
/// Where the level does not parse, or logging was started before.
pub fn start(config: &LogConfig) -> Result<(), LogError> {
    let filter = EnvFilter::builder().parse(&config.level)?;
    let layer = match config.format {
        LogFormat::Text => {
            tracing_subscriber::fmt::layer().with_target(false).with_ansi(stdout().is_terminal()).boxed()
        }
        LogFormat::Json => tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()?;
    // A panic is logged like everything else, once and with its place.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, "panicked");
    }));
    Ok(())
}
