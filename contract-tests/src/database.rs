//! A database for one test.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tempfile::TempDir;
use url::Url;

use crate::Cluster;

/// The two that the contract holds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// An embedded file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Engine {
    /// Its name, in small letters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// An empty database of its own, gone with the value.
#[derive(Debug)]
pub enum TestDatabase {
    /// A file in a folder of its own.
    Sqlite(TempDir),
    /// A database of a server: the one that `TEST_DATABASE_URL` names, or a private one.
    Postgres {
        /// The address of the server, with the database that it is ruled from.
        server: String,
        /// The name of this database.
        name: String,
    },
}

impl TestDatabase {
    /// Makes one.
    ///
    /// # Panics
    ///
    /// Where that fails: a test never goes on without.
    pub async fn create(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::Sqlite(tempfile::tempdir().expect("a temporary folder")),
            Engine::Postgres => {
                let server = given_server().unwrap_or_else(|| Cluster::shared().url("postgres"));
                let name = format!("todo_test_{}", uuid::Uuid::new_v4().simple());
                rule(&server, &format!("CREATE DATABASE {name}")).await;
                Self::Postgres { server, name }
            }
        }
    }

    /// Its address.
    ///
    /// # Panics
    ///
    /// Where `TEST_DATABASE_URL` is no address.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite://{}", folder.path().join("todo.db").display()),
            Self::Postgres { server, name } => {
                let mut url: Url = server.parse().expect("TEST_DATABASE_URL is an address");
                url.set_path(name);
                url.into()
            }
        }
    }

    /// A connection beside the server's, for looking and for meddling.
    ///
    /// # Panics
    ///
    /// Where there is none to be had.
    pub async fn connect(&self) -> DatabaseConnection {
        let url = match self {
            Self::Sqlite(_) => self.url() + "?mode=rwc",
            Self::Postgres { .. } => self.url(),
        };
        Database::connect(ConnectOptions::new(url).max_connections(1).to_owned()).await.expect("a connection")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Self::Postgres { server, name } = self {
            let (server, drop) = (server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            // A thread with a runtime of its own: this one may be the runtime's last.
            let thread = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.map(|runtime| runtime.block_on(rule(&server, &drop)))
            });
            // A database that stays behind is no reason to fail; the private server goes as a whole.
            let _ = thread.join();
        }
    }
}

/// Tells a server to make or to drop a database, for which there is no builder of statements.
async fn rule(server: &str, statement: &str) {
    let connection = Database::connect(ConnectOptions::new(server).max_connections(1).to_owned()).await;
    let connection = connection.expect("the PostgreSQL of the tests answers");
    connection.execute_unprepared(statement).await.expect("the test's user may make databases");
    connection.close().await.expect("a connection can be closed");
}

#[expect(clippy::disallowed_methods, reason = "it configures the tests, not the server")]
fn given_server() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}
