//! How many connections one user has at once, of statements that each take one: lists, creations under a key, and what
//! goes alone in its [lane](super::lanes), as all does under row-level security. All who wait for a connection do so in
//! one order, which knows no users: hundreds of one user would go before everybody else.

use std::sync::Arc;

use todo_api::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::half_of_connections;
use crate::{DatabaseConfig, by_user::ByUser};

/// What each user may have of a worker's connections.
#[derive(Clone)]
pub(super) struct Quotas {
    pub(super) reads: Arc<Quota>,
    /// The same, or their own where another connection writes.
    pub(super) writes: Arc<Quota>,
}

impl Quotas {
    pub(super) fn new(config: &DatabaseConfig) -> Self {
        let reads = Arc::new(Quota::new(half_of_connections(config)));
        let writes = if config.url.is_embedded() {
            Arc::new(Quota::new(half_of_connections(config)))
        } else {
            Arc::clone(&reads)
        };
        Self { reads, writes }
    }
}

/// So many connections for each user.
#[derive(Debug)]
pub(super) struct Quota(ByUser<Arc<Semaphore>>);

impl Quota {
    pub(super) fn new(most: usize) -> Self {
        Self(ByUser::new(1024, || Arc::new(Semaphore::new(most))))
    }

    /// Waits until `owner` may have another connection, which is theirs until the value goes.
    pub(super) async fn take(&self, owner: &UserId) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(self.of(owner)).acquire_owned().await.ok()
    }

    fn of(&self, owner: &UserId) -> &Arc<Semaphore> {
        self.0.at(self.0.index(owner))
    }
}
