//! One measurement: a server, a kind of work, a number of connections.

use std::time::Duration;

use crate::{
    data::Data,
    load::{Load, Seen},
    server::Server,
    settings::Settings,
    usage,
    work::Work,
};

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    pub(crate) seen: Seen,
    /// The processor time of the server, and of the database.
    pub(crate) server: Duration,
    pub(crate) database: Duration,
    /// The most memory of the server, in bytes.
    pub(crate) memory: u64,
}

impl Measure {
    pub(crate) fn throughput(&self) -> f64 {
        self.seen.requests / self.seen.seconds
    }

    /// Microseconds of processor time a request.
    pub(crate) fn each(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.seen.requests.max(1.0)
    }
}

/// Measures, and says what went wrong where something was refused or nothing was answered.
pub(crate) async fn measure(
    server: &Server,
    data: &Data,
    load: &Load,
    work: Work,
    connections: usize,
    settings: &Settings,
) -> Result<Measure, String> {
    let idle = server.idle_connections(settings.idle).await?;
    usage::forget_peak(server.id());
    let used = || (usage::processor_time(server.id()), data.process().map(usage::processor_time).unwrap_or_default());
    let before = used();
    let seen = load.put_on(server.port, work, connections, settings.duration, work == Work::Mix).await?;
    let after = used();
    seen.checked(work, connections).map_err(|words| server.complaint(&words))?;
    // A held connection says nothing; one that was closed ends.
    if idle.iter().any(|held| held.try_read(&mut [0]).is_ok()) {
        return Err(server.complaint("closed connections that were to be held open"));
    }
    Ok(Measure {
        seen,
        server: after.0.saturating_sub(before.0),
        database: after.1.saturating_sub(before.1),
        memory: usage::peak_memory(server.id()),
    })
}
