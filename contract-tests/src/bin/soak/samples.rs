//! What the server holds over time, and whether that stays as it was.

use std::time::Duration;

/// One look at the server.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) since: Duration,
    pub(crate) requests: usize,
    pub(crate) unavailable: usize,
    /// The time within which 99 of 100 were answered.
    pub(crate) slow: Duration,
    /// In bytes.
    pub(crate) memory: u64,
    /// Files and sockets.
    pub(crate) handles: usize,
}

/// How much more memory the last third may hold than the second: a tenth, and 8 MiB.
fn bound_of_memory(before: u64) -> u64 {
    before + before / 10 + (8 << 20)
}

/// How many handles more.
const MORE_HANDLES: usize = 16;

/// What is wrong with them, if anything. The first third warms up: caches fill, and pools.
pub(crate) fn faults(samples: &[Sample]) -> Vec<String> {
    let third = samples.len() / 3;
    if third == 0 {
        return vec!["it was looked at too few times to tell anything".to_owned()];
    }
    let (middle, last) = (&samples[third..samples.len() - third], &samples[samples.len() - third..]);
    let most = |samples: &[Sample]| {
        let memory = samples.iter().map(|sample| sample.memory).max().unwrap_or_default();
        (memory, samples.iter().map(|sample| sample.handles).max().unwrap_or_default())
    };
    let ((memory, handles), (last_memory, last_handles)) = (most(middle), most(last));
    let mut faults = Vec::new();
    if last_memory > bound_of_memory(memory) {
        let bound = bound_of_memory(memory);
        faults.push(format!("memory grew from {memory} to {last_memory} bytes; the bound is {bound}"));
    }
    if last_handles > handles + MORE_HANDLES {
        faults.push(format!("handles grew from {handles} to {last_handles}; the bound is {MORE_HANDLES} more"));
    }
    if samples.iter().any(|sample| sample.requests == 0) {
        faults.push("at times nothing was answered at all".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(memory: impl Fn(u64) -> u64, handles: impl Fn(usize) -> usize) -> Vec<Sample> {
        let of = |number: usize| Sample {
            since: Duration::from_secs(10 * number as u64),
            requests: 1000,
            unavailable: 0,
            slow: Duration::ZERO,
            memory: memory(number as u64),
            handles: handles(number),
        };
        (0..30).map(of).collect()
    }

    #[test]
    fn what_stays_or_only_warms_up_passes() {
        let steady = samples(|number| (60 << 20) + number.min(10) * (5 << 20), |number| 420 + number % 10);
        assert_eq!(faults(&steady), Vec::<String>::new());
    }

    #[test]
    fn what_grows_is_at_fault() {
        assert_eq!(faults(&samples(|number| (60 << 20) + number * (3 << 20), |_| 420)).len(), 1);
        assert_eq!(faults(&samples(|_| 60 << 20, |number| 420 + 2 * number)).len(), 1);
    }

    #[test]
    fn a_server_that_answers_nothing_for_a_while_is_at_fault() {
        let mut stopped = samples(|_| 60 << 20, |_| 420);
        stopped[12].requests = 0;
        assert_eq!(faults(&stopped).len(), 1);
    }

    #[test]
    fn nothing_seen_is_nothing_shown() {
        assert_eq!(faults(&[]).len(), 1);
    }
}
