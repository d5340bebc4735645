//! A transaction, on a connection that is [at hand](super::at_hand) for it alone.

use std::fmt::Debug;

use async_trait::async_trait;
use sea_orm::{
    DbErr, ExecResult, QueryResult, Statement,
    sqlx::{Database, Executor, IntoArguments, database::HasStatementCache},
};
use sea_query_sqlx::SqlxValues;

use super::{at_hand::AtHand, statement::Naming, taken::Taken};

/// A transaction of either database, taken back where the value ends without [`Held::end`].
#[async_trait]
pub(super) trait Held: Debug + Send {
    async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr>;

    async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr>;

    /// Ends it with the statement `words`.
    async fn end(&mut self, words: &'static str) -> Result<(), DbErr>;
}

#[derive(Debug)]
pub(super) struct InTransaction<DB: Database> {
    hand: AtHand<DB>,
    /// None once it has ended.
    taken: Option<Taken<DB>>,
    naming: Naming,
}

impl<DB> InTransaction<DB>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    /// Begins one with the statement `words`.
    pub(super) async fn begin(hand: AtHand<DB>, words: &str, naming: Naming) -> Result<Self, DbErr> {
        let taken = Some(hand.take().await?);
        let mut this = Self { hand, taken, naming };
        // The builder has no words for the bounds of transactions.
        let begun = this.taken()?.say(words).await;
        begun.inspect_err(|error| this.hand.doubt(error))?;
        Ok(this)
    }

    fn taken(&mut self) -> Result<&mut Taken<DB>, DbErr> {
        self.taken.as_mut().ok_or_else(|| DbErr::Custom("the transaction has ended".to_owned()))
    }
}

impl<DB: Database> Drop for InTransaction<DB> {
    /// Closes the connection, whatever it is in the midst of: so the database takes the transaction back. It is
    /// also what happens where a commit fails, as on a full disk, and nobody knows what state it left.
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            taken.close();
        }
    }
}

#[async_trait]
impl<DB> Held for InTransaction<DB>
where
    DB: Database + HasStatementCache,
    SqlxValues: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    QueryResult: From<DB::Row>,
    ExecResult: From<DB::QueryResult>,
{
    async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        let naming = self.naming;
        let result = self.taken()?.execute(statement, naming).await;
        result.inspect_err(|error| self.hand.doubt(error))
    }

    async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let naming = self.naming;
        let rows = self.taken()?.query_all(statement, naming).await;
        rows.inspect_err(|error| self.hand.doubt(error))
    }

    async fn end(&mut self, words: &'static str) -> Result<(), DbErr> {
        let said = self.taken()?.say(words).await;
        said.inspect_err(|error| self.hand.doubt(error))?;
        if let Some(taken) = self.taken.take() {
            self.hand.lay_back(taken);
        }
        Ok(())
    }
}
