//! Lists and tasks that are answered from memory where PostgreSQL shows that nobody else has written: what the server
//! asks, and that it is right when somebody has.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::json;
use todo_contract_tests::{
    Client, Cluster,
    Engine::{self, Postgres, Sqlite},
    ServerProcess, TestApp, TestDatabase, count, cut, page, watched_on,
};
use tokio::time::sleep;

/// What is seen on a connection for the first time counts for nothing yet: so there is one, whatever time things take.
const ONE: [(&str, &str); 2] = [("WORKERS", "1"), ("DATABASE_MAX_CONNECTIONS", "1")];

/// How many lists were answered after a look, and how many were not.
async fn listed(admin: SocketAddr) -> (u64, u64) {
    let page = page(admin).await;
    let [look, version, tasks] =
        ["look", "version", "tasks"].map(|asked| count(&page, &format!(r#"lists_total{{asked="{asked}"}}"#)));
    (look, version + tasks)
}

/// How many tasks were answered after a look, and how many were read.
async fn got(admin: SocketAddr) -> (u64, u64) {
    let page = page(admin).await;
    let [look, task] = ["look", "task"].map(|asked| count(&page, &format!(r#"gets_total{{asked="{asked}"}}"#)));
    (look, task)
}

/// Two users with a task each, whose lists a look is enough for.
async fn both_listed(address: SocketAddr) -> [Client; 2] {
    let clients = ["ann", "bob"].map(|user| ServerProcess::client(address, user));
    for client in &clients {
        client.created("the first of a user, which writes the user too").await;
    }
    for _ in 0..3 {
        join_all(clients.iter().map(Client::list)).await;
    }
    clients
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_is_enough_while_nobody_else_writes() {
    let cluster = Cluster::start();
    let (_server, address, admin) = watched_on(&cluster.url("postgres"), &ONE);
    let [ann, bob] = both_listed(address).await;
    let before = listed(admin).await;
    for title in ["a", "b", "c"] {
        let id = ann.created(title).await;
        assert_eq!(ann.list().await.expect(200).ids().last(), Some(&id));
        ann.toggle(id).await.expect(200);
        assert_eq!(ann.list().await.expect(200).json()[1]["completed"], json!(true));
        assert_eq!(bob.list().await.expect(200).ids().len(), 1);
        ann.delete(id).await.expect(204);
        assert_eq!(ann.list().await.expect(200).ids().len(), 1);
    }
    let keyed = ann.keyed("\"one\"");
    let id = keyed.create(json!({"title": "under a key"})).await.expect(201).id();
    assert_eq!(ann.list().await.expect(200).ids().last(), Some(&id));
    // What was taken back has written nothing.
    keyed.create(json!({"title": "under a key"})).await.expect(201);
    keyed.create(json!({"title": "another"})).await.expect(422);
    assert_eq!(bob.list().await.expect(200).ids().len(), 1);
    let after = listed(admin).await;
    assert_eq!((after.0 - before.0, after.1 - before.1), (14, 0), "a look for each list, and nothing more");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_many_tasks_ends_nobody_elses_lists() {
    let cluster = Cluster::start();
    let (_server, address, admin) = watched_on(&cluster.url("postgres"), &ONE);
    let [ann, bob] = both_listed(address).await;
    let before = listed(admin).await;
    for _ in 0..3 {
        ann.created("another").await;
        ann.complete_all(true).await.expect(200);
        assert_eq!(ann.list().await.expect(200).json()[0]["completed"], json!(true));
        assert_eq!(bob.list().await.expect(200).json()[0]["completed"], json!(false));
        ann.delete_completed().await.expect(200);
        assert_eq!(ann.list().await.expect(200).ids(), Vec::<i64>::new());
        assert_eq!(bob.list().await.expect(200).ids().len(), 1);
        // Nothing is left to change.
        ann.complete_all(true).await.expect(200);
        assert_eq!(ann.list().await.expect(200).ids(), Vec::<i64>::new());
    }
    let after = listed(admin).await;
    assert_eq!((after.0 - before.0, after.1 - before.1), (9, 6), "ann's alone are read, and each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_is_enough_for_a_task_that_is_known() {
    let cluster = Cluster::start();
    let (_server, address, admin) = watched_on(&cluster.url("postgres"), &ONE);
    let [ann, bob] = ["ann", "bob"].map(|user| ServerProcess::client(address, user));
    bob.created("the first of a user, which writes the user too").await;
    let id = ann.created("the first of ann's").await;
    let is_asked = async |(look, task): (u64, u64), completed: Option<bool>| {
        let before = got(admin).await;
        match completed {
            Some(completed) => assert_eq!(ann.task(id).await.expect(200).json()["completed"], json!(completed)),
            None => _ = ann.task(id).await.expect(404),
        }
        let after = got(admin).await;
        assert_eq!((after.0 - before.0, after.1 - before.1), (look, task));
    };
    let (by_look, by_task) = ((1, 0), (0, 1));
    ann.task(id).await.expect(200);
    // What is seen on the connection for the first time counts for nothing yet.
    ann.task(id).await.expect(200);
    is_asked(by_look, Some(false)).await;
    // Neither has written since, so that their marks are the same.
    bob.task(id).await.expect(404);
    ann.toggle(id).await.expect(200);
    is_asked(by_task, Some(true)).await;
    is_asked(by_look, Some(true)).await;
    ann.list().await.expect(200);
    ann.toggle(id).await.expect(200);
    is_asked(by_look, Some(false)).await;
    ann.delete(id).await.expect(204);
    is_asked((0, 0), None).await;
}

/// A look that nobody shares takes the database longer than the task.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_alone_has_a_task_read_outright() {
    let cluster = Cluster::start();
    let (_server, address, admin) = watched_on(&cluster.url("postgres"), &ONE);
    let ann = ServerProcess::client(address, "ann");
    let id = ann.created("Buy milk").await;
    let before = got(admin).await;
    for _ in 0..5 {
        ann.task(id).await.expect(200);
    }
    let after = got(admin).await;
    assert_eq!((after.0 - before.0, after.1 - before.1), (0, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_is_there_at_once() {
    let cluster = Cluster::start();
    let [(_here, here, admin), (_there, there, _)] = [(); 2].map(|()| watched_on(&cluster.url("postgres"), &ONE));
    let [reader, writer] = [here, there].map(|address| ServerProcess::client(address, "ann"));
    // Who were alone would have tasks read outright.
    let beside = ServerProcess::client(here, "bob");
    beside.list().await.expect(200);
    for round in 0..20 {
        let id = writer.created(&format!("{round}")).await;
        // More than once: so that looks are believed in when the next one comes.
        for _ in 0..4 {
            assert_eq!(reader.list().await.expect(200).ids().last(), Some(&id));
            assert_eq!(reader.task(id).await.expect(200).json()["completed"], json!(false));
        }
        writer.toggle(id).await.expect(200);
        assert_eq!(reader.task(id).await.expect(200).json()["completed"], json!(true));
        assert_eq!(reader.list().await.expect(200).json()[round]["completed"], json!(true));
    }
    for id in reader.list().await.expect(200).ids() {
        reader.task(id).await.expect(200);
        writer.delete(id).await.expect(204);
        reader.task(id).await.expect(404);
    }
    let (lists, tasks) = (listed(admin).await.0, got(admin).await.0);
    assert!(lists > 20 && tasks > 20, "memory answered {lists} and {tasks}, in each round some");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_a_page_is_told_so_without_it(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[values("0", "16")] list_cache: &str,
) {
    let database = TestDatabase::create(engine).await;
    let (_server, address, admin) = watched_on(&database.url(), &[("LIST_CACHE", list_cache)]);
    let ann = ServerProcess::client(address, "ann");
    for completed in [true, true, false] {
        ann.create(json!({"title": "a", "completed": completed})).await.expect(201);
    }
    let later = ann.get("/api/tasks?limit=1").await.expect(200).next().expect("another page");
    for path in ["/api/tasks", "/api/tasks?completed=true", &later] {
        let kept = ann.get(path).await.expect(200);
        let before = listed(admin).await;
        ann.clone().with_header("If-None-Match", kept.header("etag")).get(path).await.expect(304);
        assert_eq!(listed(admin).await, before, "{path}");
    }
}

/// What an operator may have added: a function that completes all of somebody else.
const COMPLETE_BOBS: &str = "CREATE FUNCTION complete_bobs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE tasks SET completed = true, updated_at = updated_at + 1 WHERE user_id = 'bob'; RETURN NULL;
    END $$";

#[rstest]
#[case::of_tasks("CREATE TRIGGER beside AFTER INSERT ON tasks EXECUTE FUNCTION complete_bobs()")]
#[case::of_keys("CREATE TRIGGER beside AFTER INSERT ON idempotency_keys EXECUTE FUNCTION complete_bobs()")]
#[case::of_what_refers_to_tasks(
    "CREATE TABLE notes (user_id text, task_id bigint,
        FOREIGN KEY (user_id, task_id) REFERENCES tasks (user_id, id) ON DELETE CASCADE);
    INSERT INTO notes SELECT user_id, id FROM tasks WHERE user_id = 'ann';
    CREATE TRIGGER beside AFTER DELETE ON notes EXECUTE FUNCTION complete_bobs()"
)]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_trigger_writes_beside_is_there_at_once(#[case] trigger: &str) {
    let cluster = Cluster::start();
    let database = TestDatabase::create_in(Some(&cluster)).await;
    let (_server, address, admin) = watched_on(&database.url(), &ONE);
    let [ann, bob] = both_listed(address).await;
    let operator = database.connect().await;
    for statement in [COMPLETE_BOBS, trigger] {
        operator.execute_unprepared(statement).await.expect("it is added");
    }
    let before = listed(admin).await.0;
    for _ in 0..9 {
        assert_eq!(bob.list().await.expect(200).json()[0]["completed"], json!(false));
    }
    assert_eq!(listed(admin).await.0, before, "no look is enough beside it");
    let first = ann.list().await.expect(200).ids()[0];
    ann.keyed("\"one\"").create(json!({"title": "b"})).await.expect(201);
    ann.delete(first).await.expect(204);
    assert_eq!(bob.list().await.expect(200).json()[0]["completed"], json!(true));
}

/// A function that is found before PostgreSQL's own.
const IS_STANDBY: &str = "CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS $$
        SELECT current_setting('todo.standby') = 'on'
    $$";

/// What is in them may change by transactions that PostgreSQL does not number.
#[rstest]
#[case::tables("CREATE TABLE more () INHERITS (tasks)")]
#[case::rules("CREATE RULE beside AS ON UPDATE TO idempotency_keys DO ALSO NOTIFY beside")]
#[case::another_access_method(
    "CREATE ACCESS METHOD another TYPE TABLE HANDLER heap_tableam_handler;
    ALTER TABLE idempotency_keys SET ACCESS METHOD another"
)]
#[tokio::test(flavor = "multi_thread")]
async fn no_look_is_enough_where_tasks_are_more_than_their_table(#[case] added: &str) {
    let cluster = Cluster::start();
    let database = TestDatabase::create_in(Some(&cluster)).await;
    let (_server, address, admin) = watched_on(&database.url(), &ONE);
    let [ann, bob] = both_listed(address).await;
    let known = listed(admin).await.0;
    join_all([ann.list(), bob.list()]).await;
    assert!(listed(admin).await.0 > known, "before, it is");
    database.connect().await.execute_unprepared(added).await.expect("it is added");
    let before = listed(admin).await.0;
    for _ in 0..9 {
        assert_eq!(bob.list().await.expect(200).ids().len(), 1);
    }
    assert_eq!(listed(admin).await.0, before);
}

/// What was read of a standby may be older than what a look at the primary shows, to which another session leads after
/// they have changed places. (PostgreSQL is made to say here that it is a standby.)
#[tokio::test(flavor = "multi_thread")]
async fn no_look_is_enough_for_what_a_standby_may_have_shown() {
    let cluster = Cluster::start();
    let database = TestDatabase::create_in(Some(&cluster)).await;
    let operator = database.connect().await;
    operator.execute_unprepared(IS_STANDBY).await.expect("it is added");
    database.alter("SET search_path = public, pg_catalog").await;
    let begin = async |is_standby: &str| {
        database.alter(&format!("SET todo.standby = '{is_standby}'")).await;
        let (server, address, admin) = watched_on(&database.url(), &ONE);
        // Both: who were alone would have tasks read outright.
        (server, both_listed(address).await, admin)
    };
    let (_primary, [ann, _bob], admin) = begin("off").await;
    let before = listed(admin).await.0;
    let id = ann.list().await.expect(200).ids()[0];
    ann.task(id).await.expect(200);
    assert!(listed(admin).await.0 > before && got(admin).await.0 > 0, "of a primary, it is");

    let (_standby, [ann, _bob], admin) = begin("on").await;
    database.alter("SET todo.standby = 'off'").await;
    sleep(Duration::from_millis(700)).await;
    cut(&operator).await;
    for _ in 0..9 {
        ann.list().await.expect(200);
        ann.task(id).await.expect(200);
    }
    assert_eq!((listed(admin).await.0, got(admin).await.0), (0, 0));
}

/// Writes tasks of that `name` by turns through one of `clients`, and reads by each of them what it must find of those.
async fn go_on(name: &str, clients: Vec<Client>) {
    let mut titles = BTreeMap::new();
    for round in 0..40_usize {
        let (writer, title) = (&clients[round % clients.len()], format!("{name}{round}"));
        match round % 4 {
            3 => {
                let (id, _) = titles.pop_first().expect("there are some");
                writer.delete(id).await.expect(204);
            }
            2 => {
                let (id, _) = titles.pop_first().expect("there are some");
                writer.update(id, json!({ "title": title })).await.expect(200);
                titles.insert(id, title);
            }
            _ => _ = titles.insert(writer.created(&title).await, title),
        }
        for (reader, (id, title)) in clients.iter().flat_map(|reader| titles.iter().map(move |of_it| (reader, of_it))) {
            assert_eq!(reader.task(*id).await.expect(200).json()["title"], json!(title), "round {round}");
        }
        // What is written is put into the one in memory; the other is read anew.
        let lists = clients.iter().flat_map(|reader| ["/api/tasks", "/api/tasks?limit=999"].map(|path| (reader, path)));
        for (reader, path) in lists {
            let list = reader.get(path).await.expect(200).json();
            let found = list.as_array().expect("a list").iter().map(|task| task["title"].as_str().expect("a title"));
            let found = found.filter(|title| title.starts_with(name));
            assert_eq!(found.collect::<Vec<_>>(), titles.values().collect::<Vec<_>>(), "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_each_find_what_they_wrote() {
    let cluster = Cluster::start();
    let database = TestDatabase::create_in(Some(&cluster)).await;
    let start = async || TestApp::on(&database, &[]).await.expect("it starts");
    let one = start().await;
    let names = ["a", "b", "c", "d", "e", "f"];
    join_all(names.map(|name| go_on(name, vec![one.client(&format!("alone {name}"))]))).await;
    join_all(names.map(|name| go_on(name, vec![one.client("all in one")]))).await;
    let other = start().await;
    let both = |user: &str| [&one, &other].map(|server| server.client(user)).to_vec();
    join_all(names.map(|name| go_on(name, both(&format!("by both {name}"))))).await;
    join_all(names.map(|name| go_on(name, both("all by both")))).await;
}
