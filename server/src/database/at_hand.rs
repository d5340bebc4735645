//! Connections kept at hand from one statement to the next.
//!
//! Each time that a connection goes back to its pool it is asked for a sign of life: by the driver, which cannot know
//! in what state it was left, and on PostgreSQL by us, with a limit. There that is two more round trips a statement, on
//! SQLite an errand to another thread. So who has finished a statement keeps its connection at hand for the next one.
//! What nobody needs for a moment goes back, and so does all that is in doubt: after an error, or where a statement was
//! abandoned; and where one was cut, all that lie idle.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, fmt::Debug, mem, pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use scopeguard::guard;
use sea_orm::{
    ConnAcquireErr, DbErr, ExecResult, QueryResult, Statement,
    sqlx::{Database, Executor, IntoArguments, Pool, database::HasStatementCache},
};
use sea_query_sqlx::SqlxValues;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{
    held::{Held, InTransaction},
    statement::Naming,
    taken::Taken,
    trouble::is_cut,
    why::Why,
};
use crate::metrics;

/// For how long a connection stays at hand that nobody needs.
const UNUSED: Duration = Duration::from_millis(100);

/// For how long it stays at hand in all: then the pool has its say on how old a connection may become.
pub(super) const KEPT: Duration = Duration::from_secs(10);

/// The way of statements and transactions, on the connections that are at hand, of either database.
#[async_trait]
pub(super) trait Hand: Debug + Send + Sync {
    /// Asks the database for a sign of life.
    async fn ping(&self) -> Result<(), DbErr>;

    async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr>;

    /// The first row. Not by way of a list of all: looks go by here, the most frequent of statements, and each would
    /// have one allocated.
    async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr>;

    async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr>;

    /// Begins a transaction with the statement `begin`.
    async fn begin(&self, begin: &str, naming: Naming) -> Result<Box<dyn Held>, DbErr>;

    /// Gives all back.
    fn clear(&self);

    /// How many connections are open, and how many of those are idle.
    fn counts(&self) -> (u32, usize);
}

/// A pool, and those of its connections that are at hand.
#[derive(Debug)]
pub(super) struct AtHand<DB: Database>(Arc<Inner<DB>>);

impl<DB: Database> Clone for AtHand<DB> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Inner<DB: Database> {
    pool: Pool<DB>,
    state: Mutex<State<DB>>,
    /// Counts the connections that are in use or at hand: each has a share of it.
    open: Arc<()>,
    /// For how long one of them stays at hand in all.
    kept: Duration,
    why: Why,
}

#[derive(Debug)]
struct State<DB: Database> {
    /// The one that was used last at the end.
    connections: Vec<Taken<DB>>,
    /// Those who wait for a connection, in their order. Each gets the next one that is laid back: by way of the pool it
    /// would be asked for a sign of life each time just where there is most to do, and to open one may take long, or
    /// fail.
    queue: VecDeque<oneshot::Sender<Taken<DB>>>,
    /// Whether what nobody needs is being given back.
    is_watched: bool,
}

impl<DB: Database> State<DB> {
    /// A place among those who wait.
    fn queue(&mut self) -> oneshot::Receiver<Taken<DB>> {
        let (place, turn) = oneshot::channel();
        self.queue.retain(|place| !place.is_closed());
        self.queue.push_back(place);
        turn
    }
}

impl<DB: Database> AtHand<DB> {
    pub(super) fn new(pool: &Pool<DB>, kept: Duration) -> Self {
        let state = Mutex::new(State { connections: Vec::new(), queue: VecDeque::new(), is_watched: false });
        Self(Arc::new(Inner { pool: pool.clone(), state, open: Arc::default(), kept, why: Why::default() }))
    }

    pub(super) fn pool(&self) -> &Pool<DB> {
        &self.0.pool
    }

    pub(super) async fn take(&self) -> Result<Taken<DB>, DbErr> {
        let turn = {
            let mut state = self.0.state.lock();
            if let Some(taken) = state.connections.pop() {
                return Ok(taken);
            }
            state.queue()
        };
        // Boxed: whoever finds one at hand would carry along the room that waiting takes.
        Box::pin(metrics::awaited(self.wait_for(turn))).await
    }

    /// One that another has used, or a new one.
    async fn wait_for(&self, turn: oneshot::Receiver<Taken<DB>>) -> Result<Taken<DB>, DbErr> {
        // The same place for all tries: what is laid back would go to one that is left, where nobody takes it.
        let mut used = pin!(self.next_used(turn));
        loop {
            let is_full = self.0.pool.size() >= self.0.pool.options().get_max_connections();
            let this = self.clone();
            let mut opening = Box::pin(async move { Taken::from(&this.0.pool, &this.0.open).await });
            let opened = tokio::select! {
                biased;
                taken = &mut used => {
                    if !is_full {
                        self.finish(opening);
                    }
                    return Ok(taken);
                }
                opened = &mut opening => opened,
            };
            match opened {
                // No other can be opened, but some are in use: one of those is waited for. If all are lost, the
                // database may have restarted: then opening one is tried again.
                Err(_) if Arc::strong_count(&self.0.open) > 1 => tokio::select! {
                    biased;
                    taken = &mut used => return Ok(taken),
                    () = self.all_lost() => {}
                },
                timed_out @ Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) => {
                    self.0.why.tell(&self.0.pool);
                    return timed_out;
                }
                opened => return opened,
            }
        }
    }

    /// The next one that another has used. Mostly it is laid back; but whoever fails or leaves gives it to the pool,
    /// which tells nobody who has one opened.
    async fn next_used(&self, mut turn: oneshot::Receiver<Taken<DB>>) -> Taken<DB> {
        loop {
            let idle = async {
                sleep(UNUSED).await;
                let is_there = self.0.pool.num_idle() > 0;
                if is_there { Taken::from(&self.0.pool, &self.0.open).await.ok() } else { None }
            };
            // Both at once: whoever waited for the pool alone would leave lying what is laid back for them.
            tokio::select! {
                biased;
                Ok(taken) = &mut turn => return taken,
                idle = idle => if let Some(taken) = idle {
                    return taken;
                },
            }
        }
    }

    /// Waits until there is none in use, at hand, or in the pool.
    async fn all_lost(&self) {
        while Arc::strong_count(&self.0.open) > 1 || self.0.pool.num_idle() > 0 {
            sleep(UNUSED).await;
        }
    }

    /// Lets a connection be opened that nobody waits for any more: else there would never be enough of them where there
    /// is most to do.
    fn finish(&self, opening: impl Future<Output = Result<Taken<DB>, DbErr>> + Send + 'static) {
        let this = self.clone();
        tokio::spawn(async move {
            // Whoever closes the pool waits for none that is only being opened.
            if let Ok(Ok(taken)) = this.0.pool.close_event().do_until(opening).await {
                this.lay_back(taken);
            }
        });
    }

    /// Where a connection was cut, so may be those that nobody uses: a database that stops cuts all. They are given
    /// back, and the pool asks each for a sign of life before it takes it: who tries again meets no other dead one.
    pub(super) fn doubt(&self, error: &DbErr) {
        if !is_cut(error) {
            return;
        }
        self.0.state.lock().connections.clear();
        for _ in 0..self.0.pool.num_idle() {
            drop(Taken::idle(&self.0.pool, &self.0.open));
        }
    }

    pub(super) fn lay_back(&self, mut taken: Taken<DB>) {
        let mut state = self.0.state.lock();
        taken.used = Instant::now();
        if taken.is_over || self.0.pool.is_closed() || taken.used - taken.since > self.0.kept {
            return;
        }
        while let Some(place) = state.queue.pop_front() {
            match place.send(taken) {
                Ok(()) => return,
                Err(back) => taken = back,
            }
        }
        state.connections.push(taken);
        let is_watched = mem::replace(&mut state.is_watched, true);
        // Where the runtime ends just then, what would watch is dropped at once, and locks for itself.
        drop(state);
        if !is_watched {
            self.watch();
        }
    }

    /// Gives back what nobody needs, until nothing is at hand. Where the runtime ends, all goes at once: no connection
    /// may outlive it, for outside none can be given back.
    fn watch(&self) {
        let watched = guard(Arc::clone(&self.0), |inner| inner.state.lock().connections.clear());
        tokio::spawn(async move {
            loop {
                sleep(UNUSED).await;
                let mut state = watched.state.lock();
                state.connections.retain(|taken| taken.used.elapsed() < UNUSED);
                if state.connections.is_empty() {
                    state.is_watched = false;
                    return;
                }
            }
        });
    }
}

#[async_trait]
impl<DB> Hand for AtHand<DB>
where
    DB: Database + HasStatementCache,
    SqlxValues: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    QueryResult: From<DB::Row>,
    ExecResult: From<DB::QueryResult>,
{
    async fn ping(&self) -> Result<(), DbErr> {
        let mut taken = self.take().await?;
        taken.ping().await?;
        self.lay_back(taken);
        Ok(())
    }

    async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut taken = self.take().await?;
        let result = taken.execute(statement, Naming::Named).await.inspect_err(|error| self.doubt(error))?;
        self.lay_back(taken);
        Ok(result)
    }

    async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut taken = self.take().await?;
        let row = taken.query_one(statement).await.inspect_err(|error| self.doubt(error))?;
        self.lay_back(taken);
        Ok(row)
    }

    async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut taken = self.take().await?;
        let rows = taken.query_all(statement, Naming::Named).await.inspect_err(|error| self.doubt(error))?;
        self.lay_back(taken);
        Ok(rows)
    }

    async fn begin(&self, begin: &str, naming: Naming) -> Result<Box<dyn Held>, DbErr> {
        Ok(Box::new(InTransaction::begin(self.clone(), begin, naming).await?))
    }

    fn clear(&self) {
        self.0.state.lock().connections.clear();
    }

    fn counts(&self) -> (u32, usize) {
        (self.0.pool.size(), self.0.pool.num_idle() + self.0.state.lock().connections.len())
    }
}
