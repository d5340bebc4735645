//! Why no connection can be opened. The pool tries again where it is refused, and says no more in the end than that it
//! took too long.

use std::time::Duration;

use parking_lot::Mutex;
use sea_orm::{
    DbErr,
    sqlx::{ConnectOptions as _, Connection as _, Database, Pool},
};
use tokio::time::{Instant, timeout};

use super::{statement::runtime, words};

/// How often each worker tells it at most.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How long the database may take to say it.
const PATIENCE: Duration = Duration::from_secs(5);

/// When it was told last.
#[derive(Debug, Default)]
pub(super) struct Why(Mutex<Option<Instant>>);

impl Why {
    /// Tells it to the log, after a try of its own.
    pub(super) fn tell<DB: Database>(&self, pool: &Pool<DB>) {
        let mut last = self.0.lock();
        if last.is_some_and(|last| last.elapsed() < TOLD_EVERY) {
            return;
        }
        *last = Some(Instant::now());
        let options = pool.connect_options();
        tokio::spawn(async move {
            let tried = async { options.connect().await?.close().await };
            let error = match timeout(PATIENCE, tried).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => words(&DbErr::Conn(runtime(error))),
                Err(_elapsed) => "no answer".to_owned(),
            };
            tracing::warn!(error, "no connection to the database can be opened");
        });
    }
}
