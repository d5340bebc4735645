//! Whether the database answers, asked at most once a second, whoever asks.

use std::{sync::Arc, time::Duration};

use sea_orm::DbErr;
use todo_api::{Readiness, Unavailable};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::Instant,
};

use super::Store;
use crate::{database::trouble::is_away, metrics, telemetry};

/// How long the database's last word stands.
const STANDS_FOR: Duration = Duration::from_secs(1);

/// The last word of the database, and when it was given. Who asks meanwhile waits for the same word.
#[derive(Debug, Clone, Default)]
pub(super) struct LastWord(Arc<Mutex<Option<Word>>>);

#[derive(Debug)]
struct Word {
    given: Instant,
    answer: Answer,
}

type Answer = Result<(), Arc<DbErr>>;

impl Readiness for Store {
    async fn ready(&self) -> Result<(), Unavailable> {
        let begin = Instant::now();
        let last = Arc::clone(&self.readiness.0).lock_owned().await;
        let answer = match &*last {
            Some(word) if word.given.elapsed() < STANDS_FOR => word.answer.clone(),
            // A task of its own, so that the word is heard even where who wanted it has gone: else each who goes would
            // have the database asked once more.
            _ => tokio::spawn(self.clone().ask(last)).await.unwrap_or_else(|error| {
                Err(Arc::new(DbErr::Custom(format!("the database was not asked to the end: {error}"))))
            }),
        };
        telemetry::add_database_wait(begin.elapsed());
        answer.map_err(|error| Unavailable(error))
    }
}

impl Store {
    /// Asks the database, and keeps its word.
    async fn ask(self, mut last: OwnedMutexGuard<Option<Word>>) -> Answer {
        let answer = self.bounded(self.databases.reads.ping()).await.map_err(Arc::new);
        if let Err(error) = &answer {
            metrics::database_failed(is_away(error));
        }
        *last = Some(Word { given: Instant::now(), answer: answer.clone() });
        answer
    }
}
