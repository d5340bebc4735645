//! How a caller asks, where answers may not come.

use std::time::Duration;

use serde_json::Value;
use todo_contract_tests::{Answer, Client};
use tokio::time::{sleep, timeout};

use super::Caller;

/// Within this, an answer comes or the connection breaks, whatever befalls the database.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a retry-safe write is tried before it counts as never answered.
const TRIES: usize = 2000;

/// How a write came out, as far as the caller can tell.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answered(Answer),
    /// It was never sent.
    NotDone,
    Unknown,
}

impl Caller {
    /// Tries until a write is answered by more than «not now»; `None` where it never is.
    pub(super) async fn until_answered(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        body: Option<Value>,
        was_unknown: &mut bool,
    ) -> Option<Answer> {
        for _ in 0..TRIES {
            match self.write(client, method, path, body.clone()).await {
                // The first try of the same key may be under way still.
                Outcome::Answered(answer) if answer.status == 409 && *was_unknown => {}
                Outcome::Answered(answer) => return Some(answer),
                Outcome::NotDone => {}
                Outcome::Unknown => *was_unknown = true,
            }
            sleep(Duration::from_millis(fastrand::u64(10..50))).await;
        }
        self.tally.amiss(format!("{}: {method} {path} was not answered in {TRIES} tries", self.name));
        *was_unknown = true;
        None
    }

    /// Reads until it is answered.
    pub(super) async fn until_read(&self, client: &Client, path: &str) -> Option<Answer> {
        for _ in 0..TRIES {
            if let Some(answer) = self.read(client, path).await {
                return Some(answer);
            }
            sleep(Duration::from_millis(20)).await;
        }
        None
    }

    /// One write.
    pub(super) async fn write(&self, client: &Client, method: &str, path: &str, body: Option<Value>) -> Outcome {
        let outcome = self.tally.write(self.ask(client, method, path, body)).await;
        if matches!(outcome, Outcome::Unknown) {
            self.tally.unknown();
        }
        outcome
    }

    pub(super) async fn read(&self, client: &Client, path: &str) -> Option<Answer> {
        match self.ask(client, "GET", path, None).await {
            Outcome::Answered(answer) => Some(answer),
            Outcome::NotDone | Outcome::Unknown => {
                sleep(Duration::from_millis(10)).await;
                None
            }
        }
    }

    pub(super) async fn ask(&self, client: &Client, method: &str, path: &str, body: Option<Value>) -> Outcome {
        let client = client.clone().at(self.stage.address());
        match timeout(PATIENCE, client.attempt(method, path, body)).await {
            Err(_) => {
                self.tally.amiss(format!("{}: {method} {path} got no answer in {PATIENCE:?}", self.name));
                Outcome::Unknown
            }
            Ok(Err(error)) if error.is_connect() => Outcome::NotDone,
            Ok(Err(_)) => Outcome::Unknown,
            Ok(Ok(answer)) if answer.status == 503 => {
                self.tally.unavailable();
                Outcome::Unknown
            }
            Ok(Ok(answer)) if answer.status == 500 => {
                self.tally.amiss(format!("{}: {method} {path} got {}", self.name, answer.text));
                Outcome::Unknown
            }
            Ok(Ok(answer)) => Outcome::Answered(answer),
        }
    }
}
