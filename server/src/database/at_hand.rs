//! Connections kept at hand from one statement to the next.
//!
//! Each time that a connection goes back to its pool it is asked for a sign of life: by the driver, which cannot
//! know in what state it was left, and on PostgreSQL by us, with a limit. There that is two more round trips a
//! statement, on SQLite an errand to another thread. So who has finished a statement keeps its connection
//! at hand for the next one. What nobody needs for a moment goes back, and so does all that is in doubt:
//! after an error, or where a statement was abandoned.

use std::{collections::VecDeque, fmt::Debug, mem, pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
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
    why::Why,
};
use crate::metrics;

/// For how long a connection stays at hand that nobody needs.
const UNUSED: Duration = Duration::from_millis(100);

/// For how long it stays at hand in all: then the pool has its say on how old a connection may become.
const KEPT: Duration = Duration::from_secs(10);

/// The way of statements and transactions, on the connections that are at hand, of either database.
#[async_trait]
pub(super) trait Hand: Debug + Send + Sync {
    /// Asks the database for a sign of life.
    async fn ping(&self) -> Result<(), DbErr>;

    async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr>;

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr>;

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
    /// Shared with each connection that was opened, and is in use or at hand.
    open: Arc<()>,
    why: Why,
}

#[derive(Debug)]
struct State<DB: Database> {
    /// The one that was used last at the end.
    connections: Vec<Taken<DB>>,
    /// Those who wait for a connection, in their order. Each gets the next one that is laid back: by way of the pool it would be
    /// asked for a sign of life each time just where there is most to do, and to open one may take long, or fail.
    queue: VecDeque<oneshot::Sender<Taken<DB>>>,
    /// Whether what nobody needs is looked for.
    is_watched: bool,
}

impl<DB: Database> AtHand<DB> {
    pub(super) fn new(pool: &Pool<DB>) -> Self {
        let state = Mutex::new(State { connections: Vec::new(), queue: VecDeque::new(), is_watched: false });
        Self(Arc::new(Inner { pool: pool.clone(), state, open: Arc::default(), why: Why::default() }))
    }

    pub(super) async fn take(&self) -> Result<Taken<DB>, DbErr> {
        let turn = {
            let mut state = self.0.state.lock();
            if let Some(taken) = state.connections.pop() {
                return Ok(taken);
            }
            let (place, turn) = oneshot::channel();
            state.queue.retain(|place| !place.is_closed());
            state.queue.push_back(place);
            turn
        };
        // Boxed: whoever finds one at hand would carry along the room that waiting takes.
        Box::pin(metrics::awaited(self.wait_for(turn))).await
    }

    /// One that another has used, or a new one.
    async fn wait_for(&self, turn: oneshot::Receiver<Taken<DB>>) -> Result<Taken<DB>, DbErr> {
        let is_full = self.0.pool.size() >= self.0.pool.options().get_max_connections();
        let this = self.clone();
        let mut opening = Box::pin(async move { Taken::from(&this.0.pool, &this.0.open).await });
        let mut used = pin!(self.next_used(turn));
        tokio::select! {
            biased;
            taken = &mut used => {
                if !is_full {
                    self.finish(opening);
                }
                Ok(taken)
            }
            opened = &mut opening => match opened {
                // The database lets us have no more, but those are used by turns.
                Err(_) if Arc::strong_count(&self.0.open) > 1 => Ok(used.await),
                timed_out @ Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) => {
                    self.0.why.tell(&self.0.pool);
                    timed_out
                }
                opened => opened,
            },
        }
    }

    /// The next one that another has used. Mostly it is laid back; but whoever fails or leaves gives it to the pool, which
    /// tells nobody who has one opened.
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

    /// Lets a connection be opened that nobody waits for any more: else there would never be enough of them where there is
    /// most to do.
    fn finish(&self, opening: impl Future<Output = Result<Taken<DB>, DbErr>> + Send + 'static) {
        let this = self.clone();
        tokio::spawn(async move {
            // Whoever closes the pool waits for none that is only being opened.
            if let Ok(Ok(taken)) = this.0.pool.close_event().do_until(opening).await {
                this.lay_back(taken);
            }
        });
    }

    pub(super) fn lay_back(&self, mut taken: Taken<DB>) {
        let mut state = self.0.state.lock();
        taken.used = Instant::now();
        if taken.is_over || self.0.pool.is_closed() || taken.used - taken.since > KEPT {
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
            tokio::spawn(Watch(Arc::clone(&self.0)).keep());
        }
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
        let result = taken.execute(statement, Naming::Named).await?;
        self.lay_back(taken);
        Ok(result)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut taken = self.take().await?;
        let result = taken.say(sql).await?;
        self.lay_back(taken);
        Ok(result.into())
    }

    async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut taken = self.take().await?;
        let row = taken.query_one(statement, Naming::Named).await?;
        self.lay_back(taken);
        Ok(row)
    }

    async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut taken = self.take().await?;
        let rows = taken.query_all(statement, Naming::Named).await?;
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

/// Gives back what nobody needs, until nothing is at hand.
struct Watch<DB: Database>(Arc<Inner<DB>>);

impl<DB: Database> Watch<DB> {
    async fn keep(self) {
        loop {
            sleep(UNUSED).await;
            let mut state = self.0.state.lock();
            state.connections.retain(|taken| taken.used.elapsed() < UNUSED);
            if state.connections.is_empty() {
                state.is_watched = false;
                return;
            }
        }
    }
}

impl<DB: Database> Drop for Watch<DB> {
    /// Where the runtime ends: no connection may outlive it, for outside none can be given back.
    fn drop(&mut self) {
        self.0.state.lock().connections.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        thread,
    };

    use futures_util::{FutureExt, future::join};
    use sea_orm::sqlx::{self, Sqlite, sqlite::SqlitePoolOptions};
    use tokio::{runtime::Runtime, sync::Semaphore, time::timeout};

    use super::*;

    fn at_hand(options: SqlitePoolOptions) -> AtHand<Sqlite> {
        AtHand::new(&options.connect_lazy("sqlite::memory:").expect("an address"))
    }

    /// Of at most `most` connections, of which no more than `some` can be opened.
    fn opening(some: usize, most: u32) -> SqlitePoolOptions {
        let tried = AtomicUsize::new(0);
        SqlitePoolOptions::new().max_connections(most).after_connect(move |_, _| {
            let is_one = tried.fetch_add(1, Ordering::AcqRel) < some;
            Box::pin(async move { if is_one { Ok(()) } else { Err(sqlx::Error::Protocol("no more".to_owned())) } })
        })
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_one_that_is_laid_back() {
        let hand = at_hand(SqlitePoolOptions::new().max_connections(1));
        let taken = hand.take().await.expect("it is free");
        let since = taken.since;
        let [mut first, mut second] = [(); 2].map(|()| Box::pin(hand.take()));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        // Who gives up must not keep it from the next one.
        drop(first);
        hand.lay_back(taken);
        let taken = second.await.expect("it was laid back");
        assert_eq!(taken.since, since, "not by way of the pool");
    }

    #[tokio::test]
    async fn who_has_one_opened_takes_another_meanwhile() {
        let may_open = Arc::new(Semaphore::new(1));
        let hand = at_hand(SqlitePoolOptions::new().max_connections(2).after_connect({
            let may_open = Arc::clone(&may_open);
            move |_, _| {
                let may_open = Arc::clone(&may_open);
                Box::pin(async move {
                    may_open.acquire().await.expect("it is never closed").forget();
                    Ok(())
                })
            }
        }));
        let taken = hand.take().await.expect("it is free");
        let since = taken.since;
        let mut second = Box::pin(hand.take());
        assert!((&mut second).now_or_never().is_none());
        hand.lay_back(taken);
        let taken = timeout(Duration::from_secs(10), second).await.expect("at once").expect("it was laid back");
        assert_eq!(taken.since, since);
        // And the other one is opened all the same.
        may_open.add_permits(1);
        let opened = timeout(Duration::from_secs(10), hand.take()).await.expect("in time").expect("it was opened");
        assert_eq!(hand.counts(), (2, 0));
        drop((taken, opened));
    }

    #[tokio::test]
    async fn who_cannot_open_one_takes_what_another_gives_to_the_pool() {
        let hand = at_hand(opening(1, 2));
        let taken = hand.take().await.expect("it is free");
        let mut second = Box::pin(hand.take());
        // By then, none could be opened for the second.
        assert!(timeout(UNUSED / 2, &mut second).await.is_err());
        drop(taken);
        timeout(Duration::from_secs(10), second).await.expect("in time").expect("it was given back");
    }

    #[tokio::test]
    async fn who_looks_into_the_pool_still_gets_what_is_laid_back() {
        // What lies in the pool gives no sign of life.
        let hand = at_hand(opening(2, 3).before_acquire(|_, _| Box::pin(pending())));
        let (one, other) = (hand.take().await.expect("it opens"), hand.take().await.expect("it opens"));
        let mut third = Box::pin(hand.take());
        assert!(timeout(UNUSED / 2, &mut third).await.is_err());
        drop(other);
        assert!(timeout(UNUSED * 3, &mut third).await.is_err(), "it waits for the one in the pool");
        hand.lay_back(one);
        timeout(Duration::from_secs(5), third).await.expect("in time").expect("it was laid back");
    }

    #[tokio::test]
    async fn nobody_waits_for_another_where_none_can_be_opened() {
        let options = SqlitePoolOptions::new().max_connections(2).acquire_timeout(Duration::from_millis(400));
        let hand = at_hand(options.after_connect(|_, _| Box::pin(pending())));
        // The first fails while the second is being opened.
        let second = async {
            sleep(Duration::from_millis(200)).await;
            hand.take().await.map(drop)
        };
        let both = join(hand.take(), second);
        let (first, second) = timeout(Duration::from_secs(10), both).await.expect("they are told");
        assert!(first.is_err() && second.is_err());
    }

    #[test]
    fn what_is_laid_back_where_the_runtime_has_ended_stops_nobody() {
        let runtime = Runtime::new().expect("a runtime");
        let (hand, taken) = runtime.block_on(async {
            let hand = at_hand(SqlitePoolOptions::new());
            let taken = hand.take().await.expect("it is free");
            (hand, taken)
        });
        let ended = runtime.handle().clone();
        runtime.shutdown_background();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let _ended = ended.enter();
            hand.lay_back(taken);
            tell.send(())
        });
        told.recv_timeout(Duration::from_secs(10)).expect("it ends");
    }
}
