//! The real server, in this process, over a database of its own.

use std::{net::SocketAddr, sync::LazyLock};

use todo_server::{App, Config, StartError};
use tokio::sync::oneshot;

use crate::{Client, Engine, TestDatabase, Token, audit, given, read};

/// The secret that tests and servers share.
pub const SECRET: &str = "a secret of the tests, which is long enough";

/// What all servers of tests have, unless a test says otherwise. The database may take twice its time: the machine is
/// busy with other tests.
pub(crate) const OF_TESTS: [(&str, &str); 4] =
    [("BETTER_AUTH_SECRET", SECRET), ("HOST", "127.0.0.1"), ("PORT", "0"), ("DATABASE_TIMEOUT", "8")];

/// Variables for all servers of a run of tests, `NAME=value` with spaces between: what is not the default is
/// tested by running the same tests again.
#[expect(clippy::disallowed_methods, reason = "it configures the tests, not the server")]
pub(crate) static OF_RUN: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let known = read(".env.example");
    let given = std::env::var("TEST_VARIABLES").unwrap_or_default();
    let pairs = given.split_whitespace().map(|pair| pair.split_once('=').expect("NAME=value"));
    pairs
        .inspect(|(name, _)| assert!(known.contains(&format!("\n# {name}=")), "nobody reads {name}"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
});

/// A server on a free port of the loopback. It stops, and its database goes, with the value.
pub struct TestApp {
    address: SocketAddr,
    database: TestDatabase,
    _stop: oneshot::Sender<()>,
}

impl TestApp {
    /// Starts one with the defaults.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn start(engine: Engine) -> Self {
        Self::configured(engine, &[]).await
    }

    /// Starts one with variables of the configuration set.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn configured(engine: Engine, variables: &[(&str, &str)]) -> Self {
        let database = TestDatabase::create(engine).await;
        Self::on(&database, variables).await.expect("the server starts")
    }

    /// Starts one on a PostgreSQL that compares texts as German dictionaries do.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn in_german() -> Self {
        let database = TestDatabase::create_in_german().await;
        Self::on(&database, &[]).await.expect("the server starts")
    }

    /// Starts one on a database that is there.
    ///
    /// # Errors
    ///
    /// Why it does not start.
    ///
    /// # Panics
    ///
    /// Where the variables are refused.
    pub async fn on(database: &TestDatabase, variables: &[(&str, &str)]) -> Result<Self, StartError> {
        audit::start();
        let of_database = database.variables();
        let defaults = [given(&of_database), OF_TESTS.to_vec(), given(&OF_RUN)].concat();
        let is_given = |name: &str| variables.iter().any(|(given, _)| *given == name);
        let variables = defaults.iter().filter(|(name, _)| !is_given(name)).chain(variables).copied();
        let config = Config::from_pairs(variables).expect("the configuration is good");
        let app = App::start(&config).await?;
        let address = app.address();
        let (stop, stopped) = oneshot::channel();
        // Ends when the sender goes, and with the test's runtime at the latest.
        tokio::spawn(app.run(async move { _ = stopped.await }));
        Ok(Self { address, database: database.clone(), _stop: stop })
    }

    /// Why none starts on a database that is there.
    ///
    /// # Panics
    ///
    /// Where one does, or the variables are refused.
    pub async fn refused(database: &TestDatabase, variables: &[(&str, &str)]) -> String {
        Self::on(database, variables).await.err().expect("a refusal").to_string()
    }

    /// A client of `user`, with a good token.
    #[must_use]
    pub fn client(&self, user: &str) -> Client {
        self.client_with(&Token::of(user).encode())
    }

    /// A client with a token of whatever kind.
    #[must_use]
    pub fn client_with(&self, token: &str) -> Client {
        self.stranger().with_token(token)
    }

    /// A client without a token.
    #[must_use]
    pub fn stranger(&self) -> Client {
        Client::of(self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }
}
