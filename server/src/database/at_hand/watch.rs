//! Giving back the connections at hand that nobody needs.

use std::sync::Arc;

use sea_orm::sqlx::Database;
use tokio::time::sleep;

use super::{Inner, UNUSED};

/// Gives back what nobody needs, until nothing is at hand.
pub(super) struct Watch<DB: Database>(pub(super) Arc<Inner<DB>>);

impl<DB: Database> Watch<DB> {
    pub(super) async fn keep(self) {
        loop {
            sleep(UNUSED).await;
            let mut state = self.0.state.lock();
            state.connections.retain(|taken| taken.used.elapsed() < UNUSED);
            if state.connections.is_empty() {
                state.is_watched = false;
                return;
            }
        }
    }
}

impl<DB: Database> Drop for Watch<DB> {
    /// Where the runtime ends: no connection may outlive it, for outside none can be given back.
    fn drop(&mut self) {
        self.0.state.lock().connections.clear();
    }
}
