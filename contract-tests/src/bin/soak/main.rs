//! Shows that load wears nothing out: 400 connections ask all the time, more than the server can answer, and
//! its memory and file handles are looked at.
//!
//! `soak [MINUTES [DATABASE…]]`, or `make soak`; so many minutes on each database. It ends with 1 where
//! memory or handles grow beyond their bounds, and where an answer is neither a success nor a 503.

#![expect(clippy::print_stdout, reason = "it reports to people")]

mod load;
mod samples;

use std::{
    mem,
    process::ExitCode,
    sync::PoisonError,
    time::{Duration, Instant},
};

use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    ServerProcess, TestDatabase,
};

use self::samples::Sample;

/// How often the server is looked at.
const EVERY: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let minutes = arguments.first().map_or(Some(10), |minutes| minutes.parse().ok()).filter(|minutes| *minutes > 0);
    let wanted = arguments.get(1..).unwrap_or_default();
    let engines: Vec<_> = [Sqlite, Postgres]
        .into_iter()
        .filter(|engine| wanted.is_empty() || wanted.iter().any(|name| name == engine.name()))
        .collect();
    let is_known = wanted.len() <= engines.len();
    let Some(minutes) = minutes.filter(|_| is_known && !engines.is_empty()) else {
        eprintln!("soak: say for how many minutes, and perhaps on which of sqlite, postgres: soak 10 sqlite");
        return ExitCode::FAILURE;
    };
    // Both sides of 400 connections, and some.
    if let Err(error) = rlimit::increase_nofile_limit(4096) {
        eprintln!("soak: {error}");
        return ExitCode::FAILURE;
    }
    let mut is_clean = true;
    for engine in engines {
        let faults = soak(engine, Duration::from_secs(60 * minutes)).await;
        for fault in &faults {
            println!("   {fault}");
        }
        println!("   {}", if faults.is_empty() { "memory and handles stayed within their bounds" } else { "FAILED" });
        is_clean &= faults.is_empty();
    }
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Loads a server for so long; what was wrong.
async fn soak(engine: Engine, length: Duration) -> Vec<String> {
    let database = TestDatabase::create(engine).await;
    // Requests are not logged one by one: a line each would be a load of its own, on who reads them.
    let log = ("LOG_LEVEL", "info,todo_server::http=warn");
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url()), log]);
    let address = server.address();
    println!("== {} connections on {}, for {} s", load::CONNECTIONS, engine.name(), length.as_secs());
    println!(
        "{:>7} {:>10} {:>12} {:>6} {:>9} {:>11} {:>8}",
        "seconds", "answered", "a second", "503", "99 %", "memory", "handles"
    );
    let (clients, answers) = load::start(address);
    let (start, mut samples, mut unforeseen) = (Instant::now(), Vec::new(), Vec::new());
    while start.elapsed() < length {
        tokio::time::sleep(EVERY).await;
        let mut answered = mem::take(&mut *answers.lock().unwrap_or_else(PoisonError::into_inner));
        unforeseen.append(&mut answered.unforeseen);
        let sample = look(&server, start.elapsed(), answered);
        tell(&sample);
        samples.push(sample);
    }
    drop(clients);
    tokio::time::sleep(EVERY / 2).await;
    let (memory, handles) = server.usage();
    let requests: usize = samples.iter().map(|sample| sample.requests).sum();
    let unavailable: usize = samples.iter().map(|sample| sample.unavailable).sum();
    println!("   {requests} answered, {unavailable} times 503, {} unforeseen", unforeseen.len());
    println!("   with all clients gone: {} MiB, {handles} handles", memory >> 20);
    let mut faults = samples::faults(&samples);
    // What may stay: standard streams, listener, runtime, and the pool of the database.
    if handles > load::CONNECTIONS / 4 {
        faults.push(format!("{handles} handles are held when all clients are gone"));
    }
    if !unforeseen.is_empty() {
        faults.push(format!("{} unforeseen answers, the first: {}", unforeseen.len(), unforeseen[0]));
    }
    faults
}

fn look(server: &ServerProcess, since: Duration, mut answered: load::Answers) -> Sample {
    let (memory, handles) = server.usage();
    answered.times.sort_unstable();
    let slow = answered.times.get(answered.times.len() * 99 / 100).copied().unwrap_or_default();
    Sample { since, requests: answered.times.len(), unavailable: answered.unavailable, slow, memory, handles }
}

fn tell(sample: &Sample) {
    let Sample { since, requests, unavailable, slow, memory, handles } = sample;
    let (since, rate, slow) = (since.as_secs(), *requests as u64 / EVERY.as_secs(), slow.as_millis());
    println!("{since:>7} {requests:>10} {rate:>12} {unavailable:>6} {slow:>6} ms {:>7} MiB {handles:>8}", memory >> 20);
}
