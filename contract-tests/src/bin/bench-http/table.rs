//! What was measured, in lines for a terminal.

use std::fmt::Write as _;

use crate::{
    engine::Engine,
    goals,
    results::{Cell, Results},
};

/// The names of the columns.
pub(crate) fn heading(engine: Engine) -> String {
    format!(
        "\n{:<10} {:>5} {:<28} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6} {:>7}  times the strongest peer",
        engine.name(),
        "conn.",
        "",
        "req/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "µs serv.",
        "µs datab.",
        "µs wrk",
        "MiB",
    )
}

/// A line for each server, with medians, and where the first of them stands.
pub(crate) fn rows(cell: &Cell, servers: &[String], engine: Engine) -> String {
    let mut text = String::new();
    for (place, name) in servers.iter().enumerate() {
        let [rate, p50, p95, p99, server, database, wrk, memory] = cell.figures(place);
        let standing = cell.standing(engine).filter(|_| place == 0).map(|standing| standing.to_string());
        let _ = writeln!(
            text,
            "{:<10} {:>5} {name:<28} {rate:>9.0} {p50:>8.2} {p95:>8.2} {p99:>8.2} {server:>8.1} {database:>8.1} \
             {wrk:>6.1} {memory:>7.1}  {}",
            cell.work.to_string(),
            cell.connections,
            standing.unwrap_or_default(),
        );
    }
    text
}

/// What goals there are beside throughput.
pub(crate) fn others(results: &Results) -> String {
    let mut text = String::new();
    let verdict = |is_reached| if is_reached { "reached" } else { "not reached" };
    for cell in results.cells.iter().filter(|cell| cell.connections == 100 && results.engine == Engine::Postgres) {
        let Some(peer) = cell.strongest_peer() else { continue };
        let ratio = up(cell.ratio(0, peer, |measure| measure.seen.p99), 100.0);
        let goal = verdict(ratio < 1.0);
        let _ = writeln!(
            text,
            "{} p99 at 100 connections: {ratio:.2} times the strongest peer's (goal 1.0, {goal})",
            cell.work
        );
    }
    if let Some(memory) = results.memory(400) {
        let memory = up(memory, 10.0);
        let goal = verdict(memory <= goals::MEMORY);
        let _ = writeln!(text, "memory at 400 connections: {memory:.1} MiB (goal {:.0}, {goal})", goals::MEMORY);
    }
    if results.engine == Engine::Sqlite {
        let milliseconds = up(results.first_answer(), 1.0);
        let goal = verdict(milliseconds <= goals::FIRST_ANSWER);
        let _ = writeln!(
            text,
            "first answer after the start: {milliseconds:.0} ms (goal {:.0}, {goal})",
            goals::FIRST_ANSWER
        );
    }
    text
}

/// To so many parts of one, upwards: what is above a goal never reads as if it were the goal.
fn up(number: f64, parts: f64) -> f64 {
    (number * parts).ceil() / parts
}
