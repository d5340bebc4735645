//! The server as a process of its own: for signals, exit codes, and what it prints.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tempfile::TempDir;

use crate::{
    Client, Ended, Leash, Token,
    app::{OF_RUN, OF_TESTS},
    temporary_folder, workspace,
};

/// The built `todo-server`: the one that `TEST_SERVER` names, or else it is built where it is not.
///
/// # Panics
///
/// Where it cannot be built.
#[expect(clippy::disallowed_methods, reason = "it configures the tests, not the server")]
pub fn server_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(given) = std::env::var_os("TEST_SERVER") {
            return given.into();
        }
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "--bin", "todo-server"]);
        // As this program is built, and so where it lies. Of what the tests are built of, which saves building that
        // anew; for production of what the server asks for, and of nothing else.
        build.args(if cfg!(debug_assertions) {
            ["--workspace"].as_slice()
        } else {
            &["--package", "todo-server", "--release"]
        });
        let build = build.current_dir(workspace()).status();
        assert!(build.is_ok_and(|status| status.success()), "the server can be built");
        // Programs lie in target/PROFILE, tests in deps below it.
        let mut folder = std::env::current_exe().expect("this program has a path");
        folder.pop();
        if folder.ends_with("deps") {
            folder.pop();
        }
        folder.join("todo-server")
    })
}

/// A running server, ended with the value.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    printed: Arc<Mutex<Vec<String>>>,
    lines: Receiver<String>,
    folder: TempDir,
    _leash: Leash,
}

impl ServerProcess {
    /// A command in an empty environment and an empty folder, with variables set.
    ///
    /// # Panics
    ///
    /// Where the server cannot be built.
    #[must_use]
    pub fn command(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        Self::alone(Command::new(server_binary()), folder, arguments, variables)
    }

    fn alone(mut command: Command, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        command.args(arguments).env_clear().current_dir(folder).envs(OF_TESTS);
        command.envs(OF_RUN.iter().map(|(name, value)| (name, value)));
        command.envs(variables.iter().copied());
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    ///
    /// Where it cannot be run, or does not end within a minute.
    #[must_use]
    pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        Self::run_in(temporary_folder().path(), arguments, variables)
    }

    /// The same in a folder of one's own.
    ///
    /// # Panics
    ///
    /// As [`ServerProcess::run`].
    #[must_use]
    pub fn run_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        Self::finish(Self::command(folder, arguments, variables))
    }

    /// Runs a command of one's own making to its end.
    ///
    /// # Panics
    ///
    /// As [`ServerProcess::run`].
    #[must_use]
    pub fn finish(mut command: Command) -> Ended {
        // Files, because a pipe that nobody reads fills up and stops the writer.
        let folder = temporary_folder();
        let file = || tempfile::NamedTempFile::new_in(folder.path()).expect("a temporary file");
        let (stdout, stderr) = (file(), file());
        let copy = |file: &tempfile::NamedTempFile| Stdio::from(file.reopen().expect("the same file"));
        command.stdin(Stdio::null()).stdout(copy(&stdout)).stderr(copy(&stderr));
        let mut child = command.spawn().expect("the server can be run");
        let _leash = Leash::on(child.id());
        let read = |file: &tempfile::NamedTempFile| std::fs::read(file.path()).expect("what it printed");
        let Some(status) = end_of(&mut child) else {
            child.kill().expect("it can be ended");
            panic!("it did not end by itself: {}", String::from_utf8_lossy(&read(&stderr)));
        };
        Output { status, stdout: read(&stdout), stderr: read(&stderr) }.into()
    }

    /// Starts a server that logs JSON.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    #[must_use]
    pub fn start(variables: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(server_binary()), variables)
    }

    /// The same, of which the system lets no more than `files` be open: a number, or two, `SOFT:HARD`, of which it may
    /// raise the first to the second.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    #[must_use]
    pub fn start_with_files(files: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={files}")).arg(server_binary());
        Self::spawn(command, variables)
    }

    fn spawn(command: Command, variables: &[(&str, &str)]) -> Self {
        let folder = temporary_folder();
        let mut command = Self::alone(command, folder.path(), &[], &[("LOG_FORMAT", "json")]);
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server can be run");
        let printed = Arc::new(Mutex::new(Vec::new()));
        let (sender, lines) = channel();
        let streams: [Option<Box<dyn std::io::Read + Send>>; 2] = [
            child.stdout.take().map(|stream| Box::new(stream) as _),
            child.stderr.take().map(|stream| Box::new(stream) as _),
        ];
        for stream in streams.into_iter().flatten() {
            let (printed, sender) = (Arc::clone(&printed), sender.clone());
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if let Ok(mut printed) = printed.lock() {
                        printed.push(line.clone());
                    }
                    // Nobody may be waiting any more.
                    let _ = sender.send(line);
                }
            });
        }
        Self { _leash: Leash::on(child.id()), child, printed, lines, folder }
    }

    /// Waits for a line with `words` in it.
    ///
    /// # Panics
    ///
    /// Where none comes in 30 seconds.
    #[expect(clippy::must_use_candidate, reason = "often that it came is all that a test asks for")]
    pub fn wait_for(&self, words: &str) -> String {
        let start = Instant::now();
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30).saturating_sub(start.elapsed()));
            let line = line.unwrap_or_else(|_| panic!("no line with {words:?} in {:#?}", self.printed()));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Waits for a line of its log with `words` in it, and reads that.
    ///
    /// # Panics
    ///
    /// Where it is no JSON; and as [`ServerProcess::wait_for`].
    #[must_use]
    pub fn logged(&self, words: &str) -> Value {
        serde_json::from_str(&self.wait_for(words)).expect("a line of JSON")
    }

    /// Waits until it serves, and gives its address.
    ///
    /// # Panics
    ///
    /// Where it does not.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address_logged("\"serving\"")
    }

    /// The address in a line of its log with `words` in it.
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[must_use]
    pub fn address_logged(&self, words: &str) -> SocketAddr {
        self.logged(words)["address"].as_str().and_then(|address| address.parse().ok()).expect("an address")
    }

    /// A client of `user` at an address.
    #[must_use]
    pub fn client(address: SocketAddr, user: &str) -> Client {
        Client::of(address).with_token(&Token::of(user).encode())
    }

    /// Everything printed so far.
    #[must_use]
    pub fn printed(&self) -> Vec<String> {
        self.printed.lock().map(|lines| lines.clone()).unwrap_or_default()
    }

    /// The folder that it runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How many bytes of memory it holds, and how many files and sockets.
    ///
    /// # Panics
    ///
    /// Where it has ended.
    #[must_use]
    pub fn usage(&self) -> (u64, usize) {
        let (mut system, id) = (System::new().expect("processes can be listed"), Pid::from_u32(self.child.id()));
        let memory = ProcessRefreshKind::nothing().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), true, memory);
        let process = system.process(id).expect("it runs");
        (process.memory(), process.open_files().expect("its files can be counted"))
    }

    /// Has the system let it open no more than so many files beside those that it has open.
    ///
    /// # Panics
    ///
    /// Where it has ended, or the limit cannot be set.
    pub fn limit_files(&self, more: usize) {
        let limit = format!("--nofile={}", self.usage().1 + more);
        let status = Command::new("prlimit").args(["--pid", &self.child.id().to_string(), &limit]).status();
        assert!(status.is_ok_and(|status| status.success()), "the limit can be set");
    }

    /// Sends a signal, by its name.
    ///
    /// # Panics
    ///
    /// Where it cannot be sent.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the signal can be sent");
    }

    /// Ends it by SIGKILL, as the system does where memory runs out. Whether it was that which ended it.
    ///
    /// # Panics
    ///
    /// As [`ServerProcess::signal`].
    #[must_use]
    pub fn kill(mut self) -> bool {
        self.signal("KILL");
        self.wait().signal() == Some(9)
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// Where it does not come within a minute.
    pub fn wait(&mut self) -> ExitStatus {
        end_of(&mut self.child).unwrap_or_else(|| panic!("it does not end: {:#?}", self.printed()))
    }
}

/// How a process ended, if it does within a minute.
fn end_of(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_mins(1) {
        if let Some(status) = child.try_wait().expect("a process to wait for") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
