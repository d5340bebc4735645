//! The way of every statement to the database.
//!
//! Most go as they are. Through a transaction pooler that would fail at random: the driver prepares statements under
//! names, in a session that the next transaction does not have. There each statement goes in a transaction of its own,
//! which holds one session from preparing to executing, without a name, and with the limits that otherwise a session
//! keeps.
//!
//! What lost: a cache of no statements, which changes the names but not that they collide, and nameless statements by
//! themselves, which are parsed in one session and may be executed in another.
//!
//! What goes as it is goes on connections that are [at hand](super::at_hand).
//!
//! Where row-level security is on, each statement of a caller goes in a transaction too, which knows the caller (see
//! [`super::row_security`]).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use todo_api::UserId;

use super::{
    at_hand::{AtHand, Hand, KEPT},
    limits::{self, ISOLATION},
    row_security,
    sessions::Sessions,
    setting::Scope,
    standbys::Standbys,
    statement::Naming,
    transaction::Transaction,
};

/// For how long a connection to an embedded database stays at hand: then the pool has its say on the log of writes, too
/// (see [`super::sqlite`]), which may grow by some megabytes meanwhile.
const KEPT_EMBEDDED: Duration = Duration::from_secs(1);

/// A pool of connections to the database, for SeaORM's statements.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pool: DatabaseConnection,
    at_hand: Arc<dyn Hand>,
    standbys: Arc<Standbys>,
    /// The words that begin the transaction in which each statement goes, behind a pooler.
    wrapping: Option<Arc<str>>,
    /// The role that callers' statements are carried out by, where row-level security is on.
    role: Option<Arc<str>>,
    /// Whose statements these are, where that is on.
    caller: Option<UserId>,
}

impl Connection {
    /// Over the pool of an embedded database.
    pub(super) fn embedded(pool: DatabaseConnection) -> Self {
        let at_hand = Arc::new(AtHand::new(pool.get_sqlite_connection_pool(), KEPT_EMBEDDED));
        Self { pool, at_hand, standbys: Arc::default(), wrapping: None, role: None, caller: None }
    }

    /// Over a pool of PostgreSQL, where a statement may take `limit`, and those of its sessions are noted that lead to
    /// standbys.
    pub(super) fn served(
        pool: DatabaseConnection,
        sessions: Sessions,
        limit: Duration,
        standbys: Arc<Standbys>,
    ) -> Self {
        let wrapping = match sessions {
            Sessions::Own => None,
            Sessions::Lent => Some(begin(limit).into()),
        };
        let at_hand = Arc::new(AtHand::new(pool.get_postgres_connection_pool(), KEPT));
        Self { pool, at_hand, standbys, wrapping, role: None, caller: None }
    }

    /// The same, with callers' statements carried out by `role`.
    pub(super) fn restricted_to(&self, role: &Arc<str>) -> Self {
        Self { role: Some(Arc::clone(role)), ..self.clone() }
    }

    /// The role that callers' statements are carried out by.
    pub(super) fn role(&self) -> Option<&Arc<str>> {
        self.role.as_ref()
    }

    /// The same for the statements of `caller`, which see and change no row of anybody else. Without row-level security
    /// it is the very same.
    pub(crate) fn for_caller(&self, caller: &UserId) -> Self {
        Self { caller: self.role.is_some().then(|| caller.clone()), ..self.clone() }
    }

    /// Whether a statement goes by itself.
    fn is_straight(&self) -> bool {
        self.wrapping.is_none() && self.caller.is_none()
    }

    /// Whether a pooler has each statement go in a transaction of its own.
    pub(super) fn is_wrapped(&self) -> bool {
        self.wrapping.is_some()
    }

    /// Whether a statement may be shown less than was committed before. Behind a transaction pooler that is not known.
    pub(crate) fn may_lag(&self) -> bool {
        self.standbys.may_be_there()
    }

    /// Begins a transaction, which ends with its value unless it is committed.
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        let transaction = self.begin_unbound().await?;
        if let (Some(role), Some(caller)) = (&self.role, &self.caller) {
            row_security::bind(&transaction, role, caller).await?;
        }
        Ok(transaction)
    }

    async fn begin_unbound(&self) -> Result<Transaction, DbErr> {
        let backend = self.get_database_backend();
        let (begin, naming) = match &self.wrapping {
            Some(begin) => (&**begin, Naming::Nameless),
            // SQLite has one writer: a transaction that turned to writing later could find another at it.
            None if backend == DbBackend::Sqlite => ("BEGIN IMMEDIATE", Naming::Named),
            None => ("BEGIN", Naming::Named),
        };
        Ok(Transaction::new(self.at_hand.begin(begin, naming).await?, backend))
    }

    /// Asks the database for a sign of life.
    pub(crate) async fn ping(&self) -> Result<(), DbErr> {
        self.at_hand.ping().await
    }

    /// How many connections are open, and how many of those are idle.
    pub(crate) fn counts(&self) -> (u32, u32) {
        let (open, idle) = self.at_hand.counts();
        (open, u32::try_from(idle).unwrap_or(open))
    }

    /// Closes the pool.
    pub(super) async fn close(self) -> Result<(), DbErr> {
        self.at_hand.clear();
        self.pool.close().await
    }
}

/// Begins a transaction with what [`limits::set`] gives a session, which ends with it. A pooler passes on no parameters
/// at connecting, and would keep what is set for a session in sessions of others.
fn begin(limit: Duration) -> String {
    format!("BEGIN ISOLATION LEVEL {ISOLATION}; {}", limits::set(limit, Scope::Transaction))
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        if self.is_straight() {
            return self.at_hand.execute(statement).await;
        }
        let transaction = self.begin().await?;
        let result = transaction.execute_raw(statement).await;
        transaction.end(result).await
    }

    /// For the trait alone: nobody here has a statement that cannot be prepared.
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(self.get_database_backend(), sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if self.is_straight() {
            return self.at_hand.query_one(statement).await;
        }
        let transaction = self.begin().await?;
        let row = transaction.query_one_raw(statement).await;
        transaction.end(row).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if self.is_straight() {
            return self.at_hand.query_all(statement).await;
        }
        let transaction = self.begin().await?;
        let rows = transaction.query_all_raw(statement).await;
        transaction.end(rows).await
    }
}
