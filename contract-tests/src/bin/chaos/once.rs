//! Creations under keys, each until it is answered, while the server is killed amid them: so many tasks, and no more.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use todo_contract_tests::{Engine, ServerProcess};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{fault::kill_server, judge::Rows, stage::Stage, summary::Report, tally::Tally};

/// How many clients create at the same time.
const CREATORS: usize = 16;

/// About how many creations begin between two kills: by their number and not by time, since machines differ.
const KILLED_EVERY: usize = 200;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_mins(20);

pub(crate) const NAME: &str = "exactly-once";

/// Creates so many tasks.
pub(crate) async fn create(engine: Engine, count: usize) -> Report {
    let (stage, tally) = (Arc::new(Stage::set_up(engine, None, false).await), Arc::new(Tally::new()));
    let (next, mut working) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for _ in 0..CREATORS {
        let (stage, tally, next) = (Arc::clone(&stage), Arc::clone(&tally), Arc::clone(&next));
        working.spawn(async move {
            let mut ids = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= count {
                    return ids;
                }
                ids.push((number, create_one(&stage, &tally, number).await));
            }
        });
    }
    let killing = tokio::spawn({
        let (stage, next) = (Arc::clone(&stage), Arc::clone(&next));
        async move {
            let mut times = 0;
            for begun in (KILLED_EVERY..count).step_by(KILLED_EVERY) {
                let begun = begun + fastrand::usize(..KILLED_EVERY / 2);
                while next.load(Ordering::SeqCst) < begun {
                    sleep(Duration::from_millis(1)).await;
                }
                // After the last creation it proves nothing.
                times += usize::from(kill_server(&stage).await && next.load(Ordering::SeqCst) < count);
            }
            times
        }
    });
    let mut given = Vec::new();
    let finished = timeout(PATIENCE, async {
        while let Some(ids) = working.join_next().await {
            match ids {
                Ok(ids) => given.extend(ids),
                // It has told already.
                Err(_) => tally.amiss("a creator met what it cannot go on with".to_owned()),
            }
        }
    });
    let is_finished = finished.await.is_ok();
    // Nobody is to wait for creations that no creator makes any more.
    next.store(count, Ordering::SeqCst);
    if !is_finished {
        working.shutdown().await;
        tally.amiss(format!("it was not done in {PATIENCE:?}"));
    }
    let times = killing.await.unwrap_or(0);
    stage.stop_server().await;
    let there = Rows::read(&stage).await;
    for (number, id) in &given {
        if there.tasks.get(id).is_none_or(|task| task.title != title(*number)) {
            tally.lost(format!("the task {id}, acknowledged as {:?}", title(*number)));
        }
    }
    let distinct: BTreeSet<_> = given.iter().map(|(_, id)| *id).collect();
    let (tasks, keys, ids) = (there.tasks.len(), there.keys.len(), distinct.len());
    let numbers = format!("{count} creations made {tasks} tasks and {keys} keys, and gave {ids} ids");
    if tasks > count {
        tally.duplicated(numbers);
    } else if keys != count || ids != count {
        tally.amiss(numbers);
    }
    let mut report = Report::of(NAME, engine, times, tally.counts());
    if times == 0 {
        report.fault("the server was not killed once".to_owned());
    }
    report
}

/// Creates one, again and again until it is answered.
async fn create_one(stage: &Stage, tally: &Tally, number: usize) -> i64 {
    let client = ServerProcess::client(stage.address(), &format!("user-{}", number % CREATORS));
    let client = client.keyed(&format!("create-{number}"));
    loop {
        let body = json!({"title": title(number), "description": "x".repeat(number % 900)});
        let create = client.clone().at(stage.address());
        match tally.write(create.attempt("POST", "/api/tasks", Some(body))).await {
            Ok(answer) if answer.status == 201 => {
                tally.acknowledged();
                return answer.id();
            }
            // Not now, or the try before is under way still.
            Ok(answer) if answer.status == 503 || answer.status == 409 => tally.unknown(),
            Ok(answer) => tally.amiss(format!("{}: {}", title(number), answer.text)),
            Err(error) if error.is_connect() => {}
            Err(_) => tally.unknown(),
        }
        sleep(Duration::from_millis(fastrand::u64(10..50))).await;
    }
}

fn title(number: usize) -> String {
    format!("creation {number}")
}
