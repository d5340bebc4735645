//! Several statements that take effect together, or not at all.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::Mutex;

use super::{held::Held, trouble::is_refusal};

/// A transaction, taken back where the value ends without [`Transaction::commit`].
#[derive(Debug)]
pub(crate) struct Transaction {
    held: Mutex<Box<dyn Held>>,
    backend: DbBackend,
}

impl Transaction {
    pub(super) fn new(held: Box<dyn Held>, backend: DbBackend) -> Self {
        Self { held: Mutex::new(held), backend }
    }

    /// Makes it last. Where that fails, it is not known whether it lasts.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.held.into_inner().end("COMMIT").await
    }

    /// Makes it last where all went well, and takes it back where the database refused something.
    pub(crate) async fn end<T>(self, outcome: Result<T, DbErr>) -> Result<T, DbErr> {
        match &outcome {
            Ok(_) => self.commit().await?,
            // What cannot even be taken back so goes with the value, as all does after any other error.
            Err(error) if is_refusal(error) => drop(self.rollback().await),
            Err(_) => {}
        }
        outcome
    }

    /// Takes it back. Where the database does not answer, it does so by itself.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        self.held.into_inner().end("ROLLBACK").await
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.held.lock().await.execute(statement).await
    }

    /// For the trait alone: nobody here has a statement that cannot be prepared.
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(self.backend, sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.held.lock().await.query_all(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.held.lock().await.query_all(statement).await
    }
}
