//! Creation under a key: once, however often it is asked for.
//!
//! Task and key are written in one transaction, so that neither is ever there without the other. Whoever comes while
//! another is at it has the answer that is kept, if one is, or is told so: by the same process at once, by another one
//! after waiting for the key's row.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use parking_lot::Mutex;
use sea_orm::{DbErr, sea_query::ValueTuple};
use todo_api::{Creation, Failure, Failure::Refused, IdempotencyKey, NewTask, NotCreated, Outcome, UserId};

use super::{Store, memory::Edit, tasks, wait::apart, write::Written};
use crate::{
    clock,
    database::{
        Connection,
        trouble::{is_locked, is_refusal},
    },
    entity::{idempotency_key::Entity, task},
};

/// For how long a key counts, in microseconds: 24 hours.
const KEPT_FOR: i64 = 24 * 60 * 60 * 1_000_000;

/// How often old keys are swept at most, in microseconds: once a minute.
const SWEPT_EVERY: i64 = 60 * 1_000_000;

/// The keys of which a request is under way in this process, and when old ones were last swept.
#[derive(Debug, Default)]
pub(super) struct Keys {
    running: Mutex<HashSet<(UserId, IdempotencyKey)>>,
    swept: AtomicI64,
}

/// A key under way, until the value goes.
struct Running {
    keys: Arc<Keys>,
    entry: (UserId, IdempotencyKey),
}

impl Keys {
    /// `None` where the key is under way already.
    fn enter(self: &Arc<Self>, owner: &UserId, key: &IdempotencyKey) -> Option<Running> {
        let entry = (owner.clone(), key.clone());
        let mut running = self.running.lock();
        // Not `then_some`: its value would be made in any case, and dropping it would end the one that is under way.
        running.insert(entry.clone()).then(|| Running { keys: Arc::clone(self), entry })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.keys.running.lock().remove(&self.entry);
    }
}

impl Store {
    pub(super) async fn once(
        &self,
        owner: &UserId,
        key: &IdempotencyKey,
        task: NewTask,
    ) -> Outcome<Creation, NotCreated> {
        let Some(running) = self.keys.enter(owner, key) else {
            // That one may be no more than a retry of what has its answer.
            let kept_since = clock::now_micros() - KEPT_FOR;
            let earlier = self.attempt(earlier(owner, key, &task, kept_since, &self.reads(owner))).await?;
            return earlier.unwrap_or(Err(NotCreated::StillRunning)).map_err(Refused);
        };
        let running = Arc::new(running);
        let written = self.for_owner(owner, || self.write_apart(&running, task.clone())).await;
        let creation = written.map_err(|failure| match failure {
            Refused(unidentified) => Refused(NotCreated::Unidentified(unidentified)),
            Failure::Broken(broken) => Failure::Broken(broken),
        })?;
        self.sweep();
        creation.map_err(Refused)
    }

    /// The same as [`Self::write_once`], apart from the request once there is room: who leaves would take the
    /// connection along, in the midst of a transaction, and could come again while the database is at it.
    async fn write_apart(&self, running: &Arc<Running>, task: NewTask) -> Result<Result<Creation, NotCreated>, DbErr> {
        let (store, running) = (self.clone(), Arc::clone(running));
        let quota = self.quotas.writes.take(&running.entry.0).await;
        let room = Arc::clone(&self.transactions).acquire_owned().await;
        apart((quota, room), self.timeout, async move {
            let (owner, key) = &running.entry;
            store.write_once(owner, key, &task).await
        })
        .await
    }

    /// Creates the task, or finds what was created before; where that went away at this very moment, it counts as
    /// running.
    async fn write_once(
        &self,
        owner: &UserId,
        key: &IdempotencyKey,
        asked: &NewTask,
    ) -> Result<Result<Creation, NotCreated>, DbErr> {
        let (database, kept_since) = (self.writes(owner), clock::now_micros() - KEPT_FOR);
        // In this order: a write begins before anything of it is sent.
        let write = self.memory.history.write();
        let transaction = database.begin().await?;
        let written = async {
            let row = tasks::row(owner, asked.clone()).row();
            let mut creation = task::Entity::create_each(vec![ValueTuple::Many(row)]);
            let written = Written::by(|what| creation.returning(what).take(), &transaction).await?;
            let task = written.tasks.first().cloned().ok_or(DbErr::RecordNotInserted)?;
            let creation = Creation::new(task.into());
            let kept = Entity::keep(owner, key, &creation.to_json(asked), kept_since, &transaction).await;
            // The first is at it, by another server.
            let is_first = if kept.as_ref().is_err_and(is_locked) { false } else { kept? };
            Ok((is_first, creation, written))
        };
        let (is_first, creation, written) = match written.await {
            Ok(written) => written,
            Err(error) => {
                let is_refused = is_refusal(&error);
                let failed = transaction.end(Err(error)).await;
                // A second task, perhaps, by a trigger of the operator's that lets each have one.
                let earlier = if is_refused { earlier(owner, key, asked, kept_since, &database).await? } else { None };
                return earlier.map_or(failed, Ok);
            }
        };
        if is_first {
            transaction.commit().await?;
            written.committed(write, &self.memory, Edit::put);
            return Ok(Ok(creation));
        }
        transaction.rollback().await?;
        written.rolled_back(write);
        let earlier = earlier(owner, key, asked, kept_since, &database).await?;
        Ok(earlier.unwrap_or(Err(NotCreated::StillRunning)))
    }

    /// Sweeps old keys, now and then, right after a creation, whether it has a key or not: a database that sleeps is
    /// not woken for it.
    pub(super) fn sweep(&self) {
        let (now, keys) = (clock::now_micros(), &self.keys);
        let last = keys.swept.load(Ordering::Relaxed);
        if !is_due(last, now) || keys.swept.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let store = self.clone();
        // Nobody waits for it; the next minute brings the next try.
        tokio::spawn(async move {
            loop {
                match store.bounded(Entity::sweep(now - KEPT_FOR, &store.databases.writes)).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => return tracing::warn!(%error, "old idempotency keys could not be swept"),
                }
            }
        });
    }
}

/// Whether old keys that were swept `last` are to be swept `now`, both in microseconds. Where the clock has gone back,
/// the last time may be far ahead.
fn is_due(last: i64, now: i64) -> bool {
    !(0..SWEPT_EVERY).contains(&(now - last))
}

/// What comes of the answer that an earlier request with the key had, if one is kept.
async fn earlier(
    owner: &UserId,
    key: &IdempotencyKey,
    asked: &NewTask,
    kept_since: i64,
    database: &Connection,
) -> Result<Option<Result<Creation, NotCreated>>, DbErr> {
    let unreadable = || DbErr::Type("what is kept of an idempotency key is no task".to_owned());
    let kept = Entity::answer(owner, key, kept_since, database).await?;
    kept.map(|kept| Creation::replay(&kept, asked).ok_or_else(unreadable)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_keys_are_swept_once_a_minute_and_where_the_clock_went_back() {
        const SECOND: i64 = 1_000_000;
        let last = 1_800_000_000 * SECOND;
        for (seconds, expected) in [(0, false), (59, false), (60, true), (86_400, true), (-1, true), (-86_400, true)] {
            assert_eq!(is_due(last, last + seconds * SECOND), expected, "{seconds} s later");
        }
        assert!(is_due(0, last), "they were never swept");
    }
}
