//! What this process remembers of tasks, which is answered only where it is known to be what the database has.

mod history;
mod list;
mod lists;
mod singles;
pub(super) mod snapshot;

use todo_api::{UserId, WrittenTask};

use self::{history::History, lists::Lists, singles::Singles};
pub(super) use self::{
    history::{Mark, Writing},
    list::{Edit, List},
    lists::Kept,
};
use crate::DatabaseConfig;

/// Which part of it is for single tasks, where they are remembered.
const SINGLES: u64 = 8;

/// What is remembered, and of whose writes it is known.
pub(super) struct Memory {
    pub(super) history: History,
    pub(super) lists: Lists,
    pub(super) singles: Singles,
}

impl Memory {
    pub(super) fn new(config: &DatabaseConfig) -> Self {
        let bytes = u64::from(config.list_cache) << 20;
        // There, no look shows anything.
        let for_singles = if config.url.is_embedded() { 0 } else { bytes / SINGLES };
        Self { history: History::default(), lists: Lists::new(bytes - for_singles), singles: Singles::new(for_singles) }
    }

    /// The task of `owner`, who has that mark: by itself, or in the list of all of its owner's tasks, which follows what is
    /// written.
    pub(super) fn task(&self, owner: &UserId, id: i64, mark: Mark) -> Option<WrittenTask> {
        self.singles.get(owner, id, mark).or_else(|| self.lists.task(owner, id, mark))
    }
}
