//! A PgBouncer of one's own before the PostgreSQL of the tests.

use std::{
    fs,
    os::unix::fs::chown,
    path::PathBuf,
    process::{Child, Command},
    time::{Duration, Instant},
};

use url::Url;

use crate::{
    TestDatabase,
    cluster::{as_user, free_port, path_variable, subfolders, unprivileged_user},
    watch::watch,
};

/// For how long a client of PgBouncer keeps a session of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As long as it is connected.
    Session,
    /// For a transaction.
    Transaction,
    /// For a statement.
    Statement,
}

const SCRIPT: &str = r#""$1" -q "$2/pgbouncer.ini" >/dev/null 2>&1 & cat >/dev/null; kill $!; rm -rf "$2""#;

/// A pooler on a free port of the loopback, with three sessions of the database at most. It ends, and its
/// folder goes, with the value, and with this process at the latest.
#[derive(Debug)]
pub struct Pooler {
    url: Url,
    _watched: Child,
}

impl Pooler {
    /// Starts one before `database`.
    ///
    /// # Panics
    ///
    /// Where there is no PgBouncer, or it does not start: a test never goes on without.
    #[must_use]
    pub fn start(database: &TestDatabase, mode: Mode) -> Self {
        let mut url: Url = database.url().parse().expect("an address");
        let port = free_port();
        let configuration = format!(
            "[databases]\n{} = host={} port={} user={}{}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = {}\ndefault_pool_size = 3\nmax_client_conn = 500\n",
            url.path().trim_start_matches('/'),
            url.host_str().expect("a server"),
            url.port().unwrap_or(5432),
            url.username(),
            url.password().map(|password| format!(" password={password}")).unwrap_or_default(),
            format!("{mode:?}").to_lowercase(),
        );
        let folder = tempfile::Builder::new().prefix("todo-pgbouncer-").tempdir().expect("a temporary folder").keep();
        let (file, user) = (folder.join("pgbouncer.ini"), unprivileged_user());
        fs::write(&file, configuration).expect("a file");
        for path in [&folder, &file] {
            chown(path, user, None).expect("it can be given away");
        }
        let mut command = as_user(Command::new("sh"), user);
        // Where it was unpacked and not installed, its libraries lie beside it.
        let libraries = subfolders(&crate::workspace().join("target/pgbouncer/usr/lib"), "");
        command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).expect("paths"));
        let watched = watch(command, SCRIPT, &[&binary(), &folder]);
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(port)).expect("a port");
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "PgBouncer listens");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { url, _watched: watched }
    }

    /// The address of the database through the pooler.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

/// Where PgBouncer is: on the path, in the folder of system programs, or brought by `make postgres`.
fn binary() -> PathBuf {
    let folders = std::env::split_paths(&path_variable()).collect::<Vec<_>>();
    let known = [PathBuf::from("/usr/sbin"), crate::workspace().join("target/pgbouncer/usr/sbin")];
    let mut candidates = folders.into_iter().chain(known).map(|folder| folder.join("pgbouncer"));
    candidates.find(|path| path.exists()).expect("PgBouncer is needed: run `make postgres`, which brings it")
}
