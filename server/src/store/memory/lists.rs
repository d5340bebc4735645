//! Lists that were answered before, as the bytes of their answers, which are the dearest part of a list.
//!
//! The database is asked for the version of the page alone, and only a kept page of that very version is sent; or,
//! where the [`History`](super::history) knows of all that was changed, it is asked whether that is still so. So it is
//! right at once, on every server, whoever wrote, if they move `updated_at`. What the database is asked costs a
//! fraction of the page, and goes in company with what others ask (see [`super::super::lanes`]).
//!
//! The list of all tasks, which most ask for, is brought along: what a write of this process returned is kept beside
//! it, and is put into it once it is asked for again, as far as the database says. Single tasks are answered out of it,
//! too.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use quick_cache::{Weighter, sync::Cache};
use todo_api::{ListQuery, Page, PageVersion, Task, UserId, WrittenTask};

use super::{
    cache_of,
    history::Mark,
    list::{Edit, List},
};

/// What a list takes in memory beside its tasks.
const OVERHEAD: u64 = 512;

/// How many writes a kept list is behind at most. Past them it is dropped: its owner writes, and does not read.
const MAX_EDITS: usize = 8;

type Key = (UserId, ListQuery);

/// The last lists; none where there is no room for any.
pub(in crate::store) struct Lists(Option<Cache<Key, Kept, ByBytes>>);

/// A list that is kept.
#[derive(Clone)]
pub(in crate::store) struct Kept {
    list: Arc<List>,
    /// The mark that its owner had before it was read.
    mark: Mark,
    /// How many writes had begun once it was read.
    begun: u64,
    /// What this process has written since, each with the mark that the owner had then.
    edits: Vec<(Mark, Edit)>,
}

impl Kept {
    /// A list that was read after its owner had that mark, and when so many writes had begun.
    fn new(list: impl Into<Arc<List>>, mark: Mark, begun: u64) -> Self {
        Self { list: list.into(), mark, begun, edits: Vec::new() }
    }

    /// Whether it is known what the list is when its owner has that mark.
    pub(in crate::store) fn reaches(&self, mark: Mark) -> bool {
        let follow = |before: Mark, (after, _): &(Mark, Edit)| before.leads_to(*after).then_some(*after);
        self.edits.iter().try_fold(self.mark, follow) == Some(mark)
    }

    /// The task with that id after all edits, of a list in the order of ids.
    fn task(&self, id: i64) -> Option<WrittenTask> {
        let mut last = self.list.task(id);
        // They were told in any order. Whatever was done to a task that is gone was done before.
        for (_, edit) in self.edits.iter().filter(|(_, edit)| edit.id() == id) {
            match edit {
                Edit::Put(task) if last.as_ref().is_none_or(|last| last.updated_at < task.updated_at) => {
                    last = Some(task.clone());
                }
                Edit::Put(_) => {}
                Edit::Remove(_) => return None,
            }
        }
        last
    }
}

impl Lists {
    /// Keeps lists of so many bytes in all.
    pub(super) fn new(bytes: u64) -> Self {
        Self(cache_of(bytes, OVERHEAD * 8, ByBytes))
    }

    /// The list, whichever version is kept.
    pub(in crate::store) fn get(&self, owner: &UserId, query: &ListQuery) -> Option<Kept> {
        self.0.as_ref()?.get(&(owner.clone(), query.clone()))
    }

    /// The page when its owner has that mark, which `kept` reaches.
    pub(in crate::store) fn at(
        &self,
        owner: &UserId,
        query: &ListQuery,
        mark: Mark,
        kept: &Kept,
    ) -> Option<Page<Task>> {
        if kept.edits.is_empty() {
            return Some(kept.list.page.clone());
        }
        // They were told in any order. Whatever was done to a task that is gone was done before.
        let (gone, there): (Vec<_>, Vec<_>) =
            kept.edits.iter().map(|(_, edit)| edit).partition(|edit| edit.is_removal());
        let list = kept.list.edited(&mut there.into_iter().chain(gone), None, query)?;
        Some(self.insert(owner, query, Kept::new(list, mark, kept.begun)))
    }

    /// The task of `owner`, who has that mark, out of the list of all.
    pub(super) fn task(&self, owner: &UserId, id: i64, mark: Mark) -> Option<WrittenTask> {
        self.get(owner, &ListQuery::default()).filter(|kept| kept.reaches(mark))?.task(id)
    }

    /// The page in that version, which was read after its owner had that mark, and when so many writes had begun.
    pub(super) fn find(
        &self,
        owner: &UserId,
        query: &ListQuery,
        version: PageVersion,
        mark: Mark,
        begun: u64,
    ) -> Option<Page<Task>> {
        let Kept { mut list, mark: before, edits, .. } = self.get(owner, query)?;
        if list.page.version == version && before == mark {
            return Some(list.page.clone());
        }
        if list.page.version != version {
            list = Arc::new(list.edited(&mut edits.iter().map(|(_, edit)| edit), Some(version), query)?);
        }
        Some(self.insert(owner, query, Kept::new(list, mark, begun)))
    }

    /// Keeps a page that was read after its owner had that mark, and when so many writes had begun.
    pub(super) fn keep(&self, owner: &UserId, query: &ListQuery, mark: Mark, begun: u64, list: List) -> Page<Task> {
        self.insert(owner, query, Kept::new(list, mark, begun))
    }

    fn insert(&self, owner: &UserId, query: &ListQuery, kept: Kept) -> Page<Task> {
        let page = kept.list.page.clone();
        if let Some(cache) = &self.0 {
            cache.insert((owner.clone(), query.clone()), kept);
        }
        page
    }

    /// That the write of that number did this to the tasks of `owner`, who has that mark since.
    pub(in crate::store) fn follow(&self, owner: UserId, number: u64, mark: Mark, edit: impl FnOnce() -> Option<Edit>) {
        let key = (owner, ListQuery::default());
        let Some((cache, mut kept)) = self.0.as_ref().and_then(|cache| Some((cache, cache.get(&key)?))) else {
            return;
        };
        // What was under way while the list was read may be in it, and a task that it changed be gone since.
        let is_later = number >= kept.begun;
        match edit() {
            Some(edit) if is_later && kept.edits.len() < MAX_EDITS => {
                kept.edits.push((mark, edit));
                cache.insert(key, kept);
            }
            _ => _ = cache.remove(&key),
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Kept> for ByBytes {
    fn weight(&self, (owner, query): &Key, kept: &Kept) -> u64 {
        let cursor = query.cursor.as_ref().map_or(0, |cursor| cursor.as_str().len());
        (owner.as_str().len() + query.search.len() + cursor) as u64
            + kept.list.size()
            + kept.edits.iter().map(|(_, edit)| edit.size()).sum::<u64>()
            + OVERHEAD
    }
}
