//! Whether the database answers, asked at most once a second, whoever asks.

use std::{sync::Arc, time::Duration};

use sea_orm::DbErr;
use todo_api::{Readiness, Unavailable};
use tokio::{sync::Mutex, time::Instant};

use super::Store;

/// How long the database's last word stands.
const STANDS_FOR: Duration = Duration::from_secs(1);

/// The last word of the database, and when it was given. Who asks meanwhile waits for the same word.
#[derive(Debug, Default)]
pub(super) struct LastWord(Mutex<Option<Word>>);

#[derive(Debug, Clone)]
struct Word {
    given: Instant,
    answer: Result<(), Arc<DbErr>>,
}

impl Readiness for Store {
    async fn ready(&self) -> Result<(), Unavailable> {
        let mut last = self.readiness.0.lock().await;
        let answer = match &*last {
            Some(word) if word.given.elapsed() < STANDS_FOR => word.answer.clone(),
            _ => {
                let answer = self.bounded(self.databases.reads.ping()).await.map_err(Arc::new);
                *last = Some(Word { given: Instant::now(), answer: answer.clone() });
                answer
            }
        };
        answer.map_err(|error| Unavailable(error))
    }
}
