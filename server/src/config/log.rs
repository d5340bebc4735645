//! What is logged, and how.

use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::reader::Reader;

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
    let is_level = |part: &str| part.parse::<LevelFilter>().is_ok();
    // A bare word that is no level names a module, and nothing but that module would be logged.
    let is_module = |part: &str| !part.contains(['=', '[']) && !is_level(part);
    if EnvFilter::builder().parse(&level).is_err() || level.split(',').any(is_module) {
        reader.refuse(
            "LOG_LEVEL",
            format_args!(
                "is {level:?}, but must be off, error, warn, info, debug, trace, or directives such as info,sqlx=debug"
            ),
        );
    } else if !level.split(',').any(|part| !part.is_empty() && is_level(part)) {
        // What has no level logs nothing: not the cause of a fault, say, which is told by another crate than its
        // answer.
        reader.refuse(
            "LOG_LEVEL",
            format_args!(
                "is {level:?}, and logs nothing else; begin with a level for all the rest: info,todo_server=debug"
            ),
        );
    }
    level
}

fn format(reader: &mut Reader, given: Option<&str>) -> LogFormat {
    let read = |given: &str| match given {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    };
    given.and_then(|given| reader.read("LOG_FORMAT", given, "text or json", read)).unwrap_or(LogFormat::Text)
}
