//! What one connection is doing, and until when it may.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use todo_api::UserId;
use tokio::{sync::Notify, time::Instant};

use super::{
    connections::{Connections, Ticket},
    untaken::Room,
};
use crate::HttpConfig;

/// The bytes of an answer that a client has to take in a second.
const LEAST_SPEED: u64 = 32 * 1024;

/// Watches over one connection. Whoever moves it on says so here; whoever drives it asks for the deadline.
/// It comes with each request, as its data, so that the time in which a body arrives is the client's.
pub(crate) struct Watch {
    connections: Arc<Connections>,
    eviction: Arc<Notify>,
    request_timeout: Duration,
    idle_timeout: Duration,
    /// How many bytes of the answer that is on its way have been taken. Beside the state, which no write has to lock.
    taken: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    /// Where it stands among those who keep us waiting, if it does.
    ticket: Option<Ticket>,
    deadline: Option<Instant>,
    /// Whether some of a request was answered without being read.
    is_unread: bool,
    /// How long the rest of the request was waited for, and since when it is.
    body_wait: Duration,
    body_awaited: Option<Instant>,
    /// For the answer that is on its way.
    room: Option<Room>,
}

impl State {
    fn body_waited(&self) -> Duration {
        self.body_wait + self.body_awaited.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request is there.
    #[default]
    Idle,
    /// The beginning of a request is there.
    Head,
    /// A request is being answered. That has a time limit of its own.
    Working,
    /// The answer is on its way.
    Answering,
    /// All of the answer has been handed over, and may still wait to be taken.
    Flushing,
}

impl Watch {
    pub(super) fn new(connections: Arc<Connections>, config: &HttpConfig) -> Self {
        let eviction = Arc::new(Notify::new());
        let ticket = Some(connections.wait(&eviction));
        Self {
            connections,
            eviction,
            request_timeout: config.request_timeout,
            idle_timeout: config.idle_timeout,
            taken: AtomicU64::new(0),
            state: Mutex::new(State { ticket, ..State::default() }),
        }
    }

    /// The connection is listened to from now on. The time for the first request begins here, and not when the client
    /// came, whom we may have let wait; only between requests may a client take its time.
    pub(super) fn listened_to(&self) {
        self.state.lock().deadline = Some(Instant::now() + self.request_timeout);
    }

    /// Until when the connection may stay as it is. What is taken of an answer gains time for the rest: whoever takes
    /// nothing has no more of it for a large one.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let gained = Duration::from_secs(self.taken.load(Ordering::Relaxed) / LEAST_SPEED);
        self.state.lock().deadline.map(|at| at + gained)
    }

    /// Ready once the place is wanted for another.
    pub(super) async fn evicted(&self) {
        self.eviction.notified().await;
    }

    /// Whether it keeps us waiting.
    pub(super) fn is_waiting(&self) -> bool {
        self.state.lock().ticket.is_some()
    }

    /// Whether no request of it is being answered, so that whatever is written is no answer of ours.
    pub(super) fn is_unasked(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Idle | Phase::Head)
    }

    /// Whether nothing of a request is there.
    pub(super) fn is_idle(&self) -> bool {
        self.state.lock().phase == Phase::Idle
    }

    /// Whether a request has begun to arrive.
    pub(super) fn is_in_head(&self) -> bool {
        self.state.lock().phase == Phase::Head
    }

    /// Whether an answer is on its way.
    pub(super) fn is_answering(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Answering | Phase::Flushing)
    }

    /// Bytes of a request came in.
    pub(super) fn received(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Idle {
            state.phase = Phase::Head;
            state.deadline = Some(Instant::now() + self.request_timeout);
        }
    }

    /// A head is complete.
    pub(super) fn asked(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Working;
        state.deadline = None;
        (state.body_wait, state.body_awaited) = (Duration::ZERO, None);
        self.resume(&mut state);
    }

    /// The rest of the request is waited for.
    pub(crate) fn body_awaited(&self) {
        let mut state = self.state.lock();
        state.body_awaited = Some(Instant::now());
        self.wait(&mut state);
    }

    /// All of the request is there.
    pub(crate) fn body_arrived(&self) {
        let mut state = self.state.lock();
        (state.body_wait, state.body_awaited) = (state.body_waited(), None);
        self.resume(&mut state);
    }

    /// How long the rest of the request has been waited for until now.
    pub(crate) fn body_waited(&self) -> Duration {
        self.state.lock().body_waited()
    }

    /// Keeps room for an answer of that many bytes to `user` until it is taken; whether there is any.
    pub(crate) async fn keep_room(&self, bytes: u64, user: Option<&UserId>) -> bool {
        let room = self.connections.untaken.room(bytes, user, &self.eviction).await;
        let has_room = room.is_some();
        self.state.lock().room = room;
        has_room
    }

    /// An answer has been made.
    pub(super) fn answering(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Answering;
        self.taken.store(0, Ordering::Relaxed);
        state.deadline = Some(Instant::now() + self.request_timeout);
        self.wait(&mut state);
    }

    /// So many bytes of an answer have been taken, by the client or by the system on the way.
    pub(super) fn taken(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The rest of the request will not be read.
    pub(super) fn left_unread(&self) {
        self.state.lock().is_unread = true;
    }

    /// Whether some of a request was answered without being read.
    pub(super) fn is_unread(&self) -> bool {
        self.state.lock().is_unread
    }

    /// All of the answer has been handed over.
    pub(super) fn answered(&self) {
        self.state.lock().phase = Phase::Flushing;
    }

    /// All that was handed over has been taken.
    pub(super) fn flushed(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Flushing {
            state.phase = Phase::Idle;
            state.room = None;
            self.taken.store(0, Ordering::Relaxed);
            state.deadline = Some(Instant::now() + self.idle_timeout);
        }
    }

    fn wait(&self, state: &mut State) {
        state.ticket.get_or_insert_with(|| self.connections.wait(&self.eviction));
    }

    fn resume(&self, state: &mut State) {
        if let Some(ticket) = state.ticket.take() {
            self.connections.resume(ticket);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.resume(&mut self.state.lock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::configured;

    /// Holds that the connection may stay as it is for so many seconds from `step` on.
    fn assert_left(watch: &Watch, step: impl FnOnce(&Watch), seconds: u64) {
        let before = Instant::now();
        step(watch);
        let since = watch.deadline().expect("a deadline") - Duration::from_secs(seconds);
        assert!((before..=Instant::now()).contains(&since), "{seconds} s are left");
    }

    #[test]
    fn each_phase_has_its_limit() {
        let config = configured(&[("REQUEST_TIMEOUT", "10"), ("IDLE_TIMEOUT", "100")]).http;
        let watch = Watch::new(Arc::new(Connections::new(&config)), &config);
        assert_left(&watch, Watch::listened_to, 10);
        assert_left(&watch, Watch::received, 10);
        watch.asked();
        assert!(watch.deadline().is_none(), "what is worked on has a limit of its own");
        let take_some = |watch: &Watch| {
            watch.answering();
            watch.taken(96 * 1024);
        };
        // A second for each 32 KiB.
        assert_left(&watch, take_some, 10 + 3);
        let take_the_rest = |watch: &Watch| {
            watch.answered();
            watch.flushed();
        };
        assert_left(&watch, take_the_rest, 100);
    }
}
