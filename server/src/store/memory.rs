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

    /// The task of `owner`, who has that mark: by itself, or in the list of all of its owner's tasks, which follows what is
    /// written.
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

/// Room for so many bytes, of entries that take about `each`; none of none.
fn room<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone>(
    bytes: u64,
    each: u64,
    by_bytes: W,
) -> Option<Cache<K, V, W>> {
    let entries = usize::try_from(bytes / each).unwrap_or(usize::MAX);
    (bytes > 0).then(|| Cache::with_weighter(entries, bytes, by_bytes))
}
