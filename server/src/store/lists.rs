//! Lists that were answered before, as the bytes of their answers, which are the dearest part of a list.
//!
//! None is answered without asking the database whether it still holds: what is kept beside the bytes is
//! the version of the page, and only where the database names the same one are they sent. So it is right at once,
//! on every server, whoever wrote. What the database is asked costs a fraction of the page, and goes in
//! company with what others ask (see [`super::lane`]).
//!
//! To ask in vain would cost more than to read the page at once. So each write of this process marks its
//! owner, and what is kept of a marked owner is not even asked about; but the list of all tasks, which most ask for, is
//! brought up to date by what the write returned, once it is asked for again. None of that is what the cache is
//! right by: what others write, and whatever order writes were kept in, is found by asking.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use quick_cache::{Weighter, sync::Cache};
use todo_api::{ListQuery, Page, Task, UserId};

use super::list::{Edit, List, Listed};

/// How many marks there are; owners share them by chance, and then read some pages anew for one another.
const MARKS: usize = 1 << 16;

/// What a list takes in memory beside its tasks.
const OVERHEAD: u64 = 512;

/// How many writes a list is behind at most: a longer row of them is nobody's who reads.
const MAX_EDITS: usize = 8;

type Key = (UserId, ListQuery);

/// The last lists.
pub(super) struct Lists {
    kept: Option<Cache<Key, Kept, ByBytes>>,
    /// How often tasks of an owner were written.
    marks: Box<[AtomicU64]>,
    hasher: RandomState,
}

#[derive(Clone)]
struct Kept {
    list: Arc<List>,
    /// What has been written since.
    edits: Vec<Edit>,
    mark: u64,
}

/// How often an owner's tasks had been written before a page of them was read.
#[derive(Clone, Copy)]
pub(super) struct Mark(u64);

/// A write under way.
pub(super) struct Writing<'a> {
    lists: &'a Lists,
    owner: &'a UserId,
    mark: &'a AtomicU64,
    /// What the mark was before.
    before: u64,
}

/// What comes of the write may be told; without, its owner's lists are read anew.
impl Writing<'_> {
    /// `task` is there now, in this version.
    pub(super) fn put(&self, task: &Task) {
        if let Ok(task) = Listed::new(task) {
            self.did(Edit::Put(task));
        }
    }

    /// The task with this id is gone.
    pub(super) fn removed(&self, id: i64) {
        self.did(Edit::Remove(id));
    }

    fn did(&self, edit: Edit) {
        let Some(cache) = &self.lists.kept else {
            return;
        };
        let key = (self.owner.clone(), ListQuery::default());
        // Whoever else writes at the same time may be earlier or later: then nobody knows what the list is now.
        let is_alone = self.mark.load(Ordering::Acquire) == self.before + 1;
        let Some(mut kept) = cache.get(&key).filter(|kept| is_alone && kept.mark == self.before) else {
            return;
        };
        if kept.edits.len() == MAX_EDITS {
            cache.remove(&key);
            return;
        }
        kept.edits.push(edit);
        // What it is when this write is over.
        kept.mark = self.before + 2;
        cache.insert(key, kept);
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.mark.fetch_add(1, Ordering::AcqRel);
    }
}

impl Lists {
    /// Keeps lists of so many bytes in all; with 0, none.
    pub(super) fn new(bytes: u64) -> Self {
        let lists = usize::try_from(bytes / (OVERHEAD * 8)).unwrap_or(usize::MAX);
        Self {
            kept: (bytes > 0).then(|| Cache::with_weighter(lists, bytes, ByBytes)),
            marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Marks `owner`, whose tasks are being written until the value goes.
    pub(super) fn writing<'a>(&'a self, owner: &'a UserId) -> Writing<'a> {
        let mark = self.mark_of(owner);
        let before = mark.fetch_add(1, Ordering::AcqRel);
        Writing { lists: self, owner, mark, before }
    }

    /// To be taken before a page is read.
    pub(super) fn take_mark(&self, owner: &UserId) -> Mark {
        Mark(self.mark_of(owner).load(Ordering::Acquire))
    }

    /// The page as it was, worth asking about.
    pub(super) fn find(&self, owner: &UserId, query: &ListQuery) -> Option<Page<Task>> {
        let kept = self.kept.as_ref()?.get(&(owner.clone(), query.clone()))?;
        if kept.mark != self.take_mark(owner).0 {
            return None;
        }
        if kept.edits.is_empty() {
            return Some(kept.list.page.clone());
        }
        let list = kept.list.edited(kept.edits, query)?;
        let page = list.page.clone();
        self.keep(owner, query, list, Mark(kept.mark));
        Some(page)
    }

    /// Keeps a page that was read after `mark` was taken.
    pub(super) fn keep(&self, owner: &UserId, query: &ListQuery, list: List, Mark(mark): Mark) {
        if let Some(kept) = &self.kept {
            kept.insert((owner.clone(), query.clone()), Kept { list: Arc::new(list), edits: Vec::new(), mark });
        }
    }

    fn mark_of(&self, owner: &UserId) -> &AtomicU64 {
        #[expect(clippy::cast_possible_truncation, reason = "it is a hash")]
        let hash = self.hasher.hash_one(owner) as usize;
        &self.marks[hash % MARKS]
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
    use super::{
        super::list::tests::{list, task},
        *,
    };

    /// Lists that keep ann's two tasks.
    fn kept() -> (Lists, UserId) {
        let (lists, ann) = (Lists::new(1 << 20), UserId::parse("ann").expect("a user"));
        let mark = lists.take_mark(&ann);
        lists.keep(&ann, &ListQuery::default(), list(&[task(1, "one", 1), task(2, "two", 2)]), mark);
        (lists, ann)
    }

    fn found(lists: &Lists, owner: &UserId) -> Option<String> {
        let page = lists.find(owner, &ListQuery::default())?;
        Some(String::from_utf8(page.items.as_bytes().to_vec()).expect("text"))
    }

    #[test]
    fn a_write_brings_the_list_up_to_date() {
        let (lists, ann) = kept();
        lists.writing(&ann).put(&task(3, "three", 3));
        lists.writing(&ann).removed(1);
        let now = found(&lists, &ann).expect("it is kept");
        assert!(!now.contains("one") && now.contains("two") && now.contains("three"), "{now}");
        assert_eq!(found(&lists, &ann), Some(now), "and stays so");
    }

    #[test]
    fn a_write_that_does_not_say_what_it_did_ends_the_list() {
        let (lists, ann) = kept();
        drop(lists.writing(&ann));
        assert_eq!(found(&lists, &ann), None);
    }

    #[test]
    fn while_a_task_is_written_nothing_is_found() {
        let (lists, ann) = kept();
        let writing = lists.writing(&ann);
        writing.put(&task(3, "three", 3));
        assert_eq!(found(&lists, &ann), None);
        drop(writing);
        assert!(found(&lists, &ann).is_some());
    }

    #[test]
    fn of_two_writes_at_once_nobody_knows_which_was_first() {
        let (lists, ann) = kept();
        let (one, other) = (lists.writing(&ann), lists.writing(&ann));
        one.put(&task(1, "earlier or later", 3));
        drop(one);
        other.put(&task(1, "later or earlier", 4));
        drop(other);
        assert_eq!(found(&lists, &ann), None);
    }

    #[test]
    fn who_writes_and_never_reads_is_not_followed() {
        let (lists, ann) = kept();
        for moment in 0..=MAX_EDITS {
            lists.writing(&ann).put(&task(1, "again", 10 + i64::try_from(moment).expect("few")));
        }
        assert_eq!(found(&lists, &ann), None);
    }
}
