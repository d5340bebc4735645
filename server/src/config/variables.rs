//! The variables as they are written, before any is looked at.

#![expect(clippy::disallowed_methods, reason = "this is where the environment is read")]

mod file;

use std::{env, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::{Refusals, auth, database, http, log, telemetry};

/// All sections; every variable is a text, so that every fault is found and not only the first.
#[derive(Debug, Default, Deserialize, Serialize)]
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
        Self::from_pairs(Self::given()?.into_iter())
    }

    /// All pairs, those of the environment last.
    fn given() -> Result<Vec<(String, String)>, Refusals> {
        let mut pairs = file::read(Path::new(".env"))?;
        for (name, value) in env::vars_os() {
            // A name that is no text cannot be ours.
            let Some(name) = name.to_str() else { continue };
            match value.into_string() {
                Ok(value) => pairs.push((name.to_owned(), value)),
                // Skipped, it would leave the default in force, which may be another database.
                Err(_) if Self::names().contains(&name.to_uppercase()) => {
                    return Err(Refusals::one(format!("{name} is not in UTF-8; write it so")));
                }
                Err(_) => {}
            }
        }
        Ok(pairs)
    }

    /// The names of all variables.
    pub(super) fn names() -> Vec<String> {
        let all = serde_json::to_value(Self::default()).unwrap_or_default();
        all.as_object().into_iter().flat_map(Map::keys).map(|name| name.to_uppercase()).collect()
    }

    /// From pairs, of which the last of a name counts, and an empty one not at all.
    pub(super) fn from_pairs(pairs: impl Iterator<Item = (String, String)>) -> Result<Self, Refusals> {
        let pairs: std::collections::BTreeMap<_, _> = pairs.filter(|(_, value)| !value.trim().is_empty()).collect();
        // Every variable is an optional text, so nothing else can be wrong.
        envy::from_iter(pairs).map_err(|error| {
            Refusals::one(format!("a variable is given in two spellings ({error}); keep the one in capitals"))
        })
    }
}

/// What is given under a name that nobody reads, but that is almost one of ours: our name, and the given one.
pub(crate) fn misspelt() -> Vec<(String, String)> {
    let (known, given) = (Variables::names(), Variables::given().unwrap_or_default());
    let unknown = given.into_iter().map(|(name, _)| name).filter(|name| !known.contains(&name.to_uppercase()));
    let is_almost = |name: &str, one: &str| strsim::osa_distance(&name.to_uppercase(), one) <= one.len() / 5;
    unknown.filter_map(|name| Some((known.iter().find(|one| is_almost(&name, one))?.clone(), name))).collect()
}
