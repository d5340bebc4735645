//! What this process knows of who changed tasks: whether all transactions that have ended in the database are its own.
//!
//! As long as they are, whoever has not written here has the tasks of before, and who has written has those with what
//! was written. Then the database need not be asked for each of them: a look at which transactions have ended (see
//! [`super::snapshot`]) is enough, and is one for all who ask at a time. Anybody else's, another server's or those of
//! another table, may have changed anybody's tasks: what was known before counts no more. Where such are frequent,
//! looks are in vain, and are left.
//!
//! What lost: a log of changes that a trigger writes, which would tell what others changed too, but each write takes a
//! sixteenth longer; a counter for each user, which takes longer yet (see [`super::super::version`]); `LISTEN`, which
//! tells of a change only after others may have seen it.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use parking_lot::Mutex;
use todo_api::UserId;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::snapshot::Snapshot;

/// For how long those who look wait for the answers to writes of this process, whose end they may have seen before.
const PATIENCE: Duration = Duration::from_millis(25);

/// How many processes of the database, transactions and writers are remembered at most.
const MOST: usize = 1 << 14;

/// After how many looks in vain, less those that were not, none is tried for a while.
const MOST_FAILURES: u8 = 4;

/// For how long no look is tried after [`MOST_FAILURES`].
const PAUSE: Duration = Duration::from_secs(1);

/// Who has written tasks here, and whether anybody else may have since.
#[derive(Debug, Default)]
pub(in crate::store) struct History {
    state: Mutex<State>,
    /// That a write of this process was answered.
    answered: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Counts how often everything known ceased to count.
    epoch: u64,
    /// What was seen last.
    latest: Snapshot,
    /// Which processes of the database have shown what they see.
    backends: HashSet<Box<str>>,
    /// The transactions of this process whose end was not seen yet.
    own: Vec<u64>,
    /// The writes of this process that are under way, as they are counted.
    under_way: BTreeSet<u64>,
    /// How many were begun.
    begun: u64,
    /// Who wrote here in this epoch, and how often.
    writes: HashMap<Box<str>, u64>,
    /// How many looks were in vain, less those that were not, within bounds.
    failures: u8,
    /// When a look was last in vain.
    failed: Option<Instant>,
}

/// How far this process has followed an owner's tasks: its own writes advance `writes`; a look that finds that somebody
/// else's transaction has ended advances `epoch`. What was read after a mark was taken holds for as long as looks leave
/// the owner with that very mark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) struct Mark {
    epoch: u64,
    writes: u64,
}

/// A write of this process that is under way, until the value goes.
pub(in crate::store) struct Writing<'a> {
    history: &'a History,
    number: u64,
}

/// A look at the database that is under way.
pub(in crate::store) struct Looking<'a> {
    history: &'a History,
    epoch: u64,
    /// What was seen before.
    before: Snapshot,
}

impl Mark {
    /// Of what nobody knows when it was: no owner ever has it.
    pub(in crate::store) const UNKNOWN: Self = Self { epoch: u64::MAX, writes: 0 };

    /// Whether one write leads from this to `other`.
    pub(super) fn leads_to(self, other: Self) -> bool {
        (self.epoch, self.writes + 1) == (other.epoch, other.writes)
    }
}

impl History {
    /// The mark of `owner` now.
    pub(in crate::store) fn mark(&self, owner: &UserId) -> Mark {
        self.state.lock().mark(owner)
    }

    /// The same, where a look is likely to show that nobody else has changed anything since.
    pub(in crate::store) fn likely_mark(&self, owner: &UserId) -> Option<Mark> {
        let state = self.state.lock();
        let is_tried = state.failures < MOST_FAILURES || state.failed.is_none_or(|failed| failed.elapsed() >= PAUSE);
        is_tried.then(|| state.mark(owner))
    }

    /// How many writes of this process have begun. Whatever these did may be in what has been read by now, told or not.
    pub(super) fn begun(&self) -> u64 {
        self.state.lock().begun
    }

    /// Begins a look; the statement has to be sent later.
    pub(in crate::store) fn look(&self) -> Looking<'_> {
        let state = self.state.lock();
        Looking { history: self, epoch: state.epoch, before: state.latest.clone() }
    }

    /// Begins a write; the statement has to be sent later.
    pub(in crate::store) fn write(&self) -> Writing<'_> {
        let mut state = self.state.lock();
        let number = state.begun;
        state.begun += 1;
        state.under_way.insert(number);
        Writing { history: self, number }
    }
}

impl Writing<'_> {
    /// How many had begun before.
    pub(in crate::store) fn number(&self) -> u64 {
        self.number
    }

    /// It was done by that transaction, if it has a number, which wrote a task of each of `owners` and nothing else.
    /// Answers the mark that each owner has by this write.
    pub(in crate::store) fn done<'o>(
        &self,
        transaction: Option<u64>,
        owners: impl Iterator<Item = &'o str>,
    ) -> Vec<Mark> {
        self.history.state.lock().wrote(transaction, owners)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.history.state.lock().under_way.remove(&self.number);
        self.history.answered.notify_waiters();
    }
}

impl Looking<'_> {
    /// Takes in what was seen.
    pub(in crate::store) async fn saw(self, snapshot: Option<Snapshot>) {
        let (begun, deadline) = (self.history.state.lock().begun, Instant::now() + PATIENCE);
        loop {
            let answered = self.history.answered.notified();
            {
                let mut state = self.history.state.lock();
                let is_told_all = state.under_way.first().is_none_or(|first| *first >= begun);
                let waits = snapshot
                    .as_ref()
                    .is_some_and(|snapshot| state.goes_on(&self, snapshot) && !state.explains(snapshot));
                if is_told_all || !waits || Instant::now() >= deadline {
                    return state.take_in(&self, snapshot);
                }
            }
            // Whoever was not told by the deadline looks once more.
            let _ = timeout_at(deadline, answered).await;
        }
    }
}

impl State {
    fn mark(&self, owner: &UserId) -> Mark {
        Mark { epoch: self.epoch, writes: self.writes.get(owner.as_str()).copied().unwrap_or_default() }
    }

    fn wrote<'o>(&mut self, transaction: Option<u64>, owners: impl Iterator<Item = &'o str>) -> Vec<Mark> {
        if self.own.len().max(self.writes.len()) > MOST {
            self.begin(None);
        }
        if transaction.is_some_and(|transaction| self.latest.has_ended(transaction)) {
            // It was taken for somebody else's, and is in what was seen since: nobody is to take it for what comes
            // after.
            self.begin(Some(self.latest.clone()));
        } else {
            self.own.extend(transaction);
        }
        let marks = owners.map(|owner| {
            let writes = self.writes.entry(owner.into()).or_default();
            *writes += 1;
            Mark { epoch: self.epoch, writes: *writes }
        });
        marks.collect()
    }

    /// Whether what was seen comes after what was seen before: numbers of transactions that nobody has heard of are
    /// given out again after a crash or a failover.
    fn goes_on(&self, look: &Looking<'_>, snapshot: &Snapshot) -> bool {
        look.epoch == self.epoch && self.backends.contains(&snapshot.backend) && snapshot.includes(&look.before)
    }

    /// Whether all who ended until then are of this process.
    fn explains(&self, snapshot: &Snapshot) -> bool {
        let own = self.own.iter().filter(|transaction| snapshot.has_ended(**transaction)).count();
        // Another look may have shown more already.
        !snapshot.includes(&self.latest) || snapshot.ended_since(&self.latest) <= own as u64
    }

    fn take_in(&mut self, look: &Looking<'_>, snapshot: Option<Snapshot>) {
        if look.epoch != self.epoch {
            return;
        }
        match snapshot {
            Some(snapshot) if self.goes_on(look, &snapshot) && self.explains(&snapshot) => {
                self.failures = self.failures.saturating_sub(1);
                if snapshot.includes(&self.latest) {
                    self.own.retain(|transaction| !snapshot.has_ended(*transaction));
                    self.latest = snapshot;
                }
            }
            snapshot => {
                if snapshot.as_ref().is_none_or(|snapshot| !self.goes_on(look, snapshot)) {
                    // Their numbers may be others' now.
                    self.own.clear();
                }
                // A backend that was seen for the first time is no failure: the next look at it can succeed.
                if snapshot.as_ref().is_none_or(|snapshot| self.backends.contains(&snapshot.backend)) {
                    self.failures = (self.failures + 1).min(MOST_FAILURES);
                    self.failed = Some(Instant::now());
                }
                self.begin(snapshot);
            }
        }
    }

    /// Begins the next epoch, with what was seen: nothing counts that was known.
    fn begin(&mut self, snapshot: Option<Snapshot>) {
        let snapshot = snapshot.unwrap_or_default();
        self.epoch += 1;
        self.writes.clear();
        self.own.retain(|transaction| !snapshot.has_ended(*transaction));
        if self.own.len().max(self.backends.len()) > MOST {
            self.own.clear();
            self.backends.clear();
        }
        self.backends.insert(snapshot.backend.clone());
        self.latest = snapshot;
    }
}
