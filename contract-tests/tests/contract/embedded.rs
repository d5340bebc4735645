//! The embedded database as a file: whose it is, and what the start says where it is none.

use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rstest::rstest;
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tempfile::TempDir;
use todo_contract_tests::{
    Answer, Client, Ended, Engine::Sqlite, Leash, ServerProcess, TestDatabase, is_root, server_binary,
    temporary_folder, until, unwatched,
};
use tokio::time::sleep;

/// A user who is not root, for whom alone the rights of files count.
const NOBODY: u32 = 65534;

/// The size of a page, as SQLite makes them.
const PAGE: usize = 4096;

/// A database with tasks in it, of a server that has stopped.
async fn filled() -> (TempDir, PathBuf) {
    let folder = temporary_folder();
    let file = folder.path().join("todo.db");
    let mut server = ServerProcess::start(&[("DATABASE_URL", &url(&file))]);
    let client = ServerProcess::client(server.address(), "ann");
    for number in 0..40 {
        let body = json!({"title": format!("genuine {number}"), "description": "x".repeat(900)});
        client.create(body).await.expect(201);
    }
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(!file.with_extension("db-wal").exists(), "all is in the file itself");
    (folder, file)
}

fn url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

/// Starts a server on a file, as somebody who is not root.
fn start(file: &Path) -> Ended {
    let folder = temporary_folder();
    let mut command = ServerProcess::command(folder.path(), &[], &[("DATABASE_URL", &url(file))]);
    if is_root() {
        // Where the sources are, somebody else may not come at them.
        let program = folder.path().join("todo-server");
        fs::hard_link(server_binary(), &program)
            .or_else(|_| fs::copy(server_binary(), &program).map(drop))
            .expect("a copy");
        let mut theirs = Command::new(program);
        theirs.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command = theirs;
        command.current_dir(folder.path()).uid(NOBODY).gid(NOBODY);
        for path in [folder.path(), file.parent().expect("a folder"), file] {
            // Some are not there.
            let _ = chown(path, Some(NOBODY), Some(NOBODY));
        }
    }
    ServerProcess::finish(command)
}

fn overwrite(file: &Path, at: usize, bytes: &[u8]) {
    let mut file = File::options().write(true).open(file).expect("a file");
    file.seek(SeekFrom::Start(at as u64)).expect("a place in it");
    file.write_all(bytes).expect("room");
}

/// The refusal names the variable and the file, what is wrong, and the remedy, in a line, and at once.
fn assert_refused(file: &Path, words: &str, remedy: &str) {
    let began = Instant::now();
    let Ended { code, said, .. } = start(file);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("DATABASE_URL {} cannot be used: ", url(file))), "{said}");
    assert!(said.contains(words) && said.contains(remedy), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(began.elapsed() < Duration::from_secs(15), "nothing is waited for");
}

const BACKUP: &str = "put a backup of the file in its place";
const ANOTHER: &str = "that the server's user may write, such as sqlite://data/todo.db\n";
const RIGHTS: &str = "that the server's user may write, such as sqlite://data/todo.db, or give this one to that user";

#[rstest]
#[case::garbage(&[0xa5; 9000])]
#[case::text(b"todo: buy milk\n")]
#[case::long_text(&[b'x'; 9000])]
fn a_file_of_something_else_is_refused(#[case] content: &[u8]) {
    let folder = temporary_folder();
    let file = folder.path().join("todo.db");
    fs::write(&file, content).expect("a file");
    assert_refused(&file, "file is not a database", BACKUP);
    assert!(fs::read(&file).expect("it is there") == content, "and left as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_cut_off_is_refused() {
    let (_folder, file) = filled().await;
    let length = fs::metadata(&file).expect("a file").len();
    File::options().write(true).open(&file).and_then(|file| file.set_len(length / 2)).expect("it can be cut off");
    assert_refused(&file, "database disk image is malformed", BACKUP);
}

#[rstest]
#[case::its_name(0, 8, "file is not a database")]
#[case::all_but_its_name(16, 84, "file is not a database")]
#[case::its_formats(18, 6, "file is not a database")]
#[case::its_first_page(100, 900, "malformed")]
#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_was_written_over_is_refused(#[case] at: usize, #[case] length: usize, #[case] words: &str) {
    let (_folder, file) = filled().await;
    overwrite(&file, at, &vec![0xa5; length]);
    assert_refused(&file, words, BACKUP);
}

#[test]
fn a_folder_is_refused() {
    let folder = temporary_folder();
    let file = folder.path().join("todo.db");
    fs::create_dir(&file).expect("a folder");
    assert_refused(&file, "Is a directory", ANOTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_be_written_is_refused() {
    let (_folder, file) = filled().await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).expect("it can be closed");
    assert_refused(&file, "Permission denied", RIGHTS);
}

/// Nobody may write it, as on a disk that takes no writes, so that it need not be given to anybody.
#[test]
fn a_file_that_runs_is_refused() {
    let folder = temporary_folder();
    let file = folder.path().join("todo.db");
    // By a program of its own: what this one has open to write, may be open yet in others that it has just started.
    let copied = Command::new("sh").args(["-c", r#"cp "$(command -v sleep)" "$1""#, "sh"]).arg(&file).status();
    assert!(copied.is_ok_and(|status| status.success()), "a copy");
    // By its own name: a program of many tools goes by that.
    let mut running = Command::new(&file).arg0("sleep").arg("60").spawn().expect("it can be run");
    let _leash = Leash::on(running.id());
    assert_refused(&file, "Text file busy", ANOTHER);
    running.kill().expect("it can be ended");
    running.wait().expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_a_folder_that_may_not_be_written_is_refused() {
    let (folder, file) = filled().await;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).expect("it can be closed");
    assert_refused(&file, "attempt to write a readonly database", "the right to write the file and its folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("it can be opened");
}

#[test]
fn a_file_that_may_not_be_made_is_refused() {
    let folder = temporary_folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).expect("it can be closed");
    assert_refused(&folder.path().join("todo.db"), "Permission denied", ANOTHER);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("it can be opened");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_their_owners_alone() {
    let folder = temporary_folder();
    let (inner, file) = (folder.path().join("data"), folder.path().join("data/todo.db"));
    let server = ServerProcess::start(&[("DATABASE_URL", &url(&file))]);
    ServerProcess::client(server.address(), "ann").created("Buy milk").await;
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&inner), 0o700);
    for name in ["todo.db", "todo.db-wal", "todo.db-shm"] {
        assert_eq!(mode(&inner.join(name)), 0o600, "{name}");
    }
}

#[rstest]
#[case::whole(PAGE)]
#[case::head(8)]
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_is_a_fault_and_never_wrong_data(#[case] length: usize) {
    let (_folder, file) = filled().await;
    // A leaf of a table begins with 13; this one is of tasks.
    let pages = fs::read(&file).expect("a file");
    let is_leaf_of_tasks = |page: &[u8]| page[0] == 13 && page.windows(8).any(|part| part == b"genuine ");
    let page = pages.chunks(PAGE).position(is_leaf_of_tasks).expect("a page with tasks");
    overwrite(&file, page * PAGE, &vec![0xa5; length]);

    let said = ServerProcess::run(&["doctor"], &[("DATABASE_URL", &url(&file))]).printed;
    assert!(said.lines().any(|line| line.starts_with("fail  file") && line.contains("put a backup")), "{said}");

    let server = ServerProcess::start(&[("DATABASE_URL", &url(&file))]);
    let client = ServerProcess::client(server.address(), "ann");
    client.clone().with_header("X-Request-Id", "damaged").list().await.expect(500);
    let logged = |line: &String| line.contains("damaged") && line.contains("malformed") && line.contains("ERROR");
    server.wait_for("malformed");
    let printed = server.printed();
    assert_eq!(printed.iter().filter(|line| logged(line)).count(), 1, "{printed:#?}");
    assert!(!printed.iter().any(|line| line.contains("panicked")), "{printed:#?}");
    let (mut whole, mut faults) = (0, 0);
    for id in 1..=40 {
        let answer = client.task(id).await;
        if answer.status == 500 {
            faults += 1;
        } else {
            assert_eq!(answer.expect(200).json()["title"], format!("genuine {}", id - 1));
            whole += 1;
        }
    }
    assert!(faults > 0 && whole > 20, "{faults} tasks on that page, {whole} on others");
}

/// How long the log may be at most: twice what it may grow to on the largest disk.
const LONG: u64 = 2 * 32_000 * 4_096;

/// Makes the log of a database longer than that, and says where it is. A file that is longer than its log is one that
/// was longer once.
fn lengthen_log(database: &TestDatabase) -> PathBuf {
    let file = PathBuf::from(database.url().replacen("sqlite://", "", 1) + "-wal");
    File::options().write(true).open(&file).and_then(|log| log.set_len(LONG + 1)).expect("it can be made longer");
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_cut_short_though_somebody_reads_it_at_every_moment() {
    let database = TestDatabase::create(Sqlite).await;
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url())]);
    let ann = ServerProcess::client(server.address(), "ann");
    ann.created("Buy milk").await;
    let file = lengthen_log(&database);

    let mut readers = [unwatched(&database.url()).await, unwatched(&database.url()).await];
    let is_over = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn({
        let is_over = Arc::clone(&is_over);
        async move {
            let begin = "BEGIN; SELECT count(*) FROM tasks";
            readers[0].execute_unprepared(begin).await.expect("one reads");
            while !is_over.load(Ordering::SeqCst) {
                readers[1].execute_unprepared(begin).await.expect("the next one reads");
                sleep(Duration::from_millis(50)).await;
                readers[0].execute_unprepared("COMMIT").await.expect("the first one has read");
                readers.swap(0, 1);
            }
        }
    });
    until("the log is cut short", async || {
        ann.created("Buy oat milk").await;
        fs::metadata(&file).expect("it is there").len() < LONG
    })
    .await;
    is_over.store(true, Ordering::SeqCst);
    reading.await.expect("all was read");
}

/// Not each write waits for who takes long to read, as a backup does.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_cut_short_is_left_for_a_while() {
    let database = TestDatabase::create(Sqlite).await;
    let url = database.url();
    // A write waits for readers for a third of that.
    let server = ServerProcess::start(&[("DATABASE_URL", &url), ("DATABASE_TIMEOUT", "12")]);
    let ann = ServerProcess::client(server.address(), "ann");
    ann.created("Buy milk").await;
    let reader = unwatched(&url).await;
    reader.execute_unprepared("BEGIN; SELECT count(*) FROM tasks").await.expect("it reads");
    let file = lengthen_log(&database);

    let creation = async || {
        let asked = Instant::now();
        ann.created("Buy oat milk").await;
        asked.elapsed()
    };
    until("a write waits for the reader", async || creation().await > Duration::from_secs(1)).await;
    let mut took = Duration::ZERO;
    for _ in 0..6 {
        // By then the connection that writes has been given back, which is when the log may be cut short.
        sleep(Duration::from_millis(300)).await;
        took += creation().await;
    }
    assert!(took < Duration::from_secs(12), "they took {took:?}");
    assert!(fs::metadata(&file).expect("it is there").len() > LONG, "it was not cut short");
}

/// In the way that README shows.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_made_while_tasks_are_written_is_whole() {
    let database = TestDatabase::create(Sqlite).await;
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url())]);
    let address = server.address();
    let (ann, bob) = (ServerProcess::client(address, "ann"), ServerProcess::client(address, "bob"));
    for number in 0..30 {
        ann.created(&format!("task {number}")).await;
    }
    // So that it takes a while.
    database.fill("cid", 20_000).await;
    let (is_over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writing = tokio::spawn({
        let (bob, is_over, written) = (bob.clone(), Arc::clone(&is_over), Arc::clone(&written));
        async move {
            while !is_over.load(Ordering::SeqCst) {
                bob.created("meanwhile").await;
                written.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let written = || written.load(Ordering::SeqCst);
    until("tasks are written", async || written() > 0).await;

    let (folder, connection) = (temporary_folder(), database.connect().await);
    // One may be over before the next task is written.
    let mut files = (0..10).map(|number| folder.path().join(format!("todo-{number}.db")));
    let (file, before, after) = loop {
        let (file, before) = (files.next().expect("tasks are written meanwhile"), written());
        // There is no builder for it.
        let backup = format!("VACUUM INTO '{}'", file.display());
        connection.execute_unprepared(&backup).await.expect("a backup");
        let after = written();
        if after > before {
            break (file, before, after);
        }
    };
    until("they still are", async || written() > after + 1).await;
    is_over.store(true, Ordering::SeqCst);
    writing.await.expect("all of them were");

    let restored = ServerProcess::start(&[("DATABASE_URL", &url(&file))]);
    let there = restored.address();
    let next = ann.get("/api/tasks?limit=10").await.expect(200).next().expect("20 tasks more");
    for path in ["/api/tasks", &next] {
        let (original, copy) = (ann.get(path).await.expect(200), ann.clone().at(there).get(path).await.expect(200));
        assert_eq!(copy.text, original.text, "{path}");
    }
    let ids = async |bob: &Client| -> Vec<i64> { bob.pages("/api/tasks").await.iter().flat_map(Answer::ids).collect() };
    let (all, kept) = (ids(&bob).await, ids(&bob.clone().at(there)).await);
    assert!(all.starts_with(&kept) && kept.len() >= before, "{} of {} tasks", kept.len(), all.len());
}
