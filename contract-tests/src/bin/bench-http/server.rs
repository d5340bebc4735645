//! Those who are measured: ours, and its peers.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    str::FromStr,
    time::{Duration, Instant},
};

use todo_contract_tests::{Leash, SECRET, temporary_folder, workspace};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::engine::Engine;

/// Ours as an operator would run it who has a frontend: CORS and a limit are on, which are off by default, the limit
/// one that the load does not reach. It logs each request, to where nothing is kept.
const OURS: [(&str, &str); 3] =
    [("HOST", "127.0.0.1"), ("ALLOWED_ORIGINS", "https://app.example.com"), ("RATE_LIMIT", "1000000:1000000")];

/// One who is measured.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) name: String,
    program: PathBuf,
    variables: Vec<(String, String)>,
}

/// The name of a peer, `todo-server`, or the path of a build of it; and variables for it, after commas:
/// `todo-server,AUTH_TOKEN_CACHE=0`.
impl FromStr for Contender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let program = parts.next().unwrap_or_default();
        let variables = parts.map(|part| {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("{part:?} in {text} is not NAME=value"))?;
            Ok((name.to_owned(), value.to_owned()))
        });
        let variables = variables.collect::<Result<_, String>>()?;
        let program = match program {
            "todo-server" => workspace().join("target/release/todo-server"),
            path if path.contains('/') => PathBuf::from(path),
            peer => workspace().join("target/bench/release").join(peer),
        };
        let program = program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(Self { name: text.to_owned(), program, variables })
    }
}

impl Contender {
    /// Those who are measured where nobody says who: ours, and the peers of it on an engine.
    pub(crate) fn of(engine: Engine) -> &'static [&'static str] {
        match engine {
            Engine::Postgres => &["todo-server", "actix-tokio-postgres", "axum-sqlx"],
            Engine::Sqlite => &["todo-server", "naive"],
        }
    }

    fn command(&self, database: &str, port: u16, log: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().envs(OURS).envs(self.variables.iter().cloned());
        command.env("DATABASE_URL", database).env("BETTER_AUTH_SECRET", SECRET).env("PORT", port.to_string());
        command.kill_on_drop(true).current_dir(log.parent().unwrap_or(log)).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(log).map_or_else(|_| Stdio::null(), Stdio::from));
        command
    }

    /// Makes the tables, by ours: peers have none of their own.
    pub(crate) async fn migrate(&self, database: &str) -> Result<(), String> {
        let is_peer = self.program.starts_with(workspace().join("target/bench"));
        let ours = if is_peer { &"todo-server".parse()? } else { self };
        let folder = temporary_folder();
        let mut command = ours.command(database, 0, &folder.path().join("migrate.log"));
        let output = command.args(["migrate", "up"]).stderr(Stdio::piped()).output().await;
        let output = output.map_err(|error| format!("{}: {error}", ours.name))?;
        let told = || format!("{}: {}", ours.name, String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(()) } else { Err(told()) }
    }

    /// Starts it, and waits until it answers.
    pub(crate) async fn start(&self, database: &str, folder: &Path) -> Result<Server, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.and_then(|listener| listener.local_addr());
        let port = listener.map_err(|error| error.to_string())?.port();
        let log = folder.join(format!("{port}.log"));
        let begin = Instant::now();
        let process = self.command(database, port, &log).spawn();
        let process = process.map_err(|error| format!("{}: {error}", self.name))?;
        let leash = process.id().map(Leash::on);
        let (name, first_answer) = (self.name.clone(), Duration::ZERO);
        let mut server = Server { name, port, first_answer, process, log, _leash: leash };
        while begin.elapsed() < Duration::from_secs(30) {
            if health(port).await.is_some() {
                server.first_answer = begin.elapsed();
                return Ok(server);
            }
            if let Ok(Some(status)) = server.process.try_wait() {
                return Err(server.complaint(&format!("ended at the start: {status}")));
            }
            sleep(Duration::from_micros(500)).await;
        }
        Err(server.complaint("does not answer"))
    }
}

/// A running server, ended with the value.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) port: u16,
    /// From the start of the process.
    pub(crate) first_answer: Duration,
    process: Child,
    log: PathBuf,
    _leash: Option<Leash>,
}

impl Server {
    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// What is wrong, with its own last words.
    pub(crate) fn complaint(&self, words: &str) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(5).collect();
        format!("{} {words} {}", self.name, last.join(" | "))
    }

    /// Ends it as an operator does, so that it can write what it has counted, and waits until it has.
    pub(crate) async fn end(mut self) -> Result<(), String> {
        let told = Command::new("kill").args(["-s", "TERM", &self.id().to_string()]).status().await;
        match timeout(Duration::from_secs(15), self.process.wait()).await {
            Ok(Ok(_)) if told.is_ok() => Ok(()),
            _ => Err(self.complaint("does not end when it is told to")),
        }
    }

    /// Connections that have been served, and then are held open.
    pub(crate) async fn idle_connections(&self, count: usize) -> Result<Vec<TcpStream>, String> {
        let mut held = Vec::with_capacity(count);
        for _ in 0..count {
            let connection = health(self.port).await;
            held.push(connection.ok_or_else(|| self.complaint(&format!("holds {} connections only", held.len())))?);
        }
        Ok(held)
    }
}

/// A connection over which the server has said that it is well.
async fn health(port: u16) -> Option<TcpStream> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    connection.write_all(b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.ok()?;
    let mut answer = [0; 1024];
    let length = timeout(Duration::from_secs(5), connection.read(&mut answer)).await.ok()?.ok()?;
    answer[..length].starts_with(b"HTTP/1.1 200").then_some(connection)
}
