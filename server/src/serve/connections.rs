//! How many connections there may be, and which one goes where another wants in.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::untaken::Untaken;
use crate::{HttpConfig, metrics};

/// How long a place is waited for before the next connection is evicted.
const PATIENCE: Duration = Duration::from_millis(100);

/// The places for connections. Where all are taken, the connection that has kept us waiting longest (for a request, for
/// the rest of one, or for its answer to be taken) is closed for the new one. So those who hold connections for nothing
/// push each other out, and a client that speaks at once is served. One whose request is being worked on is never
/// closed.
pub(super) struct Connections {
    places: Arc<Semaphore>,
    pub(super) untaken: Arc<Untaken>,
    waiting: Mutex<Waiting>,
}

/// Those who keep us waiting, the longest first.
#[derive(Default)]
struct Waiting {
    last: Ticket,
    evictions: BTreeMap<Ticket, Arc<Notify>>,
}

/// A number in the order of those who keep us waiting.
pub(super) type Ticket = u64;

impl Connections {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self {
            places: Arc::new(Semaphore::new(config.max_connections)),
            untaken: Untaken::new(config.max_untaken),
            waiting: Mutex::default(),
        }
    }

    /// A place, once there is one.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        let place = || Arc::clone(&self.places);
        if let Ok(free) = place().try_acquire_owned() {
            return Some(free);
        }
        loop {
            self.evict();
            // Those who are being worked on now will wait in their turn.
            if let Ok(free) = timeout(PATIENCE, place().acquire_owned()).await {
                return free.ok();
            }
        }
    }

    /// Closes the connection that has kept us waiting longest.
    pub(super) fn evict(&self) {
        if let Some((_, eviction)) = self.waiting.lock().evictions.pop_first() {
            eviction.notify_one();
            metrics::evicted();
        }
    }

    /// From now on the connection that listens to `eviction` keeps us waiting.
    pub(super) fn wait(&self, eviction: &Arc<Notify>) -> Ticket {
        let mut waiting = self.waiting.lock();
        waiting.last += 1;
        let ticket = waiting.last;
        waiting.evictions.insert(ticket, Arc::clone(eviction));
        ticket
    }

    /// Takes the connection with this `ticket` off those who keep us waiting.
    pub(super) fn resume(&self, ticket: Ticket) {
        self.waiting.lock().evictions.remove(&ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::tests::configured, serve::Watch};

    /// Else newcomers would wait for each of them in turn.
    #[test]
    fn who_has_gone_is_not_asked_to_go() {
        let config = configured(&[]).http;
        let connections = Arc::new(Connections::new(&config));
        let asked_to_go = || connections.waiting.lock().evictions.len();
        let watch = Watch::new(Arc::clone(&connections), &config);
        assert_eq!(asked_to_go(), 1);
        drop(watch);
        assert_eq!(asked_to_go(), 0);
    }
}
