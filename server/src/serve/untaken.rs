//! How much is kept of answers that clients have not taken yet, and whose go where there is room for no more.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt as _, future::maybe_done};
use parking_lot::Mutex;
use todo_api::UserId;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::address::SEND_BUFFER_BYTES;
use crate::metrics;

/// How long those who are cut may take to go.
const PATIENCE: Duration = Duration::from_secs(1);

/// The room for such answers: each is whole in memory, or, of a page, which is there once for all, in part; for minutes
/// where a client is slow, and a list may have megabytes. Where none is left, the user who has most of it loses the
/// oldest of theirs, unless the one who asks would then have more than they; then whoever has most of the others: so no
/// single user keeps others from large answers, and nobody loses the only one that they have. Several users with one
/// each do: for little more than `REQUEST_TIMEOUT` where they take nothing, and to the end of theirs where they take no
/// more than they must.
///
/// Strangers count as one user, who makes way for all others: where no user must, the oldest of theirs go, for the next
/// stranger, too. So those who take nothing push each other out, and who takes a page at once has it.
pub(super) struct Untaken {
    bytes: Arc<Semaphore>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    last: u64,
    /// The longest first.
    by: BTreeMap<u64, Holder>,
}

struct Holder {
    /// None where it is a stranger.
    user: Option<UserId>,
    bytes: u64,
    eviction: Arc<Notify>,
}

impl Untaken {
    pub(super) fn new(mebibytes: usize) -> Arc<Self> {
        Arc::new(Self { bytes: Arc::new(Semaphore::new(mebibytes << 20)), held: Mutex::default() })
    }

    /// Room for an answer of `bytes` to `user`, until the value goes; its connection listens to `eviction`. `None`
    /// where there is none to be had.
    pub(super) async fn room(
        self: &Arc<Self>,
        bytes: u64,
        user: Option<&UserId>,
        eviction: &Arc<Notify>,
    ) -> Option<Room> {
        // What the system takes at once needs none, unless the client has left earlier answers there.
        if bytes <= SEND_BUFFER_BYTES.into() {
            return Some(Room { held: None });
        }
        let permits = u32::try_from(bytes).ok()?;
        let mut permit = Box::pin(maybe_done(Arc::clone(&self.bytes).acquire_many_owned(permits)));
        if !self.claim(bytes, user, &mut permit) {
            return None;
        }
        timeout(PATIENCE, &mut permit).await.ok()?;
        let permit = permit.as_mut().take_output()?.ok()?;
        let mut held = self.held.lock();
        held.last += 1;
        let number = held.last;
        held.by.insert(number, Holder { user: user.cloned(), bytes, eviction: Arc::clone(eviction) });
        Some(Room { held: Some((Arc::clone(self), number, permit)) })
    }

    /// Polls `permit` once, which reserves what is free, and evicts holders for the rest. False, and nobody is evicted,
    /// where those who may be do not hold enough.
    fn claim(&self, bytes: u64, user: Option<&UserId>, permit: &mut (impl Future + Unpin)) -> bool {
        let mut held = self.held.lock();
        let free = self.bytes.available_permits() as u64;
        // What is free is kept for it from now on, lest another who comes take it for theirs.
        if permit.now_or_never().is_some() {
            return true;
        }
        let missing = bytes.saturating_sub(free);
        let Some(cut) = held.in_the_way(missing, user, bytes).or_else(|| held.of_strangers(missing)) else {
            return false;
        };
        for holder in cut.into_iter().filter_map(|number| held.by.remove(&number)) {
            holder.eviction.notify_one();
            metrics::evicted();
        }
        true
    }
}

impl Held {
    /// Which answers to drop so that what is `missing` of `bytes` for `user` becomes free: each time the oldest of the
    /// user who holds most, of those who then keep at least what `user` would hold. `None` where that is not enough.
    fn in_the_way(&self, mut missing: u64, user: Option<&UserId>, bytes: u64) -> Option<Vec<u64>> {
        let mut shares = HashMap::<_, Share>::new();
        for (number, holder) in &self.by {
            let share = shares.entry(holder.user.as_ref()).or_default();
            share.bytes += holder.bytes;
            share.answers.push_back((*number, holder.bytes));
        }
        let wanted = shares.get(&user).map_or(0, |share| share.bytes) + bytes;
        let mut cut = Vec::new();
        while missing > 0 {
            let may_lose =
                shares.values_mut().filter(|share| share.without_oldest().is_some_and(|left| left >= wanted));
            let share = may_lose.max_by_key(|share| share.bytes)?;
            let (number, bytes) = share.answers.pop_front()?;
            share.bytes -= bytes;
            missing = missing.saturating_sub(bytes);
            cut.push(number);
        }
        Some(cut)
    }

    /// The oldest answers to strangers that hold what is `missing`. `None` where all of theirs do not.
    fn of_strangers(&self, mut missing: u64) -> Option<Vec<u64>> {
        let mut cut = Vec::new();
        let mut theirs = self.by.iter().filter(|(_, holder)| holder.user.is_none());
        while missing > 0 {
            let (number, holder) = theirs.next()?;
            missing = missing.saturating_sub(holder.bytes);
            cut.push(*number);
        }
        Some(cut)
    }
}

/// What one user holds.
#[derive(Default)]
struct Share {
    bytes: u64,
    /// Each answer's number and bytes, the oldest first.
    answers: VecDeque<(u64, u64)>,
}

impl Share {
    /// What is left of it without the oldest answer; none where there is no answer.
    fn without_oldest(&self) -> Option<u64> {
        self.answers.front().map(|(_, oldest)| self.bytes - oldest)
    }
}

/// Room for one answer.
pub(super) struct Room {
    /// None where it needs none.
    held: Option<(Arc<Untaken>, u64, OwnedSemaphorePermit)>,
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some((untaken, number, _permit)) = &self.held {
            untaken.held.lock().by.remove(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> Option<UserId> {
        UserId::parse(id)
    }

    fn held(shares: &[(&str, u64)]) -> Held {
        let holder = |(id, bytes): &(&str, u64)| Holder { user: user(id), bytes: *bytes, eviction: Arc::default() };
        Held { last: 0, by: (1..).zip(shares.iter().map(holder)).collect() }
    }

    #[test]
    fn who_has_most_loses_the_oldest() {
        let held = held(&[("ann", 5), ("bob", 5), ("bob", 5), ("bob", 5)]);
        assert_eq!(held.in_the_way(5, user("cid").as_ref(), 5), Some(vec![2]));
        assert_eq!(held.in_the_way(10, user("cid").as_ref(), 10), None, "more than bob would have left");
        assert_eq!(held.in_the_way(5, user("bob").as_ref(), 5), None, "it is bob who asks");
    }

    #[test]
    fn nobody_loses_the_only_one() {
        assert_eq!(held(&[("ann", 6), ("bob", 6)]).in_the_way(5, user("cid").as_ref(), 5), None);
    }

    #[test]
    fn one_large_answer_shields_nobody_else() {
        let held = held(&[("ann", 10), ("bob", 3), ("bob", 3), ("bob", 3)]);
        assert_eq!(held.in_the_way(3, user("cid").as_ref(), 3), Some(vec![2]));
        assert_eq!(held.in_the_way(6, user("cid").as_ref(), 3), Some(vec![2, 3]), "bob keeps as much as cid has");
        assert_eq!(held.in_the_way(9, user("cid").as_ref(), 3), None, "nobody loses the only one");
    }

    #[test]
    fn strangers_make_way_for_users_and_for_each_other() {
        let held = held(&[("ann", 5), ("", 5), ("", 5)]);
        assert_eq!(held.in_the_way(5, user("bob").as_ref(), 5), Some(vec![2]));
        assert_eq!(held.in_the_way(5, None, 5), None, "no user makes way for who has more");
        assert_eq!(held.of_strangers(6), Some(vec![2, 3]));
        assert_eq!(held.of_strangers(11), None);
    }

    #[tokio::test]
    async fn what_the_system_takes_at_once_needs_no_room() {
        let (untaken, eviction) = (Untaken::new(1), Arc::new(Notify::new()));
        for (bytes, needs_room) in [(1, false), (128 * 1024, false), (128 * 1024 + 1, true)] {
            let room = untaken.room(bytes, None, &eviction).await.expect("there is room");
            assert_eq!(room.held.is_some(), needs_room, "{bytes} bytes");
        }
    }
}
