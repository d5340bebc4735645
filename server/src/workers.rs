//! One runtime a core, each with one thread, its own connections to the database, and its own clients.
//!
//! On PostgreSQL nothing of a request crosses threads: what one statement answers is told on the thread that waits for
//! it. (SQLite's driver has threads of its own, and all workers one writer.) One runtime of several threads hands each
//! wake-up to whichever is idle, which costs more than the work itself where the work is this small.
//!
//! Clients come by one listener, and each goes to the worker that has the fewest. Several listeners on one
//! port (`SO_REUSEPORT`) would leave it to chance, with a few busy clients to a bad one, and let a second
//! server take half of them unnoticed.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use futures_util::future::join_all;
use poem::{Response, endpoint::BoxEndpoint};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use crate::telemetry;

/// How many tasks a busy worker runs before it looks at the global queue, where new connections arrive (tokio's
/// `global_queue_interval`). With tokio's own 31, they come in at a trickle where each task takes long.
const TURNS_BETWEEN_NEWCOMERS: u32 = 4;

/// What answers requests.
pub(crate) type Answerer = Arc<BoxEndpoint<'static, Response>>;

/// The workers of a server.
pub(crate) struct Workers(Vec<Worker>);

impl Workers {
    /// A worker on each thread, with what answers its clients.
    pub(crate) fn new(workers: impl IntoIterator<Item = (Thread, Answerer)>) -> Self {
        Self(workers.into_iter().map(|(thread, endpoint)| Worker { thread, endpoint }).collect())
    }

    /// One worker: the runtime of whoever asks for it.
    pub(crate) fn here(endpoint: Answerer) -> Self {
        let thread = Thread { runtime: Handle::current(), clients: Clients::default(), life: None };
        Self::new([(thread, endpoint)])
    }

    /// The place for the next client.
    pub(crate) fn take_in(&self) -> Option<Client> {
        let Worker { thread, endpoint } = self.0.iter().min_by_key(|worker| worker.thread.clients.count())?;
        thread.clients.0.fetch_add(1, Ordering::Relaxed);
        let (runtime, clients) = (thread.runtime.clone(), thread.clients.clone());
        Some(Client { runtime, endpoint: Arc::clone(endpoint), clients })
    }

    /// Ends the threads, once each has written what it gathered for the log.
    pub(crate) async fn end(self) {
        let lives: Vec<_> = self.0.into_iter().filter_map(|worker| worker.thread.life).collect();
        join_all(lives.into_iter().map(Life::end)).await;
    }
}

/// A thread, and what answers its clients.
struct Worker {
    thread: Thread,
    endpoint: Answerer,
}

/// A thread with its runtime, which ends with the value.
pub(crate) struct Thread {
    runtime: Handle,
    clients: Clients,
    life: Option<Life>,
}

impl Thread {
    /// Starts the thread `worker-<number>`, with its runtime.
    pub(crate) fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .global_queue_interval(TURNS_BETWEEN_NEWCOMERS)
            .on_thread_park(telemetry::write_gathered)
            .build()?;
        let handle = runtime.handle().clone();
        let ((end, is_over), (is_done, ended)) = (oneshot::channel::<()>(), oneshot::channel::<()>());
        thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            telemetry::gather();
            // Ready once the workers are gone.
            let _ = runtime.block_on(is_over);
            runtime.shutdown_background();
            telemetry::write_gathered();
            drop(is_done);
        })?;
        Ok(Self { runtime: handle, clients: Clients::default(), life: Some(Life { end, ended }) })
    }

    /// Its runtime. Connections are to be opened on the runtime that will use them: the one that opened a connection is
    /// woken for all that arrives on it.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The count of its clients, which goes on with them.
    pub(crate) fn clients(&self) -> Clients {
        self.clients.clone()
    }
}

/// What ends a thread, and what is ready once it has ended.
struct Life {
    end: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Life {
    async fn end(self) {
        drop(self.end);
        // Told by nothing but that its other end is gone.
        let _ = self.ended.await;
    }
}

/// How many clients a worker has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clients(Arc<AtomicUsize>);

impl Clients {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether there is one at most, so that nobody asks beside another.
    pub(crate) fn is_one(&self) -> bool {
        self.count() <= 1
    }
}

/// A client's place at a worker, until the value goes.
pub(crate) struct Client {
    /// Where its requests are to be worked on.
    pub(crate) runtime: Handle,
    /// What answers them.
    pub(crate) endpoint: Answerer,
    clients: Clients,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.clients.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        future::{pending, poll_fn},
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        task::Poll,
        time::Duration,
    };

    use poem::{EndpointExt, endpoint};

    use super::*;

    fn answerer() -> Answerer {
        Arc::new(endpoint::make_sync(|_| ()).map_to_response().boxed())
    }

    /// A worker that is never idle: each of the turns, which are counted, takes so long.
    pub(crate) fn busy(turn: Duration) -> (Thread, Arc<AtomicUsize>) {
        let thread = Thread::start(0).expect("a thread");
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turns);
        thread.runtime().spawn(poll_fn(move |context| {
            thread::sleep(turn);
            counted.fetch_add(1, Ordering::Relaxed);
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        (thread, turns)
    }

    #[tokio::test]
    async fn newcomers_get_in_where_a_worker_is_never_idle() {
        let (thread, turns) = busy(Duration::from_millis(1));
        let (all_are_there, wait) = mpsc::channel::<()>();
        thread.runtime().spawn(async move { wait.recv() });
        let newcomers = [(); 20].map(|()| {
            let turns = Arc::clone(&turns);
            thread.runtime().spawn(async move { turns.load(Ordering::Relaxed) })
        });
        drop(all_are_there);
        let turns: Vec<_> = join_all(newcomers).await.into_iter().map(|turn| turn.expect("it gets in")).collect();
        let taken = turns[19] - turns[0];
        assert!(taken < 200, "twenty of them got in within {taken} turns");
    }

    #[test]
    fn a_client_goes_to_the_worker_that_has_the_fewest() {
        let threads = [0, 1].map(|number| Thread::start(number).expect("a thread"));
        let clients = threads.each_ref().map(Thread::clients);
        let counts = || clients.each_ref().map(Clients::count);
        let workers = Workers::new(threads.map(|thread| (thread, answerer())));
        let take_in = || workers.take_in().expect("there are workers");
        let [leaves, _stay @ ..] = [(); 4].map(|()| take_in());
        assert_eq!(counts(), [2, 2]);
        drop(leaves);
        assert_eq!(counts(), [1, 2]);
        let _next = take_in();
        assert_eq!(counts(), [2, 2]);
    }

    #[tokio::test]
    async fn they_have_ended_once_that_is_told() {
        let threads = [0, 1].map(|number| Thread::start(number).expect("a thread"));
        let guards: Vec<_> = threads
            .iter()
            .map(|thread| {
                let (guard, gone) = oneshot::channel::<()>();
                thread.runtime().spawn(async move {
                    let _guard = guard;
                    pending::<()>().await;
                });
                gone
            })
            .collect();
        Workers::new(threads.map(|thread| (thread, answerer()))).end().await;
        for mut gone in guards {
            assert_eq!(gone.try_recv(), Err(oneshot::error::TryRecvError::Closed), "what it did is over");
        }
    }
}
