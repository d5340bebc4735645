//! How the database is used.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use todo_migration::UsersTable;

use super::{DatabaseUrl, memory, reader::Reader};

/// How the database is used.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Which one.
    pub url: DatabaseUrl,
    /// The same database without the pooler, for migrations.
    pub direct_url: Option<DatabaseUrl>,
    /// Whether `sslmode=require` verifies the certificate of a public host.
    pub verify_tls: bool,
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
    /// How many requests one statement may serve.
    pub batch_size: usize,
    /// How many MiB of answered lists and tasks are remembered; none with 0.
    pub list_cache: u32,
    /// Whether pending migrations are run at the start.
    pub migrate_on_start: bool,
    /// Whether PostgreSQL itself keeps users apart, by row-level security.
    pub row_security: bool,
    /// The table of users, where it is another system's.
    pub users_table: Option<UsersTable>,
}

/// The variables of this section, as they are written.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Variables {
    database_url: Option<String>,
    database_direct_url: Option<String>,
    database_verify_tls: Option<String>,
    database_max_connections: Option<String>,
    database_min_connections: Option<String>,
    database_idle_timeout: Option<String>,
    database_timeout: Option<String>,
    database_start_timeout: Option<String>,
    database_batch_size: Option<String>,
    list_cache: Option<String>,
    migrate_on_start: Option<String>,
    database_rls: Option<String>,
    users_table: Option<String>,
}

impl DatabaseConfig {
    /// `None` where there is no address to go on with.
    pub(super) fn read(given: Variables, reader: &mut Reader) -> Option<Self> {
        let url = given.database_url.as_deref().unwrap_or("sqlite://data/todo.db");
        let url = reader.parse::<DatabaseUrl>("DATABASE_URL", url);
        let direct_url =
            given.database_direct_url.and_then(|url| reader.parse::<DatabaseUrl>("DATABASE_DIRECT_URL", &url));
        let is_embedded = url.as_ref().is_some_and(DatabaseUrl::is_embedded);
        if direct_url.as_ref().is_some_and(|direct_url| is_embedded || direct_url.is_embedded()) {
            reader.refuse(
                "DATABASE_DIRECT_URL",
                "and DATABASE_URL must lead to the same PostgreSQL, but one is an SQLite file, as DATABASE_URL is unless \
                 set; set both to the PostgreSQL, or leave DATABASE_DIRECT_URL unset",
            );
        }
        let max_connections = reader.number("DATABASE_MAX_CONNECTIONS", given.database_max_connections, 10, 1..=1000);
        let min_connections = reader.number("DATABASE_MIN_CONNECTIONS", given.database_min_connections, 0, 0..=1000);
        if min_connections > max_connections {
            reader
                .refuse("DATABASE_MIN_CONNECTIONS", "must be at most DATABASE_MAX_CONNECTIONS; lower it or raise that");
        }
        let row_security = reader.flag("DATABASE_RLS", given.database_rls, false);
        if row_security && is_embedded {
            reader.refuse(
                "DATABASE_RLS",
                "is true, which SQLite cannot; set DATABASE_URL to a PostgreSQL, or leave it unset",
            );
        }
        Some(Self {
            direct_url,
            verify_tls: reader.flag("DATABASE_VERIFY_TLS", given.database_verify_tls, true),
            max_connections,
            min_connections,
            idle_timeout: reader.seconds("DATABASE_IDLE_TIMEOUT", given.database_idle_timeout, 60, 1..=86_400),
            timeout: reader.seconds("DATABASE_TIMEOUT", given.database_timeout, 4, 1..=60),
            start_timeout: reader.seconds("DATABASE_START_TIMEOUT", given.database_start_timeout, 30, 0..=3600),
            batch_size: reader.number("DATABASE_BATCH_SIZE", given.database_batch_size, 128, 1..=128),
            list_cache: list_cache(reader, given.list_cache.as_deref()),
            migrate_on_start: reader.flag("MIGRATE_ON_START", given.migrate_on_start, true),
            row_security,
            users_table: given.users_table.and_then(|name| reader.parse("USERS_TABLE", &name)),
            // Last, so that all other faults are found too.
            url: url?,
        })
    }
}

fn list_cache(reader: &mut Reader, given: Option<&str>) -> u32 {
    match given.map(str::trim) {
        None | Some("auto") => list_cache_of(memory::available()),
        Some(given) => {
            let read = |given: &str| given.parse::<u32>().ok().filter(|mebibytes| *mebibytes <= 65_536);
            reader.read("LIST_CACHE", given, "auto, or MiB from 0 to 65536", read).unwrap_or_default()
        }
    }
}

/// How many MiB of lists are remembered, of so many MiB of memory: an eighth, since the process takes up to half more
/// than the lists; and no more than ten thousand users with a hundred tasks each need.
fn list_cache_of(memory: u64) -> u32 {
    u32::try_from(memory / 8).unwrap_or(u32::MAX).clamp(16, 256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn migrations_go_to_no_file_beside_a_postgresql() {
        let given = [
            ("BETTER_AUTH_SECRET", "a secret of more than thirty-two bytes"),
            ("DATABASE_URL", "postgresql://db/todo"),
            ("DATABASE_DIRECT_URL", "sqlite://todo.db"),
        ];
        let refused = Config::from_pairs(given).expect_err("it is refused").to_string();
        let words = "DATABASE_DIRECT_URL and DATABASE_URL must lead to the same PostgreSQL";
        assert!(refused.starts_with(words), "{refused}");
    }

    #[test]
    fn lists_have_an_eighth_of_the_memory_within_bounds() {
        for (memory, lists) in [(0, 16), (64, 16), (512, 64), (24_000, 256), (u64::MAX, 256)] {
            assert_eq!(list_cache_of(memory), lists, "of {memory}");
        }
        assert!(memory::available() > 64, "it is found out");
    }
}
