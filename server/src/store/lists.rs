//! Lists that were answered before, as the bytes of their answers, which are the dearest part of a list.
//!
//! The database is asked for the version of the page alone, and only a kept page of that very version is sent. So it is
//! right at once, on every server, whoever wrote. What the database is asked costs a fraction of the page, and goes in
//! company with what others ask (see [`super::lane`]).
//!
//! The list of all tasks, which most ask for, is brought along: what a write of this process returned is kept beside it,
//! and is put into it as far as the database says, once it is asked for again. None of that is what the cache is right
//! by: what others wrote, or in which order, is found by asking.

use std::sync::Arc;

use quick_cache::{Weighter, sync::Cache};
use todo_api::{ListQuery, Page, PageVersion, Task, UserId};

use super::list::{Edit, List, Listed};

/// What a list takes in memory beside its tasks.
const OVERHEAD: u64 = 512;

/// How many writes a list is behind at most: a longer row of them is nobody's who reads.
const MAX_EDITS: usize = 8;

type Key = (UserId, ListQuery);

/// The last lists; none where there is no room for any.
pub(super) struct Lists(Option<Cache<Key, Kept, ByBytes>>);

#[derive(Clone)]
struct Kept {
    list: Arc<List>,
    /// What has been written since.
    edits: Vec<Edit>,
}

impl Lists {
    /// Keeps lists of so many bytes in all.
    pub(super) fn new(bytes: u64) -> Self {
        let lists = usize::try_from(bytes / (OVERHEAD * 8)).unwrap_or(usize::MAX);
        Self((bytes > 0).then(|| Cache::with_weighter(lists, bytes, ByBytes)))
    }

    /// Whether there is any version of the page.
    pub(super) fn has(&self, owner: &UserId, query: &ListQuery) -> bool {
        self.0.as_ref().is_some_and(|kept| kept.contains_key(&(owner.clone(), query.clone())))
    }

    /// The page in that version.
    pub(super) fn find(&self, owner: &UserId, query: &ListQuery, version: PageVersion) -> Option<Page<Task>> {
        let cache = self.0.as_ref()?;
        let key = (owner.clone(), query.clone());
        let kept = cache.get(&key)?;
        if kept.list.page.version == version {
            return Some(kept.list.page.clone());
        }
        let (list, edits) = kept.list.edited(&kept.edits, version, query)?;
        let page = list.page.clone();
        cache.insert(key, Kept { list: Arc::new(list), edits: edits.to_vec() });
        Some(page)
    }

    /// Keeps a page that was read.
    pub(super) fn keep(&self, owner: &UserId, query: &ListQuery, list: List) {
        if let Some(cache) = &self.0 {
            cache.insert((owner.clone(), query.clone()), Kept { list: Arc::new(list), edits: Vec::new() });
        }
    }

    /// `task` was written, and is in this version.
    pub(super) fn put(&self, owner: &UserId, task: &Task) {
        self.follow(owner, || Listed::new(task).map(Edit::Put).ok());
    }

    /// The task with this id was deleted.
    pub(super) fn remove(&self, owner: &UserId, id: i64) {
        self.follow(owner, || Some(Edit::Remove(id)));
    }

    fn follow(&self, owner: &UserId, edit: impl FnOnce() -> Option<Edit>) {
        let key = (owner.clone(), ListQuery::default());
        let Some((cache, mut kept)) = self.0.as_ref().and_then(|cache| Some((cache, cache.get(&key)?))) else {
            return;
        };
        match edit() {
            Some(edit) if kept.edits.len() < MAX_EDITS => {
                kept.edits.push(edit);
                cache.insert(key, kept);
            }
            _ => _ = cache.remove(&key),
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Kept> for ByBytes {
    fn weight(&self, _: &Key, kept: &Kept) -> u64 {
        kept.list.size() + kept.edits.iter().map(Edit::size).sum::<u64>() + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use todo_api::Limit;

    use super::{
        super::{
            list::tests::{list, task},
            version::version,
        },
        *,
    };

    /// Lists that keep ann's two tasks.
    fn kept() -> (Lists, UserId) {
        let (lists, ann) = (Lists::new(1 << 20), UserId::parse("ann").expect("a user"));
        lists.keep(&ann, &ListQuery::default(), list(&[task(1, "one", 1), task(2, "two", 2)]));
        (lists, ann)
    }

    /// The page that has those tasks, each with the moment of its change.
    fn found<const N: usize>(lists: &Lists, owner: &UserId, tasks: [(i64, i64); N]) -> Option<String> {
        let page = lists.find(owner, &ListQuery::default(), version(tasks, Limit::default()))?;
        Some(String::from_utf8(page.items.as_bytes().to_vec()).expect("text"))
    }

    #[test]
    fn what_was_written_is_found_as_far_as_the_database_has_it() {
        let (lists, ann) = kept();
        lists.put(&ann, &task(3, "three", 3));
        lists.remove(&ann, 1);
        let before = found(&lists, &ann, [(1, 1), (2, 2)]).expect("neither");
        assert!(before.contains("one") && before.contains("two") && !before.contains("three"), "{before}");
        let between = found(&lists, &ann, [(1, 1), (2, 2), (3, 3)]).expect("the first");
        assert!(between.contains("one") && between.contains("two") && between.contains("three"), "{between}");
        let after = found(&lists, &ann, [(2, 2), (3, 3)]).expect("both");
        assert!(!after.contains("one") && after.contains("two") && after.contains("three"), "{after}");
        assert_eq!(found(&lists, &ann, [(2, 2), (3, 3)]), Some(after), "and stays so");
    }

    #[test]
    fn what_others_wrote_is_not_found() {
        let (lists, ann) = kept();
        lists.put(&ann, &task(3, "three", 3));
        assert_eq!(found(&lists, &ann, [(1, 1), (2, 2), (4, 4)]), None);
        assert_eq!(found(&lists, &ann, [(1, 1)]), None);
    }

    #[test]
    fn of_two_writes_at_once_either_may_be_told_first() {
        let (lists, ann) = kept();
        lists.put(&ann, &task(1, "later", 4));
        lists.put(&ann, &task(2, "another", 5));
        lists.put(&ann, &task(1, "earlier", 3));
        let now = found(&lists, &ann, [(1, 4), (2, 5)]).expect("the last versions");
        assert!(now.contains("later") && now.contains("another"), "{now}");
    }

    #[test]
    fn who_writes_and_never_reads_is_not_followed() {
        let (lists, ann) = kept();
        for moment in 0..=MAX_EDITS {
            lists.put(&ann, &task(1, "again", 10 + i64::try_from(moment).expect("few")));
        }
        assert!(!lists.has(&ann, &ListQuery::default()));
    }
}
