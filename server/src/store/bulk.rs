//! Writes of any number of an owner's tasks, and what waits for them in the process, whichever worker has it.
//!
//! A single write of the owner's would wait for the same tasks within the database, and there with a connection: a few
//! of them a second would leave none to others. And who writes all of many tasks again and again would have the one
//! writer of SQLite for themselves: so the next one waits as long as the last one took, or [`PAUSE`].

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use todo_api::UserId;
use tokio::{
    sync::{OwnedRwLockWriteGuard, RwLock},
    time::{Instant, sleep_until},
};

/// The longest wait between two of an owner: others who waited meanwhile write together, which takes less.
const PAUSE: Duration = Duration::from_secs(1);

/// Those of all owners.
#[derive(Default)]
pub(super) struct Bulk {
    /// How many are under way. Single writes look at nothing else where there are none.
    under_way: AtomicUsize,
    /// From when on an owner's next one may begin, of those whose last one is not that long ago. It is locked while one
    /// is under way.
    next: Mutex<HashMap<UserId, Arc<RwLock<Instant>>>>,
}

impl Bulk {
    /// Waits until the next one of `owner` may begin; not where one is under way.
    pub(super) async fn rest(&self, owner: &UserId) {
        if let Some(next) = self.known(owner).and_then(|next| next.try_read().ok().map(|next| *next)) {
            sleep_until(next).await;
        }
    }

    /// Begins one of `owner` as soon as it may, which is under way until the value goes.
    pub(super) async fn begin(self: Arc<Self>, owner: &UserId) -> UnderWay {
        loop {
            let next = self.of(owner).write_owned().await;
            let (at, began) = (*next, Instant::now());
            if at <= began {
                self.under_way.fetch_add(1, Ordering::Relaxed);
                return UnderWay { bulk: self, next, began };
            }
            // Not while it is locked: single writes need not wait for that.
            drop(next);
            sleep_until(at).await;
        }
    }

    /// Waits for what is under way of `owner`. One that begins at this very moment may be missed.
    pub(super) async fn ended(&self, owner: &UserId) {
        if self.under_way.load(Ordering::Relaxed) > 0
            && let Some(next) = self.known(owner)
        {
            // Boxed: hardly ever needed, and copied at each layer above.
            Box::pin(async move { drop(next.read().await) }).await;
        }
    }

    fn known(&self, owner: &UserId) -> Option<Arc<RwLock<Instant>>> {
        self.next.lock().get(owner).cloned()
    }

    fn of(&self, owner: &UserId) -> Arc<RwLock<Instant>> {
        let (mut all, now) = (self.next.lock(), Instant::now());
        all.retain(|_, next| Arc::strong_count(next) > 1 || next.try_read().is_ok_and(|next| *next > now));
        Arc::clone(all.entry(owner.clone()).or_insert_with(|| Arc::new(RwLock::new(now))))
    }
}

/// A write that is under way, however it ends.
pub(super) struct UnderWay {
    bulk: Arc<Bulk>,
    next: OwnedRwLockWriteGuard<Instant>,
    began: Instant,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.next = Instant::now() + self.began.elapsed().min(PAUSE);
        self.bulk.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::sleep;

    use super::*;

    fn users() -> [UserId; 2] {
        ["ann", "bob"].map(|id| UserId::parse(id).expect("it is good"))
    }

    #[tokio::test]
    async fn single_writes_wait_for_those_of_their_owner_alone() {
        let (bulk, [ann, bob]) = (Arc::new(Bulk::default()), users());
        let under_way = Arc::clone(&bulk).begin(&ann).await;
        assert!(bulk.ended(&ann).now_or_never().is_none());
        assert!(Arc::clone(&bulk).begin(&ann).now_or_never().is_none(), "of another worker");
        assert!(bulk.rest(&ann).now_or_never().is_some(), "who has to wait for a turn need not rest");
        assert!(bulk.ended(&bob).now_or_never().is_some());
        drop(under_way);
        assert!(bulk.ended(&ann).now_or_never().is_some(), "and not for the next one's beginning");
    }

    #[tokio::test]
    async fn the_next_one_begins_as_long_after_the_last_one_as_that_took() {
        const TAKES: Duration = Duration::from_millis(50);
        let (bulk, [ann, bob]) = (Arc::new(Bulk::default()), users());
        for waits_in_turn in [false, true] {
            let under_way = Arc::clone(&bulk).begin(&ann).await;
            sleep(TAKES).await;
            let ends = Instant::now();
            drop(under_way);
            assert!(bulk.rest(&bob).now_or_never().is_some());
            if waits_in_turn {
                drop(Arc::clone(&bulk).begin(&ann).await);
            } else {
                bulk.rest(&ann).await;
            }
            assert!(ends.elapsed() >= TAKES, "{waits_in_turn}");
        }
        sleep(TAKES).await;
        drop(Arc::clone(&bulk).begin(&bob).await);
        assert!(bulk.known(&ann).is_none(), "what was long ago is forgotten");
    }
}
