//! What is counted, for Prometheus. All names stand here, and in `deploy/monitoring/`, which a test holds to them.
//!
//! By the facade of the crate `metrics`: what counts need not be handed a registry, and costs next to nothing where
//! nobody asks. Every label has few values: operations, statuses, reasons; never a user, an address or a path.

mod labels;

use std::{
    collections::BTreeMap,
    sync::OnceLock,
    time::{Duration, Instant},
};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use scopeguard::guard;
use todo_api::Operation;

pub(crate) use self::labels::{Authentication, Bucket, Fetch, ForList, ForTask};
use self::labels::{Failing, Label};
use crate::{Databases, clock, telemetry};

const START_TIME: &str = "server_start_time_seconds";
const CONNECTIONS: &str = "http_connections";
const EVICTED: &str = "http_connections_evicted_total";
const IN_FLIGHT: &str = "http_requests_in_flight";
const REQUESTS: &str = "http_requests_total";
const DURATION: &str = "http_request_duration_seconds";
const ABANDONED: &str = "http_requests_abandoned_total";
const SHED: &str = "http_requests_shed_total";
const RATE_LIMITED: &str = "http_requests_rate_limited_total";
const AUTHENTICATIONS: &str = "authentications_total";
const JWKS_FETCHES: &str = "jwks_fetches_total";
const LISTS: &str = "lists_total";
const GETS: &str = "gets_total";
const DATABASE_DURATION: &str = "database_operation_duration_seconds";
const DATABASE_WAIT: &str = "database_pool_wait_seconds";
const DATABASE_IN_PROGRESS: &str = "database_operations_in_progress";
const DATABASE_ERRORS: &str = "database_errors_total";
const DATABASE_CONNECTIONS: &str = "database_pool_connections";

/// In the place of an operation, where none answered.
const NO_OPERATION: &str = "none";

/// The bounds of durations, in seconds: from an answer out of memory to the longest that one may take.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// There as soon as anything counts.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// The page of all that is counted.
#[derive(Clone)]
pub(crate) struct Page {
    handle: PrometheusHandle,
    process: Collector,
    databases: Vec<Databases>,
}

impl Page {
    /// Begins counting, in the whole process.
    pub(crate) fn start(databases: Vec<Databases>) -> Self {
        let process = Collector::default();
        let handle = HANDLE.get_or_init(|| {
            let builder =
                PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
            let recorder = builder.unwrap_or_default().build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::error!("something else in this process counts already");
            }
            describe();
            process.describe();
            handle
        });
        Self { handle: handle.clone(), process, databases }
    }

    /// All of it, as it is now.
    pub(crate) fn print(&self) -> String {
        self.process.collect();
        let mut pools = BTreeMap::<_, (u32, u32)>::new();
        for (pool, connection) in Databases::pools(&self.databases) {
            let (sum, (open, idle)) = (pools.entry(pool).or_default(), connection.counts());
            *sum = (sum.0 + open, sum.1 + idle);
        }
        for (pool, (open, idle)) in pools {
            let set = |state: &'static str, count: u32| {
                gauge!(DATABASE_CONNECTIONS, "pool" => pool, "state" => state).set(count);
            };
            set("idle", idle);
            set("used", open.saturating_sub(idle));
        }
        self.handle.render()
    }

    /// Lets go of what is no longer needed; to be called every few seconds, asked or not.
    pub(crate) fn tidy(&self) {
        self.handle.run_upkeep();
    }
}

fn describe() {
    describe_gauge!(START_TIME, Unit::Seconds, "When the server started, in seconds since 1970.");
    describe_gauge!(CONNECTIONS, Unit::Count, "Connections of clients, those to ADMIN_ADDR too.");
    describe_counter!(
        EVICTED,
        Unit::Count,
        "Connections closed because others wanted their place (MAX_CONNECTIONS) or room (MAX_UNTAKEN)."
    );
    describe_gauge!(IN_FLIGHT, Unit::Count, "Requests under way.");
    describe_counter!(REQUESTS, Unit::Count, "Answers, by operation and status.");
    describe_counter!(
        ABANDONED,
        Unit::Count,
        "Requests whose clients left before the answer, or were cut for a newcomer or by a stop, by operation."
    );
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "From the end of a request's head to its answer, or until its client left or was cut, by operation."
    );
    describe_counter!(
        SHED,
        Unit::Count,
        "Requests answered 503 at once (MAX_REQUESTS, MAX_UNTAKEN, 32 MiB of large bodies, one user has more of \
         MAX_REQUESTS than are left, half of it wait for the issuer, or 32 searches and bulk writes of one user in a \
         worker) or given up."
    );
    describe_counter!(RATE_LIMITED, Unit::Count, "Requests answered 429, by whose bucket was empty.");
    describe_counter!(AUTHENTICATIONS, Unit::Count, "Tokens looked at, by what came of it.");
    describe_counter!(JWKS_FETCHES, Unit::Count, "Fetches of the issuer's keys, by whether they went well.");
    describe_counter!(LISTS, Unit::Count, "Lists answered, by what the database was asked for.");
    describe_counter!(GETS, Unit::Count, "Single tasks read, by what the database was asked for.");
    describe_histogram!(
        DATABASE_DURATION,
        Unit::Seconds,
        "Waiting for the database: for a connection and for statements."
    );
    describe_histogram!(
        DATABASE_WAIT,
        Unit::Seconds,
        "Waiting for a connection where none was at hand, until one was there."
    );
    describe_gauge!(DATABASE_IN_PROGRESS, Unit::Count, "Operations that use a connection or wait for one.");
    describe_counter!(DATABASE_ERRORS, Unit::Count, "Operations that failed: the database away, or a fault.");
    describe_gauge!(DATABASE_CONNECTIONS, Unit::Count, "Connections to the database, by pool and state.");
    // process_start_time_seconds would do, but comes from /proc/stat, which the sandbox of our unit hides.
    gauge!(START_TIME).set(clock::now_seconds());
    // What has not happened yet is a zero, not a gap: rules see the first time as well.
    for operation in Operation::ids().chain([NO_OPERATION]) {
        counter!(REQUESTS, "operation" => operation, "status" => "500").absolute(0);
        counter!(ABANDONED, "operation" => operation).absolute(0);
    }
    for counter in [EVICTED, SHED] {
        counter!(counter).absolute(0);
    }
    for gauge in [CONNECTIONS, IN_FLIGHT, DATABASE_IN_PROGRESS] {
        gauge!(gauge).set(0);
    }
    zeros::<Bucket>();
    zeros::<Authentication>();
    zeros::<Fetch>();
    zeros::<ForList>();
    zeros::<ForTask>();
    zeros::<Failing>();
}

fn zeros<L: Label>() {
    for value in L::ALL {
        counter!(L::COUNTER, L::NAME => value.text()).absolute(0);
    }
}

/// Counts one more of `value`.
pub(crate) fn count<L: Label>(value: L) {
    counter!(L::COUNTER, L::NAME => value.text()).increment(1);
}

/// Something that is there for as long as this value is.
pub(crate) struct Present(&'static str);

impl Present {
    fn new(gauge: &'static str) -> Self {
        gauge!(gauge).increment(1);
        Self(gauge)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        gauge!(self.0).decrement(1);
    }
}

/// A client has connected.
pub(crate) fn connected() -> Present {
    Present::new(CONNECTIONS)
}

/// A connection had to go for another.
pub(crate) fn evicted() {
    counter!(EVICTED).increment(1);
}

/// A request has begun.
pub(crate) fn asked() -> Present {
    Present::new(IN_FLIGHT)
}

/// A request has been answered; by no operation where `operation` is none.
pub(crate) fn answered(operation: Option<&'static str>, status: u16, duration: Duration) {
    // Else the labels would be made though nobody counts.
    if HANDLE.get().is_none() {
        return;
    }
    let operation = operation.unwrap_or(NO_OPERATION);
    counter!(REQUESTS, "operation" => operation, "status" => status.to_string()).increment(1);
    histogram!(DURATION, "operation" => operation).record(duration);
}

/// What never became a request has been answered.
pub(crate) fn refused(status: u16) {
    counter!(REQUESTS, "operation" => NO_OPERATION, "status" => status.to_string()).increment(1);
}

/// The client of a request has left before its answer, or was cut; of no operation where `operation` is none.
pub(crate) fn abandoned(operation: Option<&'static str>, duration: Duration) {
    let operation = operation.unwrap_or(NO_OPERATION);
    counter!(ABANDONED, "operation" => operation).increment(1);
    histogram!(DURATION, "operation" => operation).record(duration);
}

/// A request was turned away, or given up.
pub(crate) fn shed() {
    counter!(SHED).increment(1);
}

/// An operation of the database failed.
pub(crate) fn database_failed(is_away: bool) {
    count(if is_away { Failing::Away } else { Failing::Fault });
}

/// Times `work`, which is an operation of the database, also where it is given up. It counts for the request at work,
/// which waits for the database no longer than it may in all.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> T {
    let _present = Present::new(DATABASE_IN_PROGRESS);
    let _timed = guard(Instant::now(), |since| {
        let waited = since.elapsed();
        histogram!(DATABASE_DURATION).record(waited);
        telemetry::add_database_wait(waited);
    });
    work.await
}

/// Times `work`, which waits for a connection, also where it is given up.
pub(crate) async fn awaited<T>(work: impl Future<Output = T>) -> T {
    let _timed = guard(Instant::now(), |since| histogram!(DATABASE_WAIT).record(since.elapsed()));
    work.await
}
