//! Whether the database answers, asked at most once a second, whoever asks.

use std::{sync::Arc, time::Duration};

use sea_orm::DbErr;
use todo_api::{Readiness, Unavailable};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::{Instant, timeout_at},
};

use super::Store;
use crate::{
    database::trouble::{is_away, too_late},
    metrics, telemetry,
};

/// How long the database's last word stands.
const STANDS_FOR: Duration = Duration::from_secs(1);

/// For how long, beyond that, a yes is passed on while the database takes its time over the next word; and for how long
/// that one is waited for.
const PATIENCE: Duration = Duration::from_secs(4);

/// The last word of the database, and the turn of who asks for the next. Who comes meanwhile is given the last one, and
/// waits for the same word only where that is a yes that is too old, or there is none; and not for as long as the
/// database may take. Were all to wait while it is away, strangers could fill every connection with it, and nobody
/// would learn that the process serves.
#[derive(Debug, Clone, Default)]
pub(super) struct LastWord {
    word: Arc<parking_lot::Mutex<Option<Word>>>,
    /// Since when the next is asked for; none where it is not.
    asked: Arc<parking_lot::Mutex<Option<Instant>>>,
    turn: Arc<Mutex<()>>,
}

#[derive(Debug)]
struct Word {
    given: Instant,
    answer: Answer,
}

type Answer = Result<(), Arc<DbErr>>;

impl LastWord {
    /// The word, where it stands.
    fn standing(&self) -> Option<Answer> {
        self.word_if(|word| word.given.elapsed() < STANDS_FOR)
    }

    /// The word, where it may be passed on while the next is asked for: a yes until it is that old, a no always.
    fn passed_on(&self, age: Duration) -> Option<Answer> {
        self.word_if(|word| word.answer.is_err() || word.given.elapsed() < age)
    }

    fn word_if(&self, is_good: impl Fn(&Word) -> bool) -> Option<Answer> {
        self.word.lock().as_ref().filter(|word| is_good(word)).map(|word| word.answer.clone())
    }
}

impl Readiness for Store {
    async fn ready(&self) -> Result<(), Unavailable> {
        let begin = Instant::now();
        let patience = STANDS_FOR + self.timeout.min(PATIENCE);
        let answer = match Arc::clone(&self.readiness.turn).try_lock_owned() {
            Ok(turn) => self.standing_word(turn).await,
            Err(_) => match self.readiness.passed_on(patience) {
                Some(answer) => answer,
                None => self.next_word(patience).await,
            },
        };
        telemetry::add_database_wait(begin.elapsed());
        answer.map_err(|error| Unavailable(error))
    }
}

impl Store {
    /// The word that another asks for. It is a no where it has not come so long after it was asked for.
    async fn next_word(&self, patience: Duration) -> Answer {
        let asked = self.readiness.asked.lock().unwrap_or_else(Instant::now);
        match timeout_at(asked + patience, Arc::clone(&self.readiness.turn).lock_owned()).await {
            Ok(turn) => self.standing_word(turn).await,
            Err(_elapsed) => Err(Arc::new(too_late())),
        }
    }

    /// The word that stands, or else the next.
    async fn standing_word(&self, turn: OwnedMutexGuard<()>) -> Answer {
        if let Some(answer) = self.readiness.standing() {
            return answer;
        }
        // A task of its own, so that the word is heard even where who wanted it has gone: else each who goes would have
        // the database asked once more.
        tokio::spawn(self.clone().ask(turn)).await.unwrap_or_else(|error| {
            Err(Arc::new(DbErr::Custom(format!("the database was not asked to the end: {error}"))))
        })
    }

    /// Asks the database, and keeps its word.
    async fn ask(self, _turn: OwnedMutexGuard<()>) -> Answer {
        *self.readiness.asked.lock() = Some(Instant::now());
        let answer = self.bounded(self.databases.reads.ping()).await.map_err(Arc::new);
        if let Err(error) = &answer {
            metrics::database_failed(is_away(error));
        }
        *self.readiness.word.lock() = Some(Word { given: Instant::now(), answer: answer.clone() });
        *self.readiness.asked.lock() = None;
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_is_passed_on_until_it_is_too_old_and_a_no_always() {
        let passed_on = |answer, age| {
            let word = Arc::new(parking_lot::Mutex::new(Some(Word { given: Instant::now(), answer })));
            LastWord { word, ..LastWord::default() }.passed_on(age)
        };
        assert!(matches!(passed_on(Ok(()), Duration::from_hours(1)), Some(Ok(()))));
        assert!(passed_on(Ok(()), Duration::ZERO).is_none(), "it is too old at once");
        assert!(matches!(passed_on(Err(Arc::new(too_late())), Duration::ZERO), Some(Err(_))));
    }
}
