//! The load: wrk, the field's own tool, with a script that makes the requests.
//!
//! It shares the processors with what it measures, so what it costs counts, and it is said in the table. Of its
//! own it takes 0.8 µs a request without a script and 1.3 to 1.8 with ours, which only makes requests and does
//! not look at answers; the system's calls take 7 beside, which a program of our own would make as well. So
//! there is none. One thread, which is far from busy.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use todo_contract_tests::{Token, seconds_from_now, temporary_folder, workspace};
use tokio::process::Command;

use crate::{settings::Settings, usage, work::Work};

/// Users of the tests, and wrk with what it needs to speak for them.
#[derive(Debug)]
pub(crate) struct Load {
    folder: TempDir,
    tasks_of_each: usize,
}

/// What wrk saw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    /// Answers of 400 and up, and requests without an answer.
    pub(crate) failed: u64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    /// The processor time of wrk itself.
    pub(crate) processor_time: Duration,
}

impl Seen {
    /// What went wrong where something was refused or nothing was answered.
    pub(crate) fn checked(&self, work: Work, connections: usize) -> Result<(), String> {
        if self.failed == 0 && self.requests >= 1.0 {
            return Ok(());
        }
        Err(format!("at {work}, {connections} connections: {} of {} failed", self.failed, self.requests))
    }
}

impl Load {
    pub(crate) fn new(users: &[String], settings: &Settings) -> Self {
        let folder = temporary_folder();
        let tomorrow = seconds_from_now(24 * 60 * 60);
        let tokens = users.iter().map(|user| Token::of(user).with("exp", tomorrow).encode() + "\n");
        fs::write(folder.path().join("tokens"), tokens.collect::<String>()).expect("a file");
        fs::write(folder.path().join("load.lua"), include_str!("load.lua")).expect("a file");
        Self { folder, tasks_of_each: settings.tasks_of_each() }
    }

    /// Asks for so long over so many connections. `deletes` where tasks may go, which is so once for given data.
    pub(crate) async fn put_on(
        &self,
        port: u16,
        work: Work,
        connections: usize,
        duration: Duration,
        deletes: bool,
    ) -> Result<Seen, String> {
        let before = usage::processor_time_of_ended_children();
        let mut command = wrk();
        command.args(["--threads", "1", "--timeout", "10s", "--script", "load.lua"]);
        command.args(["--connections", &connections.to_string(), "--duration", &format!("{}s", duration.as_secs())]);
        command.arg(format!("http://127.0.0.1:{port}")).args(["--", work.code(), "tokens"]);
        command.arg(self.tasks_of_each.to_string()).arg(if deletes { "delete" } else { "keep" });
        let output = command.current_dir(self.folder.path()).kill_on_drop(true).output().await;
        let output = output.map_err(|error| format!("wrk cannot be run: {error}; `make bench-http` brings it"))?;
        let processor_time = usage::processor_time_of_ended_children().saturating_sub(before);
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers = text.lines().find_map(|line| serde_json::from_str::<Value>(line).ok().filter(Value::is_object));
        let numbers = numbers.filter(|_| output.status.success());
        let numbers = numbers.ok_or_else(|| format!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
        let number = |name: &str| numbers[name].as_f64().unwrap_or_default();
        if number("undeleted") > 0.0 {
            return Err("there were too few tasks to delete; give more TASKS, or a shorter DURATION".to_owned());
        }
        Ok(Seen {
            requests: number("requests"),
            seconds: number("micros") / 1e6,
            failed: numbers["refused"].as_u64().unwrap_or(1) + numbers["broken"].as_u64().unwrap_or(1),
            p50: number("p50") / 1e3,
            p95: number("p95") / 1e3,
            p99: number("p99") / 1e3,
            processor_time,
        })
    }
}

fn wrk() -> Command {
    let brought = workspace().join("target/wrk/usr");
    if !brought.exists() {
        return Command::new("wrk");
    }
    let libraries = fs::read_dir(brought.join("lib")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut command = Command::new(brought.join("bin/wrk"));
    command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries.collect::<Vec<PathBuf>>()).unwrap_or_default());
    command
}
