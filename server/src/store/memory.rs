//! What this process remembers of tasks, which is answered only where it is known to be what the database has.

mod history;
mod list;
mod lists;
mod singles;
mod snapshot;

use std::hash::Hash;

use quick_cache::{Weighter, sync::Cache};
use todo_api::{ListQuery, Page, PageVersion, Task, UserId, WrittenTask};

use self::{history::History, lists::Lists, singles::Singles};
pub(super) use self::{
    history::{Mark, Writing},
    list::{Edit, List},
    lists::Kept,
    snapshot::Snapshot,
};
use crate::DatabaseConfig;

/// Which part of the memory is for single tasks, where they are remembered.
const SINGLES: u64 = 8;

/// What is remembered, and who has written since.
pub(super) struct Memory {
    pub(super) history: History,
    pub(super) lists: Lists,
    pub(super) singles: Singles,
}

impl Memory {
    pub(super) fn new(config: &DatabaseConfig) -> Self {
        let bytes = u64::from(config.list_cache) << 20;
        // No look at an embedded database shows anything.
        let for_singles = if config.url.is_embedded() { 0 } else { bytes / SINGLES };
        Self { history: History::default(), lists: Lists::new(bytes - for_singles), singles: Singles::new(for_singles) }
    }

    /// The task of `owner`, who has that mark: by itself, or in the list of all of its owner's tasks, which follows
    /// what is written.
    pub(super) fn task(&self, owner: &UserId, id: i64, mark: Mark) -> Option<WrittenTask> {
        self.singles.get(owner, id, mark).or_else(|| self.lists.task(owner, id, mark))
    }

    /// The page in that version, which was read after its owner had that mark.
    pub(super) fn find(
        &self,
        owner: &UserId,
        query: &ListQuery,
        version: PageVersion,
        mark: Mark,
    ) -> Option<Page<Task>> {
        self.lists.find(owner, query, version, mark, self.history.begun())
    }

    /// Keeps a page that was read after its owner had that mark.
    pub(super) fn keep(&self, owner: &UserId, query: &ListQuery, mark: Mark, list: List) -> Page<Task> {
        self.lists.keep(owner, query, mark, self.history.begun(), list)
    }
}

/// A cache of so many bytes in all, of entries that take about `each`; `None` where those are none.
fn cache_of<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone>(
    bytes: u64,
    each: u64,
    by_bytes: W,
) -> Option<Cache<K, V, W>> {
    let entries = usize::try_from(bytes / each).unwrap_or(usize::MAX);
    (bytes > 0).then(|| Cache::with_weighter(entries, bytes, by_bytes))
}

#[cfg(test)]
mod tests {
    use todo_api::Limit;

    use super::{
        list::tests::{list, task},
        *,
    };
    use crate::{config::tests::configured, store::version::version};

    const MIB: usize = 1 << 20;

    /// How many bytes are found again of a thousand lists, and of a thousand tasks, where they may take one MiB.
    fn remembered(url: &str) -> [usize; 2] {
        let config = configured(&[("LIST_CACHE", "1"), ("DATABASE_URL", url)]).database;
        let (memory, mark, query) = (Memory::new(&config), Mark::default(), ListQuery::default());
        let users: Vec<_> = (0..1000).map(|number| UserId::stored(format!("user {number}"))).collect();
        for user in &users {
            memory.keep(user, &query, mark, list(&[task(1, &"a".repeat(10_000), 1)]));
        }
        for id in 1..=1000 {
            memory.singles.keep(mark, task(id, &"a".repeat(1000), 1));
        }
        let (version, ann) = (version([(1, 1)], Limit::default()), UserId::stored("ann".to_owned()));
        let lists = users.iter().filter_map(|user| memory.find(user, &query, version, mark));
        let singles = (1..=1000).filter_map(|id| memory.singles.get(&ann, id, mark));
        [lists.map(|page| page.items.as_bytes().len()).sum(), singles.map(|single| single.json.as_bytes().len()).sum()]
    }

    #[test]
    fn all_that_is_remembered_takes_so_many_mebibytes() {
        let [lists, singles] = remembered("sqlite://todo.db");
        assert!((MIB / 2..=MIB).contains(&lists) && singles == 0, "{lists} and {singles} bytes");
        let [lists, singles] = remembered("postgresql://localhost/todo");
        assert!((MIB / 2..=MIB * 7 / 8).contains(&lists), "{lists} bytes of lists");
        assert!((MIB / 16..=MIB / 8).contains(&singles), "{singles} bytes of single tasks");
    }
}
