//! Those who wait for what the pool alone gives.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// One who waits, counted for as long as the value is there.
pub(super) struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    pub(super) fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
