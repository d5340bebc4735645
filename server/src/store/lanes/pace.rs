//! How long the statements of a lane take.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::manner::PATIENCE;

/// How many times as long as most a statement takes that waits for a lock. Where the database is far away, or its disk
/// is slow, all take long, and none of them is anybody's fault.
const LONG: u32 = 4;

/// About what most statements took of late, in microseconds: few that take long hardly move it.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicU64);

impl Pace {
    /// A statement took that long.
    pub(super) fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let known = self.0.load(Ordering::Relaxed);
        let step = known / 8 + 100;
        // Whoever writes last counts: it is an estimate.
        self.0.store(micros.clamp(known.saturating_sub(step), known + step), Ordering::Relaxed);
    }

    /// How much longer a statement may take, which has been overtaken, before it takes longer than others.
    pub(super) fn long(&self) -> Duration {
        (Duration::from_micros(self.0.load(Ordering::Relaxed)) * LONG).saturating_sub(PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_take_is_not_long_and_what_few_take_is() {
        let pace = Pace::default();
        for _ in 0..100 {
            pace.took(Duration::from_millis(60));
        }
        assert_eq!(pace.long() + PATIENCE, Duration::from_millis(60 * 4));
        pace.took(Duration::from_secs(1));
        assert!(pace.long() < Duration::from_millis(300));
        for _ in 0..100 {
            pace.took(Duration::from_millis(1));
        }
        assert_eq!(pace.long(), Duration::ZERO);
    }
}
