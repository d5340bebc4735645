//! What is counted in a round, by all callers together.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How many faults are told in full.
const TOLD: usize = 20;

/// What has been counted so far.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: Mutex<Counts>,
    writing: AtomicUsize,
    /// The task that was created last: whose it is, and its id.
    newest: Mutex<Option<(String, i64)>>,
}

/// The numbers of a round.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    /// Writes that were sent, or tried to be.
    pub(crate) operations: usize,
    /// Those that were answered by a success.
    pub(crate) acknowledged: usize,
    /// Those of which nobody knows: no answer came, or 503.
    pub(crate) unknown: usize,
    /// Answers 503, to writes and reads.
    pub(crate) unavailable: usize,
    /// Acknowledged writes that are not there.
    pub(crate) lost: usize,
    /// Tasks that are there twice.
    pub(crate) duplicated: usize,
    /// Whatever else the contract does not allow.
    pub(crate) amiss: usize,
    /// The first of what was lost, duplicated or amiss, in words.
    pub(crate) faults: Vec<String>,
    /// The longest time in which nobody had a write acknowledged.
    pub(crate) outage: Duration,
    last: Instant,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let counts = Counts {
            operations: 0,
            acknowledged: 0,
            unknown: 0,
            unavailable: 0,
            lost: 0,
            duplicated: 0,
            amiss: 0,
            faults: Vec::new(),
            outage: Duration::ZERO,
            last: Instant::now(),
        };
        Self { counts: Mutex::new(counts), writing: AtomicUsize::new(0), newest: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers now.
    pub(crate) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// How many writes are under way.
    pub(crate) fn writing(&self) -> usize {
        self.writing.load(Ordering::SeqCst)
    }

    /// A write is under way while `work` is.
    pub(crate) async fn write<T>(&self, work: impl Future<Output = T>) -> T {
        self.lock().operations += 1;
        self.writing.fetch_add(1, Ordering::SeqCst);
        let result = work.await;
        self.writing.fetch_sub(1, Ordering::SeqCst);
        result
    }

    pub(crate) fn created(&self, user: &str, id: i64) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some((user.to_owned(), id));
    }

    pub(crate) fn newest(&self) -> Option<(String, i64)> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn acknowledged(&self) {
        let mut counts = self.lock();
        counts.acknowledged += 1;
        counts.outage = counts.outage.max(counts.last.elapsed());
        counts.last = Instant::now();
    }

    pub(crate) fn unknown(&self) {
        self.lock().unknown += 1;
    }

    pub(crate) fn unavailable(&self) {
        self.lock().unavailable += 1;
    }

    pub(crate) fn lost(&self, what: String) {
        self.tell(what, |counts| counts.lost += 1);
    }

    pub(crate) fn duplicated(&self, what: String) {
        self.tell(what, |counts| counts.duplicated += 1);
    }

    pub(crate) fn amiss(&self, what: String) {
        self.tell(what, |counts| counts.amiss += 1);
    }

    fn tell(&self, what: String, count: impl FnOnce(&mut Counts)) {
        let mut counts = self.lock();
        count(&mut counts);
        if counts.faults.len() < TOLD {
            counts.faults.push(what);
        }
    }
}

impl Counts {
    /// Whether nothing was lost, duplicated or amiss.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost + self.duplicated + self.amiss == 0
    }
}
