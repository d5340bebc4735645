//! What this process knows of who changed tasks: whether all transactions that have ended in the database are its own.
//!
//! As long as they are, whoever has not written here has the tasks of before, and who has written has those with what
//! was written. Then the database need not be asked for each of them: a look at which transactions have ended (see
//! [`super::sight`]) is enough, and is one for all who ask at a time. Anybody else's, another server's or those of
//! another table, may have changed anybody's tasks: what was known before counts no more. Where such are frequent,
//! looks are in vain, and are left.
//!
//! What lost: a log of changes that a trigger writes, which would tell what others changed too, but each write takes a
//! sixteenth longer; a counter for each user, which takes longer yet (see [`super::version`]); `LISTEN`, which tells of a
//! change only after others may have seen it.

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

use super::sight::Sight;

/// For how long those who look wait for the answers to writes of this process, whose end they may have seen before.
const PATIENCE: Duration = Duration::from_millis(25);

/// How many processes of the database, transactions and writers are remembered at most.
const MOST: usize = 1 << 14;

/// How many looks in a row that were not in vain, less those that were, make another worth trying.
const LUCK: u8 = 2;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct History {
    state: Mutex<State>,
    /// That a write of this process was answered.
    answered: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Counts how often everything known ceased to count.
    epoch: u64,
    /// What was seen last.
    latest: Sight,
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
    /// How many looks were not in vain, less those that were, within bounds.
    luck: u8,
}

/// Which of their states the tasks of an owner are in, as far as this process knows: in one and the same for as long as it is
/// the owner's mark, and looks find nothing of anybody else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    epoch: u64,
    writes: u64,
}

/// A write of this process that is under way, until the value goes.
pub(super) struct Write<'a> {
    history: &'a History,
    number: u64,
}

/// A look at the database that is under way.
pub(super) struct Look<'a> {
    history: &'a History,
    epoch: u64,
    /// What was seen before.
    before: Sight,
}

/// A look that showed nothing of anybody else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quiet {
    epoch: u64,
}

impl Mark {
    /// Whether one write leads from this to `other`.
    pub(super) fn leads_to(self, other: Self) -> bool {
        (self.epoch, self.writes + 1) == (other.epoch, other.writes)
    }

    /// Whether it is had only after `other`.
    pub(super) fn comes_after(self, other: Self) -> bool {
        (self.epoch, self.writes) > (other.epoch, other.writes)
    }
}

impl History {
    /// The mark of `owner` now.
    pub(super) fn mark(&self, owner: &UserId) -> Mark {
        self.state.lock().mark(owner)
    }

    /// The same, where a look is likely to show that nobody else has changed anything since.
    pub(super) fn likely_mark(&self, owner: &UserId) -> Option<Mark> {
        let state = self.state.lock();
        (state.luck >= LUCK).then(|| state.mark(owner))
    }

    /// The mark of what was seen of the tasks of `owner` in a look that began when they had `mark`; none where they may have
    /// changed since.
    pub(super) fn mark_of(&self, owner: &UserId, mark: Mark, look: Option<Quiet>) -> Option<Mark> {
        (look?.epoch == mark.epoch && self.mark(owner) == mark).then_some(mark)
    }

    /// Begins a look; the statement has to be sent later.
    pub(super) fn look(&self) -> Look<'_> {
        let state = self.state.lock();
        Look { history: self, epoch: state.epoch, before: state.latest.clone() }
    }

    /// Begins a write; the statement has to be sent later.
    pub(super) fn write(&self) -> Write<'_> {
        let mut state = self.state.lock();
        let number = state.begun;
        state.begun += 1;
        state.under_way.insert(number);
        Write { history: self, number }
    }
}

impl Write<'_> {
    /// It was done by that transaction, if it has a number, which wrote a task of each of `owners` and nothing else. Answers
    /// the mark that each owner has by this write.
    pub(super) fn done<'o>(&self, transaction: Option<u64>, owners: impl Iterator<Item = &'o str>) -> Vec<Mark> {
        self.history.state.lock().wrote(transaction, owners)
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        self.history.state.lock().under_way.remove(&self.number);
        self.history.answered.notify_waiters();
    }
}

impl Look<'_> {
    /// Takes in what was seen.
    pub(super) async fn saw(self, sight: Option<Sight>) -> Option<Quiet> {
        let (begun, deadline) = (self.history.state.lock().begun, Instant::now() + PATIENCE);
        loop {
            let answered = self.history.answered.notified();
            {
                let mut state = self.history.state.lock();
                let is_told_all = state.under_way.first().is_none_or(|first| *first >= begun);
                let waits = sight.as_ref().is_some_and(|sight| state.lacks_explanation(&self, sight));
                if is_told_all || !waits || Instant::now() >= deadline {
                    return state.take_in(&self, sight);
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
            // It was taken for somebody else's, and is in what was seen since: nobody is to take it for what comes after.
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

    /// Whether what was seen comes after what was seen before: numbers of transactions that nobody has heard of are given
    /// out again after a crash or a failover.
    fn goes_on(&self, look: &Look<'_>, sight: &Sight) -> bool {
        look.epoch == self.epoch && self.backends.contains(&sight.backend) && sight.includes(&look.before)
    }

    /// Whether all who ended until then are of this process.
    fn explains(&self, sight: &Sight) -> bool {
        let own = self.own.iter().filter(|transaction| sight.has_ended(**transaction)).count();
        // Another look may have shown more already.
        !sight.includes(&self.latest) || sight.ended_since(&self.latest) <= own as u64
    }

    /// Whether the answer to a write is likely to explain what was seen.
    fn lacks_explanation(&self, look: &Look<'_>, sight: &Sight) -> bool {
        self.luck >= LUCK && self.goes_on(look, sight) && !self.explains(sight)
    }

    fn take_in(&mut self, look: &Look<'_>, sight: Option<Sight>) -> Option<Quiet> {
        if look.epoch != self.epoch {
            return None;
        }
        match sight {
            Some(sight) if self.goes_on(look, &sight) && self.explains(&sight) => {
                self.luck = (self.luck + 1).min(2 * LUCK);
                if sight.includes(&self.latest) {
                    self.own.retain(|transaction| !sight.has_ended(*transaction));
                    self.latest = sight;
                }
                Some(Quiet { epoch: self.epoch })
            }
            sight => {
                if sight.as_ref().is_none_or(|sight| !self.goes_on(look, sight)) {
                    // Their numbers may be others' now.
                    self.own.clear();
                }
                self.luck = self.luck.saturating_sub(1);
                self.begin(sight);
                None
            }
        }
    }

    /// Begins the next epoch, with what was seen: nothing counts that was known.
    fn begin(&mut self, sight: Option<Sight>) {
        let sight = sight.unwrap_or_default();
        self.epoch += 1;
        self.writes.clear();
        self.own.retain(|transaction| !sight.has_ended(*transaction));
        if self.own.len().max(self.backends.len()) > MOST {
            self.own.clear();
            self.backends.clear();
        }
        self.backends.insert(sight.backend.clone());
        self.latest = sight;
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sight::tests::sight, *};

    const ANN: &str = "ann";

    /// Begun by looks that found nothing ended.
    async fn begun() -> (History, UserId) {
        let history = History::default();
        for _ in 0..=LUCK {
            saw(&history, "10:10:").await;
        }
        (history, UserId::parse(ANN).expect("a user"))
    }

    async fn saw(history: &History, snapshot: &str) -> Option<Quiet> {
        history.look().saw(Some(sight(snapshot))).await
    }

    fn wrote(history: &History, transaction: u64) -> Mark {
        history.write().done(Some(transaction), [ANN].into_iter())[0]
    }

    #[tokio::test]
    async fn who_has_not_written_keeps_the_mark() {
        let (history, ann) = begun().await;
        let (bob, anns) = (UserId::parse("bob").expect("a user"), history.mark(&ann));
        let bobs = history.likely_mark(&bob).expect("looks were not in vain");
        let mark = wrote(&history, 10);
        assert!(anns.leads_to(mark) && mark.comes_after(anns) && history.mark(&ann) == mark);
        let quiet = saw(&history, "11:12:").await;
        assert!(quiet.is_none(), "the last was not ours");
        let (history, ann) = begun().await;
        wrote(&history, 11);
        wrote(&history, 10);
        let quiet = saw(&history, "10:12:10").await;
        assert_eq!(history.mark_of(&bob, bobs, quiet), Some(bobs));
        assert_eq!(history.mark_of(&ann, anns, quiet), None, "she has another");
        assert!(saw(&history, "12:12:").await.is_some());
    }

    #[tokio::test]
    async fn nothing_counts_once_another_has_written() {
        let (history, ann) = begun().await;
        let mark = history.mark(&ann);
        wrote(&history, 10);
        let look = history.look();
        assert!(saw(&history, "12:12:").await.is_none());
        assert!(!mark.leads_to(history.mark(&ann)) && history.mark(&ann).comes_after(mark));
        assert!(look.saw(Some(sight("10:10:"))).await.is_none(), "it began before");
        assert!(saw(&history, "12:12:").await.is_some());
    }

    #[tokio::test]
    async fn looks_that_were_in_vain_are_left_for_a_while() {
        let (history, ann) = begun().await;
        for next in 11..15 {
            saw(&history, &format!("{next}:{next}:")).await;
        }
        assert_eq!(history.likely_mark(&ann), None);
        for _ in 0..LUCK {
            saw(&history, "14:14:").await;
        }
        assert!(history.likely_mark(&ann).is_some());
    }

    #[tokio::test]
    async fn an_answer_that_is_under_way_is_waited_for() {
        let (history, ann) = begun().await;
        let mark = history.mark(&ann);
        let (write, look) = (history.write(), history.look());
        let answer = async {
            tokio::task::yield_now().await;
            write.done(Some(10), [ANN].into_iter());
        };
        let (quiet, ()) = tokio::join!(look.saw(Some(sight("11:11:"))), answer);
        assert!(quiet.is_some() && mark.leads_to(history.mark(&ann)));
    }

    #[tokio::test]
    async fn an_answer_that_comes_too_late_leads_from_no_mark() {
        let (history, ann) = begun().await;
        let write = history.write();
        assert!(saw(&history, "11:11:").await.is_none(), "after some patience");
        let mark = history.mark(&ann);
        assert!(saw(&history, "11:11:").await.is_some(), "it counts as somebody's");
        write.done(Some(10), [ANN].into_iter());
        assert!(!mark.leads_to(history.mark(&ann)));
    }

    #[tokio::test]
    async fn a_database_that_is_not_the_one_before_says_nothing_of_it() {
        let other = |snapshot: &str| {
            let mut sight = sight(snapshot);
            sight.backend = "43 2026-11-26".into();
            sight
        };
        let (history, ann) = begun().await;
        let mark = wrote(&history, 10);
        assert!(history.look().saw(Some(other("10:10:"))).await.is_none(), "a process that nobody has seen");
        assert_ne!(history.mark(&ann), mark);
        assert!(history.look().saw(Some(other("10:10:"))).await.is_some());
        assert!(history.look().saw(Some(other("11:11:"))).await.is_none(), "the number was given out again");
        assert!(saw(&history, "9:9:").await.is_none(), "less than before");
        assert!(history.look().saw(None).await.is_none(), "nothing at all");
    }
}
