//! What is logged, and how.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::refusals::Reader;

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// The least level, or directives such as `info,sqlx=debug`.
    pub level: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// The variables of this section, as they are written.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Variables {
    log_level: Option<String>,
    log_format: Option<String>,
}

impl LogConfig {
    pub(super) fn read(given: Variables, reader: &mut Reader) -> Self {
        Self { level: level(reader, given.log_level), format: format(reader, given.log_format.as_deref()) }
    }
}

fn level(reader: &mut Reader, given: Option<String>) -> String {
    let level = given.unwrap_or_else(|| "info".to_owned());
    if EnvFilter::builder().parse(&level).is_err() {
        reader.refuse("LOG_LEVEL", "must be error, warn, info, debug, trace, or directives such as info,sqlx=debug");
    }
    level
}

fn format(reader: &mut Reader, given: Option<&str>) -> LogFormat {
    match given {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(_) => {
            reader.refuse("LOG_FORMAT", "must be text or json");
            LogFormat::Text
        }
    }
}
