//! The variables as they are written, before any is looked at.

#![expect(clippy::disallowed_methods, reason = "this is where the environment is read")]

mod file;

use std::{env, path::Path};

use serde::Deserialize;

use super::{Refusals, auth, database, http, log, telemetry};

/// All sections; every variable is a text, so that every fault is found and not only the first.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Variables {
    #[serde(flatten)]
    pub(super) database: database::Variables,
    #[serde(flatten)]
    pub(super) auth: auth::Variables,
    #[serde(flatten)]
    pub(super) http: http::Variables,
    #[serde(flatten)]
    pub(super) log: log::Variables,
    #[serde(flatten)]
    pub(super) telemetry: telemetry::Variables,
}

impl Variables {
    /// From the environment, and from `.env` what the environment has not.
    pub(super) fn load() -> Result<Self, Refusals> {
        let mut pairs = file::read(Path::new(".env"))?;
        for (name, value) in env::vars_os() {
            // Names and values that are no text cannot be ours; a value that is none shows as missing.
            if let (Some(name), Some(value)) = (name.to_str(), value.to_str()) {
                pairs.push((name.to_owned(), value.to_owned()));
            }
        }
        Self::from_pairs(pairs.into_iter())
    }

    /// From pairs, of which the last of a name counts, and an empty one not at all.
    pub(super) fn from_pairs(pairs: impl Iterator<Item = (String, String)>) -> Result<Self, Refusals> {
        let pairs: std::collections::BTreeMap<_, _> = pairs.filter(|(_, value)| !value.trim().is_empty()).collect();
        envy::from_iter(pairs).map_err(|error| Refusals::one(error.to_string()))
    }
}
