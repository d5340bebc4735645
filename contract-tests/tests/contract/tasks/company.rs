//! What goes in company with others: who fails, fails alone, and nothing is done twice.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rstest::rstest;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::json;
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Postgres, Sqlite},
    TestApp, TestDatabase,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use url::Url;

use super::once::TRIMS;

/// Has all of `titles` created by `client` at a time, while nobody can write; what comes between, and then the answers.
async fn together(app: &TestApp, client: &Client, titles: &[&str], meanwhile: impl FnOnce()) -> Vec<Answer> {
    let block = app.database().block_writes().await;
    let under_way: Vec<_> = titles
        .iter()
        .map(|title| {
            let (client, task) = (client.clone(), json!({ "title": title }));
            tokio::spawn(async move { client.create(task).await })
        })
        .collect();
    // So that they are there before they may go on. Who comes late has a statement for itself, which does no harm.
    sleep(Duration::from_millis(500)).await;
    meanwhile();
    block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    let mut answers = Vec::new();
    for answer in under_way {
        answers.push(answer.await.expect("an answer"));
    }
    answers
}

/// In how many transactions ann's tasks were written.
async fn transactions(app: &TestApp) -> usize {
    let transaction = Expr::col("xmin").cast_as("text");
    let own = Expr::col("user_id").eq("ann");
    let transactions = Query::select().expr(transaction).distinct().from("tasks").and_where(own).take();
    app.database().connect().await.query_all(&transactions).await.expect("an answer").len()
}

/// As many as they are: what of a statement they leave empty makes no task, and fails none.
#[tokio::test(flavor = "multi_thread")]
async fn creates_that_wait_go_together() {
    const TASKS: usize = 51;
    let variables = [("DATABASE_BATCH_SIZE", "128"), ("WORKERS", "1"), ("DATABASE_TIMEOUT", "20")];
    let app = TestApp::configured(Postgres, &variables).await;
    let ann = app.client("ann");
    ann.created("so that Ann is known").await;
    let titles: Vec<_> = (1..=TASKS).map(|number| format!("task {number}")).collect();
    let titles: Vec<_> = titles.iter().map(String::as_str).collect();
    let created = together(&app, &ann, &titles, || {}).await;
    assert_eq!(created.into_iter().map(|answer| answer.expect(201).id()).collect::<HashSet<_>>().len(), TASKS);
    let transactions = transactions(&app).await;
    assert!(transactions < TASKS / 2, "{transactions} transactions for {TASKS} tasks");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_more_creates_go_together_than_the_operator_lets(#[values(1, 4)] most: usize) {
    const TASKS: usize = 24;
    let batch_size = most.to_string();
    let variables = [("DATABASE_BATCH_SIZE", batch_size.as_str()), ("WORKERS", "1"), ("DATABASE_TIMEOUT", "20")];
    let app = TestApp::configured(Postgres, &variables).await;
    let ann = app.client("ann");
    ann.created("so that Ann is known").await;
    for answer in together(&app, &ann, &["a"; TASKS], || {}).await {
        answer.expect(201);
    }
    let transactions = transactions(&app).await;
    // Beside that of the first task.
    assert!(transactions > TASKS / most, "{transactions} transactions for {TASKS} tasks, {most} at a time");
}

/// What an operator may have added: a task that is too much is left out.
fn leaves_out(engine: Engine) -> &'static str {
    match engine {
        Sqlite => {
            "CREATE TRIGGER leave_out BEFORE INSERT ON tasks WHEN NEW.title = 'too much' BEGIN SELECT RAISE(IGNORE); END"
        }
        _ => {
            "CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF NEW.title = 'too much' THEN RETURN NULL; END IF; RETURN NEW;
             END $$;
             CREATE TRIGGER leave_out BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION leave_out();"
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_a_trigger_leaves_out_fails_alone(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("WORKERS", "1")]).await;
    let ann = app.client("ann");
    ann.created("so that Ann is known").await;
    app.database().connect().await.execute_unprepared(leaves_out(engine)).await.expect("a trigger");
    let titles = ["a", "b", "too much", "c", "d", "e"];
    for (answer, title) in together(&app, &ann, &titles, || {}).await.iter().zip(titles) {
        if title == "too much" {
            assert_eq!(answer.status, 500, "{}", answer.text);
        } else {
            assert_eq!((answer.status, &answer.json()["title"]), (201, &json!(title)), "{}", answer.text);
        }
    }
    assert_eq!(ann.list().await.ids().len(), titles.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trigger_makes_of_several_tasks_is_answered_to_who_created_each() {
    let app = TestApp::configured(Postgres, &[("WORKERS", "1")]).await;
    let ann = app.client("ann");
    ann.created("so that Ann is known").await;
    app.database().connect().await.execute_unprepared(TRIMS).await.expect("a trigger");
    let titles = [" a", " b", "c", " d", " e", " f"];
    for (answer, title) in together(&app, &ann, &titles, || {}).await.iter().zip(titles) {
        assert_eq!((answer.status, &answer.json()["title"]), (201, &json!(title.trim())), "{}", answer.text);
    }
}

/// How PostgreSQL says that tasks are there to stay.
const CREATED: &[u8] = b"INSERT 0 ";

/// A pooler before `database` that, from the moment that it is told, loses sessions with the answer to a creation, and
/// says so by a code of its own, as `PgCat` does.
async fn losing(database: SocketAddr) -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let (address, is_losing) = (listener.local_addr().expect("an address"), Arc::new(AtomicBool::new(false)));
    let loses = Arc::clone(&is_losing);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(database).await.expect("the database");
            // Those that come later are well, so that what is sent again arrives.
            let is_late = loses.load(Ordering::SeqCst);
            let loses = Arc::clone(&loses);
            tokio::spawn(pass(client, server, move || !is_late && loses.load(Ordering::SeqCst)));
        }
    });
    (address, is_losing)
}

async fn pass(client: TcpStream, server: TcpStream, loses: impl Fn() -> bool) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let back = async {
        let mut bytes = [0; 8192];
        while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
            let (answer, lost) = (&bytes[..read], fatal("58000"));
            let is_lost = loses() && answer.windows(CREATED.len()).any(|word| word == CREATED);
            let passed = to_client.write_all(if is_lost { &lost } else { answer }).await;
            if is_lost || passed.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        () = back => {}
    }
}

/// That a session ends, in PostgreSQL's protocol: `ErrorResponse`.
fn fatal(code: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0Mthe server is lost\0\0");
    let length = u32::try_from(fields.len() + 4).expect("it is short");
    [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn creations_whose_session_a_pooler_loses_are_sent_once() {
    let database = TestDatabase::create(Postgres).await;
    let mut url: Url = database.url().parse().expect("an address");
    let (address, is_losing) = losing(SocketAddr::from(([127, 0, 0, 1], url.port().expect("a port")))).await;
    url.set_port(Some(address.port())).expect("a port");
    // Half of the connections are enough for all, where each has a statement for itself.
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("WORKERS", "1"),
        ("DATABASE_TIMEOUT", "20"),
        ("DATABASE_MAX_CONNECTIONS", "16"),
    ];
    let app = TestApp::on(&database, &variables).await.expect("it starts");
    let ann = app.client("ann");
    ann.created("so that Ann is known").await;
    let titles = ["a", "b", "c", "d", "e", "f"];
    for answer in together(&app, &ann, &titles, || is_losing.store(true, Ordering::SeqCst)).await {
        answer.expect(503);
    }
    is_losing.store(false, Ordering::SeqCst);
    assert_eq!(ann.list().await.expect(200).ids().len(), titles.len() + 1);
}
