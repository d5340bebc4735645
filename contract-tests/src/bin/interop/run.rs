//! One peer on one database.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use todo_contract_tests::{
    Engine, Leash, SECRET, ServerProcess, TestDatabase, Token, seconds_from_now, server_binary, workspace,
};
use tokio::process::Command;

use crate::{
    paths,
    peers::{Peer, Server},
    summary::Report,
    tap::Tap,
};

/// How long a peer may take; several times what the slowest does on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_mins(15);

/// How many tasks the user has whose lists come in pages.
const MANY: usize = 2500;

/// Runs a peer, and tells how it went. Nothing of it is left running, nor where this is given up meanwhile.
pub(crate) async fn run(peer: &Peer, engine: Engine) -> Report {
    let start = Instant::now();
    let mut report = Report::new(peer, engine);
    match attempt(peer, engine, &report.folder).await {
        Err(fault) => report.faults.push(fault),
        Ok(tap) => {
            report.passed = tap.passed;
            report.faults.extend(tap.fault());
            report.faults.extend(tap.failed.into_iter().map(|name| format!("not ok: {name}")));
        }
    }
    match peer.package.version() {
        Ok(version) => report.version = version,
        Err(fault) => report.faults.push(fault),
    }
    report.seconds = start.elapsed().as_secs();
    report
}

async fn attempt(peer: &Peer, engine: Engine, folder: &Path) -> Result<Tap, String> {
    replace(&paths::sources().join(peer.name), folder)
        .map_err(|error| format!("its folder cannot be laid out: {error}"))?;
    let database = TestDatabase::create(engine).await;
    let url = database.url();
    let mut command = command(peer, folder).map_err(|error| error.to_string())?;
    command.env("DATABASE_URL", &url).env("ENGINE", engine.name());
    let server = match peer.server {
        Server::Own => None,
        Server::Started(variables) => {
            let variables: Vec<_> = [("DATABASE_URL", url.as_str())].iter().chain(variables).copied().collect();
            let server = ServerProcess::start(&variables);
            command.env("BASE_URL", format!("http://{}", server.address()));
            database.fill("cat", MANY).await;
            Some(server)
        }
    };
    let ended = finish(command).await;
    if let Some(server) = &server {
        let log = fs::write(folder.with_extension("server.log"), server.printed().join("\n") + "\n");
        log.map_err(|error| error.to_string())?;
    }
    let output = fs::read(folder.with_extension("tap")).map_err(|error| error.to_string())?;
    let tap = Tap::read(&String::from_utf8_lossy(&output));
    if !ended? && tap.failed.is_empty() {
        return Err(format!("it failed, after {} checks that passed", tap.passed));
    }
    Ok(tap)
}

/// Copies what peers share to where they run, which is not among the sources: so what is generated lies beside them
/// there. They stand side by side there too: what is shared is found as in the sources.
pub(crate) fn lay_out_shared() -> io::Result<()> {
    fs::create_dir_all(paths::runs())?;
    for entry in fs::read_dir(paths::sources())? {
        let entry = entry?;
        let is_shared = entry.file_type()?.is_dir() && !entry.path().join("run").exists();
        if is_shared {
            replace(&entry.path(), &paths::runs().join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn replace(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    copy(from, to)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(|_| ());
    }
    fs::create_dir_all(to)?;
    fs::read_dir(from)?.try_for_each(|entry| {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))
    })
}

/// The peer's program, with all variables but those of the database and the server.
fn command(peer: &Peer, folder: &Path) -> io::Result<Command> {
    let output = |extension: &str| fs::File::create(folder.with_extension(extension));
    let token = |user, seconds| Token::of(user).with("exp", seconds_from_now(seconds)).encode();
    let mut command = Command::new(folder.join("run"));
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output("tap")?)
        .stderr(output("log")?)
        // A group of its own, so that all that it starts can be ended with it.
        .process_group(0)
        .env("PATH", path()?)
        .env("PEER", peer.name)
        .env("INTEROP", paths::target())
        .env("WORKSPACE", workspace())
        .env("TODO_SERVER", server_binary())
        .env("BETTER_AUTH_SECRET", SECRET)
        .env("TOKEN", token("ann", 3600))
        .env("OTHER_TOKEN", token("bob", 3600))
        .env("MANY_TOKEN", token("cat", 3600))
        .env("EXPIRED_TOKEN", token("ann", -600));
    Ok(command)
}

#[expect(clippy::disallowed_methods, reason = "peers look for programs; the server's configuration is not read")]
fn path() -> io::Result<std::ffi::OsString> {
    let machine = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = paths::programs().into_iter().chain(env::split_paths(&machine)).collect();
    env::join_paths(folders).map_err(io::Error::other)
}

/// Waits for its end, and tells whether it went well.
async fn finish(mut command: Command) -> Result<bool, String> {
    let mut child = command.spawn().map_err(|error| format!("its `run` cannot be run: {error}"))?;
    let _group = child.id().map(|id| (Group(id), Leash::on_group(id)));
    tokio::select! {
        ended = child.wait() => ended.map(|status| status.success()).map_err(|error| error.to_string()),
        () = tokio::time::sleep(PATIENCE) => Err(format!("it did not end within {} s", PATIENCE.as_secs())),
    }
}

/// The processes of a peer. What is left of them ends with the value.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        // Most often there is nobody left, which `kill` complains of.
        let mut kill = std::process::Command::new("kill");
        let _ = kill.args(["-s", "KILL", "--", &format!("-{}", self.0)]).stderr(Stdio::null()).status();
    }
}
