//! Whoever revalidates what it keeps after every change never holds a list that is stale, nor gets a task that is.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde_json::{Value, json};
use todo_contract_tests::{
    Client, Cluster,
    Engine::{self, Postgres, Sqlite},
    TestApp, TestDatabase, holds,
};

/// The lists that a client keeps.
const PATHS: [&str; 5] = [
    "/api/tasks",
    "/api/tasks?limit=2",
    "/api/tasks?limit=2&sort=-updated_at",
    "/api/tasks?completed=true&limit=1",
    "/api/tasks?q=a&sort=title",
];

/// Two servers of one database that is nobody else's, of which one remembers no lists.
struct Servers {
    remembering: TestApp,
    forgetful: TestApp,
    _cluster: Option<Cluster>,
}

impl Servers {
    async fn start(engine: Engine) -> Self {
        let cluster = (engine == Postgres).then(Cluster::start);
        let database = TestDatabase::create_in(cluster.as_ref()).await;
        let start = async |variables| TestApp::on(&database, variables).await.expect("the server starts");
        Self { remembering: start(&[]).await, forgetful: start(&[("LIST_CACHE", "0")]).await, _cluster: cluster }
    }

    fn keeper(&self, user: &str) -> Keeper {
        let (client, truth) = (self.remembering.client(user), self.forgetful.client(user));
        Keeper { client, truth, kept: BTreeMap::new(), seen: BTreeSet::new() }
    }
}

/// A client that asks for a list again only where it is told that it has changed.
struct Keeper {
    client: Client,
    /// Of the server that remembers none.
    truth: Client,
    kept: BTreeMap<&'static str, (String, Value, Option<String>)>,
    /// Tasks that are or were there.
    seen: BTreeSet<i64>,
}

/// How many of them are asked for, the youngest.
const ASKED: usize = 4;

impl Keeper {
    /// Revalidates all lists, asks for tasks, and says what is stale then, if anything.
    async fn revalidate(&mut self) -> Result<(), String> {
        for path in PATHS {
            let asking = match self.kept.get(path) {
                Some((etag, ..)) => self.client.clone().with_header("If-None-Match", etag),
                None => self.client.clone(),
            };
            let answer = asking.get(path).await;
            if answer.status == 200 {
                self.kept.insert(path, (answer.header("etag").to_owned(), answer.json(), answer.next()));
            } else {
                answer.expect(304);
            }
            let truth = self.truth.get(path).await.expect(200);
            let (_, list, next) = &self.kept[path];
            if (list, next) != (&truth.json(), &truth.next()) {
                return Err(format!("{path} is stale: {list} is {}", truth.text));
            }
        }
        self.seen.extend(self.truth.list().await.expect(200).ids());
        for id in self.seen.iter().rev().take(ASKED) {
            let truth = self.truth.task(*id).await;
            // Who was not remembered is so after the first time.
            for _ in 0..2 {
                let task = self.client.task(*id).await;
                if task.status != truth.status || task.status == 200 && task.text != truth.text {
                    return Err(format!("task {id} is stale: {} is {}", task.text, truth.text));
                }
            }
        }
        Ok(())
    }
}

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
    Touch {
        task: usize,
    },
    Toggle {
        task: usize,
    },
    Delete {
        task: usize,
    },
    CompleteAll(bool),
    DeleteCompleted,
    /// Another system deletes the user, tasks and all.
    DeleteUser,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => ("[aAb]{1,2}", any::<bool>()).prop_map(|(title, completed)| Event::Create { title, completed }),
        2 => (any::<usize>(), "[aAb]{1,2}").prop_map(|(task, title)| Event::Rename { task, title }),
        1 => any::<usize>().prop_map(|task| Event::Touch { task }),
        2 => any::<usize>().prop_map(|task| Event::Toggle { task }),
        2 => any::<usize>().prop_map(|task| Event::Delete { task }),
        1 => any::<bool>().prop_map(Event::CompleteAll),
        1 => Just(Event::DeleteCompleted),
        1 => Just(Event::DeleteUser),
    ]
}

async fn happen(client: &Client, user: &str, database: &DatabaseConnection, event: Event) {
    let tasks = client.list().await.expect(200).ids();
    let some = |task: usize| if tasks.is_empty() { -1 } else { tasks[task % tasks.len()] };
    let answer = match event {
        Event::Create { title, completed } => client.create(json!({"title": title, "completed": completed})).await,
        Event::Rename { task, title } => client.update(some(task), json!({ "title": title })).await,
        Event::Touch { task } => client.update(some(task), json!({})).await,
        Event::Toggle { task } => client.toggle(some(task)).await,
        Event::Delete { task } => client.delete(some(task)).await,
        Event::CompleteAll(completed) => client.complete_all(completed).await,
        Event::DeleteCompleted => client.delete_completed().await,
        Event::DeleteUser => {
            let deletion = format!("DELETE FROM users WHERE id = '{user}'");
            database.execute_unprepared(&deletion).await.expect("the user can be deleted");
            return;
        }
    };
    assert!([200, 201, 204, 404].contains(&answer.status), "{}", answer.text);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_revalidates_is_never_stale(#[values(Sqlite, Postgres)] engine: Engine) {
    let servers = Servers::start(engine).await;
    holds(servers, 40, prop::collection::vec(event(), 1..15), async |servers, user, events| {
        let (client, database) = (servers.remembering.client(&user), servers.remembering.database().connect().await);
        let mut keeper = servers.keeper(&user);
        for event in events {
            happen(&client, &user, &database, event).await;
            keeper.revalidate().await?;
        }
        Ok(())
    });
}

/// A transaction that is open for a while. The first write begins it.
struct Writer {
    connection: DatabaseConnection,
    is_open: bool,
}

#[derive(Debug, Clone)]
enum Step {
    /// A writer changes one of its tasks, as at that moment.
    Write {
        writer: usize,
        task: usize,
        moment: i64,
    },
    Commit {
        writer: usize,
    },
    Abort {
        writer: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_usize..2, 0_usize..2, 1_i64..1000)
            .prop_map(|(writer, task, moment)| Step::Write { writer, task, moment }),
        2 => (0_usize..2).prop_map(|writer| Step::Commit { writer }),
        1 => (0_usize..2).prop_map(|writer| Step::Abort { writer }),
    ]
}

/// What was seen of a list after a step: what it was, and what an unsound validator said of it.
#[derive(Debug, PartialEq)]
struct Seen {
    list: Value,
    count: usize,
    latest: String,
}

/// Two writers on one user's list, each with two tasks of it; the client revalidates after every step.
/// SQLite cannot be asked the same: there, a second writer waits until the first is done.
async fn overlap(servers: &Servers, user: &str, steps: &[Step]) -> Result<Vec<Seen>, String> {
    let app = &servers.remembering;
    let client = app.client(user);
    let mut tasks = Vec::new();
    for number in 0..4 {
        tasks.push(client.created(&format!("a {number}")).await);
    }
    let mut writers = Vec::new();
    for _ in 0..2 {
        writers.push(Writer { connection: app.database().connect().await, is_open: false });
    }
    let mut keeper = servers.keeper(user);
    keeper.revalidate().await?;
    let mut seen = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let (writer, statement) = match step {
            Step::Write { writer, task, moment } => {
                let id = tasks[writer * 2 + task];
                (
                    *writer,
                    format!(
                        "UPDATE tasks SET title = 'a at {number}', updated_at = greatest(4000000000000000 + {moment}, updated_at + 1) \
                     WHERE user_id = '{user}' AND id = {id}"
                    ),
                )
            }
            Step::Commit { writer } => (*writer, "COMMIT".to_owned()),
            Step::Abort { writer } => (*writer, "ROLLBACK".to_owned()),
        };
        let writer = &mut writers[writer];
        let is_write = matches!(step, Step::Write { .. });
        if is_write && !writer.is_open {
            writer.connection.execute_unprepared("BEGIN").await.expect("a transaction begins");
        }
        if is_write || writer.is_open {
            writer.connection.execute_unprepared(&statement).await.expect("the statement is good");
        }
        writer.is_open = is_write;
        keeper.revalidate().await?;
        let list = client.list().await.expect(200).json();
        let moments = list.as_array().into_iter().flatten().filter_map(|task| task["updated_at"].as_str());
        let latest = moments.max().unwrap_or_default().to_owned();
        seen.push(Seen { count: list.as_array().map_or(0, Vec::len), latest, list });
    }
    Ok(seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_overlap_make_nobody_stale() {
    let servers = Servers::start(Postgres).await;
    let steps = prop::collection::vec(step(), 1..12);
    holds(servers, 40, steps, async |servers, user, steps| overlap(&servers, &user, &steps).await.map(|_| ()));
}

/// The transaction with the earlier moment commits later: a validator of the number of tasks and the latest
/// moment sees nothing, so this would show whoever used one.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_moment_that_commits_later_is_seen() {
    let servers = Servers::start(Postgres).await;
    let steps = [
        Step::Write { writer: 0, task: 0, moment: 1 },
        Step::Write { writer: 1, task: 0, moment: 2 },
        Step::Commit { writer: 1 },
        Step::Commit { writer: 0 },
    ];
    let seen = overlap(&servers, "ann", &steps).await.expect("the client is never stale");
    let (before, after) = (&seen[2], &seen[3]);
    assert_ne!(before.list, after.list, "the list has changed");
    assert_eq!((before.count, &before.latest), (after.count, &after.latest), "and the unsound validator has not");
}
