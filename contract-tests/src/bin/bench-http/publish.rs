//! What was measured, as the documentation shows it: `docs/benchmarks.md` and `docs/benchmarks.svg`.

use std::{fmt::Write as _, fs, process::Command, thread};

use todo_contract_tests::workspace;

use crate::{
    chart,
    results::{Cell, Results},
    settings::Settings,
    table,
};

/// Writes both.
pub(crate) fn publish(all: &[Results], settings: &Settings) -> Result<(), String> {
    let docs = workspace().join("docs");
    // Both before either is written: the page names the revision, which would be a changed one.
    let (chart, page) = (chart::draw(all), page(all, settings));
    let written = fs::write(docs.join("benchmarks.svg"), chart);
    written.and_then(|()| fs::write(docs.join("benchmarks.md"), page)).map_err(|error| error.to_string())
}

fn page(all: &[Results], settings: &Settings) -> String {
    let mut text = format!(
        "# Benchmarks\n\n\
         Written by `make bench-http PUBLISH=1`; see [`contract-tests/src/bin/bench-http`](../contract-tests/src/bin/bench-http) \
         for how it is measured, and [`contract-tests/bench`](../contract-tests/bench) for the peers.\n\n\
         {}, {}. Servers, database and wrk share the machine. {} tasks of {} users; each request with the HS256 token \
         of a random user. {} rounds of {} s, in which the servers take turns; medians, and medians of ratios within \
         rounds. No answer of what is shown was a refusal or a fault.\n\n\
         Of ours, request ids, problems, CORS, logs and limits are on; it is built as `make build` does, laid out by a \
         profile of this load, the peers without one: the strongest would gain a fifth or more of it, so read ratios near 1 \
         with that in mind. It serves requests that come at once by one statement, and lists, on PostgreSQL tasks too, from memory \
         after asking the database whether they still hold: nobody else writes here, which is that memory's best case. On \
         SQLite, which works within the servers, the one peer is our own stack used naively, with none of what helps the \
         others.\n\n\
         ![Requests a second, as multiples of the strongest peer](benchmarks.svg)\n",
        machine(),
        told("date", &["+%-d %B %Y"]),
        settings.tasks,
        settings.users,
        settings.rounds,
        settings.duration.as_secs(),
    );
    for results in all {
        section(&mut text, results);
    }
    text
}

fn section(text: &mut String, results: &Results) {
    let connections = results.connections();
    let peers = match &results.servers[1..] {
        [peer] => format!("{peer}'s"),
        peers => format!("the strongest of {}", peers.join(", ")),
    };
    let _ = writeln!(text, "\n## {}\n", results.database);
    let _ = writeln!(text, "Requests a second of {}, as a multiple of {peers}:\n", results.servers[0]);
    let heads = connections.iter().map(|number| format!(" {number} conn. |"));
    let _ = writeln!(text, "| |{}\n| --- |{}", heads.collect::<String>(), " --- |".repeat(connections.len()));
    for work in results.works() {
        let standing = |number: &usize| {
            let standing = results.cell(work, *number).and_then(|cell| cell.standing(results.engine));
            format!(" {} |", standing.map(|standing| standing.to_string()).unwrap_or_default())
        };
        let _ = writeln!(text, "| {work} |{}", connections.iter().map(standing).collect::<String>());
    }
    for other in table::others(results).lines() {
        let _ = writeln!(text, "\n{other}");
    }
    let heads = "\n| | | req/s | p50 ms | p95 ms | p99 ms | µs server | µs database | µs wrk | MiB |\n\
                 | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |";
    let _ = writeln!(text, "\nEach server; microseconds are processor time a request:\n{heads}");
    for cell in &results.cells {
        for (place, name) in results.servers.iter().enumerate() {
            row(text, cell, place, name);
        }
    }
}

fn row(text: &mut String, cell: &Cell, place: usize, name: &str) {
    let [rate, p50, p95, p99, server, database, wrk, memory] = cell.figures(place);
    let _ = writeln!(
        text,
        "| {}, {} conn. | {name} | {rate:.0} | {p50:.2} | {p95:.2} | {p99:.2} | {server:.1} | {database:.1} | {wrk:.1} | \
         {memory:.1} |",
        cell.work, cell.connections,
    );
}

/// The processor, how many, and what was measured.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let revision = told("git", &["describe", "--always", "--dirty"]);
    format!("{cores} cores of {}, revision {revision}", model.map_or("an unnamed processor", |(_, name)| name))
}

/// What a program prints, if it does.
fn told(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(workspace()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
