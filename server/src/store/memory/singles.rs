//! Tasks that were read by themselves: what is remembered of one ends with its owner's next write.

use std::sync::Arc;

use quick_cache::{Weighter, sync::Cache};
use todo_api::{Description, Task, UserId, WrittenTask};

use super::{cache_of, history::Mark};

/// What a task takes in memory beside its texts.
const OVERHEAD: u64 = 256;

/// The last tasks that were read by themselves, by their ids; none where there is no room for any.
pub(in crate::store) struct Singles(Option<Cache<i64, Arc<Single>, ByBytes>>);

struct Single {
    /// The mark that its owner had before it was read.
    mark: Mark,
    /// Not its JSON, which takes twice as much.
    task: Task,
}

impl Singles {
    /// Keeps tasks of so many bytes in all.
    pub(super) fn new(bytes: u64) -> Self {
        Self(cache_of(bytes, OVERHEAD * 2, ByBytes))
    }

    /// The task of `owner`, who has that mark. What has another will never be answered, and goes.
    pub(super) fn get(&self, owner: &UserId, id: i64, mark: Mark) -> Option<WrittenTask> {
        let cache = self.0.as_ref()?;
        let single = cache.get(&id).filter(|single| single.task.user_id.as_str() == owner.as_str())?;
        if single.mark == mark {
            return WrittenTask::of(&single.task).ok();
        }
        cache.remove_if(&id, |single| single.mark != mark);
        None
    }

    /// Keeps a task that was read after its owner had that mark.
    pub(in crate::store) fn keep(&self, mark: Mark, task: Task) {
        if let Some(cache) = &self.0 {
            cache.insert(task.id, Arc::new(Single { mark, task }));
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<i64, Arc<Single>> for ByBytes {
    fn weight(&self, _: &i64, single: &Arc<Single>) -> u64 {
        let Task { user_id, title, description, .. } = &single.task;
        let description = description.0.as_ref().map_or("", Description::as_str);
        [user_id.as_str(), title.as_str(), description].map(|text| text.len() as u64).iter().sum::<u64>() + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{history::History, list::tests::task},
        *,
    };

    #[test]
    fn its_owner_alone_finds_it_until_the_next_write() {
        let [ann, bob] = ["ann", "bob"].map(|id| UserId::parse(id).expect("a user"));
        let task = task(1, "one", 1);
        let before = Mark::default();
        let after = History::default().write().done(None, ["ann"].into_iter())[0];
        let kept = |bytes| {
            let singles = Singles::new(bytes);
            singles.keep(before, task.clone());
            let found = [(&ann, 1, before), (&bob, 1, before), (&ann, 2, before), (&ann, 1, after)];
            found.map(|(owner, id, mark)| singles.get(owner, id, mark).is_some())
        };
        assert_eq!(kept(1 << 20), [true, false, false, false]);
        assert_eq!(kept(0), [false; 4], "there is no room");
    }
}
