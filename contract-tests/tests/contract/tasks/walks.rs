//! Any walk through the pages, whatever happens to other tasks meanwhile, sees each task that stays as
//! it is exactly once, and in order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use todo_contract_tests::{
    Client,
    Engine::{self, Postgres, Sqlite},
    TestApp, holds,
};

/// Something that happens to a list; tasks are named by their place among those that there are, modulo
/// their number.
#[derive(Debug, Clone)]
enum Event {
    Create {
        title: String,
        completed: bool,
    },
    Rename {
        task: usize,
        title: String,
    },
    Toggle {
        task: usize,
    },
    Delete {
        task: usize,
    },
    /// The walk goes on by a page.
    Walk,
}

/// Few titles, so that many are equal.
fn title() -> impl Strategy<Value = String> {
    "[aAbzä]{1,2}"
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (title(), any::<bool>()).prop_map(|(title, completed)| Event::Create { title, completed }),
        2 => (any::<usize>(), title()).prop_map(|(task, title)| Event::Rename { task, title }),
        2 => any::<usize>().prop_map(|task| Event::Toggle { task }),
        2 => any::<usize>().prop_map(|task| Event::Delete { task }),
        4 => Just(Event::Walk),
    ]
}

#[derive(Debug, Clone)]
struct Walk {
    tasks: Vec<(String, bool)>,
    events: Vec<Event>,
    limit: usize,
    sort: &'static str,
    completed: Option<bool>,
    q: &'static str,
}

fn walk() -> impl Strategy<Value = Walk> {
    let sort =
        prop::sample::select(vec!["", "created_at", "-created_at", "updated_at", "-updated_at", "title", "-title"]);
    let tasks = prop::collection::vec((title(), any::<bool>()), 0..10);
    let q = prop::sample::select(vec!["", "a", "Ä"]);
    (tasks, prop::collection::vec(event(), 1..20), 1_usize..5, sort, any::<Option<bool>>(), q)
        .prop_map(|(tasks, events, limit, sort, completed, q)| Walk { tasks, events, limit, sort, completed, q })
}

impl Walk {
    fn path(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &self.limit.to_string()).append_pair("q", self.q);
        if !self.sort.is_empty() {
            query.append_pair("sort", self.sort);
        }
        if let Some(completed) = self.completed {
            query.append_pair("completed", &completed.to_string());
        }
        format!("/api/tasks?{}", query.finish())
    }

    fn has(&self, task: &Value) -> bool {
        let title = task["title"].as_str().unwrap_or_default().to_lowercase();
        self.completed.is_none_or(|completed| task["completed"] == completed) && title.contains(&self.q.to_lowercase())
    }

    /// What the order compares of a task.
    fn key(&self, task: &Value) -> (String, i64) {
        let key = self.sort.trim_start_matches('-');
        (task[key].as_str().unwrap_or_default().to_owned(), task["id"].as_i64().expect("an id"))
    }

    /// Walks, and says what is wrong with what was seen, if anything.
    async fn take(&self, client: &Client) -> Result<(), String> {
        for (title, completed) in &self.tasks {
            client.create(json!({"title": title, "completed": completed})).await.expect(201);
        }
        let before = client.list().await.expect(200).json().as_array().cloned().unwrap_or_default();
        let mut there: Vec<i64> = before.iter().filter_map(|task| task["id"].as_i64()).collect();
        let mut touched = BTreeSet::new();
        let mut seen: Vec<Value> = Vec::new();
        let mut next = Some(self.path());
        // When the events are over, the walk goes on to its end.
        let events = self.events.iter().cloned().chain(std::iter::repeat(Event::Walk));
        for event in events {
            match event {
                Event::Create { title, completed } => {
                    there.push(client.create(json!({"title": title, "completed": completed})).await.expect(201).id());
                }
                Event::Rename { task, title } if !there.is_empty() => {
                    let id = there[task % there.len()];
                    touched.insert(id);
                    client.update(id, json!({ "title": title })).await.expect(200);
                }
                Event::Toggle { task } if !there.is_empty() => {
                    let id = there[task % there.len()];
                    touched.insert(id);
                    client.toggle(id).await.expect(200);
                }
                Event::Delete { task } if !there.is_empty() => {
                    let id = there.remove(task % there.len());
                    touched.insert(id);
                    client.delete(id).await.expect(204);
                }
                Event::Walk => {
                    let Some(path) = next else { break };
                    let page = client.get(&path).await.expect(200);
                    seen.extend(page.json().as_array().cloned().unwrap_or_default());
                    next = page.next();
                }
                _ => {}
            }
        }
        self.judge(&before, &touched, &seen)
    }

    fn judge(&self, before: &[Value], touched: &BTreeSet<i64>, seen: &[Value]) -> Result<(), String> {
        let id = |task: &Value| task["id"].as_i64().expect("an id");
        for stayed in before.iter().filter(|task| self.has(task) && !touched.contains(&id(task))) {
            let times = seen.iter().filter(|task| id(task) == id(stayed)).count();
            if times != 1 {
                return Err(format!("{stayed} was seen {times} times"));
            }
        }
        if let Some(stranger) = seen.iter().find(|task| !self.has(task)) {
            return Err(format!("{stranger} is none of those asked for"));
        }
        let keys: Vec<_> = seen.iter().map(|task| self.key(task)).collect();
        let in_order =
            |pair: &[(String, i64)]| if self.sort.starts_with('-') { pair[0] > pair[1] } else { pair[0] < pair[1] };
        if !keys.windows(2).all(in_order) {
            return Err(format!("not in order: {keys:?}"));
        }
        Ok(())
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_task_that_stays_is_seen_once_and_in_order(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    holds(app, 100, walk(), async |app, user, walk| walk.take(&app.client(&user)).await);
}
