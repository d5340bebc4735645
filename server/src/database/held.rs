//! A transaction, on a connection that is [at hand](super::at_hand) for it alone.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use sea_orm::{
    DbErr, ExecResult, QueryResult, Statement,
    sqlx::{Database, Executor, IntoArguments, database::HasStatementCache},
};
use sea_query_sqlx::SqlxValues;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::{
    at_hand::AtHand,
    statement::Naming,
    taken::Taken,
    trouble::{lost, too_late},
};

/// How long the end of a transaction may take, beyond what an abandoned statement before it may.
const PATIENCE: Duration = Duration::from_secs(1);

/// A transaction of either database, taken back where the value ends without [`Held::end`].
#[async_trait]
pub(super) trait Held: Debug + Send {
    async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr>;

    async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr>;

    /// Ends it with the statement `words`.
    async fn end(&mut self, words: &'static str) -> Result<(), DbErr>;
}

#[derive(Debug)]
pub(super) struct InTransaction<DB>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
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
        let begun = this.taken()?.begin(words).await;
        begun.inspect_err(|error| this.hand.doubt(error))?;
        Ok(this)
    }

    /// How long its end may take: as long as a statement may (`DATABASE_TIMEOUT`, which is also how long the pool waits
    /// for a connection), and some more.
    fn limit(&self) -> Duration {
        self.hand.pool().options().get_acquire_timeout() + PATIENCE
    }

    fn taken(&mut self) -> Result<&mut Taken<DB>, DbErr> {
        self.taken.as_mut().ok_or_else(ended)
    }
}

fn ended() -> DbErr {
    DbErr::Custom("the transaction has ended".to_owned())
}

/// Ends what `taken` is in the midst of with the statement `words`, and lays it back. Where that fails, it is closed.
async fn end<DB>(mut taken: Taken<DB>, hand: AtHand<DB>, words: &str) -> Result<(), DbErr>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    taken.end(words).await.inspect_err(|error| hand.doubt(error))?;
    hand.lay_back(taken);
    Ok(())
}

impl<DB> Drop for InTransaction<DB>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    /// Takes it back, once the database is done with what was abandoned. Were the connection closed instead, the pool
    /// would open another one while the database is still at that.
    fn drop(&mut self) {
        let Some(mut taken) = self.taken.take() else { return };
        let (hand, limit) = (self.hand.clone(), self.limit());
        tokio::spawn(async move {
            // Whoever closes the pool does not wait for it.
            let mut closed = hand.pool().close_event();
            let ended = async move {
                // What was abandoned may have failed, which the driver tells whoever comes next.
                _ = taken.ping().await;
                end(taken, hand, "ROLLBACK").await
            };
            closed.do_until(timeout(limit, ended)).await
        });
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

    /// In a task of its own, which nobody leaves halfway.
    async fn end(&mut self, words: &'static str) -> Result<(), DbErr> {
        let taken = self.taken.take().ok_or_else(ended)?;
        let ending = end(taken, self.hand.clone(), words);
        match tokio::spawn(timeout(self.limit(), ending).in_current_span()).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_elapsed)) => Err(too_late()),
            Err(_) => Err(lost()),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use sea_orm::sqlx::{Sqlite, sqlite::SqlitePoolOptions};

    use super::*;

    #[derive(Debug)]
    enum Left {
        Beginning,
        Within,
        Ending,
    }

    #[tokio::test]
    async fn who_leaves_leaves_the_connection_and_nothing_under_way() {
        let pool = SqlitePoolOptions::new().max_connections(1).connect_lazy("sqlite::memory:").expect("an address");
        let hand = AtHand::new(&pool, Duration::MAX);
        let begin = || InTransaction::<Sqlite>::begin(hand.clone(), "BEGIN IMMEDIATE", Naming::Named);
        let mut taken = hand.take().await.expect("it opens");
        let since = taken.since;
        for left in [Left::Beginning, Left::Within, Left::Ending] {
            hand.lay_back(taken);
            match left {
                Left::Beginning => drop(begin().now_or_never()),
                Left::Within => drop(begin().await.expect("it begins")),
                Left::Ending => {
                    let mut held = begin().await.expect("it begins");
                    assert!(held.end("COMMIT").now_or_never().is_none(), "it takes its time");
                }
            }
            taken = timeout(Duration::from_secs(10), hand.take()).await.expect("in time").expect("it is laid back");
            assert_eq!(taken.since, since, "{left:?}: it is the same");
            taken.say("BEGIN; ROLLBACK").await.expect("none is under way");
        }
    }
}
