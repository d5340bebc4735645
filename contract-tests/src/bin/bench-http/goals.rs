//! What we want to be: requests a second as a multiple of the strongest peer's.

use crate::{engine::Engine, work::Work};

/// The connections that the goals speak of, on an engine.
pub(crate) fn connections(engine: Engine) -> &'static [usize] {
    match engine {
        Engine::Postgres => &[1, 16, 100, 400],
        Engine::Sqlite => &[100, 400],
    }
}

/// The multiple, where there is a goal.
pub(crate) fn throughput(engine: Engine, work: Work, connections: usize) -> Option<f64> {
    let of = |one, sixteen, hundred, four_hundred| match connections {
        1 => Some(one),
        16 => Some(sixteen),
        100 => Some(hundred),
        400 => Some(four_hundred),
        _ => None,
    };
    match (engine, work) {
        (Engine::Postgres, Work::One) => of(1.0, 1.1, 1.4, 1.4),
        (Engine::Postgres, Work::List) => of(1.0, 1.5, 4.0, 4.0),
        (Engine::Postgres, Work::Create) => of(1.0, 1.4, 2.5, 2.8),
        (Engine::Postgres, Work::Update | Work::Toggle) => of(1.0, 1.4, 2.8, 2.8),
        (Engine::Postgres, Work::Mix) => of(1.0, 1.1, 1.8, 2.2),
        (Engine::Sqlite, work) => {
            let goal = match work {
                Work::One | Work::Mix => 5.0,
                Work::List => 10.0,
                Work::Create => 6.0,
                Work::Update | Work::Toggle => return None,
            };
            (connections == 100).then_some(goal)
        }
    }
}

/// The most megabytes (of 1,048,576 bytes) that our server may have in RAM at 400 connections.
pub(crate) const MEMORY: f64 = 96.0;

/// The most milliseconds from the start of the process to the first answer, on SQLite.
pub(crate) const FIRST_ANSWER: f64 = 50.0;
