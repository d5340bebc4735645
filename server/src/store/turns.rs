//! Turns for work that goes through all tasks of its owner: searches, and writes of any number of them. It goes on
//! where its client leaves, since the database is not told of that: so a turn ends with the work, and not with the
//! request.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use sea_orm::DbErr;
use todo_api::{Broken, Failure, Outcome, UserId};
use tokio::sync::{Mutex as Lock, Semaphore};

use super::{half_of_connections, wait::apart};
use crate::{DatabaseConfig, metrics};

/// How many requests of one user may have a turn or wait for one, in whatever way. Each keeps its place among the
/// requests under way, which others want too.
const MOST: usize = 32;

/// That a request of a user is one of those, until the value goes. All have the same lock, and who holds it has the
/// user's turn.
pub(super) type Admission = Arc<Lock<()>>;

/// Half of a worker's connections, one at least, do such work at a time, and the rest are there for everybody else.
/// Each user has one turn at a time, and all wait in their order.
pub(super) struct Turns {
    /// Of those that read.
    pub(super) reads: Arc<Semaphore>,
    /// Of those that write: the same, or one alone where one connection writes. Who only waited for that would keep
    /// those from a turn who read.
    pub(super) writes: Arc<Semaphore>,
    /// Of the users who have been admitted.
    own: Mutex<HashMap<UserId, Weak<Lock<()>>>>,
    /// How long the database may be at it: PostgreSQL gives it up by then, or says nothing any more. SQLite does
    /// neither.
    limit: Duration,
}

impl Turns {
    pub(super) fn new(config: &DatabaseConfig) -> Self {
        let reads = Arc::new(Semaphore::new(half_of_connections(config)));
        let (writes, limit) = if config.url.is_embedded() {
            (Arc::new(Semaphore::new(1)), Duration::MAX)
        } else {
            (Arc::clone(&reads), config.timeout)
        };
        Self { reads, writes, own: Mutex::default(), limit }
    }

    /// What comes of `asked`, in a turn among `all` of who was admitted. What `start` brings ends with it, and is not
    /// held while others are waited for: the owner's single writes would wait along.
    pub(super) async fn take<B, T, E>(
        &self,
        admitted: Admission,
        all: &Arc<Semaphore>,
        start: impl Fn() -> B,
        asked: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        B: Future<Output: Send + 'static>,
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
    {
        let own = admitted.lock_owned().await;
        let mut begun = start().await;
        let of_all = if let Ok(of_all) = Arc::clone(all).try_acquire_owned() {
            Ok(of_all)
        } else {
            drop(begun);
            let of_all = Arc::clone(all).acquire_owned().await;
            begun = start().await;
            of_all
        };
        apart((begun, of_all, own), self.limit, asked).await
    }

    /// Counts a request of `owner`; fails where as many are there as may be.
    pub(super) fn admit<R>(&self, owner: &UserId) -> Outcome<Admission, R> {
        let mut own = self.own.lock();
        own.retain(|_, admitted| admitted.strong_count() > 0);
        let admitted = own.get(owner).and_then(Weak::upgrade).unwrap_or_else(|| {
            let first = Admission::default();
            own.insert(owner.clone(), Arc::downgrade(&first));
            first
        });
        if Arc::strong_count(&admitted) <= MOST {
            return Ok(admitted);
        }
        metrics::shed();
        Err(Failure::Broken(Broken::Overloaded))
    }
}
