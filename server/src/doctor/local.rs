//! What is on this machine.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::Finding;
use crate::LogConfig;

pub(super) fn findings() -> Vec<Finding> {
    private("variables", Path::new(".env")).into_iter().collect()
}

/// Whether a file is its owner's alone; nothing where it is not there.
pub(super) fn private(check: &'static str, file: &Path) -> Option<Finding> {
    let mode = fs::metadata(file).ok()?.permissions().mode() & 0o777;
    let file = file.display();
    let of_others = mode & 0o077;
    Some(if of_others == 0 {
        Finding::pass(check, format!("{file} is its owner's alone"))
    } else {
        Finding::warn(check, format!("{file} has the mode {mode:o}, so others can come at it; chmod 600 {file}"))
    })
}

/// Below info, statements are logged, and soon a disk is full.
pub(super) fn log(config: &LogConfig) -> Finding {
    const CHECK: &str = "log";
    let level = EnvFilter::builder().parse_lossy(&config.level).max_level_hint();
    match level {
        Some(level) if level > LevelFilter::INFO => {
            Finding::warn(CHECK, format!("LOG_LEVEL {} tells more than operation needs; set info", config.level))
        }
        _ => Finding::pass(CHECK, format!("LOG_LEVEL {}", config.level)),
    }
}
