//! How much is kept of bodies that are still on their way.

use tokio::sync::{Semaphore, SemaphorePermit};

/// The bytes of each body that need no room: a task takes no more, unless it is all of emoji that are escaped.
const FREE_BYTES: usize = 8 * 1024;

/// The bytes of all bodies beyond that: those of 585 of the largest, more than requests may be under way by default. It
/// is one for the process, whose memory it is. A body that grows takes up to twice as much.
static ROOM: Semaphore = Semaphore::const_new(32 << 20);

/// The room of one body, until the value goes.
#[derive(Default)]
pub(super) struct Room {
    arrived: usize,
    taken: Option<SemaphorePermit<'static>>,
}

impl Room {
    /// Takes what so many bytes more of the body need; whether it was there.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let before = self.arrived.max(FREE_BYTES);
        self.arrived += bytes;
        let more = self.arrived.saturating_sub(before);
        if more == 0 {
            return true;
        }
        let Some(more) = u32::try_from(more).ok().and_then(|more| ROOM.try_acquire_many(more).ok()) else {
            return false;
        };
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            none => *none = Some(more),
        }
        true
    }
}
