//! The configuration: read once from the environment and `.env`, and checked as a whole before
//! anything starts.

mod database_url;
mod refusals;
mod variables;

use std::time::Duration;

use secrecy::SecretString;
use todo_migration::UsersTable;
use tracing_subscriber::EnvFilter;
use url::Url;

pub use self::{database_url::DatabaseUrl, refusals::Refusals};
use self::{refusals::Reader, variables::Variables};

/// All that an operator decides. `.env.example` says what each means, and a test holds it to that.
#[derive(Debug)]
pub struct Config {
    /// Where the tasks are kept.
    pub database: DatabaseConfig,
    /// Whose tokens count.
    pub auth: AuthConfig,
    /// Origins whose pages may call the API from a browser, each as the browser writes it.
    pub allowed_origins: Vec<String>,
    /// The name or address to listen on.
    pub host: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// How long requests under way may take once the server is told to stop.
    pub shutdown_timeout: Duration,
    /// What is logged, and how.
    pub log: LogConfig,
}

/// How the database is used.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Which one.
    pub url: DatabaseUrl,
    /// The most connections; SQLite uses them for reading, and one more for writing.
    pub max_connections: u32,
    /// How many connections are kept when there is nothing to do.
    pub min_connections: u32,
    /// How long a connection may idle before it is closed.
    pub idle_timeout: Duration,
    /// How long an operation waits for the database, for a connection and its statements together.
    pub timeout: Duration,
    /// How long the start waits for a database that is out of reach.
    pub start_timeout: Duration,
    /// Whether pending migrations are run at the start.
    pub migrate_on_start: bool,
    /// The table of users, where it is another system's.
    pub users_table: Option<UsersTable>,
}

/// Whose tokens count.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Tokens signed with it (HS256) count; its UTF-8 bytes are the key.
    pub secret: SecretString,
    /// Accepted `iss`; any, or none, where empty.
    pub issuers: Vec<String>,
    /// Accepted `aud`; any, or none, where empty.
    pub audiences: Vec<String>,
}

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

/// The secret that Better Auth falls back to where none is set; known to everybody.
const DEFAULT_SECRET: &str = "better-auth-secret-12345678901234567890";

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
        // The convention of hosting platforms: who sets PORT wants to be reached from outside.
        let default_host = if given.port.is_some() { "0.0.0.0" } else { "127.0.0.1" };
        let url = given.database_url.as_deref().unwrap_or("sqlite://data/todo.db");
        let url = reader.parse::<DatabaseUrl>("DATABASE_URL", url);
        let users_table = given.users_table.and_then(|name| reader.parse("USERS_TABLE", &name));
        let auth = AuthConfig {
            secret: secret(&mut reader, given.better_auth_secret),
            issuers: list(given.auth_issuer),
            audiences: list(given.auth_audience),
        };
        let log = LogConfig {
            level: level(&mut reader, given.log_level),
            format: format(&mut reader, given.log_format.as_deref()),
        };
        let allowed_origins = origins(&mut reader, given.allowed_origins);
        let host = given.host.unwrap_or_else(|| default_host.to_owned());
        let port = reader.number("PORT", given.port, 8000, 0..=u16::MAX);
        let shutdown_timeout = reader.seconds("SHUTDOWN_TIMEOUT", given.shutdown_timeout, 10, 0..=300);
        let max_connections = reader.number("DATABASE_MAX_CONNECTIONS", given.database_max_connections, 10, 1..=1000);
        let min_connections = reader.number("DATABASE_MIN_CONNECTIONS", given.database_min_connections, 0, 0..=1000);
        if min_connections > max_connections {
            reader
                .refuse("DATABASE_MIN_CONNECTIONS", "must be at most DATABASE_MAX_CONNECTIONS; lower it or raise that");
        }
        let idle_timeout = reader.seconds("DATABASE_IDLE_TIMEOUT", given.database_idle_timeout, 60, 1..=86_400);
        let timeout = reader.seconds("DATABASE_TIMEOUT", given.database_timeout, 4, 1..=60);
        let start_timeout = reader.seconds("DATABASE_START_TIMEOUT", given.database_start_timeout, 30, 0..=3600);
        let migrate_on_start = reader.flag("MIGRATE_ON_START", given.migrate_on_start.as_deref(), true);

        let refusals = reader.finish();
        let Some(url) = url.filter(|_| refusals.is_empty()) else {
            return Err(refusals);
        };
        let database = DatabaseConfig {
            url,
            max_connections,
            min_connections,
            idle_timeout,
            timeout,
            start_timeout,
            migrate_on_start,
            users_table,
        };
        Ok(Self { database, auth, allowed_origins, host, port, shutdown_timeout, log })
    }
}

fn secret(reader: &mut Reader, given: Option<String>) -> SecretString {
    const VARIABLE: &str = "BETTER_AUTH_SECRET";
    match &given {
        None => reader.refuse(
            VARIABLE,
            "is not set; give it the secret of your Better Auth server, or a new one: openssl rand -base64 32",
        ),
        Some(secret) if secret == DEFAULT_SECRET => reader.refuse(
            VARIABLE,
            "is the one that Better Auth falls back to, which everybody knows; make one: openssl rand -base64 32",
        ),
        Some(secret) if secret.len() < 32 => {
            reader.refuse(VARIABLE, "must have at least 32 bytes; make one: openssl rand -base64 32");
        }
        Some(_) => {}
    }
    given.unwrap_or_default().into()
}

fn list(given: Option<String>) -> Vec<String> {
    let given = given.unwrap_or_default();
    given.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn origins(reader: &mut Reader, given: Option<String>) -> Vec<String> {
    let origins = list(given);
    for origin in &origins {
        let written = Url::parse(origin).ok().map(|url| url.origin().ascii_serialization());
        match written.filter(|written| written.starts_with("http")) {
            Some(written) if written == *origin => {}
            Some(written) => {
                reader.refuse("ALLOWED_ORIGINS", format!("has {origin:?}, which no browser sends; write {written}"));
            }
            None => reader.refuse(
                "ALLOWED_ORIGINS",
                format!("has {origin:?}, which is no origin; write each as https://app.example.com, comma separated"),
            ),
        }
    }
    origins
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

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../.env.example");

    /// The names of the example, each with its default where it is given as a comment.
    fn example() -> Vec<(String, String)> {
        let variable = |line: &str| {
            let (name, value) = line.strip_prefix("# ").unwrap_or(line).split_once('=')?;
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            is_name.then(|| (name.to_owned(), value.to_owned()))
        };
        EXAMPLE.lines().filter_map(variable).collect()
    }

    fn secret() -> (String, String) {
        ("BETTER_AUTH_SECRET".to_owned(), "x".repeat(32))
    }

    #[test]
    fn the_example_has_every_variable() {
        let known = serde_json::to_value(Variables::default()).expect("a struct of texts");
        let mut known: Vec<_> = known.as_object().expect("an object").keys().map(|name| name.to_uppercase()).collect();
        let mut shown: Vec<_> = example().into_iter().map(|(name, _)| name).collect();
        known.sort();
        shown.sort();
        assert_eq!(shown, known);
    }

    #[test]
    fn the_example_shows_the_defaults() {
        let bare = Config::from_pairs([secret()]).expect("the defaults are good");
        // PORT is left out: that it is given is what changes the default of HOST.
        let shown = example().into_iter().filter(|(name, _)| name != "PORT").chain([secret()]);
        let shown = Config::from_pairs(shown).expect("the example is good");
        assert_eq!(format!("{shown:?}"), format!("{bare:?}"));
        assert!(example().contains(&("PORT".to_owned(), bare.port.to_string())));
    }

    #[test]
    fn who_sets_the_port_is_reached_from_outside() {
        let given = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Config::from_pairs(pairs.chain([secret()])).expect("it is good").host
        };
        assert_eq!(given(&[]), "127.0.0.1");
        assert_eq!(given(&[("PORT", "80")]), "0.0.0.0");
        assert_eq!(given(&[("PORT", "80"), ("HOST", "127.0.0.1")]), "127.0.0.1");
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let url = ("DATABASE_URL".to_owned(), "postgresql://ann:hunter2@db.example/todo?sslmode=require".to_owned());
        let config = Config::from_pairs([url, ("BETTER_AUTH_SECRET".to_owned(), "hunter2".repeat(5))]);
        let shown = format!("{:?}", config.expect("it is good"));
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
