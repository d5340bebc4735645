//! Shows that nothing acknowledged is lost: clients write and remember what was answered, while one fault
//! after another is caused for real; then the database is held against what they know.
//!
//! `chaos [--long] [FAULT…]`, or `make chaos`. It ends with 1 where anything was lost, duplicated or amiss,
//! and where a fault did not happen.

#![expect(clippy::print_stdout, reason = "it reports to people")]

mod caller;
mod fault;
mod judge;
mod ledger;
mod once;
mod round;
mod stage;
mod summary;
mod tally;

use std::{process::ExitCode, time::Duration};

use todo_contract_tests::Engine;

use self::{fault::Fault, summary::Summary};

/// How long a fault is caused time and again, and how many tasks are created exactly once.
const SHORT: (Duration, usize) = (Duration::from_secs(8), 1000);
const LONG: (Duration, usize) = (Duration::from_mins(2), 5000);

#[tokio::main]
async fn main() -> ExitCode {
    let (options, wanted): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let names: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).chain([once::NAME]).collect();
    let unknown = options.iter().find(|option| *option != "--long");
    if let Some(unknown) = unknown.or(wanted.iter().find(|name| !names.contains(&name.as_str()))) {
        eprintln!("chaos: there is no {unknown}; there are --long, {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let (length, count) = if options.is_empty() { SHORT } else { LONG };
    let mut summary = Summary::default();
    for fault in Fault::ALL.into_iter().filter(|fault| is_wanted(fault.name())) {
        for engine in fault.engines() {
            println!("== {} on {}", fault.name(), engine.name());
            let report = round::play(fault, *engine, length).await;
            report.tell();
            summary.add(report);
        }
    }
    if is_wanted(once::NAME) {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            println!("== {count} creations, each {}, on {}", once::NAME, engine.name());
            let report = once::create(engine, count).await;
            report.tell();
            summary.add(report);
        }
    }
    print!("{summary}");
    if summary.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
