//! How many of the places each user has: half of them at most, so that nobody takes those of all others.

use std::{
    hash::{BuildHasher, RandomState},
    iter,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use todo_api::UserId;

/// Users are counted by the hash of their ids, without a lock or a map that grows. Those who have the same hash are
/// counted as one: nobody can tell with whom that is.
const COUNTS: u64 = 16_384;

/// The requests under way, by user.
pub(super) struct Counts {
    by_user: Vec<AtomicUsize>,
    hasher: RandomState,
    most: usize,
}

impl Counts {
    /// For so many places.
    pub(super) fn new(places: usize) -> Self {
        let by_user = iter::repeat_with(AtomicUsize::default).take(index(COUNTS)).collect();
        Self { by_user, hasher: RandomState::new(), most: places.div_ceil(2) }
    }

    /// Which of them is that of `user`.
    pub(super) fn of(&self, user: &UserId) -> usize {
        index(self.hasher.hash_one(user) % COUNTS)
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

/// One request that is counted, until this is dropped.
pub(super) struct Counted {
    counts: Arc<Counts>,
    user: usize,
}

impl Counted {
    /// None where as many are counted as may be.
    pub(super) fn take(counts: &Arc<Counts>, user: usize) -> Option<Self> {
        let before = counts.by_user[user].fetch_add(1, Ordering::Relaxed);
        let counted = Self { counts: Arc::clone(counts), user };
        (before < counts.most).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.by_user[self.user].fetch_sub(1, Ordering::Relaxed);
    }
}
