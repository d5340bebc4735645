//! Waiting for what will be, and not for ever.

use std::time::{Duration, Instant};

/// Waits for something to become true.
///
/// # Panics
///
/// Where it does not in 20 seconds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
