//! How much is kept of answers that clients have not taken yet, and whose go where there is room for no more.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use todo_api::UserId;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::SEND_BUFFER_BYTES;
use crate::metrics;

/// How long those who are cut may take to go.
const PATIENCE: Duration = Duration::from_secs(1);

/// The room for such answers: each is whole in memory, for minutes where a client is slow, and a list may have
/// megabytes. Where all is taken, the user who has most of it loses the oldest of theirs to one who would still have less:
/// nobody keeps others from large answers by taking none.
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
    user: Option<UserId>,
    bytes: u64,
    eviction: Arc<Notify>,
}

impl Untaken {
    pub(super) fn new(mebibytes: usize) -> Arc<Self> {
        Arc::new(Self { bytes: Arc::new(Semaphore::new(mebibytes << 20)), held: Mutex::default() })
    }

    /// Room for an answer of `bytes` to `user`, until the value goes; its connection listens to `eviction`. `None` where there is
    /// none to be had.
    pub(super) async fn room(
        self: &Arc<Self>,
        bytes: u64,
        user: Option<&UserId>,
        eviction: &Arc<Notify>,
    ) -> Option<Room> {
        // What the system takes at once needs none.
        if bytes <= SEND_BUFFER_BYTES as u64 {
            return Some(Room { held: None });
        }
        let permits = u32::try_from(bytes).ok()?;
        let permit = match Arc::clone(&self.bytes).try_acquire_many_owned(permits) {
            Ok(permit) => permit,
            Err(_) if !self.clear(bytes, user) => return None,
            Err(_) => timeout(PATIENCE, Arc::clone(&self.bytes).acquire_many_owned(permits)).await.ok()?.ok()?,
        };
        let mut held = self.held.lock();
        held.last += 1;
        let number = held.last;
        held.by.insert(number, Holder { user: user.cloned(), bytes, eviction: Arc::clone(eviction) });
        Some(Room { held: Some((Arc::clone(self), number, permit)) })
    }

    /// Cuts as many as are in the way of `bytes` for `user`; none where too few may be.
    fn clear(&self, bytes: u64, user: Option<&UserId>) -> bool {
        let mut held = self.held.lock();
        let mut shares = HashMap::<_, u64>::new();
        for holder in held.by.values() {
            *shares.entry(holder.user.as_ref()).or_default() += holder.bytes;
        }
        let wanted = shares.get(&user).copied().unwrap_or_default() + bytes;
        let mut missing = bytes.saturating_sub(self.bytes.available_permits() as u64);
        let mut cut = Vec::new();
        while missing > 0 {
            let richest = shares.iter_mut().max_by_key(|(_, share)| **share).filter(|(_, share)| **share > wanted);
            let Some((whose, share)) = richest else { return false };
            let is_next = |(number, holder): &(&u64, &Holder)| holder.user.as_ref() == *whose && !cut.contains(*number);
            let Some((number, holder)) = held.by.iter().find(is_next) else { return false };
            *share -= holder.bytes;
            missing = missing.saturating_sub(holder.bytes);
            cut.push(*number);
        }
        for holder in cut.into_iter().filter_map(|number| held.by.remove(&number)) {
            holder.eviction.notify_one();
            metrics::evicted();
        }
        true
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
