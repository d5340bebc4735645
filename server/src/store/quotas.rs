//! How many connections one user has at once, of statements that each take one: lists, creations under a key, and what
//! goes alone in its [lane](super::lanes), as all does under row-level security. All who wait for a connection do so in
//! one order, which knows no users: hundreds of one user would go before everybody else.

use std::sync::Arc;

use todo_api::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::half_of_connections;
use crate::{DatabaseConfig, by_user::ByUser};

/// Half of a worker's connections for each user, one at least.
pub(super) struct Quotas(ByUser<Arc<Semaphore>>);

impl Quotas {
    pub(super) fn new(config: &DatabaseConfig) -> Self {
        let half = half_of_connections(config);
        Self(ByUser::new(1024, || Arc::new(Semaphore::new(half))))
    }

    /// Waits until `owner` may have another connection, which is theirs until the value goes.
    pub(super) async fn take(&self, owner: &UserId) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(self.0.at(self.0.index(owner))).acquire_owned().await.ok()
    }
}
