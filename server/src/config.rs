//! The configuration: read once from the environment and `.env`, and checked as a whole before
//! anything starts. One file a section, with its variables, their defaults and their bounds.

mod auth;
mod database;
mod database_url;
mod http;
mod http_url;
mod log;
mod memory;
mod password;
pub(crate) mod quotes;
mod rate_limit;
mod reader;
mod refusals;
mod telemetry;
mod variables;

pub(crate) use self::variables::misspelt;
pub use self::{
    auth::{AuthConfig, JwksConfig},
    database::DatabaseConfig,
    database_url::DatabaseUrl,
    http::HttpConfig,
    log::{LogConfig, LogFormat},
    rate_limit::RateLimit,
    refusals::Refusals,
    telemetry::TelemetryConfig,
};
use self::{reader::Reader, variables::Variables};

/// All that an operator decides. `.env.example` says what each means, and a test holds it to that.
#[derive(Debug)]
pub struct Config {
    /// How the database is used.
    pub database: DatabaseConfig,
    /// Whose tokens count.
    pub auth: AuthConfig,
    /// Where the server listens, and for whom.
    pub http: HttpConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Where traces and errors are sent.
    pub telemetry: TelemetryConfig,
}

impl Config {
    /// Reads the environment, and `.env` in the working directory for what the environment has not.
    ///
    /// # Errors
    ///
    /// All faults at once, each with its remedy, and never with a secret's value.
    pub fn load() -> Result<Self, Refusals> {
        Self::from_variables(Variables::load()?)
    }

    /// Reads the given variables, as tests do; an empty value is an absent one.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Refusals> {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self::from_variables(Variables::from_pairs(pairs)?)
    }

    fn from_variables(given: Variables) -> Result<Self, Refusals> {
        let mut reader = Reader::default();
        let database = DatabaseConfig::read(given.database, &mut reader);
        let auth = AuthConfig::read(given.auth, &mut reader);
        let http = HttpConfig::read(given.http, &mut reader);
        let log = LogConfig::read(given.log, &mut reader);
        let telemetry = TelemetryConfig::read(given.telemetry, &mut reader);
        let refusals = reader.finish();
        match database.filter(|_| refusals.is_empty()) {
            Some(database) => Ok(Self { database, auth, http, log, telemetry }),
            None => Err(refusals),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../.env.example");

    /// The configuration that these variables make beside a secret.
    pub(crate) fn configured(variables: &[(&str, &str)]) -> Config {
        let secret = ("BETTER_AUTH_SECRET", "a secret of more than thirty-two bytes");
        Config::from_pairs([secret].into_iter().chain(variables.iter().copied())).expect("it is good")
    }

    /// The names of the example, each with its default where it is given as a comment.
    fn example() -> Vec<(&'static str, &'static str)> {
        let variable = |line: &'static str| {
            let (name, value) = line.strip_prefix("# ").unwrap_or(line).split_once('=')?;
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            is_name.then_some((name, value))
        };
        EXAMPLE.lines().filter_map(variable).collect()
    }

    #[test]
    fn the_example_has_every_variable() {
        let mut known = Variables::names();
        let mut shown: Vec<_> = example().into_iter().map(|(name, _)| name).collect();
        known.sort();
        shown.sort_unstable();
        assert_eq!(shown, known);
    }

    #[test]
    fn the_example_shows_the_defaults() {
        let bare = configured(&[]);
        // PORT is left out: that it is given is what changes the default of HOST.
        let shown: Vec<_> = example().into_iter().filter(|(name, _)| *name != "PORT").collect();
        assert_eq!(format!("{:?}", configured(&shown)), format!("{bare:?}"));
        assert!(example().contains(&("PORT", &bare.http.port.to_string())));
    }

    #[test]
    fn who_sets_the_port_is_reached_from_outside() {
        assert_eq!(configured(&[]).http.host, "127.0.0.1");
        assert_eq!(configured(&[("PORT", "80")]).http.host, "0.0.0.0");
        assert_eq!(configured(&[("PORT", "80"), ("HOST", "127.0.0.1")]).http.host, "127.0.0.1");
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let config = configured(&[
            ("DATABASE_URL", "postgresql://ann:hunter2@db.example/todo?sslmode=require"),
            ("BETTER_AUTH_SECRET", &"hunter2".repeat(5)),
            ("AUTH_JWKS_URL", "https://ann:hunter2@app.example/jwks?key=hunter2"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://traces.example/?key=hunter2"),
        ]);
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("postgresql://ann:***@db.example/todo"), "{shown}");
    }

    #[test]
    fn an_address_of_neon_is_taken_as_neon_shows_it() {
        let pasted = "postgresql://neondb_owner:npg_x@ep-a-b-123-pooler.eu-central-1.aws.neon.tech/neondb\
                      ?sslmode=require&channel_binding=require";
        let url: DatabaseUrl = pasted.parse().expect("it is good");
        assert_eq!(url.expose(), pasted.replace("&channel_binding=require", ""));
    }
}
