//! What is on this machine.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::{Checked, Finding};
use crate::{LogConfig, config::misspelt};

pub(super) fn findings() -> Vec<Checked> {
    let misspelt = misspelt()
        .into_iter()
        .map(|(meant, given)| Finding::warn(format!("nobody reads {given}; write {meant}, if that is meant")));
    private(Path::new(".env")).into_iter().chain(misspelt).map(|finding| ("variables", finding)).collect()
}

/// Whether a file is its owner's alone; nothing where it is not there.
pub(super) fn private(file: &Path) -> Option<Finding> {
    let mode = fs::metadata(file).ok()?.permissions().mode() & 0o777;
    let file = file.display();
    let of_others = mode & 0o077;
    Some(if of_others == 0 {
        Finding::pass(format!("{file} is its owner's alone"))
    } else {
        Finding::warn(format!("{file} has the mode {mode:o}, so others can come at it; chmod 600 {file}"))
    })
}

/// Below info, statements are logged, and soon a disk is full; where it is off, nobody hears of what fails.
pub(super) fn log(config: &LogConfig) -> Finding {
    let level = EnvFilter::builder().parse_lossy(&config.level).max_level_hint();
    match level {
        Some(LevelFilter::OFF) => {
            Finding::warn(format!("LOG_LEVEL {} keeps what fails to itself; set info", config.level))
        }
        Some(level) if level > LevelFilter::INFO => {
            Finding::warn(format!("LOG_LEVEL {} tells more than operation needs; set info", config.level))
        }
        _ => Finding::pass(format!("LOG_LEVEL {}", config.level)),
    }
}
