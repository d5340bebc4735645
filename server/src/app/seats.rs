//! The seats of the workers: a thread each, and how the connections to the database are shared among them.

use std::{io, thread};

use crate::{Config, DatabaseConfig, workers::Thread};

/// A worker to be: its thread, and how it may use the database.
pub(super) struct Seat {
    pub(super) thread: Thread,
    pub(super) share: DatabaseConfig,
}

impl Seat {
    /// Starts the threads.
    pub(super) fn each(config: &Config) -> io::Result<Vec<Self>> {
        let seat = |(number, share)| Ok(Self { thread: Thread::start(number)?, share });
        shares(config).into_iter().enumerate().map(seat).collect()
    }
}

/// The fewest connections of a worker: while one waits for somebody's lock, the others' statements go on.
const LEAST_CONNECTIONS: u32 = 2;

/// How many connections read an embedded database at most, for each core: it works in this process, and more would only
/// take memory and turns from one another.
const READERS: u32 = 2;

/// How each of the workers may use the database: the connections are shared out. To an embedded one they all have the
/// same.
fn shares(config: &Config) -> Vec<DatabaseConfig> {
    let cores = thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
    let workers = if config.http.workers == 0 { cores } else { config.http.workers };
    let all = &config.database;
    if all.url.is_embedded() {
        // One more, for what takes long.
        let max_connections = all.max_connections.min(cores.saturating_mul(READERS).saturating_add(1));
        let min_connections = all.min_connections.min(max_connections);
        return vec![DatabaseConfig { max_connections, min_connections, ..all.clone() }; workers as usize];
    }
    let workers = workers.min(all.max_connections / LEAST_CONNECTIONS).max(1);
    if workers < config.http.workers {
        tracing::warn!(
            workers,
            "fewer than WORKERS, for want of connections; raise DATABASE_MAX_CONNECTIONS to twice as many, or lower WORKERS"
        );
    }
    // Rounded so that the shares are all there is.
    let of = |all: u32, worker| all.saturating_add(worker) / workers;
    let share = |worker| {
        let max_connections = of(all.max_connections, worker);
        // One is always left to a request: the pool, which opens the others by itself, tries again ever more rarely
        // while the database is away, and would have them all for a minute after it is back.
        let min_connections = of(all.min_connections, worker).min(max_connections.saturating_sub(1));
        DatabaseConfig { max_connections, min_connections, ..all.clone() }
    };
    (0..workers).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::configured;

    /// The most and the fewest connections of each of four workers.
    fn shared(most: &str, fewest: &str) -> Vec<(u32, u32)> {
        let shares = shares(&configured(&[
            ("DATABASE_URL", "postgresql://ann@127.0.0.1/todo"),
            ("DATABASE_MAX_CONNECTIONS", most),
            ("DATABASE_MIN_CONNECTIONS", fewest),
            ("WORKERS", "4"),
        ]));
        shares.iter().map(|share| (share.max_connections, share.min_connections)).collect()
    }

    #[test]
    fn the_shares_are_all_there_is() {
        assert_eq!(shared("10", "1"), [(2, 0), (2, 0), (3, 0), (3, 1)]);
    }

    #[test]
    fn one_connection_is_opened_by_whoever_needs_it() {
        assert_eq!(shared("10", "10"), [(2, 1), (2, 1), (3, 2), (3, 2)]);
        assert_eq!(shared("1", "1"), [(1, 0)]);
    }
}
