//! One of the clients that write at the same time, and remember what was acknowledged.

mod asking;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use todo_contract_tests::{Answer, Client, ServerProcess};

use self::asking::Outcome;
use crate::{
    judge,
    ledger::{Content, Entry, Kept, Ledger},
    stage::Stage,
    tally::Tally,
};

/// How many tasks a caller has at most, of those that it can write.
const TASKS: usize = 30;

/// A client that works on tasks of its own, one request at a time.
#[derive(Debug)]
pub(crate) struct Caller {
    name: String,
    user: String,
    client: Client,
    stage: Arc<Stage>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) ledger: Ledger,
    number: usize,
}

impl Caller {
    /// `number` tells it from others; two share a user.
    pub(crate) fn new(number: usize, stage: &Arc<Stage>, tally: &Arc<Tally>) -> Self {
        let user = format!("user-{}", number / 2);
        let client = ServerProcess::client(stage.address(), &user);
        let (stage, tally, name) = (Arc::clone(stage), Arc::clone(tally), format!("{user} caller-{number} task"));
        Self { name, user, client, stage, tally, ledger: Ledger::default(), number: 0 }
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// What the titles of its tasks begin with.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Asks for one thing after another, until it is told to stop.
    pub(crate) async fn work(mut self, stop: Arc<AtomicBool>) -> Self {
        while !stop.load(Ordering::SeqCst) {
            let any = fastrand::choice(self.ledger.free());
            match (fastrand::u8(0..21), any) {
                (0..=4, _) if self.ledger.free().len() < TASKS => self.create_once().await,
                (5..=6, _) if self.ledger.free().len() < TASKS => self.create().await,
                (7..=9, Some(id)) => self.update(id).await,
                (10..=11, Some(id)) => self.toggle(id).await,
                (12..=14, Some(id)) => self.edit_expected(id).await,
                (15..=16, Some(id)) => self.delete(id).await,
                (17, _) => self.read_any().await,
                (18, _) => self.write_of_another().await,
                _ => self.read_list().await,
            }
        }
        self
    }

    /// Creates under a key, again and again until it is answered.
    async fn create_once(&mut self) {
        let (content, key) = (self.fresh(), format!("{}-{}", self.number, fastrand::u64(..)));
        let client = self.client.keyed(&key);
        let mut was_unknown = false;
        let Some(answer) =
            self.until_answered(&client, "POST", "/api/tasks", Some(content.to_json()), &mut was_unknown).await
        else {
            return self.ledger.unborn.push(content);
        };
        if answer.status != 201 {
            self.tally.amiss(format!("{}: creation under a key got {}: {}", self.name, answer.status, answer.text));
            return;
        }
        if !was_unknown && answer.header("idempotency-replayed") == "true" {
            self.tally.amiss(format!("{}: a key used for the first time was replayed: {}", self.name, answer.text));
        }
        self.ledger.kept.push(Kept { key, id: answer.id(), content: content.clone() });
        self.created(content, &answer);
    }

    /// Creates without a key, and so once.
    async fn create(&mut self) {
        let content = self.fresh();
        match self.write(&self.client.clone(), "POST", "/api/tasks", Some(content.to_json())).await {
            Outcome::Answered(answer) if answer.status == 201 => self.created(content, &answer),
            Outcome::Answered(answer) => self.unforeseen("creation", &answer),
            Outcome::NotDone => {}
            Outcome::Unknown => self.ledger.unborn.push(content),
        }
    }

    fn created(&mut self, content: Content, answer: &Answer) {
        self.tally.acknowledged();
        let (id, task) = (answer.id(), answer.json());
        self.tally.created(&self.user, id);
        if Content::of(&task) != content || task["user_id"] != self.user.as_str() {
            self.tally.amiss(format!("{}: {content:?} was created as {task}", self.name));
        }
        // What is lost leaves its number free, should the database forget that too.
        if self.ledger.tasks.contains_key(&id) || self.ledger.gone.contains(&id) {
            self.tally.amiss(format!("{}: the id {id} was given twice", self.name));
        }
        self.ledger.tasks.insert(id, Entry::of(content, &task, answer.header("etag")));
    }

    /// Sets all of a task, again and again until it is answered.
    async fn update(&mut self, id: i64) {
        let content = self.fresh();
        let (client, path) = (self.client.clone(), format!("/api/tasks/{id}"));
        let mut was_unknown = false;
        let answer = self.until_answered(&client, "PUT", &path, Some(content.to_json()), &mut was_unknown).await;
        self.changed(id, content, answer, was_unknown);
    }

    /// Flips a task, once: flipped twice, it would be as before.
    async fn toggle(&mut self, id: i64) {
        let path = format!("/api/tasks/{id}/complete");
        let content = self.content(id).toggled();
        match self.write(&self.client.clone(), "PATCH", &path, None).await {
            Outcome::Answered(answer) => self.changed(id, content, Some(answer), false),
            Outcome::NotDone => {}
            Outcome::Unknown => self.changed(id, content, None, true),
        }
    }

    /// Changes the one version that it has seen, by either way, again and again until it is answered.
    async fn edit_expected(&mut self, id: i64) {
        let etag = self.ledger.tasks[&id].etag.clone();
        let client = self.client.clone().with_header("If-Match", &etag);
        let (content, method, path, body) = if fastrand::bool() {
            let content = self.fresh();
            let body = content.to_json();
            (content, "PUT", format!("/api/tasks/{id}"), Some(body))
        } else {
            (self.content(id).toggled(), "PATCH", format!("/api/tasks/{id}/complete"), None)
        };
        let mut was_unknown = false;
        let mut answer = self.until_answered(&client, method, &path, body, &mut was_unknown).await;
        if was_unknown && answer.as_ref().is_some_and(|answer| answer.status == 412) {
            // One that was not answered took effect, and moved the version: so no other can.
            let (client, path) = (self.client.clone(), format!("/api/tasks/{id}"));
            answer = self.until_read(&client, &path).await;
            was_unknown = false;
        } else if answer.as_ref().is_some_and(|answer| answer.status == 200) {
            // None that is late finds that version.
            was_unknown = false;
        }
        self.changed(id, content, answer, was_unknown);
    }

    /// Notes what came of a change.
    fn changed(&mut self, id: i64, content: Content, answer: Option<Answer>, was_unknown: bool) {
        let Some(entry) = self.ledger.tasks.get_mut(&id) else { return };
        match answer {
            Some(answer) if answer.status == 200 => {
                self.tally.acknowledged();
                let task = answer.json();
                let before = std::mem::replace(
                    &mut entry.updated_at,
                    task["updated_at"].as_str().unwrap_or_default().to_owned(),
                );
                if Content::of(&task) != content {
                    self.tally.amiss(format!("{}: set to {content:?}, it was answered {task}", self.name));
                } else if entry.updated_at <= before {
                    self.tally.amiss(format!("{}: updated_at {} after {before}", self.name, entry.updated_at));
                }
                entry.possible = vec![content];
                answer.header("etag").clone_into(&mut entry.etag);
                entry.is_parked = was_unknown;
            }
            None => {
                entry.possible.push(content);
                entry.is_parked = true;
            }
            Some(answer) if answer.status == 404 => {
                self.tally.lost(format!("{}: the task {id} is not found any more", self.name));
                self.ledger.tasks.remove(&id);
            }
            Some(answer) => self.unforeseen("change", &answer),
        }
    }

    /// Deletes a task, again and again until it is answered.
    async fn delete(&mut self, id: i64) {
        let (client, path, mut was_unknown) = (self.client.clone(), format!("/api/tasks/{id}"), false);
        match self.until_answered(&client, "DELETE", &path, None, &mut was_unknown).await {
            Some(answer) if answer.status == 204 || answer.status == 404 => {
                if answer.status == 404 && !was_unknown {
                    self.tally.lost(format!("{}: the task {id} is not there to be deleted", self.name));
                }
                self.tally.acknowledged();
                self.ledger.tasks.remove(&id);
                self.ledger.gone.insert(id);
            }
            Some(answer) => self.unforeseen("deletion", &answer),
            None => {
                if let Some(entry) = self.ledger.tasks.get_mut(&id) {
                    (entry.may_be_gone, entry.is_parked) = (true, true);
                }
            }
        }
    }

    /// Looks at all tasks of the user.
    async fn read_list(&mut self) {
        let Some(answer) = self.read(&self.client.clone(), "/api/tasks").await else { return };
        if answer.status != 200 {
            return self.unforeseen("list", &answer);
        }
        let list = answer.json();
        let tasks = list.as_array().map(Vec::as_slice).unwrap_or_default();
        judge::compare(self, tasks);
    }

    /// Looks at a task that may be anybody's.
    async fn read_any(&mut self) {
        let known = self.ledger.tasks.keys().next_back().copied().unwrap_or(20);
        let (id, client) = (fastrand::i64(1..known + 20), self.client.clone());
        let is_own = self.ledger.tasks.get(&id).is_some_and(|entry| !entry.may_be_gone);
        match self.read(&client, &format!("/api/tasks/{id}")).await {
            Some(answer) if answer.status == 200 && answer.id() == id => {
                judge::compare_one(self, &answer.json(), &mut BTreeSet::new());
            }
            // What is another's or nobody's is not found.
            Some(answer) if answer.status == 404 && !is_own => {}
            Some(answer) => self.unforeseen("task", &answer),
            None => {}
        }
    }

    /// Tries to toggle the newest task, where it is known to be another's: an id of nobody's may be one's own by then.
    async fn write_of_another(&self) {
        let Some((_, id)) = self.tally.newest().filter(|(user, _)| *user != self.user) else { return };
        let path = format!("/api/tasks/{id}/complete");
        if let Outcome::Answered(answer) = self.ask(&self.client, "PATCH", &path, None).await
            && answer.status != 404
        {
            self.unforeseen("toggle of another's task", &answer);
        }
    }

    fn fresh(&mut self) -> Content {
        self.number += 1;
        Content::fresh(&self.name, self.number)
    }

    fn content(&self, id: i64) -> Content {
        self.ledger.tasks[&id].possible[0].clone()
    }

    fn unforeseen(&self, what: &str, answer: &Answer) {
        self.tally.amiss(format!("{}: a {what} got {}: {}", self.name, answer.status, answer.text));
    }
}
