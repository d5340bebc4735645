//! A database for one test.

use std::sync::Arc;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tempfile::TempDir;
use url::Url;

use crate::{Cluster, SmallDisk, temporary_folder};

/// What the contract holds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// An embedded file.
    Sqlite,
    /// A server.
    Postgres,
    /// A server that keeps users apart itself: with row-level security, and by a role that may not even read
    /// tasks, so that a statement without its caller fails.
    Guarded,
}

impl Engine {
    /// Its name, in small letters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Guarded => "guarded",
        }
    }
}

/// An empty database of its own, gone with the last of its values.
#[derive(Debug, Clone)]
pub struct TestDatabase(Arc<Place>);

/// Where it is.
#[derive(Debug)]
enum Place {
    /// A file in a folder of its own.
    Sqlite(TempDir),
    /// A database of a server: the one that `TEST_DATABASE_URL` names, or a private one.
    Postgres {
        /// The address of the server, with the database that it is ruled from.
        server: String,
        /// The name of this database.
        name: String,
        /// The role of the server, where it has one of its own and row-level security.
        login: Option<String>,
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
            Engine::Sqlite => Self::in_folder(temporary_folder()),
            Engine::Postgres => Self::on_server("").await,
            Engine::Guarded => Self::guarded().await,
        }
    }

    /// Makes one of PostgreSQL that compares texts as German dictionaries do.
    ///
    /// # Panics
    ///
    /// As [`TestDatabase::create`].
    pub async fn create_in_german() -> Self {
        Self::on_server("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C'").await
    }

    /// Makes one of PostgreSQL that knows no characters, as servers do that are made without a locale.
    ///
    /// # Panics
    ///
    /// As [`TestDatabase::create`].
    pub async fn create_of_bytes() -> Self {
        Self::on_server("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'").await
    }

    /// Makes one of PostgreSQL that has this name.
    ///
    /// # Panics
    ///
    /// As [`TestDatabase::create`].
    pub async fn create_called(name: String) -> Self {
        Self::called(name, server(), "", None).await
    }

    /// Makes one in a server of one's own, or beside it a file.
    ///
    /// # Panics
    ///
    /// As [`TestDatabase::create`].
    pub async fn create_in(cluster: Option<&Cluster>) -> Self {
        match cluster {
            Some(cluster) => Self::named(cluster.url("postgres"), "").await,
            None => Self::create(Engine::Sqlite).await,
        }
    }

    /// The same on a disk.
    ///
    /// # Panics
    ///
    /// As [`TestDatabase::create`].
    pub async fn create_on(disk: &SmallDisk, cluster: Option<&Cluster>) -> Self {
        let Some(cluster) = cluster else {
            return Self::in_folder(tempfile::tempdir_in(disk.folder()).expect("a temporary folder"));
        };
        let server = cluster.url("postgres");
        let folder = cluster.folder_on(disk);
        rule(&server, &[format!("CREATE TABLESPACE small LOCATION '{}'", folder.display())]).await;
        Self::named(server, "TABLESPACE small").await
    }

    fn in_folder(folder: TempDir) -> Self {
        Self(Arc::new(Place::Sqlite(folder)))
    }

    async fn on_server(options: &str) -> Self {
        Self::named(server(), options).await
    }

    async fn named(server: String, options: &str) -> Self {
        Self::called(fresh_name(), server, options, None).await
    }

    /// Gives the server a role of its own: like an operator who gives it nothing but the right to log in.
    async fn guarded() -> Self {
        let (server, name) = (server(), fresh_name());
        let login = format!("{name}_login");
        rule(&server, &[format!("CREATE ROLE {login} LOGIN NOINHERIT PASSWORD '{login}'")]).await;
        Self::called(name, server, "", Some(login)).await
    }

    async fn called(name: String, server: String, options: &str, login: Option<String>) -> Self {
        rule(&server, &[format!("CREATE DATABASE {name} {options}")]).await;
        Self(Arc::new(Place::Postgres { server, name, login }))
    }

    /// The variables of a server on it.
    ///
    /// # Panics
    ///
    /// As [`TestDatabase::url`].
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        match &*self.0 {
            Place::Postgres { login: Some(login), .. } => {
                let mut url: Url = self.url().parse().expect("an address");
                url.set_username(login).and_then(|()| url.set_password(Some(login))).expect("a name and a password");
                vec![
                    ("DATABASE_URL", url.into()),
                    ("DATABASE_DIRECT_URL", self.url()),
                    ("DATABASE_RLS", "true".to_owned()),
                ]
            }
            _ => vec![("DATABASE_URL", self.url())],
        }
    }

    /// Gives `user` so many tasks more, the first being there or not, a quarter of them completed.
    ///
    /// # Panics
    ///
    /// Where the database does not take them.
    pub async fn fill(&self, user: &str, tasks: usize) {
        self.insert(&format!("'{user}'"), tasks).await;
    }

    /// Gives so many tasks to each of `user 0`, `user 1` and so on: of each in turn one, as they come in life.
    ///
    /// # Panics
    ///
    /// Where the database does not take them.
    pub async fn populate(&self, users: usize, tasks: usize) {
        self.insert(&format!("'user ' || (n % {users})"), users * tasks).await;
    }

    /// Inserts tasks, and their owners, from `owner`, an expression of the task's number `n`. In one statement a
    /// table: a million take seconds. There is no builder for rows from a recursion that serves both databases.
    async fn insert(&self, owner: &str, tasks: usize) {
        let numbers = format!(
            "WITH RECURSIVE numbers (n) AS (SELECT CAST(0 AS bigint) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {tasks})"
        );
        let users = format!(
            "INSERT INTO users (id) {numbers} SELECT DISTINCT {owner} FROM numbers WHERE true ON CONFLICT DO NOTHING"
        );
        let tasks = format!(
            "INSERT INTO tasks (user_id, title, description, completed, created_at, updated_at) {numbers} \
             SELECT {owner}, 'task ' || (n * 7919 % 1000003), NULL, n * 7919 % 1000003 % 4 = 0, n, n FROM numbers"
        );
        let connection = self.connect().await;
        for statement in [users, tasks] {
            connection.execute_unprepared(&statement).await.expect("the rows are good");
        }
    }

    /// What the server of PostgreSQL calls it.
    ///
    /// # Panics
    ///
    /// Where it is a file.
    #[must_use]
    pub fn name(&self) -> &str {
        self.in_server().1
    }

    /// The role of the server.
    ///
    /// # Panics
    ///
    /// Where it has none of its own.
    #[must_use]
    pub fn login(&self) -> &str {
        self.in_server().2.expect("a role of its own")
    }

    /// The server that it is in, what that calls it, and the role that it has there.
    fn in_server(&self) -> (&str, &str, Option<&str>) {
        match &*self.0 {
            Place::Sqlite(_) => panic!("a file is in no server"),
            Place::Postgres { server, name, login } => (server, name, login.as_deref()),
        }
    }

    /// Its address, by the role that owns it.
    ///
    /// # Panics
    ///
    /// Where `TEST_DATABASE_URL` is no address.
    #[must_use]
    pub fn url(&self) -> String {
        match &*self.0 {
            Place::Sqlite(folder) => format!("sqlite://{}", folder.path().join("todo.db").display()),
            Place::Postgres { server, name, .. } => {
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
        let url = match &*self.0 {
            Place::Sqlite(_) => self.url() + "?mode=rwc",
            Place::Postgres { .. } => self.url(),
        };
        Database::connect(ConnectOptions::new(url).max_connections(1).to_owned()).await.expect("a connection")
    }

    /// Makes writes of tasks wait, until the connection is told `ROLLBACK`. There is no builder for locks.
    ///
    /// # Panics
    ///
    /// Where they cannot be blocked.
    pub async fn block_writes(&self) -> DatabaseConnection {
        self.locked(match &*self.0 {
            Place::Sqlite(_) => "BEGIN IMMEDIATE",
            Place::Postgres { .. } => "BEGIN; LOCK TABLE tasks IN EXCLUSIVE MODE",
        })
        .await
    }

    /// Makes whoever reads or writes tasks wait, likewise. On PostgreSQL alone: who reads SQLite waits for nobody.
    ///
    /// # Panics
    ///
    /// Where they cannot be blocked.
    pub async fn block_all(&self) -> DatabaseConnection {
        self.locked("BEGIN; LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE").await
    }

    /// A copy of it, on the same server and for the same role.
    ///
    /// # Panics
    ///
    /// Where it is none of a server, or somebody is connected to it for longer than PostgreSQL waits.
    pub async fn copied(&self) -> Self {
        let (server, name, login) = self.in_server();
        let options = format!("TEMPLATE {name}");
        Self::called(fresh_name(), server.to_owned(), &options, login.map(str::to_owned)).await
    }

    /// Alters the database, as who rules the server may.
    ///
    /// # Panics
    ///
    /// Where it is none of a server, or that fails.
    pub async fn alter(&self, how: &str) {
        let (server, name, _) = self.in_server();
        rule(server, &[format!("ALTER DATABASE {name} {how}")]).await;
    }

    /// A connection that holds the lock which `statement` takes. There is no builder for locks of tables.
    async fn locked(&self, statement: &str) -> DatabaseConnection {
        let connection = self.connect().await;
        connection.execute_unprepared(statement).await.expect("a lock");
        connection
    }
}

/// A connection whose statements the audit does not see: they are what it forbids.
///
/// # Panics
///
/// Where there is none to be had.
pub async fn unwatched(url: &str) -> DatabaseConnection {
    let options = ConnectOptions::new(url).max_connections(1).sqlx_logging(false).to_owned();
    Database::connect(options).await.expect("a connection")
}

/// Variables, as they are given to a server.
#[must_use]
pub fn given(variables: &[(impl AsRef<str>, String)]) -> Vec<(&str, &str)> {
    variables.iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect()
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Postgres { server, name, .. } = self {
            let server = server.clone();
            // Roles are the whole server's, and stay where the database goes: also that which doctor is tried on.
            let drop = [
                format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
                format!("DROP ROLE IF EXISTS {name}_caller, {name}_login, \"Newcomer-of_{name}\""),
            ];
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

/// Tells a server to make or to drop databases and roles, for which there is no builder of statements.
async fn rule(server: &str, statements: &[String]) {
    let connection = Database::connect(ConnectOptions::new(server).max_connections(1).to_owned()).await;
    let connection = connection.expect("the PostgreSQL of the tests answers");
    for statement in statements {
        connection.execute_unprepared(statement).await.expect("the test's user may make databases");
    }
    connection.close().await.expect("a connection can be closed");
}

/// A name that no other database has.
fn fresh_name() -> String {
    format!("todo_test_{}", uuid::Uuid::new_v4().simple())
}

/// The address of the server that tests share.
fn server() -> String {
    given_server().unwrap_or_else(|| Cluster::shared().url("postgres"))
}

#[expect(clippy::disallowed_methods, reason = "it configures the tests, not the server")]
fn given_server() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}
