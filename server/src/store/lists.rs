//! Lists that were answered before, as the bytes of their answers, which are the dearest part of a list.
//!
//! None is answered without asking the database whether it still holds: what is kept beside the bytes is
//! the version of the page, and only where the database names the same one are they sent. So it is right at once,
//! on every server, whoever wrote. What the database is asked costs a fraction of the page, and goes in
//! company with what others ask (see [`super::lane`]).
//!
//! To ask in vain would cost more than to read the page at once; so each write of this process marks its
//! owner, and what is kept of a marked owner is not even asked about. That saves a statement, and is not
//! what the cache is right by: what others write is found by asking.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use quick_cache::{Weighter, sync::Cache};
use todo_api::{ListQuery, Page, Task, UserId};

/// How many marks there are; owners share them by chance, and then read some pages anew for one another.
const MARKS: usize = 1 << 14;

/// What a list takes in memory beside the bytes of its answer.
const OVERHEAD: u64 = 512;

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
    page: Page<Task>,
    mark: u64,
}

/// How often an owner's tasks had been written before a page of them was read.
#[derive(Clone, Copy)]
pub(super) struct Mark(u64);

/// A write under way.
pub(super) struct Writing<'a>(&'a AtomicU64);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
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
    pub(super) fn writing(&self, owner: &UserId) -> Writing<'_> {
        let mark = self.mark_of(owner);
        mark.fetch_add(1, Ordering::AcqRel);
        Writing(mark)
    }

    /// To be taken before a page is read.
    pub(super) fn take_mark(&self, owner: &UserId) -> Mark {
        Mark(self.mark_of(owner).load(Ordering::Acquire))
    }

    /// The page as it was, worth asking about.
    pub(super) fn find(&self, owner: &UserId, query: &ListQuery) -> Option<Page<Task>> {
        let kept = self.kept.as_ref()?.get(&(owner.clone(), query.clone()))?;
        (kept.mark == self.take_mark(owner).0).then_some(kept.page)
    }

    /// Keeps a page that was read after `mark` was taken.
    pub(super) fn keep(&self, owner: &UserId, query: &ListQuery, page: &Page<Task>, Mark(mark): Mark) {
        if let Some(kept) = &self.kept {
            kept.insert((owner.clone(), query.clone()), Kept { page: page.clone(), mark });
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
        kept.page.items.as_bytes().len() as u64 + OVERHEAD
    }
}
