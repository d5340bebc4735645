//! Holds what is there against what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait as _, QueryResult, sea_query::Query};
use serde_json::Value;
use todo_contract_tests::{Client, ServerProcess};

use crate::{
    caller::Caller,
    ledger::{Content, Fault, Kept},
    stage::Stage,
    tally::Tally,
};

/// How many keys of each caller are used once more; of all of them, the database is asked.
const REPLAYED: usize = 50;

/// Holds the tasks of a caller's user, as they were answered, against what the caller knows.
pub(crate) fn compare(caller: &mut Caller, tasks: &[Value]) {
    let mut born = BTreeSet::new();
    let seen: BTreeSet<_> = tasks.iter().filter_map(|task| compare_one(caller, task, &mut born)).collect();
    for (id, entry) in &caller.ledger.tasks {
        if !entry.may_be_gone && !seen.contains(id) {
            caller.tally.lost(format!("{}: the task {id} is not there: {:?}", caller.name(), entry.possible));
        }
    }
}

/// The same of one task. Says its id where this caller made it, and notes its title in `born` where nobody knew that it
/// was made.
pub(crate) fn compare_one(caller: &mut Caller, task: &Value, born: &mut BTreeSet<String>) -> Option<i64> {
    let (user, name) = (caller.user().to_owned(), format!("{} ", caller.name()));
    if task["user_id"] != user.as_str() || !task["title"].as_str().unwrap_or_default().starts_with(&user) {
        caller.tally.amiss(format!("{name}: sees a task of another: {task}"));
    }
    let (id, content) = (task["id"].as_i64().unwrap_or_default(), Content::of(task));
    if !content.title.starts_with(&name) {
        return None;
    }
    if let Some(entry) = caller.ledger.tasks.get_mut(&id) {
        match entry.fault_of(task) {
            Some(Fault::Lost(words)) => caller.tally.lost(format!("{name}: the task {id} {words}")),
            Some(Fault::Amiss(words)) => caller.tally.amiss(format!("{name}: the task {id} {words}")),
            None => {}
        }
    } else if caller.ledger.gone.contains(&id) {
        caller.tally.lost(format!("{name}: the task {id} is back, though its deletion was acknowledged"));
    } else if caller.ledger.unborn.contains(&content) {
        if !born.insert(content.title.clone()) {
            caller.tally.duplicated(format!("{name}: {content:?} was asked for once, and is there twice"));
        }
    } else if caller.ledger.kept.iter().any(|kept| kept.content.title == content.title) {
        caller.tally.duplicated(format!("{name}: {content:?} was created under a key, and is there once more"));
    } else {
        caller.tally.amiss(format!("{name}: nobody asked for {task}"));
    }
    Some(id)
}

/// Holds the whole database against what all callers know: directly, and through the API.
pub(crate) async fn judge(stage: &Stage, callers: &mut [Caller], tally: &Tally) {
    stage.stop_server().await;
    let there = Rows::read(stage).await;
    stage.start_server();
    let mut users = BTreeMap::new();
    for caller in callers.iter() {
        if !users.contains_key(caller.user()) {
            users.insert(caller.user().to_owned(), list(&ServerProcess::client(stage.address(), caller.user())).await);
        }
    }
    let told: Vec<_> = users.values().flatten().map(|task| (task["id"].as_i64(), Content::of(task))).collect();
    let told: BTreeMap<_, _> = told.into_iter().filter_map(|(id, content)| Some((id?, content))).collect();
    if told != there.tasks {
        tally.amiss(format!("the API tells of {} tasks, the database of others, {}", told.len(), there.tasks.len()));
    }
    for caller in callers {
        compare(caller, &users[caller.user()]);
        let client = ServerProcess::client(stage.address(), caller.user());
        for (number, kept) in caller.ledger.kept.iter().enumerate() {
            let of_key = there.keys.get(&(caller.user().to_owned(), kept.key.clone()));
            if of_key != Some(&kept.id) {
                tally.lost(format!("the key {} gave {}, and now stands for {of_key:?}", kept.key, kept.id));
            }
            if number < REPLAYED {
                replay(&client, kept, tally).await;
            }
        }
    }
    let after = Rows::read(stage).await;
    if after.tasks != there.tasks || after.keys != there.keys {
        tally.duplicated("keys that were used once more made more of something".to_owned());
    }
}

/// All tasks of a user.
async fn list(client: &Client) -> Vec<Value> {
    let pages = client.pages("/api/tasks").await;
    pages.iter().flat_map(|page| page.json().as_array().cloned().unwrap_or_default()).collect()
}

/// Uses a key once more, which must give the first answer again.
async fn replay(client: &Client, kept: &Kept, tally: &Tally) {
    let client = client.keyed(&kept.key);
    let answer = client.create(kept.content.to_json()).await;
    let is_first = answer.status == 201 && answer.header("idempotency-replayed") == "true";
    if !is_first || answer.id() != kept.id || Content::of(&answer.json()) != kept.content {
        tally.amiss(format!("{kept:?}, used once more, got {}: {}", answer.status, answer.text));
    }
}

/// What the database holds.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) tasks: BTreeMap<i64, Content>,
    /// By user and key, the task that the kept answer tells of.
    pub(crate) keys: BTreeMap<(String, String), i64>,
}

impl Rows {
    /// Reads it past the server.
    pub(crate) async fn read(stage: &Stage) -> Self {
        let connection = stage.database.connect().await;
        let tasks = Query::select().columns(["id", "title", "description", "completed"]).from("tasks").take();
        let keys = Query::select().columns(["user_id", "key", "answer"]).from("idempotency_keys").take();
        let tasks = connection.query_all(&tasks).await.expect("the tasks can be read");
        let keys = connection.query_all(&keys).await.expect("the keys can be read");
        connection.close().await.expect("a connection can be closed");
        let task = |row: &QueryResult| {
            let content = Content {
                title: row.try_get("", "title")?,
                description: row.try_get("", "description")?,
                completed: row.try_get("", "completed")?,
            };
            Ok::<_, sea_orm::DbErr>((row.try_get("", "id")?, content))
        };
        let key = |row: &QueryResult| {
            let answer: Value = serde_json::from_str(&row.try_get::<String>("", "answer")?).unwrap_or_default();
            let id = answer["id"].as_i64().unwrap_or_default();
            Ok::<_, sea_orm::DbErr>(((row.try_get("", "user_id")?, row.try_get("", "key")?), id))
        };
        Self {
            tasks: tasks.iter().map(task).collect::<Result<_, _>>().expect("tasks"),
            keys: keys.iter().map(key).collect::<Result<_, _>>().expect("keys"),
        }
    }
}
