//! How many of the places each user has: no more than are left, so that nobody takes those of all others. One user
//! alone has half of them; of two who ask as often, each has a third in the end, and so on.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Semaphore;

use crate::by_user::ByUser;

/// The requests under way, by user.
pub(super) type Counts = ByUser<AtomicUsize>;

/// Nothing is under way.
pub(super) fn none() -> Counts {
    ByUser::new(16_384, AtomicUsize::default)
}

/// One request that is counted, until this is dropped.
pub(super) struct Counted {
    counts: Arc<Counts>,
    user: usize,
}

impl Counted {
    /// One of `user` that has one of the `places`; none where more are counted than places are left.
    pub(super) fn take(counts: &Arc<Counts>, user: usize, places: &Semaphore) -> Option<Self> {
        let before = counts.at(user).fetch_add(1, Ordering::Relaxed);
        let counted = Self { counts: Arc::clone(counts), user };
        (before <= places.available_permits()).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.at(self.user).fetch_sub(1, Ordering::Relaxed);
    }
}
